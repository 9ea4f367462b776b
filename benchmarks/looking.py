"""What looking costs: a picture, what is made of it, a step of a residual with it, a step of training.

    .venv/bin/python benchmarks/looking.py [--seconds 5]

One thread. Times of single calls are CPU time, which other processes on the machine touch little, and beside it what a
clock on the wall says; the load of the machine is told with them. A step of a residual is one of `ResidualSession` with
all that is done in it but the base's thinking, which is done elsewhere where time is real: three of four go by the
embedding that is there, the fourth draws a picture and encodes it. Weights are random.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import mujoco
import numpy as np
import torch

from retouch.geometry import Pose
from retouch.learning import denoise
from retouch.learning.config import TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.optimisation import Optimisation
from retouch.learning.pictures import Pictures
from retouch.learning.weights import method
from retouch.policies.chunks import ChunkSession, Pace
from retouch.policies.diffusion import (
    SIZE,
    DiffusionNetwork,
    DiffusionPolicy,
    Spread,
    named_weights,
    network_description,
)
from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.encoders import FEATURES
from retouch.policies.files import write_json
from retouch.policies.info import PolicyInfo
from retouch.policies.nine import HERE, IDENTITY
from retouch.policies.normaliser import Normaliser
from retouch.policies.residual import BETWEEN_PICTURES, ResidualPolicy, ResidualSession
from retouch.policies.residual_config import ResidualConfig
from retouch.policies.residual_network import ResidualNetwork, Scales
from retouch.policies.residual_view import ResidualView
from retouch.policies.torch_setup import single_thread
from retouch.robots.ur5e_tick import ACTIONS, RECORD, TRACKS
from retouch.sim.eye import Eye
from retouch.sim.world import Worlds
from retouch.tasks.gear import GearInsertion

RESULTS = Path(__file__).parent / "results"

TASK = GearInsertion()
QUICK = DiffusionConfig(denoiser="mlp", process="flow", inference_steps=8)
SHAPES = {
    "cnn, 96 pixels": ("cnn", 96),
    "resnet18, 96 pixels": ("resnet18", 96),
    "resnet18, 224 pixels": ("resnet18", 224),
}
Figures = dict[str, float]


def timed(calls: Sequence[Callable[[], object]], seconds: float) -> dict[str, list[tuple[float, float]]]:
    """CPU and wall-clock time of every call, gone through in turn for so long after once to warm up."""
    for call in calls:
        call()
    found: dict[str, list[tuple[float, float]]] = {str(number): [] for number in range(len(calls))}
    until = time.process_time() + seconds
    while time.process_time() < until or len(found["0"]) < 3:
        for number, call in enumerate(calls):
            cpu, wall = time.process_time(), time.perf_counter()
            call()
            found[str(number)].append((time.process_time() - cpu, time.perf_counter() - wall))
    return found


def milliseconds(times: Sequence[tuple[float, float]]) -> Figures:
    """Median and 99th percentile."""
    cpu, wall = 1e3 * np.array(times).T
    return {
        "median": round(float(np.median(cpu)), 3),
        "p99": round(float(np.quantile(cpu, 0.99)), 3),
        "p99 on the wall": round(float(np.quantile(wall, 0.99)), 3),
        "calls": len(times),
    }


def looking(config: DiffusionConfig) -> DiffusionPolicy:
    """A policy for gear insertion with random weights."""
    features = 9 + 3 + 1
    network = DiffusionNetwork(features, config)
    normaliser = Normaliser("none", np.zeros(features, np.float32), np.ones(features, np.float32))
    reach = np.array([0.02] * 3 + [0.05] * 6)
    spread = Spread.of(*(np.tile(IDENTITY + sign * reach, (config.waypoints, 1)) for sign in (-1, 1)))
    info = PolicyInfo(
        "diffusion",
        len(TASK.observation_names),
        ACTIONS,
        TASK.observation_names,
        control_period_s=TASK.control_period,
        network=network_description(config),
    )
    return DiffusionPolicy.from_weights(info, named_weights(network.state_dict(), normaliser, spread))


class Still:
    """What a base is to the control loop while it thinks beside it: where to be, and nothing more."""

    pace, observation_dim = Pace(TASK.control_period, 1, 0.16, 0.1, 12), len(TASK.observation_names)

    def start(self, observation: np.ndarray) -> Pose:
        """Where the tool is."""
        return Pose.from_vector(observation[:7].astype(np.float64))

    def predict_action_chunk(self, history: np.ndarray, random: Sequence[np.random.Generator]) -> np.ndarray:
        """There."""
        return np.repeat(history[:, -1:, :7].astype(np.float64), 32, axis=1)


def beside(base: DiffusionPolicy) -> ResidualPolicy:
    """A compliant residual with random weights."""
    config, names = ResidualConfig(), TASK.observation_names
    view = ResidualView(names, config, scene=False)
    seen = np.zeros((1, len(names) + FEATURES), np.float32)
    seen[:, 3] = 1.0
    features = view.features(seen, np.tile(HERE, (1, config.poses, 1))).shape[1]
    normaliser = Normaliser("none", np.zeros(features, np.float32), np.ones(features, np.float32))
    network = ResidualNetwork(features, config)
    info = PolicyInfo("residual", len(names), ACTIONS, names, control_period_s=TASK.control_period)
    scales = Scales(np.ones(6, np.float32), np.ones(network.size, np.float32))
    return ResidualPolicy(info, base, network, normaliser, scales)


def residual_steps(base: DiffusionPolicy, data: mujoco.MjData, seconds: float) -> dict[str, Figures]:
    """Steps that go by an embedding that is there, and steps that make a new one."""
    session = ResidualSession(beside(base), ChunkSession(Still(), 1), 1)
    eye = Eye(TASK.drawing, "wrist", base.eyes.size, base.eyes.size)
    session.look_through(lambda slot: eye.picture(data))
    session.reset(0, 0)
    here, seen = np.array([0]), TASK.observe(data)[None]
    record = np.zeros((1, 10, RECORD))
    record[..., TRACKS["measured_pose"]] = seen[0, :7]

    def step() -> None:
        session.act(here, seen)
        session.feel(here, record)

    found = list(timed([step] * BETWEEN_PICTURES, seconds).values())
    # After one round to warm up, the first of four steps is the one that looks.
    return {
        "step, new picture": milliseconds(found[0]),
        "step, embedding at hand": milliseconds([one for times in found[1:] for one in times]),
    }


def training(config: DiffusionConfig, seconds: float) -> Figures:
    """Gradient steps a CPU second, beside a bare loop of the same network over tensors in memory."""
    names, steps, episodes = TASK.observation_names, 200, 20
    rng, total = np.random.default_rng(0), steps * episodes
    observation = np.zeros((total, len(names)), np.float32)
    observation[:, [3, 10, 17]] = 1.0
    observation[:, :3] = rng.uniform(-0.1, 0.1, (total, 3))
    size = config.picture
    pictures = None
    if config.eyes is not None:
        shown = rng.integers(0, 256, (total // BETWEEN_PICTURES, size, size, 3), dtype=np.uint8)
        pictures = Pictures(shown, np.arange(total) // BETWEEN_PICTURES)
    data = TrainingData(
        observation,
        np.zeros((total, ACTIONS), np.float32),
        np.ones(total, np.int8),
        np.full(episodes, steps),
        ("demonstration",) * episodes,
        observation_names=names,
        control_period_s=TASK.control_period,
        pictures=pictures,
    )
    settings = TrainConfig(type="diffusion", steps=10**6, diffusion=config)
    recipe = denoise.recipe(data, method("full-demos"), settings)
    network, bare = recipe.network(), recipe.network()
    ours, theirs = (Optimisation(n, 1e-3, "linear", 10**6, 0.995) for n in (network, bare))
    assert isinstance(bare, DiffusionNetwork)
    batch, features = settings.batch, len(recipe.named(ours.raw())["normaliser.offset"])
    seen, share = torch.randn(batch, features), torch.rand(batch)
    waypoints, noise = torch.randn(2, batch, config.waypoints, SIZE)
    shown_all = torch.randint(0, 256, (batch, config.history, size, size, 3), dtype=torch.uint8)

    def bare_step() -> None:
        told = bare.seen(seen, shown_all) if bare.encoder is not None else seen
        theirs.descend(bare.loss(told, waypoints, noise, share, torch.ones(waypoints.shape[:2])))

    def our_step() -> None:
        ours.descend(recipe.loss(network, ours.step))

    ours_took, bare_took = (np.median([cpu for cpu, _ in t]) for t in timed([our_step, bare_step], seconds).values())
    return {
        "gradient steps a second": round(1 / float(ours_took), 2),
        "of a bare loop": round(float(bare_took / ours_took), 3),
    }


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="CPU time of each measurement")
    parser.add_argument("--only", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    wanted = parser.parse_args()
    single_thread()
    torch.manual_seed(0)
    data = Worlds(TASK.physics, 1).datas[0]
    TASK.reset(data, np.random.default_rng(0))
    found: dict[str, object] = {"load before": round(os.getloadavg()[0], 1), "cores": os.cpu_count()}
    found["numbers alone"] = training(QUICK, wanted.seconds)
    print("numbers alone", found["numbers alone"], flush=True)
    for name in wanted.only:
        images, size = SHAPES[name]
        config = DiffusionConfig(images=images, picture=size)
        quick = DiffusionConfig(denoiser="mlp", process="flow", inference_steps=8, images=images, picture=size)
        policy, paper = looking(quick), looking(config)
        eye = Eye(TASK.drawing, "wrist", size, size)
        shown = eye.picture(data)[None]
        history = np.concatenate([np.tile(TASK.observe(data), (2, 1)), policy.embed(np.repeat(shown, 2, 0))], axis=1)
        random = [np.random.default_rng(0)]
        calls: dict[str, Callable[[], object]] = {
            "picture": lambda eye=eye: eye.picture(data),
            "embedding": lambda policy=policy, shown=shown: policy.embed(shown),
            "chunk, MLP and flow": lambda p=policy, h=history, r=random: p.predict_action_chunk(h[None], r),
            "chunk, U-Net and diffusion": lambda p=paper, h=history, r=random: p.predict_action_chunk(h[None], r),
        }
        times = timed(list(calls.values()), wanted.seconds).values()
        figures: dict[str, object] = {label: milliseconds(t) for label, t in zip(calls, times, strict=True)}
        figures |= residual_steps(policy, data, wanted.seconds)
        figures["training"] = training(quick, wanted.seconds)
        found[name] = figures
        for label, figure in figures.items():
            print(f"{name}: {label}: {figure}", flush=True)
    found["load after"] = round(os.getloadavg()[0], 1)
    write_json(RESULTS / "looking.json", found)


if __name__ == "__main__":
    main()
