"""Serves a policy to retouch from another environment, over standard input and output (docs/bridge.md).

    python policy_server.py [--torch DEVICE] MODULE:FACTORY [ARGUMENT ...]

This file and `frames.py` beside it need Python 3.10 and numpy, not retouch: run it by its path, or copy both. MODULE is
looked for in the working directory first. FACTORY(*arguments) makes a policy, any object with

    select_action(observation)         one action [A], or [1, A];    or
    predict_action_chunk(observation)  a chunk of actions [N, A], or [1, N, A], carried out one after the other, the
                                       first `n_action_steps` of them where the object or its `config` says so
    reset() or reset(seed)             a new episode; also when a person hands back, if there is no `forget()`

and is called once for each slot (a world of its own). An object with `batched = True` is made once and asked for the
chunks of several slots together: [k, ...] in, [k, N, A] out. An object may say who it is in `id`, a text.

An observation is float32 [D], or a dict of such arrays where the bridge's file names its parts. With --torch they are
tensors on that device with a batch axis [1, D], as LeRobot's policies take them. Before every call the generators of
`random`, numpy and torch are seeded from the episode's seed and the number of the call, whatever other slots do.
"""

import argparse
import importlib
import inspect
import os
import queue
import random
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING or __package__:
    from retouch.bridge.frames import FLOAT, PROTOCOL, BadFrame, encode, fault, find, read, take_over_streams, versions
else:
    from frames import FLOAT, PROTOCOL, BadFrame, encode, fault, find, read, take_over_streams, versions

SHAPING = ("numpy", "torch", "jax", "lerobot")  # what shapes what a policy says


class Slot:
    """An episode: its policy, what is left of the last chunk, and where its random numbers are."""

    def __init__(self, policy: Any):
        self.policy, self.seed, self.calls = policy, 0, 0
        self.left: list[np.ndarray] = []

    def reset(self, seed: int) -> None:
        self.seed, self.calls, self.left = seed, 0, []
        self.draw()
        self._restart(seed)

    def forget(self) -> None:
        self.left = []
        drawn = self.draw()
        if hasattr(self.policy, "forget"):
            self.policy.forget()
        else:
            self._restart(drawn)

    def draw(self) -> int:
        """Seed everything for the next call; the seed."""
        drawn = int(np.random.SeedSequence([self.seed, self.calls]).generate_state(1)[0])
        self.calls += 1
        random.seed(drawn)
        np.random.seed(drawn)  # noqa: NPY002 - whatever a policy draws from
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(drawn)
        return drawn

    def _restart(self, seed: int) -> None:
        reset = getattr(self.policy, "reset", None)
        if reset is None:
            return
        try:
            names = inspect.signature(reset).parameters
        except (TypeError, ValueError):
            names = {}  # type: ignore[assignment]
        reset(seed=seed) if "seed" in names else reset()


class Policies:
    """The policies of all slots.

    Args:
        factory: makes one.
        parts: of the observation by name, which entries; None where policies take it whole.
        device: where torch's tensors go; None for numpy's arrays.
    """

    def __init__(self, factory: Callable[[], Any], parts: dict[str, list[int]] | None, device: str | None):
        self._factory, self._parts, self._device = factory, parts, device
        self._torch: Any = importlib.import_module("torch") if device else None
        self._slots: dict[int, Slot] = {}
        self._first: Any = factory()
        self._unused: Any = self._first
        self._batched = bool(getattr(self._first, "batched", False))
        self._chunks = self._batched or not hasattr(self._first, "select_action")
        self.id = str(getattr(self._first, "id", "") or "")
        if self._chunks and not hasattr(self._first, "predict_action_chunk"):
            raise TypeError(f"{type(self._first).__name__} has neither select_action nor predict_action_chunk")

    def slot(self, number: int) -> Slot:
        """A slot, whose policy is made when it is first asked for."""
        if number not in self._slots:
            policy, self._unused = self._unused, None
            if policy is None:
                policy = self._first if self._batched else self._factory()
            self._slots[number] = Slot(policy)
        return self._slots[number]

    def act(self, numbers: Sequence[int], observations: np.ndarray) -> np.ndarray:
        """Actions [k, A] for observations [k, D] of different slots."""
        slots = [self.slot(number) for number in numbers]
        empty = [row for row, slot in enumerate(slots) if not slot.left]
        for rows in [empty] if self._batched and empty else [[row] for row in empty]:
            chunks = self._ask(slots[rows[0]], observations[rows])
            for row, chunk in zip(rows, chunks, strict=True):
                slots[row].left = list(chunk)
        return np.stack([slot.left.pop(0) for slot in slots])

    def _ask(self, slot: Slot, observations: np.ndarray) -> np.ndarray:
        """Chunks [k, N, A]; of one action where the policy selects them itself."""
        slot.draw()
        ask = slot.policy.predict_action_chunk if self._chunks else slot.policy.select_action
        with self._torch.inference_mode() if self._torch is not None else nullcontext():
            said = ask(self._given(observations))
        answer = array(said)
        if not self._chunks:
            return (answer if answer.ndim == 1 else answer[0] if answer.shape[0] == 1 else answer)[None, None]
        if answer.ndim == 2 and not self._batched:
            answer = answer[None]
        if answer.ndim != 3 or answer.shape[0] != len(observations) or not answer.shape[1]:
            raise ValueError(f"a chunk of shape {list(answer.shape)} for {len(observations)} observations")
        config = getattr(slot.policy, "config", None)
        steps = getattr(slot.policy, "n_action_steps", getattr(config, "n_action_steps", None))
        return answer[:, : int(steps)] if steps else answer

    def _given(self, observations: np.ndarray) -> Any:
        """An observation as policies take it."""
        if self._parts is None:
            return self._one(observations)
        return {name: self._one(observations[:, entries]) for name, entries in self._parts.items()}

    def _one(self, rows: np.ndarray) -> Any:
        if self._torch is not None:
            return self._torch.from_numpy(rows.copy()).to(self._device)
        return rows.copy() if self._batched else rows[0].copy()


def array(said: Any) -> np.ndarray:
    """What a policy has said, as float32: an array, a list of numbers, or a tensor of any library that can be one."""
    if hasattr(said, "detach"):
        said = said.detach().cpu().float().numpy()
    with np.errstate(over="ignore"):  # who has asked sees that it is not finite
        found = np.asarray(said).astype(FLOAT)
    if found.ndim == 0:
        raise ValueError(f"a policy answered {said!r}, which is no array of numbers")
    return found


def serve(frames: Callable[[], tuple[dict[str, Any], np.ndarray | None]], out: BinaryIO, make: Any) -> None:
    """Answer one frame after the other.

    Args:
        frames: gives the next one.
        make: the policies, given the parts of an observation.
    """
    policies: Policies | None = None
    while True:
        header, observations = frames()
        answer: np.ndarray | None = None
        said: dict[str, Any] = {"type": "done"}
        try:
            kind = header["type"]
            if kind == "hello":
                if header.get("protocol") != PROTOCOL:
                    raise BadFrame(f"this server speaks version {PROTOCOL}, not {header.get('protocol')}")
                policies = make(header.get("observation"))
                assert policies is not None
                said = {"type": "ready", "protocol": PROTOCOL, "id": policies.id, "versions": versions(SHAPING)}
            elif policies is None:
                raise BadFrame("the first frame is a hello")
            elif kind == "reset":
                policies.slot(header["slot"]).reset(header["seed"])
            elif kind == "forget":
                policies.slot(header["slot"]).forget()
            elif kind == "act":
                if observations is None or observations.ndim != 2 or len(observations) != len(header["slots"]):
                    raise BadFrame("an act comes with an observation for each slot")
                said, answer = {"type": "actions"}, policies.act(header["slots"], observations)
            else:
                raise BadFrame(f"there is no frame of type {kind!r}")
            frame = encode(said, answer)
        except Exception as error:
            traceback.print_exc()
            frame = encode({"type": "error", "error": fault(error)})
        out.write(frame)
        out.flush()


def main() -> None:
    """Do what the command line says, until the input ends."""
    parser = argparse.ArgumentParser(description="Serves a policy to retouch, over standard input and output.")
    parser.add_argument("--torch", metavar="DEVICE", help="give observations as torch tensors with a batch axis")
    parser.add_argument("factory", metavar="MODULE:FACTORY", help="makes the policy of a slot")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the factory, texts")
    options = parser.parse_args()
    frames_in, frames_out = take_over_streams()
    heard: queue.SimpleQueue[tuple[dict[str, Any], np.ndarray | None]] = queue.SimpleQueue()
    # At the end of the input the process ends, whatever a policy is doing.
    threading.Thread(target=read, args=(frames_in, heard.put, os._exit), daemon=True).start()

    def make(parts: dict[str, list[int]] | None) -> Policies:
        factory = find(options.factory)
        return Policies(lambda: factory(*options.arguments), parts, options.torch)

    serve(heard.get, frames_out, make)


if __name__ == "__main__":
    main()
