"""robomimic trains BC-RNN on an HDF5 file, then acts for whoever asks over a pipe. Run by robomimic's own interpreter.

    benchmarks/peers/.venv-robomimic/bin/python benchmarks/peers/robomimic_policy.py demos.hdf5 --steps 3000

All is robomimic's: its reader of the file (a filter key and next_obs too), its SequenceDataset, run_epoch and
RolloutPolicy. The network has 2 x 100 LSTM units, sequences of 10, batches of 100, as paper 1's. `--normalise` takes
robomimic's own means and deviations of the observations, but applies them here in training: its option to do so stops
on an assertion for sequences (0.3.0).

What comes on the standard input and goes to the standard output is one JSON object a line: first the training's
summary; then {"reset": slot} begins an attempt in a slot; {"slots": [...], "observations": [[...], ...]} is answered
by {"actions": [[...], ...]}. An observation is that of the file's keys `robot` and `object`, one behind the other.
"""

import argparse
import copy
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
# robomimic reports on the standard output, from its import on; that is the answers' here.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy as np
import robomimic
import robomimic.utils.file_utils as file_utils
import robomimic.utils.obs_utils as obs_utils
import torch
from robomimic.algo import RolloutPolicy, algo_factory
from robomimic.config import config_factory
from robomimic.utils.train_utils import dataset_factory, run_epoch
from torch.utils.data import DataLoader

KEYS = ("robot", "object")


def make_config(file: Path, args: argparse.Namespace):
    config = config_factory("bc")
    with config.values_unlocked():
        config.train.cuda = False
        config.train.data = str(file)
        config.train.hdf5_cache_mode = "all"
        config.train.hdf5_filter_key = args.filter_key
        config.train.seq_length = 10
        config.train.batch_size = 100
        config.algo.rnn.enabled = True
        config.algo.rnn.horizon = 10
        config.algo.rnn.hidden_dim = 100
        config.algo.rnn.num_layers = 2
        config.algo.actor_layer_dims = ()
        if args.learning_rate is not None:
            config.algo.optim_params.policy.learning_rate.initial = args.learning_rate
        config.observation.modalities.obs.low_dim = list(KEYS)
    return config


def train(file: Path, args: argparse.Namespace) -> tuple[RolloutPolicy, dict]:
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)  # noqa: NPY002 (robomimic draws from it)
    config = make_config(file, args)
    obs_utils.initialize_obs_utils_with_config(config)
    environment = file_utils.get_env_metadata_from_dataset(str(file))
    shapes = file_utils.get_shape_metadata_from_dataset(str(file), all_obs_keys=config.all_obs_keys)
    model = algo_factory("bc", config, shapes["all_shapes"], shapes["ac_dim"], torch.device("cpu"))
    data = dataset_factory(config, config.all_obs_keys, dataset_path=str(file), filter_by_attribute=args.filter_key)
    loader = DataLoader(data, batch_size=100, shuffle=True, num_workers=0, drop_last=True)
    stats = data.normalize_obs() if args.normalise else None
    if stats is not None:
        normalise_batches(model, stats)
    log = run_epoch(model, loader, epoch=1, num_steps=args.steps)
    policy = RolloutPolicy(model, stats)
    summary = {
        "robomimic": robomimic.__version__,
        "task": environment["env_name"],
        "demos": data.n_demos,
        "windows": len(data),
        "gradient_steps": args.steps,
        "learning_rate": config.algo.optim_params.policy.learning_rate.initial,
        "loss": log["Loss"],
        "parameters": sum(p.numel() for p in model.nets.parameters()),
        "sizes": [int(shapes["all_shapes"][key][0]) for key in KEYS],
        "action_dim": int(shapes["ac_dim"]),
    }
    return policy, summary


def normalise_batches(model, stats: dict) -> None:
    """Has the model take its observations less their means and by their deviations, as its RolloutPolicy does."""
    process = model.process_batch_for_training
    means, deviations = ({key: torch.as_tensor(stats[key][which]) for key in KEYS} for which in ("mean", "std"))

    def normalised(batch: dict) -> dict:
        seen = {key: (batch["obs"][key] - means[key]) / deviations[key] for key in KEYS}
        return process({**batch, "obs": seen})

    model.process_batch_for_training = normalised


def serve(trained: RolloutPolicy, sizes: list[int]) -> None:
    """One of robomimic's rollout policies for each slot: they share the weights and keep their own state."""
    slots: dict[int, RolloutPolicy] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if "reset" in asked:
            slots[asked["reset"]] = policy = copy.copy(trained)
            policy.policy = copy.copy(trained.policy)
            policy.start_episode()
            continue
        actions = []
        for slot, observation in zip(asked["slots"], asked["observations"], strict=True):
            parts = np.split(np.array(observation, np.float32), np.cumsum(sizes)[:-1])
            actions.append(slots[slot](dict(zip(KEYS, parts, strict=True))).tolist())
        print(json.dumps({"actions": actions}), file=ANSWERS, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--steps", type=int, default=3000, help="gradient steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--learning-rate", type=float, help="robomimic's own default when left out")
    parser.add_argument("--normalise", action="store_true", help="observations")
    parser.add_argument("--filter-key", default="demonstration")
    args = parser.parse_args()
    torch.set_num_threads(1)
    policy, summary = train(args.file, args)
    print(json.dumps(summary), file=ANSWERS, flush=True)
    serve(policy, summary["sizes"])


if __name__ == "__main__":
    main()
