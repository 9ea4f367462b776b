"""Our figures beside the peers', as ratios: `make bench`.

Every measurement is a process of its own; ours and the peers' take turns, round after round, so that what a shared
machine does to one it does to the other. Medians over rounds are compared. The table goes to the terminal, everything
with every single value to benchmarks/results/bench.json.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from arrays import make_arrays

HERE = Path(__file__).parent
PEERS = HERE / "peers"
RESULT = HERE / "results" / "bench.json"


class BenchFailed(Exception):
    """A measurement ended without a result; the message holds what it said."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure of ours, what it is compared with, and what is wanted."""

    what: str
    unit: str
    ours: float
    other: float | None
    against: str
    wanted: str
    reached: bool | None


def run(command: list[str | Path]) -> dict:
    """The JSON that a measurement prints last."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        told = (done.stderr.strip() or "no output").splitlines()[-1]
        raise BenchFailed(f"{Path(str(command[1])).name} failed: {told}")
    return json.loads(lines[-1])


def measurements(arrays: Path, seconds: float, steps: int) -> dict[str, list[str | Path]]:
    """The commands of one round, in the order in which they run: ours and a peer's in turns."""
    ours, sim, train = sys.executable, HERE / "bench_sim.py", HERE / "bench_train.py"
    robosuite, robomimic = (PEERS / f".venv-{name}" / "bin" / "python" for name in ("robosuite", "robomimic"))
    commands: dict[str, list[str | Path]] = {
        "step": [ours, sim, "step", "overhead", "--seconds", str(seconds)],
        "robosuite": [robosuite, PEERS / "robosuite_lift.py", "--seconds", str(seconds)],
        "cores": [ours, sim, "cores", "--seconds", str(seconds)],
        "train": [ours, train, arrays, "bare", "ours", "inference", "--steps", str(steps), "--repeats", "2"],
        "robomimic": [robomimic, PEERS / "robomimic_train.py", arrays, "--steps", str(steps), "--repeats", "1"],
        "draw": [ours, sim, "draw", "--seconds", str(seconds)],
    }
    return commands


def median(samples: list[dict], *keys: str) -> float | None:
    """Median over rounds of the value at `keys`; none when nothing was measured."""
    values = []
    for sample in samples:
        for key in keys:
            sample = sample[key]
        values.append(sample)
    return statistics.median(values) if values else None


def rows(samples: dict[str, list[dict]]) -> list[Row]:
    """The table's lines, for whatever was measured."""
    table: list[Row] = []

    def add(
        what: str,
        unit: str,
        ours: float | None,
        other: float | None,
        against: str,
        wanted: str,
        reached: Callable[[float, float], bool] | None,
    ) -> None:
        if ours is not None:
            verdict = reached(ours, other if other is not None else 1.0) if reached and (other or not against) else None
            table.append(Row(what, unit, ours, other, against, wanted, verdict))

    def at_least(ratio: float) -> tuple[str, Callable[[float, float], bool]]:
        return f">= {ratio:g} x", lambda ours, other: ours >= ratio * other

    step, peer, train, mimic = (samples[name] for name in ("step", "robosuite", "train", "robomimic"))
    ours = median(step, "env_steps_per_cpu_s")
    lift = median(peer, "env_steps_per_cpu_s")
    add("closed-loop control steps", "1/s", ours, lift, "robosuite Lift", *at_least(15))
    add(
        "controller, per substep",
        "us",
        median(step, "added_us_per_substep"),
        median(step, "bare_us_per_substep"),
        "bare mj_step",
        "<= 8 us",
        lambda ours, other: ours <= 8,
    )
    cores = samples["cores"]
    add(
        "two cores against one",
        "x",
        median(cores, "two_cores"),
        median(cores, "two_cores_bare"),
        "bare mj_step",
        ">= 1.7 x",
        lambda ours, other: ours >= 1.7,
    )
    rate = median(train, "training_steps_per_cpu_s", "ours")
    bare = median(train, "training_steps_per_cpu_s", "bare")
    routes = {name: median(mimic, "training_steps_per_cpu_s", name) for name in ("balanced", "low_dim", "all")}
    add("training, balanced", "1/s", rate, routes["balanced"], "robomimic 50/50", *at_least(1.5))
    add("training", "1/s", rate, routes["low_dim"], "robomimic, cache low_dim", "", None)
    add("training", "1/s", rate, routes["all"], "robomimic, cache all", "", None)
    add("training", "1/s", rate, bare, "bare torch loop", *at_least(0.95))
    for robots in ("1", "50"):
        ours = median(train, "inference_cpu_ms", robots)
        other = median(mimic, "inference_cpu_ms", robots)
        add(f"inference, {robots} at once", "ms", ours, other, "robomimic", "", None)
    pictures = [
        ("84x84", ">= 800", lambda ours, other: ours >= 800),
        ("320x240", "", None),
        ("640x480", ">= 120", lambda ours, other: ours >= 120),
    ]
    for size, wanted, reached in pictures:
        rate = median(samples["draw"], "pictures_per_cpu_s", size)
        add(f"pictures, {size}", "1/s", rate, None, "", wanted, reached)
    return table


def show(table: list[Row], console: Console) -> None:
    """Prints the table."""
    shown = Table(title="per second of CPU time, medians")
    for name in ("", "ours", "other", "against", "ratio", "wanted", ""):
        shown.add_column(name, justify="right" if name in ("ours", "other", "ratio") else "left")
    marks = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}
    for row in table:
        other = "" if row.other is None else f"{row.other:.3g}"
        ratio = "" if row.other is None else f"{row.ours / row.other:.2f}"
        shown.add_row(row.what, f"{row.ours:.4g} {row.unit}", other, row.against, ratio, row.wanted, marks[row.reached])
    console.print(shown)


def machine() -> dict[str, object]:
    """What the figures were measured on; ratios are what travels."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        cpu = next(
            (line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line), cpu
        )
    return {"cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="CPU seconds of a measurement")
    parser.add_argument("--steps", type=int, default=200, help="gradient steps of a measurement")
    parser.add_argument("--only", nargs="+", help="names of measurements: step robosuite cores train robomimic draw")
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    console, faults = Console(), []
    began = machine()
    with tempfile.TemporaryDirectory() as folder:
        arrays = Path(folder) / "arrays.npz"
        np.savez(arrays, **make_arrays())
        commands = measurements(arrays, args.seconds, args.steps)
        samples: dict[str, list[dict]] = {name: [] for name in commands}
        for name, command in list(commands.items()):
            if args.only and name not in args.only:
                del commands[name]
            elif not Path(str(command[0])).exists():
                faults.append(f"{name} is not installed: make -C benchmarks/peers")
                del commands[name]
        for turn in range(args.rounds):
            for name, command in list(commands.items()):
                with console.status(f"round {turn + 1} of {args.rounds}: {name}"):
                    try:
                        samples[name].append(run(command))
                    except BenchFailed as fault:
                        faults.append(str(fault))
                        del commands[name]
    table = rows(samples)
    show(table, console)
    for fault in faults:
        console.print(f"[yellow]{fault}[/]", highlight=False)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "command": "make bench",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": began,
        "rounds": args.rounds,
        "table": [asdict(row) for row in table],
        "faults": faults,
        "samples": samples,
    }
    args.out.write_text(json.dumps(result, indent=1) + "\n")
    console.print(f"written to {args.out}", highlight=False)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
