"""The policies of a run, its base among them, wherever that runs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from retouch.errors import PolicyError
from retouch.policies.bridge_file import PREFIX, BridgeFile
from retouch.policies.checkpoint import Averaging, load_policy
from retouch.policies.named import serving
from retouch.policies.protocol import Policy
from retouch.run_folder import RunFolder
from retouch.tasks.base import Task


@contextmanager
def acting(
    run: RunFolder,
    task: Task,
    number: int,
    seed: int,
    *,
    bridges: Sequence[Path] = (),
    waiting: Callable[[], None] | None = None,
    checkpoint: int | None = None,
    weights: Averaging = "ema",
) -> Iterator[tuple[Policy, str]]:
    """What a round has come to, for as long as the block lasts, and what it is called in episodes.

    Args:
        bridges: those that a person has named: a run says which one its base is, and never starts another.
        waiting: called every half second while a bridge's answer is waited for.

    Raises PolicyError where there is no such policy, or where its bridge was not named.
    """
    if run.bridged(number):
        with serving(bridge_of(run, bridges), task, waiting) as served:
            yield served
        return
    folder = run.policy(number, seed)
    yield load_policy(folder, checkpoint, weights), str(folder.relative_to(run.folder))


def bridge_of(run: RunFolder, bridges: Sequence[Path]) -> BridgeFile:
    """That of a run's base, among those that a person has named. Raises PolicyError where it is none of them."""
    for file in map(BridgeFile.read, bridges):
        if file.digest == run.config.base_digest:
            return file
    wanted = str(run.config.base_policy).removeprefix(PREFIX)
    if bridges:
        raise PolicyError(f"the base of {run.folder} is another bridge than {_listed(bridges)}: it began with {wanted}")
    raise PolicyError(
        f"the base of {run.folder} is served by a command, which a run does not start by itself: see what {wanted} "
        f"does, then name it with --base-policy {PREFIX}{wanted} (improve) or --bridge {wanted} (serve)"
    )


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))
