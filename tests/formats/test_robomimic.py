"""robomimic's HDF5: what an export looks like, and files by others, written by hand here."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retouch.cli import main
from retouch.episodes import ControlSource, Dataset, standard_features
from retouch.errors import InputError
from retouch.formats import Choices, export_dataset, import_dataset

from .samples import described, record

h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install 'retouch[robomimic]'")

DEMONSTRATIONS = Choices(kind="demonstration", rate_hz=20)


@pytest.fixture
def export(dataset: Path, tmp_path: Path) -> Path:
    export_dataset(dataset, "robomimic", tmp_path / "export.hdf5")
    return tmp_path / "export.hdf5"


def test_a_file_has_what_robomimic_and_sirius_look_for(export: Path, dataset: Path) -> None:
    frames = Dataset(dataset).frames(1)
    with h5py.File(export) as file:
        data, demo = file["data"], file["data/demo_1"]
        assert data.attrs["total"] == 31
        assert json.loads(data.attrs["env_args"]) == {
            "env_name": "threading",
            "type": 2,
            "env_kwargs": {"control_freq": 20.0},
        }
        assert demo.attrs["num_samples"] == 12
        np.testing.assert_array_equal(demo["actions"], frames["action"])
        np.testing.assert_array_equal(demo["states"], frames["sim_state"])
        np.testing.assert_array_equal(demo["obs/robot"], frames["observation"][:, :3])
        np.testing.assert_array_equal(demo["obs/object"], frames["observation"][:, 3:])
        np.testing.assert_array_equal(demo["next_obs/object"][:-1], frames["observation"][1:, 3:])
        assert demo["rewards"][()].tolist() == [0.0] * 11 + [1.0]
        assert demo["dones"][()].tolist() == [0] * 11 + [1]
        assert demo["action_modes"][()].tolist() == [0] * 4 + [1] * 3 + [0] * 5
        assert set(data["demo_0/action_modes"][()]) == {-1}
        assert demo["column.rewards"].dtype == np.int32  # ours, not robomimic's
        assert {key: [m.decode() for m in members] for key, members in file["mask"].items()} == {
            "demonstration": ["demo_0"],
            "corrected": ["demo_1", "demo_2", "demo_3"],
            "success": ["demo_0", "demo_1", "demo_2"],
            "failure": ["demo_3"],
        }


def test_without_names_the_observation_is_one(tmp_path: Path) -> None:
    info = described()
    features = dict(info.features) | {"observation": standard_features(5, 3)["observation"]}
    record(tmp_path / "dataset", type(info)(info.task, 0.05, features), (3,))
    export_dataset(tmp_path / "dataset", "robomimic", tmp_path / "out")
    with h5py.File(tmp_path / "out") as file:
        assert list(file["data/demo_0/obs"]) == ["observation"]
    import_dataset(tmp_path / "out", "robomimic", tmp_path / "back")
    assert Dataset(tmp_path / "back").info.features == features


def test_without_h5py_one_line_says_how_to_get_it(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    for command in ("export", "import"):
        assert main(["data", command, str(dataset), "--format", "robomimic", "--out", str(tmp_path / "out")]) == 2
        assert capsys.readouterr().err == "retouch: 'h5py' is not installed: pip install 'retouch[robomimic]'\n"
    assert not (tmp_path / "out").exists()


# By others.

LENGTHS = (5, 4)
RNG = np.random.default_rng(0)
ACTIONS = [RNG.normal(size=(n, 2)) for n in LENGTHS]
EEF = [RNG.normal(size=(n, 3)) for n in LENGTHS]
OBJECT = [RNG.normal(size=(n, 2)).astype(np.float32) for n in LENGTHS]


def foreign(path: Path, change: Callable[[Any], None] = lambda file: None, env_args: str | None = None) -> Path:
    """Two demos as robomimic's own scripts leave them: demo_10 stands before demo_9 in the file."""
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["total"] = sum(LENGTHS)
        data.attrs["env_args"] = env_args or json.dumps({"env_name": "Lift", "env_kwargs": {"control_freq": 25}})
        for k, name in enumerate(("demo_9", "demo_10")):
            demo, steps = data.create_group(name), LENGTHS[k]
            demo.attrs["num_samples"], demo.attrs["model_file"] = steps, "<mujoco/>"
            demo["actions"], demo["states"] = ACTIONS[k], np.zeros((steps, 7))
            demo["obs/robot0_eef_pos"], demo["obs/object"] = EEF[k], OBJECT[k]
            demo["obs/agentview_image"] = np.zeros((steps, 8, 8, 3), np.uint8)
            demo["next_obs/object"] = OBJECT[k]
            demo["rewards"] = np.arange(steps) * (k == 1)
            demo["dones"] = np.zeros(steps, int)
        file["mask/train"] = np.array(["demo_9"], dtype="S")
        change(file)
    return path


def test_a_plain_file_of_demonstrations(tmp_path: Path) -> None:
    found = import_dataset(foreign(tmp_path / "low_dim.hdf5"), "robomimic", tmp_path / "back", DEMONSTRATIONS)
    assert found.outcomes == {"failure": 1, "success": 1}
    assert found.left_out == [
        "obs/agentview_image: the store holds no images, and of observations only vectors",
        "next_obs: what was seen before each step is kept, what was seen after the last one is not",
        "the attribute model_file of the episodes",
    ]
    back = Dataset(tmp_path / "back")
    assert (back.info.task, back.info.control_period_s) == ("Lift", 1 / 25)
    assert back.info.features["observation"].names == (
        "object_0",
        "object_1",
        *(f"robot0_eef_pos_{k}" for k in range(3)),
    )
    assert back.episodes[0].extra == {
        "imported": {"format": "robomimic", "from": "low_dim.hdf5", "demo": "demo_9", "masks": ["train"]}
    }
    for k in range(2):
        frames = back.frames(k)
        np.testing.assert_array_equal(frames["observation"], np.c_[OBJECT[k].astype(float), EEF[k]])
        np.testing.assert_array_equal(frames["action"], ACTIONS[k])
        np.testing.assert_array_equal(frames["operator_action"], ACTIONS[k])
        assert frames["sim_state"].shape == (LENGTHS[k], 7)
        assert (frames["control_source"] == ControlSource.OPERATOR).all()


def test_the_labels_of_sirius_say_kind_and_who_acted(tmp_path: Path) -> None:
    def label(file: Any) -> None:
        file["data/demo_9/action_modes"] = [-1] * 5
        file["data/demo_10/action_modes"] = [0, 1, 1, 0]

    source = foreign(tmp_path / "sirius.hdf5", label)
    import_dataset(source, "robomimic", tmp_path / "back")
    back = Dataset(tmp_path / "back")
    assert [e.kind for e in back.episodes] == ["demonstration", "corrected"]
    assert back.frames(0)["intervention"].all()
    assert back.frames(1)["intervention"].tolist() == [False, True, True, False]


def test_an_outcome_is_given_where_rewards_say_nothing(tmp_path: Path) -> None:
    source = foreign(tmp_path / "source")
    import_dataset(source, "robomimic", tmp_path / "back", Choices("demonstration", "success", "lifting"))
    back = Dataset(tmp_path / "back")
    assert [(e.outcome, e.reason) for e in back.episodes] == [("success", "as given at the import")] * 2
    assert back.info.task == "lifting"


def drop(*names: str) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        for name in names:
            del file[name]

    return change


def put(name: str, values: Any) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        del file[name]
        file[name] = values

    return change


BAD: dict[str, Callable[[Any], None]] = {
    "it has no group 'data' with episodes": drop("data/demo_9", "data/demo_10"),
    "demo_9 has no obs, or no actions": drop("data/demo_9/actions"),
    "demo_10 has no actions": drop("data/demo_10/actions"),
    "demo_10 has no obs/object": drop("data/demo_10/obs/object"),
    "of shape (5,), not one vector a step": put("data/demo_9/actions", np.zeros(5)),
    "of shape (3,) a step, not (2,)": put("data/demo_10/actions", np.zeros((4, 3))),
    "[3, 4] steps in columns of one episode": put("data/demo_10/obs/object", np.zeros((3, 2))),
    "demo_10: 3 steps of rewards, 4 of action": put("data/demo_10/rewards", np.zeros(3)),
    "demo_10/actions is not a column of numbers": put("data/demo_10/actions", np.array([["a"] * 2] * 4, "S")),
    "demo_9 has no obs, or": put("data/demo_9/obs", np.zeros(3)),
    "no observation of numbers": drop("data/demo_9/obs/object", "data/demo_9/obs/robot0_eef_pos"),
    "demo_10: step 2: action is not finite": put(
        "data/demo_10/actions", [[0.0, 0.0], [0.0, 0.0], [np.inf, 0.0], [0.0, 0.0]]
    ),
    "demo_10: the column 'dones' is missing": drop("data/demo_10/dones"),
    "neither successes nor rewards": drop("data/demo_9/rewards", "data/demo_10/rewards"),
}


def say(name: str, value: Any) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        file["data/demo_9"].attrs[name] = value

    return change


def note(value: Any) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        file["data/demo_9/retouch"] = value

    return change


BAD |= {
    "unknown kind of episode '[1, 2]'": say("kind", [1, 2]),
    "seed is a whole number from 0 up or None, not 1.5": say("seed", 1.5),
    "started_at is a time in ISO 8601, not 'then'": say("started_at", "then"),
    "is not JSON": note("{"),
    "is not a JSON object": note("[]"),
    "its extra cannot be written as JSON": note('{"extra": {"force": NaN}}'),
    "its versions is a dict, not list": note('{"versions": []}'),
    "source: ": note(3),
}


@pytest.mark.parametrize("hint", BAD)
def test_bad_input_is_one_clear_line_and_leaves_nothing(hint: str, tmp_path: Path) -> None:
    source = foreign(tmp_path / "source", BAD[hint])
    with pytest.raises(InputError) as caught:
        import_dataset(source, "robomimic", tmp_path / "back", DEMONSTRATIONS)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_what_a_file_does_not_say_is_asked_for(tmp_path: Path) -> None:
    for env_args, hint in (("{}", "give --rate"), ("junk", "env_args are not JSON")):
        source = foreign(tmp_path / hint[:4], env_args=env_args)
        with pytest.raises(InputError, match=hint):
            import_dataset(source, "robomimic", tmp_path / "back", Choices(kind="demonstration"))


def test_a_truncated_file_is_one_clear_line(export: Path, tmp_path: Path) -> None:
    data = export.read_bytes()
    for end in (10, 600, len(data) // 2, len(data) - 1):
        export.write_bytes(data[:end])
        with pytest.raises(InputError) as caught:
            import_dataset(export, "robomimic", tmp_path / "back")
        assert str(export) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "back").exists()
