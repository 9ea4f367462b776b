"""From pictures of a wrist to a policy that looks, and a residual beside it: collected, trained, tried."""

import json
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest

from retouch.cli import main
from retouch.collection import collect, dataset_info
from retouch.counting import Target
from retouch.episodes import Dataset
from retouch.errors import InputError, PolicyError
from retouch.evaluation import evaluate
from retouch.formats import export_dataset
from retouch.learning.config import TrainConfig
from retouch.learning.correct import correct
from retouch.learning.corrections import Corrections
from retouch.learning.update import update
from retouch.learning.weights import method
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.policies.checkpoint import load_policy, read_info
from retouch.policies.diffusion_config import DiffusionConfig
from retouch.rollout import rollout
from retouch.run_folder import ImproveConfig
from retouch.sim.eye import Eye
from retouch.sim.world import Worlds, set_state
from retouch.tasks.gear import GearInsertion
from tiny import tiny

TASK, PERSON, SIZE = GearInsertion(), ScriptedPerson(profile("steady")), 32
CONFIG = TrainConfig(
    type="diffusion",
    steps=4,
    batch=4,
    checkpoints=1,
    diffusion=DiffusionConfig(denoiser="mlp", hidden=16, process="flow", inference_steps=2, images="cnn", picture=SIZE),
)


@pytest.fixture(scope="module")
def demonstrations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("looking") / "demonstrations"
    collect(TASK, PERSON, "demonstrate", out, Target(episodes=1, max_attempts=3), worlds=1, pictures=SIZE)
    return out


@pytest.fixture(scope="module")
def base(demonstrations: Path) -> Path:
    out = demonstrations.parent / "base"
    assert update([Dataset(demonstrations)], method("full-demos"), CONFIG, out).finished
    return out


def test_recorded_pictures_are_of_the_recorded_states(demonstrations: Path) -> None:
    """Every fourth step there is a new one, as the task's camera sees the world before that step."""
    dataset = Dataset(demonstrations)
    frames = dataset.frames(dataset.episodes[0])
    steps = np.arange(len(frames["step"]))
    np.testing.assert_allclose(frames["picture_wrist_s"], 0.08 * (steps // 4))
    data, eye = Worlds(TASK.physics, 1).datas[0], Eye(TASK.drawing, "wrist", SIZE, SIZE)
    for step in (0, 40, steps[-1]):
        set_state(TASK.physics, data, frames["sim_state"][step // 4 * 4])
        np.testing.assert_array_equal(frames["picture_wrist"][step], eye.picture(data))
    assert len(np.unique(frames["picture_wrist"], axis=0)) > len(steps) / 8


def test_pictures_change_nothing_else(demonstrations: Path, tmp_path: Path) -> None:
    collect(TASK, PERSON, "demonstrate", tmp_path, Target(episodes=1, max_attempts=3), worlds=1)
    blind, looking = Dataset(tmp_path), Dataset(demonstrations)
    frames = looking.frames(looking.episodes[0])
    for name, values in blind.frames(blind.episodes[0]).items():
        np.testing.assert_array_equal(frames[name], values, err_msg=name)


def test_a_policy_that_looks_and_a_residual_beside_it(base: Path, tmp_path: Path) -> None:
    policy = load_policy(base)
    pushed = tmp_path / "pushed"
    options = {"policy": policy, "policy_name": "base", "horizon": 40, "worlds": 1, "pictures": SIZE}
    collect(TASK, PERSON, "delta", pushed, Target(episodes=1, max_attempts=1), **options)  # type: ignore[arg-type]
    seen = {"outcomes": ("success", "failure"), "eyes": policy.eyes}  # type: ignore[attr-defined]
    corrections = Corrections.from_datasets([Dataset(pushed)], **seen)
    correct(corrections, base, method("compliant-residual"), CONFIG, tmp_path / "residual")
    for folder in (base, tmp_path / "residual"):
        found = evaluate(TASK, load_policy(folder), 1)
        assert found.trials == 1


@pytest.mark.parametrize("worlds", [1, 3])
def test_an_attempt_depends_on_its_seed_alone(base: Path, worlds: int) -> None:
    attempts = list(rollout(TASK, [5, 6, 7], policy=load_policy(base), horizon=70, worlds=worlds))
    alone = next(rollout(TASK, [7], policy=load_policy(base), horizon=70, worlds=1))
    np.testing.assert_array_equal(attempts[2].final_state, alone.final_state)


def test_a_policy_that_looks_draws_when_it_asks_and_no_other_at_all(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[float] = []
    picture = Eye.picture

    def counted(self: Eye, data: mujoco.MjData) -> np.ndarray:
        drawn.append(data.time)
        return picture(self, data)

    monkeypatch.setattr(Eye, "picture", counted)
    list(rollout(TASK, [5], policy=load_policy(base), horizon=70, worlds=1))
    np.testing.assert_allclose(drawn, [0.0, 52 * 0.02, 60 * 0.02], atol=1e-9)
    drawn.clear()
    list(rollout(TASK, [5], operator=PERSON, way="demonstrate", horizon=10, worlds=1))
    assert not drawn


@pytest.mark.slow
def test_corrections_are_recorded_with_what_the_policy_sees_without_being_asked_for(base: Path, tmp_path: Path) -> None:
    wanted = ["--policy", str(base), "--correct", "delta", "--episodes", "1", "--max-attempts", "1", "--json"]
    main(["collect", "gear-insertion", "--out", str(tmp_path), *wanted])
    assert Dataset(tmp_path).info.features["picture_wrist"].shape == (SIZE, SIZE, 3)


def test_a_task_without_the_camera(base: Path) -> None:
    policy = load_policy(base)
    policy.network.config = replace(policy.network.config, camera="head")  # type: ignore[attr-defined]
    with pytest.raises(PolicyError, match="through a camera 'head': gear-insertion has none"):
        next(rollout(TASK, [5], policy=policy))


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, small = tmp_path / "demonstrations", ["--diffusion.denoiser", "mlp", "--diffusion.hidden", "8"]
    assert main(["collect", "gear-insertion", "--out", str(out), "--camera", "24", "--episodes", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["attempts"] == 1
    looking = ["--type", "diffusion", "--diffusion.images", "cnn", "--diffusion.picture", "24", *small]
    assert main(["train", str(out), "--out", str(tmp_path / "policy"), "--steps", "2", *looking]) == 0
    assert read_info(tmp_path / "policy").network["picture"] == 24
    assert main(["train", str(out), "--out", str(tmp_path / "p"), *looking, "--diffusion.picture", "96"]) == 2
    assert "pictures of 24 pixels, the policy's have 96" in capsys.readouterr().err
    assert main(["collect", "threading", "--out", str(tmp_path / "t"), "--camera", "96"]) == 2
    assert "no camera that policies look through" in capsys.readouterr().err
    assert main(["collect", "threading", "--out", str(tmp_path / "t"), "--camera", "-1"]) == 2


def test_a_run_records_what_its_base_will_see() -> None:
    assert ImproveConfig("gear-insertion", training=CONFIG).pictures == SIZE
    assert ImproveConfig("gear-insertion", training=replace(CONFIG, diffusion=DiffusionConfig())).pictures == 0
    again = ImproveConfig.from_json(ImproveConfig("gear-insertion", training=CONFIG).fingerprint())
    assert again.training.diffusion == CONFIG.diffusion
    with pytest.raises(InputError, match="tiny has no camera"):
        dataset_info(tiny(), 96)


@pytest.mark.parametrize("format", ["lerobot", "robomimic"])
def test_exports_leave_pictures_out_and_say_so(demonstrations: Path, tmp_path: Path, format: str) -> None:
    out = tmp_path / ("out.hdf5" if format == "robomimic" else "out")
    exchanged = export_dataset(demonstrations, format, out)  # type: ignore[arg-type]
    assert "the pictures" in exchanged.left_out
    files = [out] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
    assert not [path for path in files if b"picture_wrist" in path.read_bytes()]
