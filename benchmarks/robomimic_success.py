"""robomimic's BC-RNN on our export beside ours on the same demonstrations: success in our task at equal steps.

    make -C benchmarks/peers .venv-robomimic/.installed
    retouch collect threading --episodes 30 --out runs/formats/demos
    .venv/bin/python benchmarks/robomimic_success.py runs/formats/demos --out runs/formats

The same network (2 x 100 LSTM units, sequences of 10, batches of 100) and as many gradient steps everywhere:

- `robomimic, as it comes`: its own defaults: Adam at 1e-4, observations as they are;
- `robomimic, our rate`: 1e-3, and observations normalised by its own means and deviations;
- `ours, that recipe`: as the row above: a constant rate of 1e-3, normalised observations, raw weights;
- `ours`: as `retouch train` does: 1e-3 falling to zero, normalised observations, averaged weights.

robomimic acts by its own RolloutPolicy in its own interpreter. Each policy is tried from the same initial states. Run
again, it goes on with what is missing.
"""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from peer_policy import RobomimicPolicy
from retouch.console import Terminal
from retouch.episodes import Dataset
from retouch.evaluation import evaluate
from retouch.formats import export_dataset
from retouch.learning.config import TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.train import train
from retouch.learning.weights import method
from retouch.outcomes import Evaluation
from retouch.policies.checkpoint import Averaging, load_policy
from retouch.policies.files import write_json
from retouch.policies.torch_setup import single_thread
from retouch.studies.bootstrap import mean_rate, paired_difference
from retouch.tasks.registry import make

RESULT = Path(__file__).parent / "results" / "robomimic_success.json"
TWIN = ("robomimic, our rate", "ours, that recipe")


def by_robomimic(file: Path, steps: int, seed: int, trials: int, *options: str) -> Evaluation:
    """One training and evaluation of robomimic's."""
    with RobomimicPolicy(file, "--steps", str(steps), "--seed", str(seed), *options) as policy:
        return evaluate(make("threading"), policy, trials, "test")


def by_us(dataset: Path, config: TrainConfig, weights: Averaging, folder: Path, trials: int) -> Evaluation:
    """One training and evaluation of ours."""
    train(TrainingData.from_datasets([Dataset(dataset)]), method("full-demos"), config, folder)
    return evaluate(make("threading"), load_policy(folder, weights=weights), trials, "test")


def rows(args: argparse.Namespace, file: Path) -> dict[str, Callable[[int], Evaluation]]:
    """How each row of the table is made, from a training seed."""
    ours = TrainConfig(steps=args.steps)
    plain = dataclasses.replace(ours, decay="constant")

    def one_of_ours(config: TrainConfig, weights: Averaging, name: str) -> Callable[[int], Evaluation]:
        return lambda seed: by_us(
            args.dataset,
            dataclasses.replace(config, seed=seed),
            weights,
            args.out / name / f"seed-{seed}",
            args.trials,
        )

    return {
        "robomimic, as it comes": lambda seed: by_robomimic(file, args.steps, seed, args.trials),
        TWIN[0]: lambda seed: by_robomimic(
            file, args.steps, seed, args.trials, "--normalise", "--learning-rate", str(ours.learning_rate)
        ),
        TWIN[1]: one_of_ours(plain, "raw", "plain"),
        "ours": one_of_ours(ours, "ema", "ours"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path, help="demonstrations of threading")
    parser.add_argument("--out", type=Path, default=Path("runs/formats"))
    parser.add_argument("--steps", type=int, default=3000, help="gradient steps")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each row")
    parser.add_argument("--trials", type=int, default=100)
    args = parser.parse_args()
    single_thread()
    terminal, file = Terminal(), args.out / "demos.hdf5"
    if not file.exists():
        export_dataset(args.dataset, "robomimic", file)
    found: dict[str, list[Evaluation]] = {}
    for seed in range(args.seeds):
        for name, run in rows(args, file).items():
            at = args.out / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}.json"
            if not at.exists():
                run(seed).save(at)
            found.setdefault(name, []).append(Evaluation.load(at))
            terminal.say(f"{name}, seed {seed}: {found[name][-1]}")
    outcomes = {name: np.array([one.successes for one in some]) for name, some in found.items()}
    table = {
        name: {
            "rates": [one.rate for one in some],
            "wilson": [one.interval for one in some],
            "mean": mean_rate(outcomes[name]),
        }
        for name, some in found.items()
    }
    difference = paired_difference(*(outcomes[name] for name in TWIN))
    write_json(
        RESULT,
        {
            "command": f"benchmarks/robomimic_success.py --steps {args.steps} --trials {args.trials}",
            "rows": table,
            "twins": {"rows": TWIN, "difference": difference},
        },
    )
    terminal.table(
        f"BC-RNN on the same demonstrations, {args.steps} gradient steps, {args.trials} trials a policy",
        ("policy", "success", "of each training seed"),
        [
            [
                name,
                "{:.1f} % [{:.0f}, {:.0f}]".format(*(100 * v for v in row["mean"])),
                "; ".join(map(str, found[name])),
            ]
            for name, row in table.items()
        ],
        justify="left",
    )
    terminal.line("{}, minus {}: {:+.1f} [{:+.1f}, {:+.1f}]".format(*TWIN, *(100 * v for v in difference)))


if __name__ == "__main__":
    main()
