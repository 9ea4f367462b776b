"""Who a step was taken by, as far as learning is concerned (paper 1, sections IV-A and IV-C)."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from jaxtyping import Int, Int8, Int64

from retouch.episodes.schema import KINDS, ControlSource
from retouch.errors import InputError, UnknownName


class Label(IntEnum):
    """Label of a step."""

    DEMONSTRATION = 0
    """a person's, in an episode that the person recorded from its start"""
    POLICY = 1
    """the policy's"""
    INTERVENTION = 2
    """a person's in a rollout, alone or on top of the policy"""
    PAUSED = 3
    """nobody's: the robot stood still"""


def step_labels(
    kinds: Sequence[str], lengths: Int64[np.ndarray, " E"], control_source: Int8[np.ndarray, " T"]
) -> Int8[np.ndarray, " T"]:
    """Labels every step from its episode's kind and who was in control.

    Whatever the episode is called, a step of the policy is POLICY and a step of nobody is PAUSED.

    Args:
        kinds: kind of each of the E episodes
        lengths: steps of each episode; their sum is T
        control_source: `ControlSource` of each step, episode after episode

    Raises UnknownName for another kind of episode, InputError for another control source.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise UnknownName("kind of episode", kind, KINDS)
    if len(control_source) and not (
        control_source.min() >= ControlSource.POLICY and control_source.max() <= ControlSource.NONE
    ):
        raise InputError(f"control_source must be in 0..{int(ControlSource.NONE)}")
    persons = np.array(
        [Label.DEMONSTRATION if kind == "demonstration" else Label.INTERVENTION for kind in kinds], np.int8
    )
    labels = np.repeat(persons, lengths)
    labels[control_source == ControlSource.POLICY] = Label.POLICY
    labels[control_source == ControlSource.NONE] = Label.PAUSED
    return labels


def run_ends(
    labels: Int8[np.ndarray, " T"], starts: Int[np.ndarray, " E"], split_at_label_changes: bool
) -> Int64[np.ndarray, " T"]:
    """For every step, the last step that a window starting there may reach.

    That is the end of its episode, or of its run of equal labels if windows are split at label changes.
    """
    total = len(labels)
    begins = np.zeros(total + 1, bool)
    begins[starts] = True
    begins[total] = True
    if split_at_label_changes:
        begins[1:total] |= labels[1:] != labels[:-1]
    following = np.flatnonzero(begins)
    return following[np.searchsorted(following, np.arange(total), side="right")] - 1
