"""Policies as people name them: a policy's folder, or `bridge:FILE.toml` for one that runs in another environment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from retouch.errors import InputError
from retouch.policies.bridge_file import PREFIX, BridgeFile, bridge_path
from retouch.policies.checkpoint import Averaging, load_policy
from retouch.policies.protocol import Policy
from retouch.tasks.base import Task


@contextmanager
def acting(
    name: str, task: Task, checkpoint: int | None = None, weights: Averaging = "ema"
) -> Iterator[tuple[Policy, str]]:
    """A policy for as long as the block lasts, and what it is called in episodes.

    The name is one that a person has given: a bridge's command is started. What a file says goes to `load_policy`.

    Raises InputError, PolicyError or UnknownName where there is no such policy.
    """
    bridge = bridge_path(name)
    if bridge is None:
        if Path(name).suffix == ".toml":
            raise InputError(f"{name} is a file, not a policy's folder: to start the command in it, say {PREFIX}{name}")
        yield load_policy(name, checkpoint, weights), name
        return
    if checkpoint is not None or weights != "ema":
        raise InputError(f"{name} has no checkpoints: leave --checkpoint and --weights out")
    with serving(BridgeFile.read(bridge), task) as served:
        yield served


@contextmanager
def serving(file: BridgeFile, task: Task, waiting: Callable[[], None] | None = None) -> Iterator[tuple[Policy, str]]:
    """The policy of a bridge that a person has named, for as long as the block lasts, and what it is called.

    Args:
        waiting: called every half second while an answer is waited for.
    """
    from retouch.policies.bridge import BridgedPolicy

    with BridgedPolicy(file, task, waiting) as policy:
        yield policy, policy.name
