"""What a hand does not do on purpose."""

import math

import numpy as np


def drift(value: np.ndarray, elapsed: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit variance a while later, correlated over one unit of time (Ornstein-Uhlenbeck)."""
    keep = math.exp(-elapsed)
    return keep * value + math.sqrt(1 - keep**2) * rng.standard_normal(value.shape)
