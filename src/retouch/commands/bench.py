"""`retouch bench`: our own speed on this machine. The peers' side is `make bench`."""

import functools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from retouch.console import Terminal

if TYPE_CHECKING:
    from retouch.sim.world import Worlds
    from retouch.tasks.base import Task

What = Literal["sim", "camera", "train", "policy", "store", "skill"]
ALL: tuple[What, ...] = ("sim", "camera", "train", "policy", "store")
WORLDS = 16
Figures = dict[str, tuple[float, str]]


def bench(
    what: tyro.conf.Positional[tuple[What, ...]] = ALL,
    *,
    task: str = "threading",
    seconds: float = 2.0,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Measure our own speed: medians of CPU time, one thread unless said otherwise.

    Args:
        what: sim, camera, train, policy, store; skill measures the scripted skill from 500 random hand-overs (minutes).
        task: whose simulation, camera, store and skill are measured.
        seconds: CPU time of each measurement.
        as_json: print the result as JSON.
    """
    from retouch.policies.torch_setup import single_thread
    from retouch.tasks.registry import make

    single_thread()
    terminal = Terminal(as_json)
    made = make(task)
    found: dict[str, Figures] = {}
    for name in what:
        with terminal.stage(f"bench {name}", 1.0):
            found[name] = MEASURES[name](made, seconds)
        rows = [[figure, f"{value:.4g}", unit] for figure, (value, unit) in found[name].items()]
        terminal.table(name, ("figure", "", "unit"), rows)
    terminal.result({n: {k: {"value": v, "unit": u} for k, (v, u) in f.items()} for n, f in found.items()})


def median_seconds(call: Callable[[], object], seconds: float, clock: Callable[[], float] = time.process_time) -> float:
    """Median time of `call` after one that warms up, over about `seconds`."""
    call()
    times: list[float] = []
    while sum(times) < seconds or len(times) < 3:
        start = clock()
        call()
        times.append(clock() - start)
    return statistics.median(times)


def sim(task: "Task", seconds: float) -> Figures:
    """Closed-loop control steps, beside bare physics of the same model."""
    import numpy as np

    from retouch.sim.native import function_address, step_many
    from retouch.sim.world import Worlds

    figures: Figures = {}
    for workers in (1, 2):
        worlds = Worlds(task.physics, WORLDS, workers)
        robot = task.robot(worlds)
        for slot in range(WORLDS):
            task.reset(worlds.reset(slot), np.random.default_rng(slot))
        still = np.stack([task.hold(data) for data in worlds.datas])
        command = functools.partial(robot.command, np.arange(WORLDS), still)
        step = functools.partial(_step, task, worlds, command)
        if workers == 1:
            figures["control steps"] = (WORLDS / median_seconds(step, seconds), "per CPU second")
            substeps = round(task.control_period / task.physics.opt.timestep)
            addresses = (function_address("mj_step"), task.physics._address, worlds.datas[0]._address)
            bare = median_seconds(functools.partial(step_many, *addresses, 1000), seconds) / 1000
            figures["bare mj_step"] = (1e6 * bare, "us")
            figures["substep of a tick"] = (1e6 * median_seconds(command, seconds) / WORLDS / substeps, "us")
        wall = median_seconds(step, seconds, time.perf_counter)
        figures[f"control steps, threads: {workers}"] = (WORLDS / wall, "per second")
    return figures


def _step(task: "Task", worlds: "Worlds", command: Callable[[], object]) -> None:
    """One control step of every world, with what a policy and an evaluation ask for."""
    command()
    for data in worlds.datas:
        task.observe(data)
        task.success(data)


def camera(task: "Task", seconds: float) -> Figures:
    """Pictures of the scene."""
    import mujoco

    from retouch.sim.camera import Camera

    data = mujoco.MjData(task.drawing)
    mujoco.mj_forward(task.drawing, data)
    figures: Figures = {}
    for width, height in ((84, 84), (320, 240), (640, 480)):
        drawer = Camera(task.drawing, task.cameras[0], width, height)
        picture = median_seconds(functools.partial(drawer.draw, data), seconds / 3)
        figures[f"{width}x{height}"] = (1 / picture, "pictures/s")
    return figures


def train(task: "Task", seconds: float) -> Figures:
    """Gradient steps of the paper's BC-RNN with balanced sampling, on 10,000 random steps."""
    import numpy as np

    from retouch.learning.config import TrainConfig
    from retouch.learning.data import TrainingData
    from retouch.learning.train import train as run
    from retouch.learning.weights import method

    rng, episodes, length = np.random.default_rng(0), 50, 200
    steps = episodes * length
    data = TrainingData.build(
        rng.standard_normal((steps, 45)).astype(np.float32),
        rng.uniform(-1, 1, (steps, 7)).astype(np.float32),
        (np.arange(steps) // 50 % 4 == 0).astype(np.int8),
        np.full(episodes, length),
        ("corrected",) * episodes,
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = iter(range(10**6))

        def some() -> None:
            run(data, method("iwr"), TrainConfig(steps=50, checkpoints=1), Path(folder) / str(next(paths)))

        return {"gradient steps": (50 / median_seconds(some, seconds), "per CPU second")}


def policy(task: "Task", seconds: float) -> Figures:
    """Inference of a BC-RNN of 45 observations and 7 actions."""
    import numpy as np

    from retouch.policies.bc_rnn import BCRNN, BCRNNNetwork, named_weights, network_description
    from retouch.policies.bc_rnn_config import BCRNNConfig
    from retouch.policies.info import PolicyInfo
    from retouch.policies.normaliser import Normaliser

    config = BCRNNConfig()
    weights = dict(BCRNNNetwork(45, 7, config).named_parameters())
    normaliser = Normaliser.fit(np.random.default_rng(0).standard_normal((100, 45)).astype(np.float32), "mean-std")
    info = PolicyInfo("bc-rnn", 45, 7, network=network_description(config))
    acting = BCRNN.from_weights(info, named_weights(weights, normaliser)).session(50)
    for slot in range(50):
        acting.reset(slot, slot)
    figures: Figures = {}
    for rows in (1, 16, 50):
        slots, seen = np.arange(rows), np.zeros((rows, 45), np.float32)
        figures[f"{rows} rows"] = (1e6 * median_seconds(functools.partial(acting.act, slots, seen), seconds / 3), "us")
    return figures


def store(task: "Task", seconds: float) -> Figures:
    """Appending steps and committing episodes of 300 of them."""
    import numpy as np

    from retouch.collection import dataset_info
    from retouch.episodes import DatasetWriter

    info = dataset_info(task)
    row = {
        name: np.zeros(f.shape, f.dtype)[()]
        for name, f in info.features.items()
        if name not in ("step", "time_s", "policy_action", "operator_action", "intervention")
    }
    with tempfile.TemporaryDirectory() as folder, DatasetWriter.open(Path(folder), info) as writer:
        appending: list[float] = []
        committing: list[float] = []
        while sum(appending) + sum(committing) < seconds or len(committing) < 3:
            episode = writer.begin(kind="demonstration", seed=0, operator="bench")
            start = time.perf_counter()
            for _ in range(300):
                episode.append(row)
            middle = time.perf_counter()
            episode.commit("success", "bench")
            appending.append(middle - start)
            committing.append(time.perf_counter() - middle)
    return {
        "append": (1e6 * statistics.median(appending) / 300, "us a step"),
        "commit": (1e3 * statistics.median(committing), "ms for 300 steps"),
    }


def skill(task: "Task", seconds: float) -> Figures:
    """The scripted skill from 500 random hand-overs, by what was handed over."""
    import collections

    from retouch.tasks.handovers import measure_handovers

    outcomes: dict[str, list[bool]] = collections.defaultdict(list)
    for handover in measure_handovers(task, episodes=500, seed=0, workers=2):
        possible = handover.steps > 0
        for kind in (handover.kind, "all that can be solved") if possible else ("cannot be solved by anyone",):
            outcomes[kind].append(handover.solved)
    return {f"{kind} (n = {len(v)})": (100 * sum(v) / len(v), "% solved") for kind, v in sorted(outcomes.items())}


MEASURES: dict[What, "Callable[[Task, float], Figures]"] = {
    "sim": sim,
    "camera": camera,
    "train": train,
    "policy": policy,
    "store": store,
    "skill": skill,
}
