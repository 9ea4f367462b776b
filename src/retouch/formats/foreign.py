"""Episodes that come from elsewhere: what is missing is found or asked for, and a new dataset is made of them."""

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from retouch.episodes import ControlSource, DatasetInfo, DatasetWriter, Feature, standard_features
from retouch.episodes.commit import commit
from retouch.episodes.rows import RowPacker
from retouch.episodes.schema import MAY_BE_NAN, OUTCOMES, check_episode, check_json
from retouch.errors import InputError, UnknownName
from retouch.formats.exchange import NOTES, SAID, Choices, Exchanged, count_outcomes, written_aside

Columns = dict[str, np.ndarray]

# Columns of others, under the names that an import gives them, that tell whether an attempt succeeded.
SUCCESSES = ("next_success", "success")
REWARDS = ("next_reward", "reward", "rewards")
# Sirius' labels of who acted.
ACTION_MODES = "action_modes"
DEMONSTRATED, INTERVENED = -1, 1

_ID = re.compile(r"[0-9a-z]{1,32}")


@dataclass(frozen=True)
class Told:
    """One episode, as another's dataset tells it."""

    where: str  # for messages: "demo_3"
    columns: Columns  # `[n, *shape]` each, under our names; those missing are found by `complete`
    said: Mapping[str, Any] = field(default_factory=dict)  # the fields of `SAID` and `NOTES` that it has
    noted: Mapping[str, Any] = field(default_factory=dict)  # what else is worth keeping of another's episode


@dataclass(frozen=True)
class Foreign:
    """Another's dataset, opened."""

    name: str  # of its folder or file
    format: str
    info: DatasetInfo
    episodes: Iterable[Told]
    left_out: list[str]


def store(foreign: Foreign, out: Path, choices: Choices) -> Exchanged:
    """Makes a new dataset in `out`, whole or not at all.

    Raises:
        InputError: `out` is there already, or an episode says too little or cannot be one; the message tells which.
        StoreError: The dataset cannot be written.
    """
    _check_choices(choices)
    info, made, ids = foreign.info, [], set[str]()
    with written_aside(out) as aside:
        DatasetWriter.open(aside, info).close()
        packer = RowPacker(info.features, info.control_period_s)
        for told in foreign.episodes:
            where = f"{foreign.name}, {told.where}"
            try:
                columns, said = complete(told, info, choices)
                header = _header(said, ids) | {"extra": _extra(said, foreign, told)}
                check_episode(**{name: header[name] for name in SAID if name not in ("outcome", "reason")})
                records = _records(columns, packer)
                made.append(commit(aside, info.features, header, records, said["outcome"], said["reason"]))
            except InputError as error:
                raise InputError(f"{where}: {error}") from error
            ids.add(header["id"])
        if not made:
            raise InputError(f"{foreign.name} has no episodes")
    return Exchanged(len(made), sum(e.steps for e in made), count_outcomes(made), foreign.left_out)


def info_of(
    task: str, period_s: float, observation: Feature, action: Feature, others: Mapping[str, Feature]
) -> DatasetInfo:
    """The description of a dataset with the columns that every dataset has, and others."""
    features = standard_features(1, 1) | {"observation": observation}
    features |= dict.fromkeys(("action", "policy_action", "operator_action"), action)
    return DatasetInfo(task, period_s, features | dict(others))


def complete(told: Told, info: DatasetInfo, choices: Choices) -> tuple[Columns, dict[str, Any]]:
    """All columns of an episode, and the fields of `SAID`: as told, found from what is told, or as chosen.

    Raises:
        InputError: The kind or the outcome is said nowhere, or it is not told who acted.
    """
    columns, said = dict(told.columns), dict(told.said)
    steps = len(columns["action"])
    for name, values in columns.items():
        if len(values) != steps:
            raise InputError(f"{len(values)} steps of {name}, {steps} of action")
    if not steps:
        raise InputError("it has no steps")
    if said.get("kind") is None:
        said["kind"] = choices.kind or _kind(columns)
    if "control_source" not in columns:
        columns["control_source"] = _who_acted(columns, said["kind"], steps)
    source = columns["control_source"]
    if said.get("outcome") is None:
        said["outcome"], said["reason"] = _judge(columns, choices)
    if said.get("reason") is None:
        said["reason"] = "not told"
    filled = {
        "step": lambda: np.arange(steps, dtype=np.int32),
        "time_s": lambda: np.arange(steps) * info.control_period_s,
        "intervention": lambda: np.isin(source, (ControlSource.OPERATOR, ControlSource.BOTH)),
        "success": lambda: (np.arange(steps) == steps - 1) & (said["outcome"] == "success"),
        "policy_action": lambda: _where(source == ControlSource.POLICY, columns["action"]),
        "operator_action": lambda: _where(source == ControlSource.OPERATOR, columns["action"]),
    }
    foreign = told.said.get(NOTES) is None
    for name, feature in info.features.items():
        if name in columns:
            continue
        if name in MAY_BE_NAN and (not foreign or name not in filled):
            columns[name] = np.full((steps, *feature.shape), np.nan, feature.dtype)
        elif name in filled:
            columns[name] = filled[name]()
        else:
            raise InputError(f"the column '{name}' is missing")
    return {name: columns[name] for name in info.features}, said


def column_name(name: str, taken: Iterable[str]) -> str:
    """What a column of another's is called here: a word, and none that means something else."""
    word = re.sub(r"\W", "_", name)
    word = word if word.isidentifier() else f"_{word}"
    while word in taken:
        word += "_"
    return word


def _check_choices(choices: Choices) -> None:
    if choices.outcome is not None and choices.outcome not in OUTCOMES:
        raise UnknownName("outcome", choices.outcome, OUTCOMES)


def _kind(columns: Columns) -> str:
    if ACTION_MODES in columns:
        return "demonstration" if (columns[ACTION_MODES] == DEMONSTRATED).all() else "corrected"
    raise InputError("it does not say what kind of episode it is: give --kind demonstration, rollout or corrected")


def _who_acted(columns: Columns, kind: str, steps: int) -> np.ndarray:
    if "intervention" in columns:
        by_operator = columns["intervention"].astype(bool)
    elif ACTION_MODES in columns:
        by_operator = np.isin(columns[ACTION_MODES], (DEMONSTRATED, INTERVENED))
    elif kind == "corrected":
        raise InputError("it does not say who acted: corrected episodes need a column 'intervention' or 'action_modes'")
    else:
        by_operator = np.full(steps, kind == "demonstration")
    return np.where(by_operator, ControlSource.OPERATOR, ControlSource.POLICY).astype(np.int8)


def _judge(columns: Columns, choices: Choices) -> tuple[str, str]:
    """The outcome and the reason for it."""
    if choices.outcome is not None:
        return choices.outcome, "as given at the import"
    for name in (*SUCCESSES, *REWARDS):
        if name in columns:
            reached = bool((columns[name] > 0).any())
            return ("success" if reached else "failure"), f"{name} was {'' if reached else 'never '}above 0"
    raise InputError("it has neither successes nor rewards to tell how it ended: give --outcome success or failure")


def _where(mask: np.ndarray, action: np.ndarray) -> np.ndarray:
    """The actions where the mask is set, NaN elsewhere."""
    return np.where(mask.reshape(-1, *[1] * (action.ndim - 1)), action, np.array(np.nan, action.dtype))


def _header(said: Mapping[str, Any], taken: set[str]) -> dict[str, Any]:
    """What the store keeps of an episode beside its outcome."""
    notes = _notes(said)
    id = notes.get("id")
    if not (isinstance(id, str) and _ID.fullmatch(id)) or id in taken:
        id = secrets.token_hex(5)
    header = {name: said.get(name) for name in SAID if name not in ("outcome", "reason")}
    if header["started_at"] is None:
        header["started_at"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    return header | {"id": id, "versions": notes.get("versions", {})}


def _extra(said: Mapping[str, Any], foreign: Foreign, told: Told) -> dict[str, Any]:
    imported = {"imported": {"format": foreign.format, "from": foreign.name, **told.noted}}
    extra: dict[str, Any] = _notes(said).get("extra", imported)
    return extra


def _notes(said: Mapping[str, Any]) -> dict[str, Any]:
    if said.get(NOTES) is None:
        return {}
    try:
        notes = json.loads(said[NOTES])
    except (TypeError, ValueError):
        raise InputError(f"what it keeps under '{NOTES}' is not JSON") from None
    if not isinstance(notes, dict):
        raise InputError(f"what it keeps under '{NOTES}' is not a JSON object")
    for name in ("extra", "versions"):
        check_json(f"its {name}", notes.get(name, {}))
    return notes


def _records(columns: Columns, packer: RowPacker) -> np.ndarray:
    """The steps as the store's records, each checked like one that is recorded."""
    steps = len(columns["step"])
    rows = bytearray()
    for step in range(steps):
        rows += packer.pack(step, {name: values[step] for name, values in columns.items()})
    return np.frombuffer(rows, packer.dtype)
