"""What the halves of a compliant residual are worth: force in, wrench out, who corrected, and how (CR-DAgger).

    retouch improve gear-insertion --method compliant-residual --rounds 1 --checkpoint-trials 0 --out runs/gear
    .venv/bin/python benchmarks/residual.py --run runs/gear

The run has the base and the corrections by pushing. Beside them, the same scripted person corrects the same base by
taking over, and one who sees trouble coming corrects it by pushing, as many attempts each. Every variant is trained
with the same seeds for as many epochs, and every policy is tried from the same initial states.

Primary metric, declared here: success of the last averaged weights on the test states, mean over the training seeds;
intervals by a bootstrap over seeds and states, differences paired. The base and the collections are one of each: their
variance is not in there. Run again, it goes on with what is missing.
"""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from retouch.collection import HORIZON_OF_PEOPLE, collect
from retouch.console import Terminal
from retouch.counting import Target, stream_of
from retouch.episodes import Dataset
from retouch.evaluation import evaluate
from retouch.learning.config import TrainConfig
from retouch.learning.correct import correct
from retouch.learning.corrections import Corrections, disagreement
from retouch.learning.data import TrainingData
from retouch.learning.residual_config import CorrectionConfig
from retouch.learning.train import train
from retouch.learning.weights import method
from retouch.operators.profile import Profile, profile
from retouch.operators.scripted import ScriptedPerson
from retouch.operators.way import Way
from retouch.outcomes import Evaluation
from retouch.policies.checkpoint import load_policy
from retouch.policies.files import write_json
from retouch.policies.protocol import Policy
from retouch.policies.residual import ResidualPolicy
from retouch.policies.residual_config import ResidualConfig
from retouch.policies.torch_setup import single_thread
from retouch.rounds import Run
from retouch.run_folder import RunFolder
from retouch.studies.bootstrap import mean_rate, paired_difference

ROOT = Path(__file__).resolve().parents[1]
COMPLIANT, REST = "compliant residual", "pushed"


@dataclasses.dataclass(frozen=True)
class Variant:
    """One row of the table.

    Attributes:
        data: `pushed`, `taken over` or `foreseen`.
        shape, corrections: what differs from the compliant residual.
        without: what is taken from the trained policy when it is tried.
        update: the method.
    """

    data: str = REST
    shape: dict[str, object] = dataclasses.field(default_factory=dict)
    corrections: dict[str, object] = dataclasses.field(default_factory=dict)
    without: str = ""
    update: str = "compliant-residual"


VARIANTS = {
    COMPLIANT: Variant(),
    "force in, pose out": Variant(shape={"wrench": False}),
    "no force in, pose and wrench out": Variant(shape={"force": False}),
    "no force in, pose out": Variant(shape={"force": False, "wrench": False}),
    "label: the hand's force / K": Variant(corrections={"labels": "hand"}),
    "with the base's action as input": Variant(shape={"base_action": True}),
    "sampled evenly": Variant(corrections={"dense": "none"}),
    "sampled more around the start": Variant(corrections={"dense": "around"}),
    "published smoothing, 1 s centred": Variant(corrections={"smoothing": 1.0, "centred": True}),
    "flow head": Variant(shape={"head": "flow"}),
    "tried without its force input": Variant(without="force"),
    "tried without its wrench output": Variant(without="wrench"),
    "corrected by taking over": Variant("taken over"),
    "corrected by one who sees it coming": Variant("foreseen"),
    "base retrained on everything": Variant(update="retrain"),
    "base finetuned on corrections": Variant(update="finetune"),
    "base finetuned, held by its divergence": Variant(update="finetune-kl"),
}


def foreseeing() -> Profile:
    """Who corrects before anything is touched: minds a tenth of the sideways error that `steady` does."""
    return dataclasses.replace(profile("steady"), name="steady, foreseeing", funnel_width=0.0006, funnel_slope=0.1)


def collected(run: Run, name: str, person: Profile, way: Way) -> Path:
    """As many corrected attempts as the run has, from the same initial states."""
    out, c = run.folder / "data" / name.replace(" ", "-"), run.config
    collect(
        run.task,
        ScriptedPerson(person),
        way,
        out,
        Target(episodes=c.corrected, max_attempts=c.max_attempts),
        policy=load_policy(run.policy(0, c.training_seeds[0])),
        policy_name="base",
        stream=stream_of(c.collection_seed, 1),
        round_number=1,
        horizon=HORIZON_OF_PEOPLE * run.task.horizon,
        progress=Terminal(),
        title=name,
    )
    return out


def tried(run: Run, name: str, policy: Callable[[], Policy], trials: int) -> Evaluation:
    """Its outcomes on the test states, tried once."""
    path = run.folder / "evaluations" / "residual" / f"{name}-of-{trials}.json"
    if not path.exists():
        evaluate(run.task, policy(), trials, name=name).save(path)
    return Evaluation.load(path)


def main() -> None:
    """Collect, train, try, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="of retouch improve --method compliant-residual")
    parser.add_argument("--training-seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--only", nargs="*", choices=list(VARIANTS), help="of the variants")
    wanted = parser.parse_args()
    single_thread()
    run = Run(wanted.run, RunFolder.open(wanted.run).config)
    c, base = run.config, run.policy(0, run.config.training_seeds[0])
    data = {"pushed": run.data(1)}
    chosen = {name: VARIANTS[name] for name in wanted.only or VARIANTS}
    if any(v.data == "taken over" for v in chosen.values()):
        data["taken over"] = collected(run, "taken over", profile("steady"), "take-over")
    if any(v.data == "foreseen" for v in chosen.values()):
        data["foreseen"] = collected(run, "foreseen", foreseeing(), "delta")
    corrections = {name: Corrections.from_datasets([Dataset(path)]) for name, path in data.items()}
    rows = {"base": [tried(run, "base", lambda: load_policy(base), wanted.trials)]}
    for name, variant in chosen.items():
        rows[name] = []
        for seed in range(wanted.training_seeds):
            shape = dataclasses.replace(ResidualConfig(), **variant.shape)  # type: ignore[arg-type]
            learnt = dataclasses.replace(CorrectionConfig(), **variant.corrections)  # type: ignore[arg-type]
            config: TrainConfig = dataclasses.replace(
                c.training, type="residual", residual=shape, corrections=learnt, seed=seed, checkpoints=1
            )
            trained = COMPLIANT if variant.without else name
            slug = trained.replace(" ", "-").replace("/", "over").replace(":", "").replace("'", "").replace(",", "")
            out = run.folder / "policies" / "residual" / slug / f"seed-{seed}"
            how = method(variant.update)
            if how.update == "residual":
                correct(corrections[variant.data], base, how, config, out)
            else:
                sets = [Dataset(run.data(1))] if how.update == "finetune" else [Dataset(run.data(n)) for n in (0, 1)]
                config = dataclasses.replace(c.training, seed=seed, checkpoints=1)
                anew = TrainingData.from_datasets(sets)
                train(anew, how, config, out, base=base if how.update == "finetune" else None)

            def policy(folder: Path = out, less: str = variant.without) -> Policy:
                loaded = load_policy(folder)
                if less:
                    assert isinstance(loaded, ResidualPolicy)
                    loaded.without = frozenset({less})
                return loaded

            label = f"{slug}{'-without-' + variant.without if variant.without else ''}-{seed}"
            rows[name].append(tried(run, label, policy, wanted.trials))
        print(name, [f"{evaluation.rate:.3f}" for evaluation in rows[name]], flush=True)
    figures: dict[str, object] = {
        "task": c.task,
        "data": {
            name: {
                "episodes": len(d.lengths),
                "steps": len(d),
                "corrected": float(d.corrected().mean()),
                "labels apart, hand's size [mm]": disagreement(d),
            }
            for name, d in corrections.items()
        },
    }
    best = np.array([evaluation.successes for evaluation in rows.get(COMPLIANT, rows["base"])], bool)
    table: dict[str, dict[str, object]] = {}
    for name, evaluations in rows.items():
        found = np.array([evaluation.successes for evaluation in evaluations], bool)
        same = np.repeat(found, len(best), axis=0) if len(found) == 1 else found
        table[name] = {
            "success": mean_rate(found),
            "each": [float(rate) for rate in found.mean(axis=1)],
            "compliant residual minus this": paired_difference(best, same) if COMPLIANT in rows else None,
        }
        print(f"{name:40} {table[name]}")
    write_json(ROOT / "benchmarks" / "results" / f"residual-{c.task}.json", figures | {"policies": table})


if __name__ == "__main__":
    main()
