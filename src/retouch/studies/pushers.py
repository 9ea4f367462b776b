"""Scripted people who correct a robot that yields, as in paper 2 (CR-DAgger, section 4): what they gather and train."""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

from retouch.errors import InputError
from retouch.learning.config import YIELDING, TrainConfig
from retouch.learning.residual_config import CorrectionConfig
from retouch.learning.weights import Method
from retouch.operators.way import Way
from retouch.policies.residual_config import ResidualConfig
from retouch.studies.crdagger_paper import DEMONSTRATIONS
from retouch.studies.grid import FULL, Operator, Scale
from retouch.studies.jobs import Collection, Policy

Settings = TypeVar("Settings")
AS_PUBLISHED: Mapping[str, Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "book-flipping": {"residual": {"base_action": True}},
        "belt-assembly": {"corrections": {"marked_whole": 15, "uncorrected": "left-out"}},
    }
)
"""What the paper's residuals have differently from task to task (appendix A.1 and A.2), unless a study says otherwise.
Its people hold the handle all through the 15 episodes; ours correct as ever, and the labels are what is marked."""


@dataclass(frozen=True)
class PushingScale(Scale):
    """How large a study is; the defaults are the paper's, but for more fresh states and training seeds.

    Attributes:
        checkpoint_trials: states that every checkpoint is tried on; the paper does not choose among them.
        demonstrations: that an operator begins with; when left out as many as in the paper: book 150, belt 405, cable
            200, gear 150.
        corrected: episodes that are collected by each way of correcting.
        grid: how many times as many attempts on the paper's test cases as there; 0 leaves them out.
        training: of every policy; that of a residual takes its `residual` and `corrections`.
    """

    checkpoint_trials: int = 0
    demonstrations: int | None = None
    corrected: int = 50
    grid: int = 1
    training: TrainConfig = field(default_factory=lambda: YIELDING)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("demonstrations", "corrected"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.grid < 0:
            raise InputError(f"grid must be at least 0, not {self.grid}")
        if self.training.type != "diffusion":
            raise InputError(f"the base is a policy of waypoints: training.type diffusion, not {self.training.type}")


@dataclass(frozen=True)
class Pusher(Operator):
    """One scripted person who corrects a robot that yields.

    Attributes:
        scale: of the study.
    """

    scale: PushingScale

    @cached_property
    def demonstrations(self) -> Collection:
        """What the base policy learns from."""
        number = self.scale.demonstrations
        return self.demonstrated(DEMONSTRATIONS[self.task] if number is None else number)

    @cached_property
    def base(self) -> Policy:
        """The policy that everything begins with: one, whichever training seed is asked for later on."""
        return Policy(FULL, (self.demonstrations,), self.scale.training)

    @functools.cache  # noqa: B019  operators live as long as a study
    def corrections(
        self, way: Way, number: int = 1, policy: Policy | None = None, episodes: int | None = None
    ) -> Collection:
        """Of round `number`: of the base unless another policy runs, as many as the scale says; of every way from the
        same initial states, but that whoever observes first passes over those where the base succeeds."""
        episodes = self.scale.corrected if episodes is None else episodes
        acting = policy or self.base
        return self.collection(number, way=way, policy=acting, episodes=episodes, max_attempts=10 * episodes)

    def updated(
        self,
        how: Method,
        data: tuple[Collection, ...],
        seed: int,
        residual: Mapping[str, Any] = MappingProxyType({}),
        corrections: Mapping[str, Any] = MappingProxyType({}),
        start: Policy | None = None,
        virtual_targets: bool = False,
    ) -> Policy:
        """The base after an update: retrained with its own demonstrations, finetuned, or with a residual beside it.

        Args:
            virtual_targets: whether a base that is trained on learns where the robot would have had to be asked to be.
            residual, corrections: what differs from the paper's residual at this task, by the names of
                `ResidualConfig` and `CorrectionConfig`.
            start: a residual that is trained on.
        """
        training = dataclasses.replace(self.scale.training, seed=seed, virtual_targets=virtual_targets)
        if how.update == "retrain":
            return Policy(how, (self.demonstrations, *data), training)
        if how.update == "residual":
            published = AS_PUBLISHED.get(self.task, {})
            training = dataclasses.replace(
                training,
                type="residual",
                residual=_changed(training.residual, ResidualConfig(), published.get("residual", {}), residual),
                corrections=_changed(
                    training.corrections, CorrectionConfig(), published.get("corrections", {}), corrections
                ),
            )
        return Policy(how, data, training, self.base, start)


def _changed(given: Settings, usual: Settings, published: Mapping[str, Any], differs: Mapping[str, Any]) -> Settings:
    """What a study asks for; what it leaves as usual, as the paper has it; and what makes the difference of a cell."""
    free = {name: value for name, value in published.items() if getattr(given, name) == getattr(usual, name)}
    return dataclasses.replace(given, **{**free, **differs})  # type: ignore[type-var]
