"""How to train; no torch here, so that commands can describe it quickly."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from retouch.errors import InputError, UnknownName
from retouch.learning.residual_config import CorrectionConfig
from retouch.policies.bc_rnn_config import BCRNNConfig
from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.eyes import Eyes
from retouch.policies.normaliser import NormaliserKind
from retouch.policies.residual_config import ResidualConfig

Decay = Literal["constant", "cosine", "linear"]
DECAYS = ("constant", "cosine", "linear")
PolicyType = Literal["bc-rnn", "diffusion", "residual"]
TYPES = ("bc-rnn", "diffusion", "residual")

OWN: dict[PolicyType, tuple[str, ...]] = {
    "bc-rnn": ("network", "sequence", "split_windows_at_label_changes"),
    "diffusion": ("diffusion", "virtual_targets"),
    "residual": ("residual", "corrections"),
}
"""The settings that concern one type of policy alone."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes:
        type: of the policy: "bc-rnn" (paper 1); "diffusion" (the base of paper 2), which needs a compliant robot; or
            "residual", beside such a base
        epochs: passes; one is as many gradient steps as draw as many windows as there are, however they are weighted
        steps: gradient steps, instead of epochs
        batch: windows in a batch
        sequence: steps of a window of a BC-RNN; its LSTM state is zeroed as often
        learning_rate: of Adam
        decay: of the learning rate, over the run: "constant", "linear" or "cosine" to zero
        ema: decay of the exponential moving average of the weights, per step; less at first: (1 + step) / (10 + step)
        checkpoints: number of checkpoints, evenly spaced, the last one at the end
        seed: of the first weights and of the batches
        threads: of torch
        normaliser: of what is seen: "mean-std", "min-max" or "none"
        split_windows_at_label_changes: whether a window of a BC-RNN ends where the acting party changes
        network: shape of a BC-RNN; its horizon is `sequence`
        diffusion: shape of a diffusion policy
        virtual_targets: whether that learns where the robot would have had to be asked to be, to press as the tool was
            pressed, and not where the tool was
        residual: shape of a residual policy
        corrections: what a residual policy learns from them
        save_every: steps between two saves of the training state
        report_every: steps between two reports of progress
    """

    type: PolicyType = "bc-rnn"
    epochs: int = 40
    steps: int | None = None
    batch: int = 100
    sequence: int = 10
    learning_rate: float = 1e-3
    decay: Decay = "linear"
    ema: float = 0.995
    checkpoints: int = 10
    seed: int = 0
    threads: int = 1
    normaliser: NormaliserKind = "mean-std"
    split_windows_at_label_changes: bool = False
    network: BCRNNConfig = field(default_factory=BCRNNConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    virtual_targets: bool = False
    residual: ResidualConfig = field(default_factory=ResidualConfig)
    corrections: CorrectionConfig = field(default_factory=CorrectionConfig)
    save_every: int = 500
    report_every: int = 50

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise UnknownName("type of policy", self.type, TYPES)
        counts = ("epochs", "batch", "sequence", "checkpoints", "threads", "save_every", "report_every")
        for name in (*counts, *(["steps"] if self.steps is not None else [])):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1")
        if not (self.learning_rate > 0 and 0 <= self.ema < 1 and self.seed >= 0):
            raise InputError("learning_rate must be positive, ema in [0, 1), seed not negative")

    @property
    def eyes(self) -> Eyes | None:
        """What a policy trained from scratch looks through; None where it goes by numbers alone."""
        return self.diffusion.eyes if self.type == "diffusion" else None

    def what_matters(self, *besides: PolicyType) -> dict[str, Any]:
        """The settings that the weights depend on, as JSON; also of those of other types that are trained `besides`."""
        settings = asdict(self) | {"diffusion": self.diffusion.to_json()}
        own = [name for kind in (self.type, *besides) for name in OWN[kind]]
        others = [name for names in OWN.values() for name in names if name not in own]
        unused = [
            *(["epochs"] if self.steps is not None else []),
            *([] if self.virtual_targets else ["virtual_targets"]),
        ]
        for name in {"save_every", "report_every", *others, *unused}:
            del settings[name]
        return settings

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The reverse of `dataclasses.asdict` and of `what_matters`.

        Raises:
            TypeError: it has other fields.
            InputError: a value that cannot be.
        """
        values = dict(document)
        if "network" in values:
            values["network"] = BCRNNConfig(**values["network"])
        if "diffusion" in values:
            values["diffusion"] = DiffusionConfig.from_json(values["diffusion"])
        if "residual" in values:
            values["residual"] = ResidualConfig.from_json(values["residual"])
        if "corrections" in values:
            values["corrections"] = CorrectionConfig(**values["corrections"])
        return cls(**values)


YIELDING = TrainConfig(
    type="diffusion",
    epochs=20,
    diffusion=DiffusionConfig(denoiser="mlp", process="flow", inference_steps=8),
)
"""What suits a robot that yields, and observations that are numbers: chosen on gear insertion (docs/results.md)."""
