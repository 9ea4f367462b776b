"""Every method on ONE data set, full demonstrations on their own: who wins when the data are equal (IWR, Table III).

    .venv/bin/python benchmarks/shared_data.py --out runs/shared --training-seeds 5 --trials 200

Two runs of `retouch improve` make the data: iwr with three rounds, and full-demos. Then each method trains on the iwr
run's final data, five training seeds each, with the same configuration and, as in the paper, for the same number of
epochs, and its last averaged policy is tried on the same 200 fresh initial states. The figures, their intervals and the
paired differences to iwr go to benchmarks/results/shared_data.json.

Primary metric, declared here: success of the last averaged checkpoint on the test states, mean over training seeds,
with an interval from a bootstrap over seeds and states. One collection carries it all: its variance is not in there.
For the base policies also the paper's metric: the maximum over checkpoints (raw weights, 50 rollouts, every second).

Run again, it goes on with what is missing. Several copies share the work (`--share 0/2` beside `--share 1/2`), and the
last one to finish writes the table.
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from retouch.console import Terminal
from retouch.counting import one_at_a_time
from retouch.episodes import Dataset
from retouch.evaluation import evaluate
from retouch.learning.config import TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.train import train
from retouch.learning.weights import method
from retouch.outcomes import Evaluation
from retouch.policies.checkpoint import checkpoint_steps, load_policy, read_info
from retouch.policies.files import write_json
from retouch.policies.torch_setup import single_thread
from retouch.rounds import Run
from retouch.run_folder import ImproveConfig
from retouch.studies.bootstrap import mean_rate, paired_difference
from retouch.tasks.registry import make

TRAINING = TrainConfig()
METHODS = ("base", "full-demos", "hg-dagger", "iwr-nb", "iwr")
RESULT = Path(__file__).parent / "results" / "shared_data.json"


def collected(out: Path, name: str, rounds: int, terminal: Terminal) -> Run:
    """A finished run whose data sets are used; only its collecting policies are trained."""
    config = ImproveConfig(method=name, rounds=rounds, training=TRAINING, checkpoint_trials=0)
    run = Run(out / f"collect-{name}", config, terminal)
    run.run()
    return run


def data_of(name: str, iwr: Run, demos: Run) -> list[Path]:
    """The data sets that a method learns from; the first demonstrations are the same in both runs."""
    if name == "base":
        return [iwr.data(0)]
    source = demos if name == "full-demos" else iwr
    return [source.data(r) for r in range(source.last_round + 1)]


def cell(out: Path, name: str, seed: int, sets: list[Path], trials: int, terminal: Terminal) -> None:
    """Train and evaluate one policy, unless it is there."""
    folder, task = out / name / f"seed-{seed}", make("threading")
    result = folder / "test.json"
    if result.exists():
        return
    data = TrainingData.from_datasets([Dataset(path) for path in sets])
    chosen = method("full-demos" if name == "base" else name)
    with terminal.stage(f"{name}, seed {seed}", 1.0) as stage:
        train(
            data,
            chosen,
            dataclasses.replace(TRAINING, seed=seed),
            folder,
            progress=lambda p: stage.at(p.step / p.steps),
        )
    for step in checkpoint_steps(folder)[1::2] if name == "base" else []:
        at = folder / f"select-{step:06d}.json"
        if not at.exists():
            evaluate(task, load_policy(folder, step, "raw"), 50, "select", name=f"{name}/{seed}/{step}").save(at)
    evaluate(task, load_policy(folder), trials, "test", name=f"{name}/{seed}").save(result)


def table(out: Path, seeds: int) -> dict:
    """Every figure, from the saved outcomes."""
    rows, outcomes = {}, {}
    for name in METHODS:
        tests = [Evaluation.load(out / name / f"seed-{s}" / "test.json") for s in range(seeds)]
        outcomes[name] = np.array([t.successes for t in tests])
        checkpoints = [
            [Evaluation.load(p).rate for p in sorted((out / name / f"seed-{s}").glob("select-*.json"))]
            for s in range(seeds)
        ]
        training = read_info(out / name / "seed-0").training
        rows[name] = {
            "seeds": seeds,
            "trials": tests[0].trials,
            "rates": [t.rate for t in tests],
            "mean": mean_rate(outcomes[name]),
            "paper_maximum": [max(c) for c in checkpoints if c],
            "gradient_steps": training["gradient_steps"],
            "epochs": training["epochs"],
            "samples": training["data"]["steps"],
            "intervention_share": training["intervention_share"],
        }
    for name in METHODS:
        if name != "iwr":
            rows[name]["iwr_minus_this"] = paired_difference(outcomes["iwr"], outcomes[name])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/shared"))
    parser.add_argument("--training-seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--share", default="0/1", help="which part of the policies this process makes, e.g. 0/2")
    args = parser.parse_args()
    if args.training_seeds < 1 or args.trials < 1:
        parser.error("--training-seeds and --trials are at least 1")
    single_thread()
    terminal = Terminal()
    with one_at_a_time(args.out, wait=True):  # the first of several copies collects
        iwr, demos = (collected(args.out, n, 3, terminal) for n in ("iwr", "full-demos"))
    part, parts = (int(v) for v in args.share.split("/"))
    cells = [(n, s) for s in range(args.training_seeds) for n in METHODS]
    for name, seed in cells[part::parts]:
        cell(args.out, name, seed, data_of(name, iwr, demos), args.trials, terminal)
    missing = [(n, s) for n, s in cells if not (args.out / n / f"seed-{s}" / "test.json").exists()]
    if missing:
        terminal.say(f"{len(missing)} policies are still being made elsewhere")
        return
    rows = table(args.out, args.training_seeds)
    write_json(RESULT, {"command": "benchmarks/shared_data.py", "training": dataclasses.asdict(TRAINING), "rows": rows})
    terminal.table(
        "one data set, every method (scripted person 'steady')",
        ("method", "success", "of each seed", "paper's maximum", "iwr minus this"),
        [
            [
                name,
                "{:.1f} % [{:.0f}, {:.0f}]".format(*(100 * v for v in r["mean"])),
                " ".join(f"{100 * v:.0f}" for v in r["rates"]),
                f"{100 * np.mean(r['paper_maximum']):.1f} ± {100 * np.std(r['paper_maximum'], ddof=1):.1f}"
                if r["paper_maximum"]
                else "",
                "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * v for v in r["iwr_minus_this"])) if name != "iwr" else "",
            ]
            for name, r in rows.items()
        ],
    )


if __name__ == "__main__":
    main()
