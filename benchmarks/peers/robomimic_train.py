"""robomimic's BC-RNN as a peer: training and inference speed on given arrays, low-dimensional. Prints one line of JSON.

    benchmarks/peers/.venv-robomimic/bin/python benchmarks/peers/robomimic_train.py arrays.npz --steps 300

`arrays.npz` holds `observation` (rows x D), `action` (rows x A), `lengths` (rows of each episode) and `group` (0 or 1
for each episode). Everything is robomimic's own: HDF5 files, SequenceDataset, DataLoader, run_epoch, RolloutPolicy; the
network has 2 x 100 LSTM units, sequences of 10, batches of 100. Routes:

- `all`, `low_dim`: one file, drawn uniformly, by cache mode.
- `balanced`: two files of equal weight. Release 0.3.0, the newest that is packaged, trains on one file. The development
  version adds a MetaDataset, which looks an index up among the files, and a WeightedRandomSampler over all windows with
  weight 1 / windows of the file; it refuses the cache mode `all`, since it normalises actions in every window it
  fetches. Here the same is made of torch's own parts: a ConcatDataset over two SequenceDatasets with cache `low_dim`,
  and the same sampler, without the action normalisation: less work than the original does.

Rates are per second of CPU time of this process, on one thread.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import h5py
import numpy as np
import robomimic
import robomimic.utils.obs_utils as obs_utils
import torch
from robomimic.algo import RolloutPolicy, algo_factory
from robomimic.config import config_factory
from robomimic.utils.train_utils import dataset_factory, run_epoch
from torch.utils.data import ConcatDataset, DataLoader, Dataset, WeightedRandomSampler

ROUTES = ("all", "low_dim", "balanced")
# How a task of this kind names its observation: the four parts are concatenated again by the policy.
PARTS = {"robot0_eef_pos": 3, "robot0_eef_quat": 4, "robot0_gripper_qpos": 2}


def observation_parts(dim: int) -> dict[str, slice]:
    parts, start = {}, 0
    for name, width in [*PARTS.items(), ("object", dim - sum(PARTS.values()))]:
        parts[name] = slice(start, start + width)
        start += width
    return parts


def write_hdf5(path: Path, episodes: list[tuple[np.ndarray, np.ndarray]]) -> None:
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        for index, (observation, action) in enumerate(episodes):
            episode = data.create_group(f"demo_{index}")
            episode.attrs["num_samples"] = len(action)
            episode["actions"] = action
            episode["rewards"] = np.zeros(len(action))
            episode["dones"] = np.zeros(len(action))
            for name, part in observation_parts(observation.shape[1]).items():
                episode[f"obs/{name}"] = observation[:, part]


def make_config(cache: str, dim: int):
    config = config_factory("bc")
    with config.values_unlocked():
        config.train.cuda = False
        config.train.hdf5_cache_mode = cache
        config.train.seq_length = 10
        config.train.batch_size = 100
        config.algo.rnn.enabled = True
        config.algo.rnn.horizon = 10
        config.algo.rnn.hidden_dim = 100
        config.algo.rnn.num_layers = 2
        config.algo.actor_layer_dims = ()
        config.observation.modalities.obs.low_dim = list(observation_parts(dim))
    return config


def make_model(config, observation_dim: int, action_dim: int):
    obs_utils.initialize_obs_utils_with_config(config)
    shapes = {name: [part.stop - part.start] for name, part in observation_parts(observation_dim).items()}
    return algo_factory("bc", config, shapes, action_dim, torch.device("cpu"))


def make_loader(dataset: Dataset, balanced: bool) -> DataLoader:
    sampler = None
    if balanced:
        weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in dataset.datasets])
        sampler = WeightedRandomSampler(weights=weights, num_samples=len(dataset), replacement=True)
    return DataLoader(dataset, sampler=sampler, batch_size=100, shuffle=sampler is None, num_workers=0, drop_last=True)


def training_rate(model, loader: DataLoader, steps: int, repeats: int) -> float:
    """Gradient steps a CPU second: the median of some epochs of fixed length, after one to warm up."""
    run_epoch(model, loader, epoch=0, num_steps=20)
    rates = []
    for epoch in range(1, repeats + 1):
        start = time.process_time()
        run_epoch(model, loader, epoch=epoch, num_steps=steps)
        rates.append(steps / (time.process_time() - start))
    return statistics.median(rates)


def inference_ms(model, observation_dim: int, calls: int = 400) -> dict[str, float]:
    """CPU milliseconds a call: one robot through RolloutPolicy, fifty through the model that it wraps."""
    parts = observation_parts(observation_dim)
    result = {}
    for batch in (1, 50):
        rng = np.random.default_rng(0)
        if batch == 1:
            policy = RolloutPolicy(model)
            policy.start_episode()
            observation = {name: rng.normal(size=part.stop - part.start) for name, part in parts.items()}
            call = lambda policy=policy, observation=observation: policy(observation)  # noqa: E731
        else:
            model.set_eval()
            model.reset()
            observation = {
                name: torch.as_tensor(rng.normal(size=(batch, part.stop - part.start)), dtype=torch.float32)
                for name, part in parts.items()
            }
            call = lambda observation=observation: model.get_action(observation)  # noqa: E731
        with torch.no_grad():
            for _ in range(20):
                call()
            start = time.process_time()
            for _ in range(calls):
                call()
            result[str(batch)] = (time.process_time() - start) / calls * 1e3
    return result


def measure(arrays: dict[str, np.ndarray], routes: list[str], steps: int, repeats: int, folder: Path) -> dict:
    ends = np.cumsum(arrays["lengths"])
    observations = np.split(arrays["observation"], ends[:-1])
    actions = np.split(arrays["action"], ends[:-1])
    episodes = list(zip(observations, actions, strict=True))
    write_hdf5(folder / "both.hdf5", episodes)
    for group in (0, 1):
        chosen = [episode for episode, of in zip(episodes, arrays["group"], strict=True) if of == group]
        write_hdf5(folder / f"{group}.hdf5", chosen)

    observation_dim, action_dim = observations[0].shape[1], actions[0].shape[1]
    rates, model = {}, None
    for route in routes:
        torch.manual_seed(0)
        balanced = route == "balanced"
        config = make_config("low_dim" if balanced else route, observation_dim)
        model = make_model(config, observation_dim, action_dim)
        names = ["0", "1"] if balanced else ["both"]
        sets = [
            dataset_factory(config, config.all_obs_keys, dataset_path=str(folder / f"{name}.hdf5")) for name in names
        ]
        loader = make_loader(ConcatDataset(sets) if balanced else sets[0], balanced)
        rates[route] = training_rate(model, loader, steps, repeats)
    return {
        "peer": "robomimic",
        "version": robomimic.__version__,
        "torch": torch.__version__.split("+")[0],
        "observation_dim": observation_dim,
        "action_dim": action_dim,
        "parameters": sum(p.numel() for p in model.nets.parameters()),
        "rows": int(ends[-1]),
        "training_steps_per_cpu_s": rates,
        "inference_cpu_ms": inference_ms(model, observation_dim),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arrays", type=Path)
    parser.add_argument("--routes", nargs="+", choices=ROUTES, default=ROUTES)
    parser.add_argument("--steps", type=int, default=100, help="gradient steps of an epoch")
    parser.add_argument("--repeats", type=int, default=3, help="epochs of each route")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with np.load(args.arrays) as file:
        arrays = dict(file)
    # robomimic reports its progress on the standard output, which is the result's here.
    silence = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(silence),
        contextlib.redirect_stderr(silence),
    ):
        result = measure(arrays, args.routes, args.steps, args.repeats, Path(folder))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
