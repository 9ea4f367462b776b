"""For every test: one torch thread, a seeded Hypothesis, and array shapes checked at calls of the annotated modules."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from hypothesis import settings
from jaxtyping import install_import_hook

# The hook wraps functions, which numba cannot compile: the packages with compiled laws (control, sim, robots) and the
# tasks, which use them, are left out. The episode store is too: it checks every row and document itself.
CHECKED = [
    "retouch.evaluation",
    "retouch.geometry",
    "retouch.learning",
    "retouch.operators",
    "retouch.policies",
    "retouch.rollout",
    "retouch.rounds",
]
install_import_hook(CHECKED, "shape_checks.check")

# No deadlines: a shared machine is slow at times. Derandomised: a failure of today fails tomorrow.
settings.register_profile("retouch", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("retouch")


def pytest_configure() -> None:
    import torch

    torch.set_num_threads(1)
