"""Policies of the tiny task as another environment has them: numpy and nothing of retouch. Bridges to them."""

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np


def towards(x: np.ndarray, goal: np.ndarray) -> np.ndarray:
    return np.append(np.clip(4 * (goal - x), -1, 1), -1.0)


class Selects:
    """One action at a time; after `steps` of them it does what `then` says, until there is a file `well`."""

    id = "straight-1"

    def __init__(self, then: str = "", steps: str = "0"):
        self.then, self.after, self.count = then, int(steps), 0

    def reset(self) -> None:
        pass

    def select_action(self, observation):
        self.count += 1
        if self.count > self.after and self.then and not Path("well").exists():
            return getattr(self, self.then)(observation)
        if isinstance(observation, dict):
            return towards(observation["observation.state"], observation["goal"])[None]
        return towards(observation[:2], observation[2:])

    def slow(self, observation):
        """Crawls, so that somebody can interfere."""
        return np.append(0.02 * towards(observation[:2], observation[2:4])[:2], -1.0)

    def still(self, observation):
        return [0.0, 0.0, -1.0]

    def dies(self, observation):
        print("out of memory, it says", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    def leaves(self, observation):
        os._exit(3)

    def hangs(self, observation):
        time.sleep(600)

    def stops(self, observation):
        os.kill(os.getpid(), signal.SIGSTOP)

    def raises(self, observation):
        raise RuntimeError("no such\nweights")

    def nan(self, observation):
        return [0.0, float("nan"), -1.0]

    def inf(self, observation):
        return np.array([1e300, 0.0, -1.0])  # more than a float32 can hold

    def short(self, observation):
        return [0.0, 0.0]

    def several(self, observation):
        return np.zeros((2, 3))

    def text(self, observation):
        return "left"

    def chatty(self, observation):
        print("a stray print")
        os.write(1, b"and one past Python\n")
        with contextlib.suppress(EOFError):
            input()  # nothing of ours is to be read
        return self.select_action_quietly(observation)

    def select_action_quietly(self, observation):
        return towards(observation[:2], observation[2:])


class Noisy:
    """Draws from every global generator, and says which slot's object acts."""

    made = 0

    def __init__(self) -> None:
        Noisy.made += 1

    def reset(self, seed: int) -> None:
        self.own = np.random.default_rng(seed)

    def select_action(self, observation):
        return np.array([random.random() - 0.5, np.random.uniform(-1, 1), self.own.uniform(-1, 1)])  # noqa: NPY002


class Chunks:
    """Three actions at a time, of which two are carried out; counts how often it is asked."""

    n_action_steps = 2

    def __init__(self, batched: str = "") -> None:
        self.batched, self.asked = bool(batched), 0

    def reset(self) -> None:
        pass

    def predict_action_chunk(self, observation):
        self.asked += 1
        chunk = np.stack([[k, self.asked, len(observation)] for k in range(3)]).astype(float)
        return np.stack([chunk] * len(observation)) if self.batched else chunk


class Tensor:
    """What a tensor of another library looks like."""

    def __init__(self, values):
        self.values = values

    def detach(self):
        return self

    cpu = float = detach

    def numpy(self):
        return self.values


def tensors(*_):
    made = Selects()
    made.select_action = lambda observation: Tensor(np.full((1, 3), 0.25))
    return made


def breaks(*_):
    raise OSError("there is no checkpoint")


def isolated() -> bool:
    """Whether retouch cannot be imported here."""
    try:
        import retouch  # noqa: F401
    except ImportError:
        return True
    return False


def only_isolated(*arguments):
    assert isolated()
    return Selects(*arguments)


def bridge(folder: Path, factory: str, *arguments: str, name: str = "straight.toml", **settings) -> Path:
    """A bridge's file to one of these."""
    command = [sys.executable, "{server}", f"served:{factory}", *arguments]
    content = {"command": command, "timeout_s": 5.0, "environment": {"PYTHONPATH": str(Path(__file__).parent)}}
    path = folder / name
    path.write_text(toml(content | settings))
    return path


def toml(content: dict) -> str:
    """JSON's texts, numbers and lists are TOML's, too."""
    plain = [f"{k} = {json.dumps(v)}" for k, v in content.items() if not isinstance(v, dict)]
    tables = [f"[{k}]\n" + "\n".join(f'"{n}" = {json.dumps(w)}' for n, w in v.items()) for k, v in content.items()
              if isinstance(v, dict)]  # fmt: skip
    return "\n".join([*plain, *tables]) + "\n"


class Zeros(Selects):
    """Stands still, of the threading task."""

    def select_action(self, observation):
        self.count += 1
        if self.count > self.after and self.then and not Path("well").exists():
            return getattr(self, self.then)(observation)
        return np.zeros(7)


def leaves_its_number(*arguments):
    """As `Zeros`, and writes down which process it is in."""
    Path("process").write_text(str(os.getpid()))
    return Zeros(*arguments)


def sleeps():
    """Loads its weights."""
    print("loading", file=sys.stderr, flush=True)
    time.sleep(1.3)
    return Selects()


class Reaches(Selects):
    """Goes straight to the goal, in the environment of the tests."""

    def select_action(self, observation):
        return np.clip((observation[2:] - observation[:2]) / 0.1, -1, 1)
