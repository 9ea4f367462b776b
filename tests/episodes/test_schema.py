import json
import sys
from subprocess import run

import pytest

from retouch.episodes import DatasetInfo, EpisodeInfo, Feature, schema, standard_features
from retouch.errors import CorruptEpisode, InputError, StoreError, UnknownName

EPISODE = {
    "number": 3,
    "id": "ab12",
    "kind": "rollout",
    "outcome": "success",
    "reason": "done",
    "seed": 1,
    "operator": None,
    "policy": "bc-rnn@2",
    "round": 0,
    "started_at": "2026-01-02T03:04:05+00:00",
    "steps": 4,
    "versions": {"python": "3.11"},
}


def test_infos_survive_json(info: DatasetInfo) -> None:
    assert DatasetInfo.from_json(json.loads(json.dumps(info.to_json())), "here") == info
    episode = EpisodeInfo(**EPISODE, extra={"view": [1, None, "front"]})
    assert EpisodeInfo.from_json(json.loads(json.dumps(episode.to_json())), 3, "here") == episode


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "rolout"}, r"unknown kind of episode 'rolout'; did you mean 'rollout'"),
        ({"outcome": "won"}, r"unknown outcome 'won'"),
        ({"reason": ""}, r"an outcome needs a reason"),
        ({"reason": "two\nlines"}, r"an outcome needs a reason, one line"),
        ({"seed": -1}, r"seed is a whole number"),
        ({"round": -2}, r"round is a whole number"),
        ({"operator": " "}, r"operator is one line of text"),
        ({"started_at": "yesterday"}, r"started_at is a time in ISO 8601"),
        ({"started_at": "2026-01-02T03:04:05"}, r"started_at needs its offset"),
        ({"steps": -1}, r"steps is a count"),
    ],
)
def test_wrong_metadata_gets_one_clear_line(values: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        EpisodeInfo(**{**EPISODE, **values})
    assert "\n" not in str(caught.value)


def test_wrong_features_get_one_clear_line() -> None:
    with pytest.raises(UnknownName, match="unknown dtype 'float33'; did you mean"):
        Feature("float33")
    with pytest.raises(InputError, match="positive integers"):
        Feature("float32", (0,))
    with pytest.raises(InputError, match="2 names do not fit"):
        Feature("float32", (3,), ("a", "b"))
    features = standard_features(2, 1)
    with pytest.raises(InputError, match="'success' is missing"):
        DatasetInfo("t", 0.05, {name: f for name, f in features.items() if name != "success"})
    with pytest.raises(InputError, match="'step' is int32"):
        DatasetInfo("t", 0.05, features | {"step": Feature("int64")})
    with pytest.raises(InputError, match="positive seconds"):
        DatasetInfo("t", 0.0, features)


def test_a_newer_schema_gets_one_clear_line(info: DatasetInfo) -> None:
    with pytest.raises(StoreError, match=r"x/dataset.json: of schema version 2, .* up to 1: upgrade retouch"):
        DatasetInfo.from_json(info.to_json() | {"schema_version": 2}, "x/dataset.json")


def test_an_older_schema_is_migrated_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    old = {**EPISODE, "schema_version": 1, "agent": EPISODE["policy"]}
    del old["policy"], old["number"]
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 3)
    monkeypatch.setitem(schema.MIGRATIONS, 1, lambda d: {**d, "model": d["agent"]})
    monkeypatch.setitem(schema.MIGRATIONS, 2, lambda d: {**d, "policy": d["model"]})
    assert EpisodeInfo.from_json(old, 3, "here").policy == "bc-rnn@2"


def test_every_older_version_has_its_migration() -> None:
    assert sorted(schema.MIGRATIONS) == list(range(1, schema.SCHEMA_VERSION))


def test_a_damaged_document_says_where() -> None:
    with pytest.raises(CorruptEpisode, match=r"there: 'seed' is missing"):
        EpisodeInfo.from_json({k: v for k, v in EPISODE.items() if k != "seed"} | {"schema_version": 1}, 0, "there")
    with pytest.raises(CorruptEpisode, match=r"there: schema_version is None"):
        EpisodeInfo.from_json({}, 0, "there")


def test_importing_the_store_is_light() -> None:
    heavy = "import sys, retouch.episodes; print({'pyarrow', 'torch', 'mujoco', 'jaxtyping'} & set(sys.modules))"
    assert run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True).stdout == "set()\n"
