"""What comes from elsewhere is completed, and believed only as far as it can be."""

import json
import sys

import pytest

from retouch.formats import foreign


def test_ids_from_a_file_are_never_paths_nor_given_twice() -> None:
    """A folder is called by the id: one that was tampered with gets a new one."""
    ids = set[str]()
    for id in ("../../up", "abc", "abc", 3, None):
        notes = json.dumps({"id": id, "versions": {}, "extra": {}})
        header = foreign._header({"retouch": notes, "kind": "rollout", "started_at": None}, ids)
        assert foreign._ID.fullmatch(header["id"])
        assert header["id"] not in ids
        ids.add(header["id"])
    assert "abc" in ids


@pytest.mark.parametrize(
    ("name", "taken", "word"),
    [
        ("next.reward", (), "next_reward"),
        ("2nd", (), "_2nd"),
        ("step", ("step", "step_"), "step__"),
        ("a b", (), "a_b"),
    ],
)
def test_columns_of_others_get_names_that_mean_nothing_else(name: str, taken: tuple[str, ...], word: str) -> None:
    assert foreign.column_name(name, taken) == word


def test_no_peer_is_imported() -> None:
    import retouch.formats.lerobot_reading
    import retouch.formats.robomimic_reading  # noqa: F401

    assert not {"lerobot", "robomimic"} & set(sys.modules)
