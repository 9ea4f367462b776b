"""Training speed of BC-RNN (2 x 100 LSTM units, sequence 10, batch 100). Prints one line of JSON.

    .venv/bin/python benchmarks/arrays.py arrays.npz
    .venv/bin/python benchmarks/bench_train.py arrays.npz bare ours inference

- `bare`: what torch allows: windows cut beforehand and kept in memory as one tensor, uniform draws, nn.LSTM, Adam.
- `ours`: `retouch.learning.train` with the method `iwr`, balanced sampling, masks, moving average and saving included.
- `inference`: `act` of one and of fifty robots.

Rates are per second of CPU time of this process, on one thread, after a warm-up.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn

from retouch.episodes.schema import ControlSource
from retouch.learning.data import TrainingData
from retouch.learning.loop import TrainProgress
from retouch.learning.train import TrainConfig, train
from retouch.learning.weights import METHODS
from retouch.policies.checkpoint import load_policy

SEQUENCE, BATCH, HIDDEN, LAYERS = 10, 100, 100, 2


def cut_windows(values: np.ndarray, lengths: np.ndarray) -> torch.Tensor:
    """One window from every row; the last row of an episode is repeated at its end. `W 10 ...`"""
    last = np.repeat(np.cumsum(lengths) - 1, lengths)
    rows = np.minimum(np.arange(len(values))[:, None] + np.arange(SEQUENCE), last[:, None])
    return torch.from_numpy(values[rows])


class BareNetwork(nn.Module):
    def __init__(self, observation_dim: int, action_dim: int):
        super().__init__()
        self.lstm = nn.LSTM(observation_dim, HIDDEN, LAYERS, batch_first=True)
        self.head = nn.Linear(HIDDEN, action_dim)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.head(self.lstm(observations)[0]))


def bare(arrays: dict[str, np.ndarray], steps: int) -> float:
    """Gradient steps a CPU second."""
    torch.manual_seed(0)
    observations = cut_windows(arrays["observation"], arrays["lengths"])
    actions = cut_windows(arrays["action"], arrays["lengths"])
    network = BareNetwork(observations.shape[-1], actions.shape[-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)

    def step() -> None:
        chosen = torch.randint(len(observations), (BATCH,))
        loss = nn.functional.mse_loss(network(observations[chosen]), actions[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for _ in range(20):
        step()
    start = time.process_time()
    for _ in range(steps):
        step()
    return steps / (time.process_time() - start)


def training_data(arrays: dict[str, np.ndarray]) -> TrainingData:
    return TrainingData(
        observation=arrays["observation"],
        action=arrays["action"],
        control_source=np.full(len(arrays["action"]), ControlSource.OPERATOR, np.int8),
        lengths=arrays["lengths"],
        kinds=tuple("corrected" if group else "demonstration" for group in arrays["group"]),
        task="bench",
    )


def ours(arrays: dict[str, np.ndarray], steps: int, folder: Path) -> float:
    """Gradient steps a CPU second, from the first report to the end; saving included."""
    reports: list[tuple[int, float]] = []

    def progress(at: TrainProgress) -> None:
        reports.append((at.step, time.process_time()))

    config = TrainConfig(steps=steps + 20, checkpoints=1, report_every=20)
    train(training_data(arrays), METHODS["iwr"], config, folder / "policy", progress=progress)
    (first, begin), (last, end) = reports[0], reports[-1]
    return (last - first) / (end - begin)


def inference_ms(folder: Path, calls: int = 400) -> dict[str, float]:
    """CPU milliseconds a call of `act`."""
    policy = load_policy(folder / "policy")
    result = {}
    for robots in (1, 50):
        session, slots = policy.session(robots), np.arange(robots)
        for slot in slots:
            session.reset(int(slot), seed=0)
        observations = np.random.default_rng(0).normal(size=(robots, policy.observation_dim)).astype(np.float32)
        for _ in range(20):
            session.act(slots, observations)
        start = time.process_time()
        for _ in range(calls):
            session.act(slots, observations)
        result[str(robots)] = (time.process_time() - start) / calls * 1e3
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arrays", type=Path)
    parser.add_argument("what", nargs="+", choices=["bare", "ours", "inference"])
    parser.add_argument("--steps", type=int, default=300, help="gradient steps of a measurement")
    parser.add_argument("--repeats", type=int, default=1, help="measurements of each, taken in turns; medians are told")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(args.arrays) as file:
        arrays = dict(file)
    rates: dict[str, list[float]] = {}
    inference: dict[str, list[float]] = {}
    for _ in range(args.repeats):
        with tempfile.TemporaryDirectory() as folder:
            if "bare" in args.what:
                rates.setdefault("bare", []).append(bare(arrays, args.steps))
            if "ours" in args.what or "inference" in args.what:
                rates.setdefault("ours", []).append(ours(arrays, args.steps, Path(folder)))
            if "inference" in args.what:
                for robots, value in inference_ms(Path(folder)).items():
                    inference.setdefault(robots, []).append(value)
    result = {
        "torch": torch.__version__.split("+")[0],
        "rows": len(arrays["action"]),
        "training_steps_per_cpu_s": {name: statistics.median(values) for name, values in rates.items()},
        "inference_cpu_ms": {robots: statistics.median(values) for robots, values in inference.items()},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
