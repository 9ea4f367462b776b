"""The table of methods: which samples count, and how much (paper 1, sections IV-C and V-B).

Samples are the windows of a sequence policy; a window counts as its first step does. They form two sets, D_I
(interventions) and D_R (the rest), and are drawn from q ~ alpha rho_I + rho_R: a sample of D_I is drawn alpha times as
often as one of D_R.
"""

import dataclasses
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Int8

from retouch.errors import InputError, UnknownName
from retouch.learning.labels import Label

Corrects = Literal["demonstrate", "take-over", "delta"]
CountAs = Literal["interventions", "rollout"]
Update = Literal["retrain", "finetune", "residual"]
Alpha = float | Literal["balanced"]


LATER = ("update", "rate", "anchor", "feels")


@dataclass(frozen=True)
class Method:
    """One row of the table.

    Attributes:
        name: its name on the command line
        corrects: how a person corrects
        alpha: weight of a sample of D_I relative to one of D_R; "balanced" draws both in equal proportion, alpha =
            |D_R| / |D_I|
        demonstrations_count_as: where the first demonstrations go, D_I or D_R; the paper leaves it open
        update: "retrain" on everything; on corrections alone "finetune" the base, or train a "residual" beside it
        rate: part of the learning rate that a base is finetuned with; a tenth, as in the published code
        anchor: weight of the divergence from the base in what finetuning descends
        feels: whether a residual goes by what the tool feels, and says what it shall feel
        drops_policy_samples: no window starts at a step of the policy, and where a window that starts elsewhere runs
            into the policy's steps, they stay out of the loss: the policy is never cloned
    """

    name: str
    corrects: Corrects
    alpha: Alpha = 1.0
    demonstrations_count_as: CountAs = "rollout"
    drops_policy_samples: bool = False
    update: Update = "retrain"
    rate: float = 1.0
    anchor: float = 0.0
    feels: bool = False

    def __post_init__(self) -> None:
        weighs = self.alpha == "balanced" if isinstance(self.alpha, str) else 0 < self.alpha < math.inf
        if not weighs:
            raise InputError(f"alpha must be a positive number or 'balanced', not {self.alpha!r}")
        if self.demonstrations_count_as not in ("interventions", "rollout"):
            raise UnknownName("set for demonstrations", self.demonstrations_count_as, ("interventions", "rollout"))

    def replace(self, *, alpha: Alpha | None = None, demonstrations_count_as: CountAs | None = None) -> "Method":
        """The method with another weight or another place for the demonstrations.

        Raises InputError for the weight of a residual, whose samples are weighted by when they were.
        """
        if alpha is not None and self.update == "residual":
            raise InputError(f"{self.name} has no alpha: see corrections.dense-weight and dense-time of its training")
        return dataclasses.replace(
            self,
            alpha=self.alpha if alpha is None else alpha,
            demonstrations_count_as=demonstrations_count_as or self.demonstrations_count_as,
        )

    def to_json(self) -> dict[str, Any]:
        """For fingerprints and provenance; what was added later only where it is not at its default."""
        later = {field.name: field.default for field in dataclasses.fields(self) if field.name in LATER}
        return {name: value for name, value in dataclasses.asdict(self).items() if later.get(name, ...) != value}

    def in_loss(self, labels: Int8[np.ndarray, " T"]) -> Bool[np.ndarray, " T"]:
        """Whether each step may be cloned, and a window may start there."""
        kept = labels != Label.PAUSED
        return kept & (labels != Label.POLICY) if self.drops_policy_samples else kept

    def in_interventions(self, labels: Int8[np.ndarray, " T"]) -> Bool[np.ndarray, " T"]:
        """Whether each step belongs to D_I."""
        chosen = labels == Label.INTERVENTION
        return chosen | (labels == Label.DEMONSTRATION) if self.demonstrations_count_as == "interventions" else chosen


METHODS: dict[str, Method] = {
    entry.name: entry
    for entry in (
        Method("full-demos", corrects="demonstrate"),
        Method("hg-dagger", corrects="take-over", drops_policy_samples=True),
        Method("iwr-nb", corrects="take-over"),
        Method("iwr", corrects="take-over", alpha="balanced"),
        Method("retrain", corrects="delta"),
        Method("finetune", corrects="delta", update="finetune", rate=0.1),
        Method("finetune-kl", corrects="delta", update="finetune", rate=0.1, anchor=1.0),
        Method("residual", corrects="delta", update="residual"),
        Method("compliant-residual", corrects="delta", update="residual", feels=True),
    )
}
"""The methods of paper 1 (section V-B) and of paper 2 (section 4.2)."""


def method(name: str) -> Method:
    """Looks a method up. Raises UnknownName, listing what there is."""
    if name not in METHODS:
        raise UnknownName("method", name, METHODS)
    return METHODS[name]


def intervention_share(alpha: Alpha, interventions: int, rollout: int) -> Fraction:
    """Share of D_I in what is drawn: alpha |D_I| / (alpha |D_I| + |D_R|); the whole where one set is empty.

    Exact, so that it adds up over any number of batches: alpha is taken as the fraction with a denominator of at most
    10^9 next to it, which makes alpha = |D_R| / |D_I| exactly one half.
    """
    if interventions == 0 or rollout == 0:
        return Fraction(int(interventions > 0))
    if alpha == "balanced":
        return Fraction(1, 2)
    weight = Fraction(alpha).limit_denominator(10**9) * interventions
    return weight / (weight + rollout)
