"""Stands in for torchvision in the robomimic peer's environment, and nowhere else.

robomimic imports torchvision for its image encoders, which low-dimensional training never reaches; the real one is
built for the GPU build of torch. The names that robomimic imports exist; using one says so.
"""


class Absent:
    """A name of torchvision that is imported but must not be used here."""

    def __init__(self, *args: object, **kwargs: object):
        raise ImportError("torchvision is not part of this peer's environment: low-dimensional data only")
