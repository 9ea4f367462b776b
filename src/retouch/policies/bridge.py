"""A policy that runs in another environment: its process, asked over standard input and output (docs/bridge.md).

Every answer has a time by which it is due. What comes late, breaks the protocol, has the wrong shape or is not finite
ends the process and raises PolicyStopped: nothing of it reaches the robot.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int

from retouch.bridge.frames import PROTOCOL
from retouch.bridge.process import Served, one_line
from retouch.errors import PolicyError, PolicyStopped
from retouch.policies.bridge_file import BridgeFile


@runtime_checkable
class Described(Protocol):
    """What a policy needs to know of a task."""

    @property
    def name(self) -> str:
        """As registered."""

    @property
    def observation_names(self) -> Sequence[str]:
        """One for each entry of an observation."""

    @property
    def action_names(self) -> Sequence[str]:
        """One for each entry of an action."""

    @property
    def control_period(self) -> float:
        """Of one step [s]."""


class BridgedPolicy:
    """A policy served by a process of its own; `with` it, and the process ends with the block.

    Args:
        file: names the process.
        task: that it is asked about.
        waiting: called every half second while an answer is not there, as when weights are loaded.

    Attributes:
        name: of its file, content and the policy itself, for episodes and evaluations.
        versions: of what shapes its actions, by name: the bridge's protocol, and what is loaded there.
        most_slots: attempts that it runs at once.

    Raises PolicyStopped where it cannot be started, InputError where it observes what the task does not have.
    """

    def __init__(self, file: BridgeFile, task: Described, waiting: Callable[[], None] | None = None):
        self.observation_dim, self.action_dim = len(task.observation_names), len(task.action_names)
        self.most_slots = file.slots
        self._file, self._actions = file, tuple(task.action_names)
        self._free: list[int] = []
        self._numbered = 0
        self._acted = False
        parts = file.parts(task.observation_names)
        self._served = Served(
            file, "policy_server.py", f"the policy served by {file.path.name}", PolicyStopped, waiting=waiting
        )
        ready = self._served.greet(
            {
                "type": "hello",
                "task": task.name,
                "observation_names": list(task.observation_names),
                "action_names": list(task.action_names),
                "control_period_s": task.control_period,
                "observation": parts,
            }
        )
        said = one_line(str(ready.get("id") or ""))
        self.name = f"{file.name} {said}" if said else file.name
        there = ready.get("versions")
        there = there if isinstance(there, dict) else {}
        self.versions = {"bridge": str(PROTOCOL)}
        self.versions |= {f"bridge.{one_line(str(n))}": one_line(str(v)) for n, v in there.items()}

    @property
    def process_id(self) -> int:
        """Of the process that was started."""
        return self._served.process_id

    def session(self, slots: int) -> "BridgedSession":
        """A session of `slots` slots, each to be reset before it acts."""
        return BridgedSession(self, slots)

    def reset(self, slot: int, seed: int) -> None:
        """Start an episode, where the policy may still have to be made for its slot."""
        self._served.ask({"type": "reset", "slot": slot, "seed": seed}, within=self._file.start_timeout_s)

    def forget(self, slot: int) -> None:
        """Hand-back."""
        self._served.ask({"type": "forget", "slot": slot})

    def act(self, slots: list[int], observations: Float32[np.ndarray, "k D"]) -> Float32[np.ndarray, "k A"]:
        """An action each. The first one of all has as long as the start: some policies compile then."""
        within = None if self._acted else max(self._file.start_timeout_s, self._file.timeout_s)
        header = {"type": "act", "slots": slots}
        _, actions = self._served.ask(header, observations, expected=("actions",), within=within)
        wanted = (len(slots), self.action_dim)
        if actions is None or actions.shape != wanted:
            said = "nothing" if actions is None else f"numbers of shape {list(actions.shape)}"
            self._served.stop(f"answered with {said} where actions of shape {list(wanted)} are due")
        finite = np.isfinite(actions)
        if not finite.all():
            row, entry = np.argwhere(~finite)[0]
            self._served.stop(f"wants {self._actions[entry]} = {actions[row, entry]}: no robot can do that")
        self._acted = True
        return actions.astype(np.float32)

    def take_slots(self, count: int) -> list[int]:
        """Numbers of free slots, over there, until they are given back."""
        while len(self._free) < count:
            self._free.append(self._numbered)
            self._numbered += 1
        taken, self._free = self._free[:count], self._free[count:]
        return taken

    def give_back(self, slots: list[int]) -> None:
        """Let others have these slots."""
        self._free = sorted([*self._free, *slots])

    def close(self) -> None:
        """End the process."""
        self._served.close()

    def __enter__(self) -> "BridgedPolicy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BridgedSession:
    """Slots of a bridged policy; everything that changes is over there."""

    def __init__(self, policy: BridgedPolicy, slots: int):
        self._policy = policy
        self._there = policy.take_slots(slots)
        self._begun: set[int] = set()

    def __del__(self) -> None:
        self._policy.give_back(self._there)

    def reset(self, slot: int, seed: int) -> None:
        """Starts a new episode in `slot`."""
        self._policy.reset(self._there[slot], seed)
        self._begun.add(slot)

    def forget(self, slot: int) -> None:
        """At hand-back."""
        self._policy.forget(self._there[slot])

    def act(self, slots: Int[np.ndarray, " k"], observations: Float32[np.ndarray, "k D"]) -> Float32[np.ndarray, "k A"]:
        """An action each, for `k` different slots.

        Raises PolicyError for a slot that was never reset, PolicyStopped where no good answer comes.
        """
        never = [slot for slot in slots.tolist() if slot not in self._begun]
        if never:
            raise PolicyError(f"slot {never[0]} was never reset")
        return self._policy.act([self._there[slot] for slot in slots.tolist()], observations)
