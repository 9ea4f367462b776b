"""What people's corrections were, and what a residual makes of those that it has not learnt from.

    .venv/bin/python benchmarks/gentle.py DATASET POLICY [DATASET POLICY ...]

DATASET has what a residual POLICY was trained on. Told of each: the share of steps corrected; how long a correction
lasts, how far from the base it asks the robot to be (root mean square over the correction), and what the tool feels
meanwhile, as medians; on the episodes that training held out, the cosine between the delta that the policy says and the
label where somebody corrected, and how large a delta it says where nobody did (root mean square).
"""

import argparse
import os
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from retouch.episodes.reader import Dataset
from retouch.learning.correct import observed
from retouch.learning.corrections import Corrections, Samples, targets
from retouch.learning.residual_config import CorrectionConfig
from retouch.policies.checkpoint import load_policy, read_info
from retouch.policies.residual import CARRIED_OUT, ResidualPolicy
from retouch.policies.torch_setup import single_thread

SOME = 4096
"""Steps at a time."""


def corrections(data: Corrections) -> dict[str, float]:
    """Of the people."""
    corrected, right = data.corrected(), targets(data, CorrectionConfig())[:, :3]
    episode = np.repeat(np.arange(len(data.lengths)), data.lengths)
    lasts, asks = [], []
    for onset in data.onsets().tolist():
        later = np.flatnonzero(~corrected[onset:] | (episode[onset:] != episode[onset]))
        length = int(later[0]) if len(later) else len(corrected) - onset
        lasts.append(length * data.control_period_s)
        asks.append(rms(right[onset : onset + length]))
    felt = np.linalg.norm(data.contact[corrected][..., :3].mean(axis=1), axis=1)
    return {
        "corrected": float(corrected.mean()),
        "lasts_s": float(np.median(lasts)),
        "asks_mm": 1000 * float(np.median(asks)),
        "felt_n": float(np.median(felt)),
    }


def held_out(data: Corrections, policy: ResidualPolicy, config: CorrectionConfig) -> dict[str, float]:
    """Of what the policy says on episodes that nothing was learnt from."""
    samples, size = Samples.of(data, config, policy.network.config), policy.network.size
    steps = np.flatnonzero(samples.kept_back)
    said = []
    for first in range(0, len(steps), SOME):
        some = steps[first : first + SOME]
        observation, tool = observed(data, policy.base, some), policy.view.tool(data.observation[some])
        ahead = samples.ahead(some, tool) if samples.shape.base_action else None
        noise = np.zeros((len(some), samples.shape.frames * size), np.float32)
        poses, readings = samples.poses(some, tool), samples.readings(some)
        said.append(policy.correct(observation, poses, readings, ahead, noise)[:, CARRIED_OUT, :3])
    delta, right = np.concatenate(said), samples.frames(steps)[:, CARRIED_OUT, :3]
    corrected = data.corrected()[steps]
    along = (delta * right).sum(axis=1) / (np.linalg.norm(delta, axis=1) * np.linalg.norm(right, axis=1) + 1e-12)
    return {"cosine": float(along[corrected].mean()), "elsewhere_mm": 1000 * rms(delta[~corrected])}


def rms(vectors: np.ndarray) -> float:
    """Of their lengths."""
    return float(np.sqrt(np.square(vectors).sum(axis=1).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, metavar="DATASET POLICY")
    paths = parser.parse_args().paths
    if len(paths) % 2:
        parser.error("every data set goes with its policy")
    single_thread()
    for path, folder in zip(paths[::2], paths[1::2], strict=True):
        policy = load_policy(folder)
        if not isinstance(policy, ResidualPolicy):
            parser.error(f"{folder} is no residual")
        data = Corrections.from_datasets([Dataset(path)], eyes=policy.eyes)
        config = CorrectionConfig(**read_info(folder).training["config"]["corrections"])
        found = corrections(data) | held_out(data, policy, config)
        print(path, " ".join(f"{name} {value:.2f}" for name, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
