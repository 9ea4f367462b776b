"""How a residual policy learns from corrections; no torch here, so that commands can describe it quickly."""

from dataclasses import dataclass
from typing import Literal

from retouch.errors import InputError, UnknownName

Labels = Literal["executed", "hand"]
LABELS = ("executed", "hand")
Uncorrected = Literal["own", "nothing", "left-out"]
UNCORRECTED = ("own", "nothing", "left-out")
Dense = Literal["after", "around", "none"]
DENSE = ("after", "around", "none")


@dataclass(frozen=True)
class CorrectionConfig:
    """What is learnt from a step, and how often (CR-DAgger, sections 3.2 and 4.5, appendix A.2).

    Attributes:
        labels: "executed": where the tool went and what it felt, together what it was to do (the paper's); "hand": the
            hand's force over the stiffness, and no wrench, which it has in it
        uncorrected: what a step without a correction teaches: "own", what the residual that ran said itself, nothing
            where the base ran alone; "nothing" in any case: no correction was right there; or "left-out": none at all
        smoothing: over which a wrench is averaged before it is a label [s]
        centred: whether it is averaged over as much of what comes as of what was, as in the published code
        dense: where steps count more: "after" a correction begins (the paper's), "around" that, or "none"
        dense_time: for how long [s]
        dense_weight: how much more
        marked_whole: in so many episodes, the first ones, every step counts as corrected (the paper's other strategy
            has 15 of 50)
        held_out: part of the episodes that nothing is learnt from, for the loss on what was not seen
        force_noise, torque_noise: what is felt is off by, in training: the same for all readings of a sample, and as
            much again for each of them [N], [N m]
    """

    labels: Labels = "executed"
    uncorrected: Uncorrected = "own"
    smoothing: float = 0.1
    centred: bool = False
    dense: Dense = "after"
    dense_time: float = 1.3
    dense_weight: float = 4.0
    marked_whole: int = 0
    held_out: float = 0.1
    force_noise: float = 0.2
    torque_noise: float = 0.02

    def __post_init__(self) -> None:
        for name, names in (("labels", LABELS), ("uncorrected", UNCORRECTED), ("dense", DENSE)):
            if getattr(self, name) not in names:
                raise UnknownName(name, getattr(self, name), names)
        times, noise = (self.smoothing, self.dense_time), (self.force_noise, self.torque_noise)
        if min(*times, *noise, self.marked_whole) < 0:
            raise InputError("times, numbers and noise of learning from corrections are not negative")
        if not (self.dense_weight > 0 and 0 <= self.held_out < 1):
            raise InputError("dense_weight is positive, held_out in [0, 1)")
