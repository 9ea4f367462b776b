"""`retouch demo`."""

from pathlib import Path
from typing import Annotated

import tyro

from retouch.commands.learn import show_run
from retouch.console import Terminal


def demo(
    *,
    out: Path = Path("runs/demo"),
    rounds: int = 2,
    seed: int = 0,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Train a threading policy, let a scripted person intervene, learn from it, and show the success before and after.

    Args:
        out: folder of the run; run again, it goes on from what is there.
        rounds: of intervention and training.
        seed: of collecting and training.
        as_json: print the result as JSON.
    """
    from retouch.policies.torch_setup import single_thread
    from retouch.rounds import Run
    from retouch.run_folder import ImproveConfig

    single_thread()
    terminal = Terminal(as_json)
    config = ImproveConfig(
        task="threading",
        method="iwr",
        rounds=rounds,
        collection_seed=seed,
        training_seeds=(seed,),
        checkpoint_trials=0,
        test_trials=100,
    )
    terminal.say("demo: 30 scripted demonstrations -> base policy -> scripted interventions -> improved policy")
    show_run(Run(out, config, terminal, f"retouch demo --rounds {rounds} --seed {seed}"), terminal)
