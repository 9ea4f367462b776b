"""What `policy.json` says about a policy."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from retouch.errors import PolicyError

FORMAT = 1


@dataclass(frozen=True)
class PolicyInfo:
    """The description of a policy; with its weights, all there is to know about it.

    Attributes:
        type: name in the registry of policy types, e.g. "bc-rnn"
        observation_dim: D, length of an observation
        action_dim: A, length of an action
        observation_names: one name per entry of the observation, in order; empty if unknown
        task: name of the task it was trained on; empty if unknown
        control_period_s: seconds between two actions
        network: what the type needs to build its network; plain JSON
        normaliser: kind of observation normaliser; its numbers are stored with the weights
        training: where it comes from: data sets and their hashes, method, seed, steps, configuration, versions
    """

    type: str
    observation_dim: int
    action_dim: int
    observation_names: tuple[str, ...] = ()
    task: str = ""
    control_period_s: float = 0.05
    network: Mapping[str, Any] = field(default_factory=dict)
    normaliser: str = "mean-std"
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.observation_names and len(self.observation_names) != self.observation_dim:
            raise PolicyError(f"{len(self.observation_names)} observation names for {self.observation_dim} entries")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, with the version of this format."""
        return {"format": FORMAT} | dataclasses.asdict(self) | {"observation_names": list(self.observation_names)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "PolicyInfo":
        """Reads `to_json`'s output. Raises PolicyError if it is of another format or incomplete."""
        if value.get("format") != FORMAT:
            raise PolicyError(f"policy format {value.get('format')} is not supported (this version reads {FORMAT})")
        known = {item.name for item in dataclasses.fields(cls)}
        entries = {name: entry for name, entry in value.items() if name in known}
        missing = {"type", "observation_dim", "action_dim"} - entries.keys()
        if missing:
            raise PolicyError(f"policy.json lacks {', '.join(sorted(missing))}")
        return cls(**entries | {"observation_names": tuple(entries.get("observation_names", ()))})
