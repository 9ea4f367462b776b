"""Policies on disk: safetensors for the weights, JSON for the rest, nothing that executes.

<policy>/policy.json                          what it is and where it comes from
<policy>/weights.safetensors                  the weights it acts with (after training: the last exponential moving
average) <policy>/checkpoints/step-000500.safetensors  of its training run: `raw/<name>` and `ema/<name>`
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from safetensors import SafetensorError, safe_open

from retouch.errors import NoPolicy, PolicyError
from retouch.plugins import brought, load
from retouch.policies.files import write_json, write_tensors
from retouch.policies.info import PolicyInfo
from retouch.policies.protocol import Policy

Averaging = Literal["ema", "raw"]
Weights = Mapping[str, np.ndarray]

POLICY_TYPES: dict[str, str] = {
    "bc-rnn": "retouch.policies.bc_rnn:BCRNN",
    "diffusion": "retouch.policies.diffusion:DiffusionPolicy",
    "residual": "retouch.policies.residual:ResidualPolicy",
}
"""Name of a policy type -> where its class is; other packages add theirs as entry points of the group
`retouch.policies`."""


@runtime_checkable
class PolicyType(Protocol):
    """A class that policies of one type are built from."""

    def from_weights(self, info: PolicyInfo, weights: Weights) -> Policy:
        """The policy. Raises PolicyError if the weights do not fit the description."""


def policy_type(name: str) -> PolicyType:
    """Imports the class of a policy type. Raises UnknownName, listing what there is; InputError if it is broken."""
    found: PolicyType = load("policy type", name, {**brought("retouch.policies"), **POLICY_TYPES})
    return found


def save_policy(folder: Path, info: PolicyInfo, weights: Weights) -> None:
    """Writes a policy. The description comes last: a folder with a `policy.json` is a complete policy."""
    write_tensors(folder / "weights.safetensors", weights)
    write_json(folder / "policy.json", info.to_json())


def save_checkpoint(folder: Path, step: int, raw: Weights, ema: Weights) -> Path:
    """Writes the weights of one gradient step of a training run; returns the file."""
    path = _checkpoint_path(folder, step)
    tensors = {f"raw/{name}": array for name, array in raw.items()} | {
        f"ema/{name}": array for name, array in ema.items()
    }
    write_tensors(path, tensors)
    return path


def checkpoint_steps(folder: Path) -> list[int]:
    """The gradient steps that have a checkpoint, in order."""
    matches = (re.fullmatch(r"step-(\d+)\.safetensors", path.name) for path in (folder / "checkpoints").glob("step-*"))
    return sorted(int(match[1]) for match in matches if match)


def read_info(folder: Path) -> PolicyInfo:
    """Reads `policy.json`. Raises PolicyError if it is missing or cannot be used."""
    path = folder / "policy.json"
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        raise NoPolicy(f"{folder} is not a policy: it has no policy.json") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path} is damaged: {error}") from None
    if not isinstance(value, dict):
        raise PolicyError(f"{path} is damaged: not an object")
    return PolicyInfo.from_json(value)


def load_policy(path: Path | str, checkpoint: int | None = None, weights: Averaging = "ema") -> Policy:
    """Loads a policy, importing only what its type needs.

    Args:
        path: the policy's folder
        checkpoint: gradient step of its training run; by default the last
        weights: the exponential moving average, or the raw weights of that step

    Raises PolicyError if the policy or the checkpoint is missing or damaged, UnknownName for an unknown type.
    """
    folder = Path(path)
    info = read_info(folder)
    kind = policy_type(info.type)
    if checkpoint is None and weights == "ema":
        return kind.from_weights(info, read_weights(folder))
    steps = checkpoint_steps(folder)
    step = checkpoint if checkpoint is not None else max(steps, default=None)
    if step not in steps:
        have = ", ".join(map(str, steps)) or "none"
        raise NoPolicy(f"{folder} has no checkpoint{'' if step is None else f' of step {step}'} (it has: {have})")
    return kind.from_weights(info, _read_tensors(_checkpoint_path(folder, step), prefix=f"{weights}/"))


def _checkpoint_path(folder: Path, step: int) -> Path:
    return folder / "checkpoints" / f"step-{step:06d}.safetensors"


def read_weights(folder: Path) -> dict[str, np.ndarray]:
    """The weights that a policy acts with, by name. Raises PolicyError if they are missing or damaged."""
    return _read_tensors(folder / "weights.safetensors")


def _read_tensors(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    try:
        with safe_open(path, framework="numpy") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
            return {name.removeprefix(prefix): file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise PolicyError(f"{path} is missing") from None
    except SafetensorError as error:
        raise PolicyError(f"{path} is damaged: {error}") from None
