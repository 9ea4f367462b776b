"""Every way of correcting a contact task, from the command line: demonstrations, a base policy, corrections, a plot."""

import json

import numpy as np
import pytest

from retouch.cli import main
from retouch.episodes.reader import Dataset
from retouch.episodes.schema import ControlSource

SMALL = ["--steps", "3", "--batch", "8", "--checkpoints", "1", "--json"]
SHAPE = ["--diffusion.channels", "8", "16", "--diffusion.embedding", "8", "--diffusion.inference-steps", "2"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Demonstrations of gear insertion and a policy that has learnt next to nothing from them."""
    folder = tmp_path_factory.mktemp("ways")
    demonstrations, policy = str(folder / "demonstrations"), str(folder / "policy")
    assert main(["collect", "gear-insertion", "--episodes", "2", "--out", demonstrations, "--json"]) == 0
    assert main(["train", demonstrations, "--type", "diffusion", "--out", policy, *SMALL, *SHAPE]) == 0
    return folder


@pytest.mark.parametrize(
    ("way", "kind", "who"),
    [
        ("observe", "demonstration", ControlSource.OPERATOR),
        ("take-over", "corrected", ControlSource.OPERATOR),
        ("delta", "corrected", ControlSource.BOTH),
    ],
)
def test_a_policy_is_corrected_and_the_episode_drawn(base, way, kind, who, tmp_path, capsys):
    out, plot = tmp_path / way, tmp_path / "episode.svg"
    arguments = ["--policy", str(base / "policy"), "--episodes", "1", "--max-attempts", "1", "--out", str(out)]
    capsys.readouterr()
    status = main(["collect", "gear-insertion", "--operator", "scripted", "--correct", way, *arguments, "--json"])
    counted = json.loads(capsys.readouterr().out)
    dataset = Dataset(out)
    (episode,) = dataset.all_episodes
    assert status == (0 if counted["successes"] else 1)
    assert (episode.kind, counted["attempts"], counted["corrected"]) == (kind, 1, 1)
    frames = dataset.frames(episode)
    acted = frames["intervention"]
    assert acted.any()
    assert (frames["control_source"][acted] == who).all()
    assert counted["largest_force"] == pytest.approx(
        np.linalg.norm(frames["tick_contact_wrench"][..., :3], axis=-1).max(), rel=1e-5
    )
    due = frames["policy_waypoints"][..., 0]  # also where the policy thinks in the shadow of a demonstration
    assert (np.diff(due, axis=1) > 0.09).all()
    asked = due[:, 0] - 0.1  # the chunk's times count from then: a step's time, not in the future
    np.testing.assert_allclose(asked / 0.02, np.round(asked / 0.02), atol=1e-3)
    assert ((asked <= frames["time_s"] + 1e-5) & (asked > frames["time_s"] - 1.21)).all()
    assert main(["data", "show", str(out), "0", "--plot", str(plot)]) == 0
    assert "<svg" in plot.read_text()


def test_a_bc_rnn_is_refused_with_what_to_do(base, tmp_path, capsys):
    assert main(["train", str(base / "demonstrations"), "--out", str(tmp_path / "policy"), *SMALL]) == 2
    assert "--type diffusion" in capsys.readouterr().err


RESIDUAL = ["--residual.hidden", "8", "--residual.channels", "4", "4", "4", "4", "4"]


@pytest.mark.parametrize("method", ["compliant-residual", "finetune"])
def test_a_base_is_improved_by_corrections_and_a_run_goes_on(method, tmp_path, capsys):
    """Base, corrections, another policy and both evaluated, in one command; run again it is done."""
    shape = ["--training.type", "diffusion", "--training.diffusion.process", "flow"]
    shape += ["--training.diffusion.denoiser", "mlp", "--training.diffusion.hidden", "64"]
    small = [
        "--demonstrations",
        "2",
        "--corrected",
        "1",
        "--rounds",
        "1",
        "--checkpoint-trials",
        "0",
        "--test-trials",
        "2",
    ]
    steps = ["--training.steps", "400", "--training.batch", "32", "--training.checkpoints", "1"]
    learning = [f"--training.{a.removeprefix('--')}" if a[0] == "-" else a for a in RESIDUAL]
    command = [
        "improve",
        "gear-insertion",
        "--method",
        method,
        "--out",
        str(tmp_path),
        *small,
        *steps,
        *shape,
        *learning,
    ]
    assert main([*command, "--json"]) == 0
    once = json.loads(capsys.readouterr().out)
    assert [result["round"] for result in once["results"]] == [0, 1]
    kind = json.loads((tmp_path / "policies/round-1/seed-0/policy.json").read_text())["type"]
    assert kind == ("residual" if "residual" in method else "diffusion")
    (episode,) = [e for e in Dataset(tmp_path / "data/round-1").episodes if e.outcome == "success"]
    assert (episode.kind, episode.policy) == ("corrected", "policies/round-0/seed-0")
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["results"] == once["results"]


def test_a_residual_needs_its_base_and_a_robot_that_yields(base, tmp_path, capsys):
    out = ["--out", str(tmp_path / "policy")]
    assert main(["train", str(base / "demonstrations"), "--method", "compliant-residual", *out]) == 2
    assert "compliant-residual needs --base" in capsys.readouterr().err
    assert main(["train", str(base / "demonstrations"), "--base", str(base / "policy"), *out]) == 2
    assert "full-demos goes without --base" in capsys.readouterr().err
    beside = ["--method", "residual", "--base", str(base / "policy"), *out]
    assert main(["train", str(base / "demonstrations"), *beside]) == 2
    assert "no policy was running" in capsys.readouterr().err
    assert main(["improve", "threading", "--method", "compliant-residual", "--out", str(tmp_path / "run")]) == 2
    assert "for a robot that yields" in capsys.readouterr().err
