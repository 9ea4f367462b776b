"""Serves a Gymnasium environment to retouch from another interpreter, over standard input and output.

    python environment_server.py MODULE:FACTORY [ARGUMENT ...]

This file and `frames.py` beside it need Python 3.10, numpy and gymnasium, not retouch: run it by its path, or copy
both. MODULE is looked for in the working directory first. FACTORY(*arguments) makes the environment; `gymnasium:make
ID` makes one that is registered. Its actions are one bounded Box with one axis, its observations can be made one
vector, and every step says in `info["is_success"]` whether it is solved (docs/environments.md).

It may say how long an attempt lasts (`spec.max_episode_steps` or `horizon`) and how long a step is (`dt` [s], or
`render_fps` in its metadata). To be truncated for want of time is no end here: whoever corrects has longer. Before
every reset the generators of `random`, numpy and torch are seeded, too, for those that draw from them.
"""

import argparse
import os
import queue
import random
import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from gymnasium import spaces
from gymnasium.spaces.utils import flatdim, flatten

if TYPE_CHECKING or __package__:
    from retouch.bridge.frames import FLOAT, PROTOCOL, BadFrame, encode, fault, find, read, take_over_streams, versions
else:
    from frames import FLOAT, PROTOCOL, BadFrame, encode, fault, find, read, take_over_streams, versions

Frame = tuple[dict[str, Any], np.ndarray | None]


class Flat:
    """An environment that is seen as a vector and acted on by shares in [-1, 1] of what its Box allows.

    Attributes:
        steps: after which an attempt has failed, where the environment says so.
        period_s: of a step, likewise.
    """

    def __init__(self, environment: Any):
        self._environment, self._done = environment, 0
        box, seen = environment.action_space, environment.observation_space
        if not isinstance(box, spaces.Box) or not box.is_bounded() or len(box.shape) != 1:
            raise ValueError(f"an environment is corrected only if its actions are one bounded Box, not {box}")
        if not seen.is_np_flattenable:
            raise ValueError(f"an environment is seen only if its observations can be made one vector, not {seen}")
        self._low, self._high, self._dtype = box.low.astype(float), box.high.astype(float), box.dtype
        spec, rate = _said(environment, "spec"), (_said(environment, "metadata") or {}).get("render_fps")
        steps = getattr(spec, "max_episode_steps", None) or _said(environment, "horizon")
        self.steps = int(steps) if steps else None
        period = _said(environment, "dt") or (1 / rate if rate else None)
        self.period_s = float(period) if period else None

    def described(self) -> dict[str, Any]:
        """What there is to know of it."""
        package = type(self._environment.unwrapped).__module__.partition(".")[0]
        return {
            "observation": flatdim(self._environment.observation_space),
            "action": len(self._low),
            "steps": self.steps,
            "period_s": self.period_s,
            "versions": versions(("numpy", "gymnasium", "mujoco", package)),
        }

    def reset(self, seed: int) -> np.ndarray:
        """A new attempt, float32[D]."""
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - whatever an environment draws from
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(seed)
        self._done = 0
        seen, _ = self._environment.reset(seed=seed)
        return self._vector(seen)

    def step(self, shares: np.ndarray) -> tuple[np.ndarray, bool, bool]:
        """One step: what is seen, float32[D], whether it is solved, and whether it does not go on."""
        share = (np.clip(shares, -1, 1).astype(float) + 1) / 2
        action = np.clip(self._low + share * (self._high - self._low), self._low, self._high)
        seen, _, terminated, truncated, info = self._environment.step(
            action.astype(self._environment.action_space.dtype)
        )
        if "is_success" not in info:
            raise ValueError(
                "it does not say whether it is solved: give it info['is_success'], by a wrapper of your own if need be"
            )
        self._done += 1
        in_time = self.steps is None or self._done < self.steps
        return self._vector(seen), bool(info["is_success"]), bool(terminated or (truncated and in_time))

    def _vector(self, seen: Any) -> np.ndarray:
        return np.asarray(flatten(self._environment.observation_space, seen)).astype(FLOAT)


def _said(environment: Any, name: str) -> Any:
    """What an environment, or the one inside its wrappers, says of itself; None where neither does."""
    found = getattr(environment, name, None)
    return found if found is not None else getattr(environment.unwrapped, name, None)


class Server:
    """Answers one frame after the other.

    Args:
        make: makes the environment, when it is greeted.
    """

    def __init__(self, make: Callable[[], Any]):
        self._make = make
        self._flat: Flat | None = None

    def answer(self, header: dict[str, Any], array: np.ndarray | None) -> Frame:
        """The answer to a frame."""
        kind = header["type"]
        if kind == "hello":
            if header.get("protocol") != PROTOCOL:
                raise BadFrame(f"this server speaks version {PROTOCOL}, not {header.get('protocol')}")
            self._flat = Flat(self._make())
            return {"type": "ready", "protocol": PROTOCOL, **self._flat.described()}, None
        if self._flat is None:
            raise BadFrame("the first frame is a hello")
        if kind == "reset":
            return {"type": "seen", "solved": False, "over": False}, self._flat.reset(header["seed"])
        if kind == "step":
            if array is None or array.ndim != 1:
                raise BadFrame("a step comes with one action")
            seen, solved, over = self._flat.step(array)
            return {"type": "seen", "solved": solved, "over": over}, seen
        raise BadFrame(f"there is no frame of type {kind!r}")


def serve(server: Server, heard: Callable[[], Frame], out: BinaryIO) -> None:
    """Answer what is heard; what goes wrong is an answer, too."""
    while True:
        try:
            frame = encode(*server.answer(*heard()))
        except Exception as error:
            traceback.print_exc()
            frame = encode({"type": "error", "error": fault(error)})
        out.write(frame)
        out.flush()


def main() -> None:
    """Do what the command line says, until the input ends."""
    parser = argparse.ArgumentParser(
        description="Serves a Gymnasium environment to retouch, over standard input and output."
    )
    parser.add_argument("factory", metavar="MODULE:FACTORY", help="makes the environment")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the factory, texts")
    options = parser.parse_args()
    frames_in, frames_out = take_over_streams()
    heard: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    # At the end of the input the process ends, whatever the environment is doing.
    threading.Thread(target=read, args=(frames_in, heard.put, os._exit), daemon=True).start()
    serve(Server(lambda: find(options.factory)(*options.arguments)), heard.get, frames_out)


if __name__ == "__main__":
    main()
