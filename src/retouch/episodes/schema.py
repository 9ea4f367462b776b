"""What a dataset and an episode are: the columns, the metadata, and the versions of the schema."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np

from retouch.errors import CorruptEpisode, InputError, StoreError, UnknownName

SCHEMA_VERSION = 1

# Schema version -> what turns a stored dataset.json or episode.json of that version into the next version's.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}

KINDS = ("demonstration", "rollout", "corrected")
OUTCOMES = ("success", "failure", "aborted")
DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")


class ControlSource(IntEnum):
    """Who acted in a step."""

    POLICY = 0
    OPERATOR = 1
    BOTH = 2
    NONE = 3


@dataclass(frozen=True)
class Feature:
    """One column of `frames.parquet`: the dtype and shape of a step's value, and the names of its entries."""

    dtype: str
    shape: tuple[int, ...] = ()
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "names", None if self.names is None else tuple(self.names))
        if self.dtype not in DTYPES:
            raise UnknownName("dtype", self.dtype, DTYPES)
        if not all(_is_int(size) and size > 0 for size in self.shape):
            raise InputError(f"a feature's shape is made of positive integers, not {list(self.shape)}")
        if self.names is not None and (not self.shape or len(self.names) != self.shape[-1]):
            raise InputError(f"{len(self.names)} names do not fit a feature of shape {list(self.shape)}")

    @property
    def size(self) -> int:
        """Number of values in one step."""
        return math.prod(self.shape)


# The columns that every dataset has, and those among them whose shape is the same everywhere.
_FIXED = {
    "step": Feature("int32"),
    "time_s": Feature("float64"),
    "control_source": Feature("int8"),
    "intervention": Feature("bool"),
    "success": Feature("bool"),
}
_VECTORS = ("observation", "action", "policy_action", "operator_action")
REQUIRED = frozenset({*_FIXED, *_VECTORS})

# NaN in these says that nobody proposed an action, or no waypoint; in every other column of floats it is an error.
MAY_BE_NAN = frozenset({"policy_action", "operator_action", "policy_waypoints"})


def standard_features(
    observation: int,
    action: int,
    state: int | None = None,
    *,
    observation_names: tuple[str, ...] | None = None,
    action_names: tuple[str, ...] | None = None,
) -> dict[str, Feature]:
    """The columns of a dataset, from the lengths of its vectors.

    Args:
        observation: Length of the observation, float32.
        action: Length of the action, float32; also of `policy_action` and `operator_action`.
        state: Length of the simulator's state before the step, float64; None leaves `sim_state` out.
        observation_names: One name an entry.
        action_names: One name an entry.
    """
    an_action = Feature("float32", (action,), action_names)
    features = {
        "step": _FIXED["step"],
        "time_s": _FIXED["time_s"],
        "observation": Feature("float32", (observation,), observation_names),
        "action": an_action,
        "policy_action": an_action,
        "operator_action": an_action,
        "control_source": _FIXED["control_source"],
        "intervention": _FIXED["intervention"],
        "success": _FIXED["success"],
    }
    if state is not None:
        features["sim_state"] = Feature("float64", (state,))
    return features


PICTURE = "picture_"
"""What the names of the columns of pictures begin with."""


def picture_columns(camera: str) -> tuple[str, str]:
    """The columns that hold the newest picture of a camera in each step, and when that was taken [s]."""
    return f"{PICTURE}{camera}", f"{PICTURE}{camera}_s"


def picture_features(camera: str, size: int) -> dict[str, Feature]:
    """Those columns, for square pictures of `size` pixels: uint8, sRGB, and seconds since the attempt began."""
    picture, taken = picture_columns(camera)
    return {picture: Feature("uint8", (size, size, 3)), taken: Feature("float64")}


@dataclass(frozen=True)
class DatasetInfo:
    """What `dataset.json` holds: the task, its control period [s] and the columns of its episodes."""

    task: str
    control_period_s: float
    features: dict[str, Feature]
    extra: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        _check(_is_line(self.task), "a dataset needs the name of its task")
        period = self.control_period_s
        _check(_is_number(period) and 0 < period < math.inf, f"a control period is positive seconds, not {period!r}")
        for name, fixed in _FIXED.items():
            _check(name in self.features, f"the column '{name}' is missing from the features")
            _check(self.features[name].dtype == fixed.dtype, f"the column '{name}' is {fixed.dtype}")
            _check(self.features[name].shape == (), f"the column '{name}' is one value a step")
        for name in _VECTORS:
            _check(name in self.features, f"the column '{name}' is missing from the features")
            _check(self.features[name].dtype in ("float32", "float64"), f"the column '{name}' is of floats")
        for name in self.features:
            _check(name.isidentifier(), f"a column's name is a word of letters, digits and _, not {name!r}")
        check_json("extra", self.extra)

    def to_json(self) -> dict[str, Any]:
        """The document that `dataset.json` holds."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any], where: object) -> "DatasetInfo":
        """The reverse of `to_json`, from any known schema version.

        Raises:
            StoreError: The document is of a newer schema, or is not a dataset's; `where` says which.
        """
        values = _known(cls, migrate(document, where), where)
        try:
            features = {name: _feature(feature) for name, feature in values.pop("features").items()}
            return cls(features=features, **values)
        except (InputError, TypeError, KeyError, AttributeError) as error:
            raise CorruptEpisode(f"{where}: {error}") from error


@dataclass(frozen=True)
class EpisodeInfo:
    """What is known of an episode apart from its steps.

    `outcome`, `reason`, `first_step`, `steps` and `excluded` are as the edits leave them when they come from a
    `Dataset`; in the file they are as recorded (`first_step` 0, `excluded` False).
    """

    number: int  # its place in the dataset; given when it is committed
    id: str
    kind: str  # demonstration, rollout, corrected
    outcome: str  # success, failure, aborted
    reason: str
    seed: int | None
    operator: str | None
    policy: str | None  # the policy's id and version
    round: int | None
    started_at: str  # wall clock, ISO 8601 with its offset
    steps: int
    versions: dict[str, str]
    extra: dict[str, Any] = field(default_factory=dict)
    control_steps: dict[str, int] = field(default_factory=dict)  # steps by control source, as recorded
    sha256: dict[str, str] = field(default_factory=dict)  # of each data file beside episode.json
    first_step: int = 0
    excluded: bool = False
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        check_episode(
            kind=self.kind,
            seed=self.seed,
            operator=self.operator,
            policy=self.policy,
            round=self.round,
            started_at=self.started_at,
        )
        check_outcome(self.outcome, self.reason)
        for name in ("number", "steps", "first_step"):
            _check(_is_count(getattr(self, name)), f"{name} is a count, not {getattr(self, name)!r}")

    @property
    def name(self) -> str:
        """The episode's folder: its number and its id."""
        return f"{self.number:06d}-{self.id}"

    def to_json(self) -> dict[str, Any]:
        """The document that `episode.json` holds. The number is left to the folder's name, and edits to their file."""
        document = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("number", "first_step", "excluded"):
            del document[name]
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any], number: int, where: object) -> "EpisodeInfo":
        """The reverse of `to_json`, from any known schema version.

        Raises:
            StoreError: The document is of a newer schema, or is not an episode's; `where` says which.
        """
        values = _known(cls, migrate(document, where), where)
        values["number"] = number
        try:
            return cls(**values)
        except (InputError, TypeError) as error:
            raise CorruptEpisode(f"{where}: {error}") from error


def migrate(document: dict[str, Any], where: object) -> dict[str, Any]:
    """A stored document as today's schema has it.

    Raises:
        StoreError: It was written by a newer schema than this one knows.
    """
    version: Any = document.get("schema_version")
    if not _is_count(version) or version < 1:
        raise CorruptEpisode(f"{where}: schema_version is {version!r}")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{where}: of schema version {version}, and this retouch reads up to {SCHEMA_VERSION}: upgrade retouch"
        )
    for step in range(version, SCHEMA_VERSION):
        document = MIGRATIONS[step](dict(document))
    return {**document, "schema_version": SCHEMA_VERSION}


def check_episode(
    *,
    kind: str,
    seed: int | None,
    operator: str | None,
    policy: str | None,
    round: int | None,
    started_at: str,
) -> None:
    """Refuses metadata that no episode can have.

    Raises:
        InputError: The first value that is wrong.
    """
    if kind not in KINDS:
        raise UnknownName("kind of episode", str(kind), KINDS)
    for name, count in (("seed", seed), ("round", round)):
        _check(count is None or _is_count(count), f"{name} is a whole number from 0 up or None, not {count!r}")
    for name, text in (("operator", operator), ("policy", policy)):
        _check(text is None or _is_line(text), f"{name} is one line of text or None, not {text!r}")
    try:
        moment = datetime.fromisoformat(started_at)
    except (TypeError, ValueError):
        raise InputError(f"started_at is a time in ISO 8601, not {started_at!r}") from None
    _check(moment.tzinfo is not None, f"started_at needs its offset from UTC: {started_at!r}")


def check_outcome(outcome: str, reason: str) -> None:
    """Refuses an outcome that is not one, or that comes without a reason.

    Raises:
        InputError: Which of the two is wrong.
    """
    if outcome not in OUTCOMES:
        raise UnknownName("outcome", str(outcome), OUTCOMES)
    _check(_is_line(reason), f"an outcome needs a reason, one line of text, not {reason!r}")


def check_json(name: str, value: Mapping[str, Any]) -> None:
    """Refuses what JSON cannot hold (NaN among it).

    Raises:
        InputError: Why not.
    """
    _check(isinstance(value, dict), f"{name} is a dict, not {type(value).__name__}")
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be written as JSON: {error}") from None


def _feature(document: dict[str, Any]) -> Feature:
    names = document.get("names")
    return Feature(document["dtype"], tuple(document["shape"]), None if names is None else tuple(names))


def _known(cls: type[Any], document: dict[str, Any], where: object) -> dict[str, Any]:
    for name in _MANDATORY[cls.__name__]:
        if name not in document:
            raise CorruptEpisode(f"{where}: '{name}' is missing")
    return {name: document[name] for name in cls.__dataclass_fields__ if name in document}


_MANDATORY = {
    "DatasetInfo": ("task", "control_period_s", "features"),
    "EpisodeInfo": ("id", "kind", "outcome", "reason", "seed", "operator", "policy", "round", "started_at", "steps",
                    "versions"),
}  # fmt: skip


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InputError(otherwise)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.floating) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_line(value: object) -> bool:
    return isinstance(value, str) and value.strip() != "" and value.isprintable()


def check_same(root: Path, stored: DatasetInfo, given: DatasetInfo) -> None:
    """Raises InputError where the dataset in `root` is of another task, rate or features than a given one."""
    for name in ("task", "control_period_s"):
        if getattr(stored, name) != getattr(given, name):
            raise InputError(f"{root}: its {name} is {getattr(stored, name)}, not {getattr(given, name)}")
    for name in [*stored.features, *given.features]:
        if stored.features.get(name) != given.features.get(name):
            raise InputError(
                f"{root}: its column '{name}' is {stored.features.get(name)}, not {given.features.get(name)}"
            )
