"""The control frame: where a remote person's hand is, as 56 bytes (docs/protocol.md).

The pose is in the person's frame: x right, y up, z towards the person.
"""

import math
import struct
from dataclasses import dataclass

from retouch.errors import InputError

LAYOUT = struct.Struct("<BBHIIId3f4ff")
VERSION = 1
HELD, TRACKING, GRIPPER, CLUTCH, PUSH = 1, 2, 4, 8, 16
SOURCES = ("phone", "touch", "keyboard", "mouse", "gamepad", "spacemouse")
SCALES = (0.1, 4.0)
FARTHEST = 100.0  # from the tracker's origin; what is beyond is no hand [m]


@dataclass(frozen=True)
class ControlFrame:
    """One moment of a hand.

    Attributes:
        held: whether the person holds on.
        tracking: whether the pose is known.
        gripper: flips with every tap.
        clutch: held, but the hand may be put elsewhere.
        source: what the hand is, one of `SOURCES`.
        sequence: goes up by one a frame.
        hold: a new number at every press.
        epoch: goes up when the tracker's origin has jumped.
        client_ms: when, by the sender's clock.
        position: of the hand in the person's frame [m].
        quat: wxyz, likewise.
        scale: of motions.
        push: whether the hand pushes while the policy goes on, and does not take over; the first frame of a hold says.
    """

    held: bool
    tracking: bool
    gripper: bool
    clutch: bool
    source: str
    sequence: int
    hold: int
    epoch: int
    client_ms: float
    position: tuple[float, float, float]
    quat: tuple[float, float, float, float]
    scale: float = 1.0
    push: bool = False

    def encode(self) -> bytes:
        """The frame as it travels."""
        flags = HELD * self.held | TRACKING * self.tracking | GRIPPER * self.gripper | CLUTCH * self.clutch
        flags |= PUSH * self.push
        return LAYOUT.pack(
            VERSION,
            flags,
            SOURCES.index(self.source),
            self.sequence,
            self.hold,
            self.epoch,
            self.client_ms,
            *self.position,
            *self.quat,
            self.scale,
        )

    @classmethod
    def decode(cls, data: bytes) -> "ControlFrame":
        """The reverse of `encode`, for bytes from anybody.

        Raises:
            InputError: they are no control frame, or no hand can be there.
        """
        if len(data) != LAYOUT.size:
            raise InputError(f"a control frame has {LAYOUT.size} bytes, not {len(data)}")
        version, flags, source, sequence, hold, epoch, client_ms, *numbers = LAYOUT.unpack(data)
        if version != VERSION:
            raise InputError(f"control frames of version {VERSION} are understood, not {version}: reload the page")
        if flags >= 32 or source >= len(SOURCES):
            raise InputError(f"a control frame with flags {flags} and source {source}")
        if not all(map(math.isfinite, (client_ms, *numbers))):
            raise InputError("a control frame with a number that is not finite")
        x, y, z, *quat, scale = numbers
        length = math.hypot(*quat)
        if (
            max(abs(x), abs(y), abs(z)) > FARTHEST
            or not 0.9 < length < 1.1
            or not SCALES[0] * 0.99 < scale < SCALES[1] * 1.01
        ):
            raise InputError("a control frame with a pose or a scale that no hand has")
        w, i, j, k = (q / length for q in quat)
        return cls(
            held=bool(flags & HELD),
            tracking=bool(flags & TRACKING),
            gripper=bool(flags & GRIPPER),
            clutch=bool(flags & CLUTCH),
            source=SOURCES[source],
            sequence=sequence,
            hold=hold,
            epoch=epoch,
            client_ms=client_ms,
            position=(x, y, z),
            quat=(w, i, j, k),
            scale=scale,
            push=bool(flags & PUSH),
        )
