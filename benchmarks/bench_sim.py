"""Speed of our simulation: threading under operational-space control, and the rasteriser. Prints one line of JSON.

    .venv/bin/python benchmarks/bench_sim.py step overhead cores draw

- `step`: closed loop of one world at 20 Hz with 2 ms physics: command, observation, success. Per CPU second.
- `overhead`: what the controller adds to a substep. Every control step is taken twice from the same state: with the
  controller, and as bare calls of mj_step with the torques held. Median of the differences.
- `cores`: the same worlds on one thread and on two, by the wall clock, and bare calls of mj_step likewise, in turns
  with it: what the machine has to give at that moment.
- `draw`: pictures a CPU second.
"""

import argparse
import json
import os
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import mujoco
import numpy as np
from numba import njit

from retouch.sim.native import function_address, step_many, take
from retouch.sim.world import Worlds
from retouch.tasks.threading import Threading

SIZES = {"84x84": (84, 84), "320x240": (320, 240), "640x480": (640, 480)}


def plan(count: int, seed: int) -> np.ndarray:
    """Sines of random period and phase, as for the peer. `count 7`"""
    rng = np.random.default_rng(seed)
    period_steps, phase = rng.uniform(15, 60, 7), rng.uniform(0, 2 * np.pi, 7)
    values = 0.5 * np.sin(2 * np.pi * np.arange(count)[:, None] / period_steps + phase)
    values[:, 3:6] *= 0.2
    return values


class Bench:
    """`count` worlds of the threading task, each reset with a seed of its own."""

    def __init__(self, task: Threading, count: int, workers: int, seed: int):
        self.task, self.worlds = task, Worlds(task.physics, count, workers)
        self.robot = task.robot(self.worlds)
        self.slots = np.arange(count)
        for slot in range(count):
            task.reset(self.worlds.reset(slot), np.random.default_rng([seed, slot]))

    def command(self, action: np.ndarray) -> None:
        self.robot.command(self.slots, np.tile(action, (len(self.slots), 1)))

    def step(self, action: np.ndarray) -> None:
        """One control step of every world, with what a policy and an evaluation ask for."""
        self.command(action)
        for data in self.worlds.datas:
            self.task.observe(data)
            self.task.success(data)


@njit(cache=True, nogil=True)
def step_shares(step: int, model: int, datas: np.ndarray, count: int, counter: np.ndarray) -> None:
    """`count` bare steps of every world that this thread takes from the counter."""
    while True:
        world = take(counter)
        if world >= len(datas):
            return
        step_many(step, model, datas[world], count)


def closed_loop(task: Threading, seconds: float, seed: int) -> float:
    """Control steps a CPU second."""
    bench, actions = Bench(task, 1, 1, seed), plan(100_000, seed)
    for action in actions[:10]:
        bench.step(action)
    count, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        bench.step(actions[10 + count])
        count += 1
    return count / spent


def overhead(task: Threading, steps: int, seed: int) -> dict[str, float]:
    """Medians over control steps: microseconds of a bare substep, and what the controller adds to it."""
    bench = Bench(task, 1, 1, seed)
    worlds, data, substeps = bench.worlds, bench.worlds.datas[0], bench.robot.substeps
    address, model, here = function_address("mj_step"), task.physics._address, data._address
    bares, added = [], []
    for index, action in enumerate(plan(steps, seed)):
        before = worlds.state(0)
        start = time.process_time()
        bench.command(action)
        ours = time.process_time() - start
        after = worlds.state(0)
        worlds.set_state(0, before)
        start = time.process_time()
        step_many(address, model, here, substeps)
        bare = time.process_time() - start
        worlds.set_state(0, after)
        if index >= 10:
            bares.append(bare / substeps * 1e6)
            added.append((ours - bare) / substeps * 1e6)
    return {"bare_us_per_substep": statistics.median(bares), "added_us_per_substep": statistics.median(added)}


def two_cores(task: Threading, worlds: int, steps: int, repeats: int, seed: int) -> dict[str, float]:
    """How many times faster two threads are than one, by the wall clock: the closed loop, and bare stepping."""
    benches = {workers: Bench(task, worlds, workers, seed) for workers in (1, 2)}
    actions = plan((repeats + 1) * steps, seed)
    address, model = function_address("mj_step"), task.physics._address

    def bare(bench: Bench) -> None:
        datas = np.array([data._address for data in bench.worlds.datas])
        count = bench.robot.substeps * steps
        share = lambda counter: step_shares(address, model, datas, count, counter)  # noqa: E731
        bench.worlds.together(share, len(bench.slots))

    times: dict[tuple[str, int], list[float]] = {}
    for repeat in range(repeats + 1):
        for workers, bench in benches.items():
            start = time.perf_counter()
            for action in actions[repeat * steps : (repeat + 1) * steps]:
                bench.command(action)
            middle = time.perf_counter()
            bare(bench)
            times.setdefault(("loop", workers), []).append(middle - start)
            times.setdefault(("bare", workers), []).append(time.perf_counter() - middle)

    def gain(what: str) -> float:
        pairs = list(zip(times[what, 1], times[what, 2], strict=True))[1:]
        return statistics.median(one / two for one, two in pairs)

    return {"two_cores": gain("loop"), "two_cores_bare": gain("bare")}


def pictures(task: Threading, seconds: float, seed: int) -> dict[str, float]:
    """Pictures a CPU second by size, of the drawing model's first camera."""
    from retouch.sim.camera import Camera

    model = task.drawing
    data = mujoco.MjData(model)
    data.qpos[:] = Bench(task, 1, 1, seed).worlds.datas[0].qpos
    mujoco.mj_forward(model, data)
    rates = {}
    for name, (width, height) in SIZES.items():
        camera = Camera(model, task.cameras[0], width, height)
        camera.draw(data)
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds:
            camera.draw(data)
            count += 1
        rates[name] = count / spent
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="+", choices=["step", "overhead", "cores", "draw"])
    parser.add_argument("--seconds", type=float, default=3.0, help="CPU seconds of a measurement")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    task = Threading()
    result: dict[str, object] = {"mujoco": mujoco.__version__, "timestep_s": float(task.physics.opt.timestep)}
    if "step" in args.what:
        result["env_steps_per_cpu_s"] = closed_loop(task, args.seconds, args.seed)
    if "overhead" in args.what:
        result |= overhead(task, steps=round(300 * args.seconds), seed=args.seed)
    if "cores" in args.what:
        result |= two_cores(task, worlds=8, steps=10, repeats=round(3 * args.seconds), seed=args.seed)
    if "draw" in args.what:
        result["pictures_per_cpu_s"] = pictures(task, args.seconds / 3, args.seed)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
