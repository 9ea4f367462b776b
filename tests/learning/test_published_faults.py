"""What is known to be wrong with the published code of paper 2, a test each: none of it here.

The newest reading of the force encoder counts most, and every one counts: tests/policies/test_force.py. A run that is
killed goes on, and nobody waits for ever for somebody who is gone: tests/test_ways.py, tests/processes.
"""

import ast
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import retouch
from learning.test_correct import SMALL, WAYPOINTS, base, pushed  # noqa: F401  base is a fixture
from retouch.learning.batches import Sampler, Windows
from retouch.learning.config import YIELDING
from retouch.learning.correct import correct
from retouch.learning.corrections import Samples, targets
from retouch.learning.residual_config import CorrectionConfig
from retouch.learning.weights import METHODS, method
from retouch.policies.checkpoint import load_policy
from retouch.policies.residual_config import ResidualConfig

SOURCES = sorted(Path(retouch.__file__).parent.rglob("*.py"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, base):  # noqa: F811
    """A residual as it comes out of training, and the folder that it is in."""
    out = tmp_path_factory.mktemp("trained") / "policy"
    config = replace(SMALL, steps=200, batch=32, learning_rate=3e-3, save_every=1000, report_every=100, checkpoints=1)
    correct(pushed(), base, method("compliant-residual"), config, out)
    return out


def said(policy, force: float) -> np.ndarray:
    """What a policy makes of a steady force from one side, twelve steps on."""
    session, observation = policy.session(1), pushed().observation[:1]
    ticks = np.zeros((1, 10, 52))
    ticks[..., 24] = ticks[..., 17] = ticks[..., 10] = ticks[..., 3] = 1.0  # no turn, in any of the poses
    ticks[..., 34] = force
    session.reset(0, seed=1)
    command = np.empty(0)
    for _ in range(12):
        command = session.act(np.array([0]), observation)[0]
        session.feel(np.array([0]), ticks)
    return command


def test_the_shipped_defaults_can_be_trained_and_run(tmp_path, base) -> None:  # noqa: F811
    """Its defaults crash at construction or in the first episode."""
    shipped = replace(YIELDING, steps=1, batch=4, checkpoints=1)
    assert (shipped.residual, shipped.corrections) == (ResidualConfig(), CorrectionConfig())
    correct(pushed(), base, method("compliant-residual"), shipped, tmp_path / "out")
    assert np.isfinite(said(load_policy(tmp_path / "out"), 5.0)).all()


def test_the_trained_force_encoder_is_the_one_that_acts(trained) -> None:
    """Its actor never gets the trained weights of the force encoder."""
    stored = load_file(trained / "weights.safetensors")
    network = load_policy(trained).network  # type: ignore[attr-defined]
    encoder = {f"network.force.{name}": tensor.numpy() for name, tensor in network.force.state_dict().items()}
    assert len(encoder) > 5
    for name, array in encoder.items():
        np.testing.assert_array_equal(stored[name], array)
    untrained = type(network)(network.layers[0].in_features - network.config.channels[-1], network.config)
    assert any((a != b).any() for a, b in zip(network.force.parameters(), untrained.force.parameters(), strict=True))
    one, other = said(load_policy(trained), 5.0), said(load_policy(trained), -5.0)
    assert np.abs(one - other).max() > 1e-3  # pressed from the other side it says something else


def test_nothing_is_drawn_when_it_acts(trained) -> None:
    """It crops, jitters and drops out at inference, too."""
    policy = load_policy(trained)
    np.testing.assert_array_equal(said(policy, 5.0), said(policy, 5.0))
    np.testing.assert_array_equal(said(policy, 5.0), said(load_policy(trained), 5.0))


def test_the_averaged_weights_are_averaged_and_the_ones_that_act(trained) -> None:
    """Its configuration asks for an average that is never made."""
    stored = load_file(trained / "weights.safetensors")
    both = {kind: load_policy(trained, 200, kind).network.state_dict() for kind in ("ema", "raw")}  # type: ignore[attr-defined]
    name = "out.weight"
    assert (both["ema"][name] != both["raw"][name]).any()
    np.testing.assert_array_equal(stored[f"network.{name}"], both["ema"][name].numpy())


def test_no_label_knows_what_came_after() -> None:
    """Its wrench labels are centred means of a second, which nobody is told."""
    data = pushed()
    later = data.contact.copy()
    later[20:40] += 7.0
    changed = replace(data, contact=later)
    before = slice(0, 20)
    default = CorrectionConfig()
    np.testing.assert_array_equal(targets(data, default)[before], targets(changed, default)[before])
    centred = replace(default, smoothing=1.0, centred=True)  # as published, for whoever asks for it
    assert (targets(data, centred)[before] != targets(changed, centred)[before]).any()


def test_an_episode_counts_as_much_as_a_newer_one() -> None:
    """It draws what is recent more often, unasked."""
    data = pushed()
    samples = Samples.of(data, CorrectionConfig(dense="none", held_out=0.0), ResidualConfig())
    chosen = np.flatnonzero(samples.learnt)
    sampler = Sampler(
        Windows(chosen, samples.dense[chosen], samples.last, samples.learnt, 1), METHODS["residual"], 64, 0
    )
    drawn = np.concatenate([chosen[sampler.draw(step)] for step in range(10 * sampler.steps_per_epoch)])
    per_episode = np.bincount(drawn // 40, minlength=20)
    assert per_episode.max() < 1.1 * per_episode.min()


def test_a_policy_is_read_from_tensors_and_text(trained) -> None:
    """It sends pickled modules over sockets that anybody may connect to."""
    kinds = {path.suffix for path in trained.rglob("*") if path.is_file()}
    assert kinds == {".safetensors", ".json"}
    for path in trained.rglob("*.json"):
        json.loads(path.read_text())
    banned = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not banned & {name.partition(".")[0] for name in names}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert ast.unparse(node.func) not in ("torch.load", "torch.save"), path


def test_nothing_is_configured_by_the_environment() -> None:
    """It is configured by five environment variables and by editing Python files."""
    read: dict[str, set[str]] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name in ("os.getenv", "os.environ.get"):
                read.setdefault(path.name, set()).add(ast.unparse(node))
    known = {
        # where the system and numba keep caches, which doctor tells
        "doctor.py": {"os.environ.get('NUMBA_CACHE_DIR')", "os.environ.get('XDG_CACHE_HOME')"},
        # wandb's own switches, which its users know
        "wandb.py": {"os.environ.get('WANDB_MODE', 'offline')", "os.environ.get('WANDB_PROJECT', PROJECT)"},
    }
    assert read == known, "an option belongs on the command line"
