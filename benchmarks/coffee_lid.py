"""Which of a policy's own samples harm at coffee: those at the lid, or those before it (IWR, section IV-C).

    retouch improve coffee --method iwr-nb --rounds 3 --checkpoint-trials 0 --test-trials 100 --out runs/coffee-nb
    .venv/bin/python benchmarks/coffee_lid.py --run runs/coffee-nb

Says first, round by round, how a lid was closed in the attempts that learning keeps: how long it took, and how far
beside the middle of the lid the hand was behind it. Then trains on the run's final data anew: on everything, without
the policy's samples at the lid, without those elsewhere, and without any (hg-dagger). Figures go to
benchmarks/results/coffee_lid.json.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retouch.episodes import Dataset
from retouch.evaluation import evaluate
from retouch.learning.config import TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.labels import Label
from retouch.learning.train import train
from retouch.learning.weights import Method, method
from retouch.policies.checkpoint import load_policy
from retouch.policies.files import write_json
from retouch.policies.torch_setup import single_thread
from retouch.run_folder import RunFolder
from retouch.tasks.coffee_view import View
from retouch.tasks.registry import make

RESULT = Path(__file__).parent / "results" / "coffee_lid.json"
BEHIND, OPEN = -0.06, 2.0  # the hand is behind the lid, in the machine's frame [m], which stands open [rad]
FAR = 0.02  # beside its middle [m]


def leaving_out(name: str, steps: NDArray[np.bool_]) -> Method:
    """iwr-nb without the policy's samples among these steps."""

    class Part(Method):
        def in_loss(self, labels: NDArray[np.int8]) -> NDArray[np.bool_]:
            return super().in_loss(labels) & ~((labels == Label.POLICY) & steps)

    return Part(**dataclasses.asdict(method("iwr-nb")) | {"name": name})


def closing(dataset: Dataset) -> dict[str, Any]:
    """How lids were closed in the attempts of a round that learning keeps."""
    task, steps, beside = make("coffee"), [], {0: [], 1: []}  # type: ignore[var-annotated]
    for episode in dataset.episodes:
        if episode.outcome != "success":
            continue
        frames = dataset.frames(episode, ["observation", "control_source"])
        at_lid = [task.phase(seen) == "close" for seen in frames["observation"]]
        steps.append(sum(at_lid))
        for seen, who in zip(frames["observation"][at_lid], frames["control_source"][at_lid], strict=True):
            view = View(seen)
            x, y, _ = view.machine_axes.T @ (view.tool - view.seat)
            if x < BEHIND and view.lid > OPEN:
                beside[int(who)].append(abs(y))
    return {
        "attempts": len(steps),
        "steps at the lid": float(np.mean(steps)),
        **{
            f"the {name}'s": {
                "steps behind it": len(found),
                "beside its middle [mm]": 1e3 * float(np.mean(found)),
                "further than 20 mm": float(np.mean(np.array(found) > FAR)),
            }
            for name, found in (("policy", beside[0]), ("person", beside[1]))
            if found
        },
    }


def main() -> None:
    """Look, train, try, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--training-seeds", type=int, default=2)
    parser.add_argument("--trials", type=int, default=200)
    wanted = parser.parse_args()
    single_thread()
    run, task = RunFolder.open(wanted.run), make("coffee")
    sets = [Dataset(run.data(number)) for number in range(run.last_round + 1)]
    found: dict[str, Any] = {"closing": [closing(dataset) for dataset in sets], "trained": {}}
    for number, round_ in enumerate(found["closing"]):
        print(f"round {number}: {round_}", flush=True)
    data = TrainingData.from_datasets(sets)
    at_lid = np.array([task.phase(seen) == "close" for seen in data.observation[np.arange(len(data))]])
    lid, elsewhere = "without the policy's samples at the lid", "without the policy's samples elsewhere"
    for how in (method("iwr-nb"), leaving_out(lid, at_lid), leaving_out(elsewhere, ~at_lid), method("hg-dagger")):
        for seed in range(wanted.training_seeds):
            out = run.folder / "policies" / "lid" / how.name.replace(" ", "-").replace("'", "") / f"seed-{seed}"
            if not (out / "policy.json").exists():
                train(data, how, TrainConfig(seed=seed), out)
            tried = evaluate(task, load_policy(out), wanted.trials)
            found["trained"].setdefault(how.name, []).append([sum(tried.successes), tried.trials])
            print(how.name, seed, tried, flush=True)
    write_json(RESULT, found)


if __name__ == "__main__":
    main()
