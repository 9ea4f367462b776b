"""One episode as a figure: where the tool was and should have been, what it felt, how it was pushed, who acted."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from retouch.episodes.schema import ControlSource
from retouch.report.plots import BOTH, DEMONSTRATION, INK, PAUSE, PERSON, POLICY, svg

AXES = ("x", "y", "z")
COLOURS = (POLICY, PERSON, DEMONSTRATION)
SHADES = {ControlSource.OPERATOR: PERSON, ControlSource.BOTH: BOTH, ControlSource.NONE: PAUSE}
NAMES = {ControlSource.OPERATOR: "person acts", ControlSource.BOTH: "person pushes", ControlSource.NONE: "paused"}


def figure(frames: Mapping[str, np.ndarray], period: float, names: Sequence[str], title: str) -> str:
    """The figure of an episode's columns.

    Args:
        frames: of the whole episode.
        period: of a step [s].
        names: of the action's entries.
        title: above it.
    """
    touches = "tick_measured_pose" in frames

    def draw(first: Any) -> None:
        whole = first.get_figure()
        first.remove()
        panels = whole.subplots(3 if touches else 2, 1, sharex=True)
        for axes in panels:
            axes.patch.set_alpha(0.0)
            _shade(axes, frames["control_source"], period)
            axes.grid(axis="y")
        if touches:
            _touch(panels, frames, period)
        else:
            _actions(panels, frames, period, names)
        panels[-1].set_xlabel("time, s")
        handles: dict[str, Any] = {}
        for axes in panels:
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                handles.setdefault(label, handle)
        panels[0].legend(
            list(handles.values()), list(handles), loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, frameon=False
        )

    return svg("episode", title, 5.4 if touches else 4.0, draw)


def _shade(axes: Any, source: np.ndarray, period: float) -> None:
    """A band of colour wherever the policy was not alone."""
    edges = np.flatnonzero(np.diff(source, prepend=-1, append=-1))
    for start, stop in pairwise(edges):
        who = ControlSource(int(source[start]))
        if who in SHADES:
            axes.axvspan(start * period, stop * period, color=SHADES[who], alpha=0.18, lw=0, label=NAMES[who])


def _touch(panels: Any, frames: Mapping[str, np.ndarray], period: float) -> None:
    measured, reference, contact, hand = (
        frames[f"tick_{name}"].reshape(-1, frames[f"tick_{name}"].shape[-1])
        for name in ("measured_pose", "base_reference", "contact_wrench", "hand_wrench")
    )
    ticks = frames["tick_measured_pose"].shape[1]
    time = (np.arange(len(measured)) + 1) * period / ticks
    for k, (axis, colour) in enumerate(zip(AXES, COLOURS, strict=True)):
        panels[0].plot(time, 1000 * (measured[:, k] - measured[0, k]), color=colour, lw=1.2, label=axis)
        asked = 1000 * (reference[:, k] - measured[0, k])
        panels[0].plot(time, asked, ":", color=colour, lw=1.0, label="policy's reference" if k == 0 else None)
        panels[1].plot(time, contact[:, k], color=colour, lw=1.0)
    panels[2].plot(time, np.linalg.norm(hand[:, :3], axis=1), color=PERSON, lw=1.2, label="hand's force")
    panels[2].plot(time, np.linalg.norm(contact[:, :3], axis=1), color=INK, lw=1.0, label="contact force")
    panels[0].set_ylabel("tool in world, mm")
    panels[1].set_ylabel("contact, tool frame, N")
    panels[2].set_ylabel("force, N")


def _actions(panels: Any, frames: Mapping[str, np.ndarray], period: float, names: Sequence[str]) -> None:
    time = np.arange(len(frames["action"])) * period
    for k, (name, colour) in enumerate(zip(names[:3], COLOURS, strict=False)):
        panels[0].plot(time, frames["action"][:, k], color=colour, lw=1.2, label=name)
        panels[0].plot(
            time, frames["policy_action"][:, k], ":", color=colour, lw=1.0, label="policy's" if k == 0 else None
        )
    panels[0].set_ylabel("action, of 1")
    panels[1].plot(time, frames["action"][:, -1], color=INK, lw=1.2, label=names[-1])
    panels[1].set_ylabel(names[-1])
