"""robomimic itself trains on our exports and acts in our task. `make peers` installs it and runs this."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.peer_policy import ROBOMIMIC, RobomimicPolicy

from retouch.collection import collect
from retouch.counting import Target
from retouch.episodes import Dataset
from retouch.errors import PolicyError
from retouch.evaluation import evaluate
from retouch.formats import export_dataset
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.tasks.registry import make

pytest.importorskip("h5py", reason="h5py is not installed: pip install 'retouch[robomimic]'")
pytestmark = pytest.mark.skipif(
    not (ROBOMIMIC.parents[1] / ".installed").exists(),
    reason="robomimic is not installed beside us: make -C benchmarks/peers .venv-robomimic/.installed",
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "demonstrations"
    collect(make("threading"), ScriptedPerson(profile("steady")), "demonstrate", out, Target(episodes=2), worlds=2)
    return out


@pytest.fixture(scope="module")
def export(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "demos.hdf5"
    export_dataset(dataset, "robomimic", out)
    return out


def test_robomimic_trains_on_an_export_and_acts_in_our_task(export: Path, dataset: Path) -> None:
    with RobomimicPolicy(export, "--steps", "20", "--filter-key", "demonstration") as policy:
        told = policy.summary
        assert (told["task"], told["demos"]) == ("threading", len(Dataset(dataset).episodes))
        assert told["windows"] == sum(episode.steps for episode in Dataset(dataset).episodes)
        assert told["sizes"] == [9, 28]
        assert np.isfinite(told["loss"])
        assert evaluate(make("threading"), policy, 2, "tune", worlds=2).trials == 2


def test_a_slot_is_a_rollout_of_its_own(export: Path) -> None:
    """What the policy does in one depends on nothing in another, and begins anew when it is reset."""
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(3, 2, 37)).astype(np.float32)
    with RobomimicPolicy(export, "--steps", "5") as policy:
        session = policy.session(2)
        for slot in (0, 1):
            session.reset(slot, 0)
        together = [session.act([0, 1], pair) for pair in seen]
        session.reset(1, 0)
        alone = [session.act([1], pair[1:]) for pair in seen]
    np.testing.assert_allclose([pair[1] for pair in together], [one[0] for one in alone], atol=1e-6)
    assert np.abs(together[0][0] - together[0][1]).max() > 1e-6


def test_what_robomimic_says_last_is_told(tmp_path: Path) -> None:
    (tmp_path / "junk").write_text("junk")
    with (
        pytest.raises(PolicyError, match=r"robomimic ended: .*signature not found"),
        RobomimicPolicy(tmp_path / "junk"),
    ):
        pass
