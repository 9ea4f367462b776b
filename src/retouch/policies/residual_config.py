"""The shape of a residual policy; no torch here, so that commands can describe one quickly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from retouch.errors import InputError, UnknownName

Head = Literal["mlp", "flow"]
HEADS = ("mlp", "flow")


@dataclass(frozen=True)
class ResidualConfig:
    """Shape of the policy (CR-DAgger, section 3.2 and the published code).

    Attributes:
        force: whether it goes by what the tool feels
        wrench: whether it says what the tool shall feel, and not only where it shall be
        base_action: whether it sees where the base policy is heading; its label can be read off that, in part
        head: "mlp" (the paper's), or "flow" for corrections that may go either way
        hidden: units of a layer
        layers: of the head
        dropout: of the head, in training
        frames: of what it says, a step apart; the second one is carried out
        readings: of the contact sensor that it sees, a power of two
        reading_ticks: from one to the next, in ticks of the controller
        channels: of the force encoder's levels; a level halves the number of readings
        poses: of the tool that it sees
        pose_ticks: from one to the next
        waypoints: of the base's that it sees, 0.1 s apart, with `base_action`
        inference_steps: of the flow head
        settling: time constant with which what it says is carried out, delta and wrench alike [s]
    """

    force: bool = True
    wrench: bool = True
    base_action: bool = False
    head: Head = "mlp"
    hidden: int = 256
    layers: int = 3
    dropout: float = 0.5
    frames: int = 5
    readings: int = 32
    reading_ticks: int = 4
    channels: tuple[int, ...] = (16, 32, 64, 128, 128)
    poses: int = 3
    pose_ticks: int = 5
    waypoints: int = 6
    inference_steps: int = 4
    settling: float = 0.04

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise UnknownName("head", self.head, HEADS)
        counts = (self.hidden, self.layers, self.readings, self.reading_ticks, self.poses, self.pose_ticks)
        if min(*counts, self.waypoints, self.inference_steps, *self.channels) < 1 or self.frames < 2:
            raise InputError("sizes and numbers of a residual policy are at least 1, its frames at least 2")
        if not self.channels or 2 ** len(self.channels) != self.readings:
            raise InputError(
                f"{len(self.channels)} levels take {2 ** len(self.channels)} readings, not {self.readings}"
            )
        if not (0 <= self.dropout < 1 and self.settling >= 0):
            raise InputError("dropout is in [0, 1), and settling not negative")

    @property
    def ticks(self) -> int:
        """Of the controller that it looks back over."""
        return max(self.readings * self.reading_ticks, (self.poses - 1) * self.pose_ticks + 1)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The reverse of `dataclasses.asdict`, through JSON.

        Raises:
            TypeError: it has other fields.
            InputError: a value that cannot be.
        """
        return cls(**dict(document, channels=tuple(document.get("channels", cls.channels))))
