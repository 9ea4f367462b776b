"""Scripted people who take over, round after round, as in paper 1 (IWR, section V): what they collect and train."""

import dataclasses
import functools
import math
from dataclasses import dataclass, field
from functools import cached_property

from retouch.errors import InputError
from retouch.learning.config import TrainConfig
from retouch.learning.weights import Method, method
from retouch.studies.grid import FULL, Operator, Scale
from retouch.studies.jobs import Collection, Policy


@dataclass(frozen=True)
class IwrScale(Scale):
    """How large a study is; the defaults are the paper's, but for more fresh states.

    Attributes:
        demonstrations: that an operator begins with.
        share: of the base's samples that a round adds as interventions.
        rounds: of intervention.
        training: of every policy.
    """

    demonstrations: int = 30
    share: float = 0.33
    rounds: int = 3
    training: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("demonstrations", "rounds"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 < self.share < math.inf:
            raise InputError(f"share must be a number above 0, not {self.share}")


@dataclass(frozen=True)
class Intervener(Operator):
    """One scripted person who takes over.

    Attributes:
        scale: of the study.
    """

    scale: IwrScale

    @cached_property
    def demonstrations(self) -> Collection:
        """What the base policy learns from."""
        return self.demonstrated(self.scale.demonstrations)

    @cached_property
    def more_demonstrations(self) -> Collection:
        """As many samples once more."""
        more = self.collection(1, share=1.0, base=self.demonstrations)
        return more if self.demonstrator is None else dataclasses.replace(more, person=self.demonstrator)

    @functools.cache  # noqa: B019  operators live as long as a study
    def interventions(self, name: str, number: int, share: float | None = None) -> Collection:
        """Of round `number` on the policies of a method; every method's first round is on the same base."""
        before = self.base(0) if number == 1 else self.trained(method(name), self.data(name, number - 1), 0)
        share = self.scale.share if share is None else share
        return self.collection(number, way="take-over", share=share, base=self.demonstrations, policy=before)

    def data(self, name: str, number: int) -> tuple[Collection, ...]:
        """What a method has collected up to a round."""
        return (self.demonstrations, *(self.interventions(name, n) for n in range(1, number + 1)))

    def base(self, seed: int) -> Policy:
        """The policy that everybody begins with."""
        return self.trained(FULL, (self.demonstrations,), seed)

    def trained(self, how: Method, data: tuple[Collection, ...], seed: int) -> Policy:
        """A policy on some data."""
        return Policy(how, data, dataclasses.replace(self.scale.training, seed=seed))
