"""What lerobot itself makes of a LeRobotDataset; run by its own interpreter. Prints one line of JSON.

    benchmarks/peers/.venv-lerobot/bin/python tests/peers/lerobot_peer.py check FOLDER
    benchmarks/peers/.venv-lerobot/bin/python tests/peers/lerobot_peer.py train FOLDER --steps 10
    benchmarks/peers/.venv-lerobot/bin/python tests/peers/lerobot_peer.py make FOLDER
    benchmarks/peers/.venv-lerobot/bin/python tests/peers/lerobot_peer.py merge FOLDER

`check` opens it, plays every frame, and computes every statistic again from what it played. `train` takes gradient
steps of ACT with lerobot's own factories, data loader and normalisation. `make` records a small dataset as
lerobot's users do, with an image, for us to import. `merge` takes the first episode out of a dataset and puts that and
the dataset itself together in FOLDER-merged.
"""

import argparse
import json
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from lerobot.configs.default import DatasetConfig
from lerobot.configs.train import TrainPipelineConfig
from lerobot.datasets import LeRobotDataset
from lerobot.datasets.compute_stats import aggregate_stats, compute_episode_stats
from lerobot.datasets.dataset_tools import delete_episodes, merge_datasets
from lerobot.datasets.factory import make_dataset
from lerobot.policies.factory import make_policy, make_policy_config, make_pre_post_processors
from lerobot.utils.feature_utils import dataset_to_policy_features
from lerobot.utils.utils import flatten_dict
from pyarrow import dataset as arrow_dataset


def check(folder: Path) -> dict:
    data = LeRobotDataset("local/export", root=folder)
    features = data.features
    stored = data.hf_dataset.data
    columns = {name: np.asarray(stored.column(name).to_pylist(), features[name]["dtype"]) for name in features}
    for k in range(len(data)):  # playing gives tensors, float64 as float32
        item = data[k]
        for name, values in columns.items():
            np.testing.assert_array_equal(item[name].numpy(), values[k].astype(item[name].numpy().dtype), name)
    per_episode = []
    for episode in data.meta.episodes:
        part = slice(episode["dataset_from_index"], episode["dataset_to_index"])
        per_episode.append(compute_episode_stats({n: v[part] for n, v in columns.items()}, features))
    stored = arrow_dataset.dataset(folder / "meta" / "episodes").to_table().to_pylist()
    worst = (0.0, "")
    for theirs, ours in zip(per_episode, stored, strict=True):
        for name, value in flatten_dict(theirs).items():
            worst = max(worst, (difference(value, ours[f"stats/{name}"]), name))
    of_all = flatten_dict(aggregate_stats(per_episode))
    ours = flatten_dict(data.meta.stats)
    missing = {name for name in of_all if name not in ours}
    for name in of_all.keys() - missing:
        worst = max(worst, (difference(of_all[name], ours[name]), name))
    return {
        "episodes": data.num_episodes,
        "frames": len(data),
        "fps": data.fps,
        "task": data[0]["task"],
        "features": sorted(features),
        "policy_features": {n: [f.type.value, *f.shape] for n, f in dataset_to_policy_features(features).items()},
        "statistics": len(of_all),
        "largest_relative_difference": worst,
        "statistics_left_out": sorted({name.split("/")[0] for name in missing}),
        "statistics_left_out_are_nan": all(np.isnan(of_all[n]).all() for n in missing if not n.endswith("/count")),
        "outcomes": list(data.meta.episodes["outcome"]) if "outcome" in data.meta.episodes.column_names else None,
        "sums": {name: float(np.nansum(values.astype(float))) for name, values in columns.items()},
    }


def difference(theirs: np.ndarray, ours: object) -> float:
    """The largest, relative to the size of the entry; NaN is like NaN."""
    a, b = np.asarray(theirs, float), np.asarray(ours, float)
    if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
        return float("inf")
    return float(np.nanmax(np.abs(a - b) / (1 + np.abs(a)), initial=0.0))


def train(folder: Path, steps: int) -> dict:
    torch.manual_seed(0)
    small = {"dim_model": 64, "dim_feedforward": 128, "n_heads": 4}  # of ACT's usual parts
    config = TrainPipelineConfig(
        dataset=DatasetConfig(repo_id="local/export", root=str(folder)),
        policy=make_policy_config("act", device="cpu", push_to_hub=False, **small),
    )
    data = make_dataset(config)
    policy = make_policy(config.policy, ds_meta=data.meta)
    before, _ = make_pre_post_processors(config.policy, dataset_stats=data.meta.stats)
    optimizer = config.policy.get_optimizer_preset().build(policy.get_optim_params())
    loader = torch.utils.data.DataLoader(data, batch_size=16, shuffle=True)
    losses: list[float] = []
    policy.train()
    while len(losses) < steps:
        for batch in loader:
            loss, _ = policy.forward(before(batch))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) == steps:
                break
    return {"policy": config.policy.type, "inputs": sorted(config.policy.input_features), "losses": losses}


def make(folder: Path) -> dict:
    rng = np.random.default_rng(0)
    features = {
        "observation.state": {"dtype": "float32", "shape": (3,), "names": ["a", "b", "c"]},
        "observation.images.front": {"dtype": "image", "shape": (16, 16, 3), "names": ["height", "width", "channels"]},
        "action": {"dtype": "float32", "shape": (2,), "names": ["x", "y"]},
        "next.reward": {"dtype": "float32", "shape": (1,), "names": None},
        "next.success": {"dtype": "bool", "shape": (1,), "names": None},
    }
    data = LeRobotDataset.create("local/made", fps=10, features=features, root=folder, use_videos=False)
    sums = {"observation": 0.0, "action": 0.0}
    for episode in range(3):
        for step in range(6 + episode):
            done = step == 5 + episode and episode != 1
            frame = {
                "observation.state": rng.normal(size=3).astype(np.float32),
                "observation.images.front": rng.integers(0, 255, (16, 16, 3), np.uint8),
                "action": rng.normal(size=2).astype(np.float32),
                "next.reward": np.array([float(done)], np.float32),
                "next.success": np.array([done]),
            }
            sums["observation"] += float(frame["observation.state"].astype(float).sum())
            sums["action"] += float(frame["action"].astype(float).sum())
            data.add_frame({**frame, "task": "push the cube"})
        data.save_episode()
    data.finalize()
    return {"episodes": 3, "frames": 21, "sums": sums}


def merge(folder: Path) -> dict:
    data = LeRobotDataset("local/export", root=folder)
    less = delete_episodes(data, [0], output_dir=folder.with_name(f"{folder.name}-less"), repo_id="local/less")
    out = folder.with_name(f"{folder.name}-merged")
    both = merge_datasets([data, less], output_repo_id="local/merged", output_dir=out)
    return {"less": less.num_episodes, "episodes": both.num_episodes, "folder": str(out)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("check", "train", "make", "merge"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=10)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.what == "train":
        result = train(args.folder, args.steps)
    else:
        result = {"check": check, "make": make, "merge": merge}[args.what](args.folder)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
