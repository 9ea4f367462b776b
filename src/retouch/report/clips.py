"""Frames to films that a page carries within itself, and the marks on frames that say who is in charge.

A frame is uint8[H, W, 3].
"""

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retouch.errors import InputError
from retouch.report.model import Clip, Who

if TYPE_CHECKING:
    from PIL import Image, ImageFont

Frame = NDArray[np.uint8]
Colour = tuple[int, int, int]

COLOURS: dict[Who, Colour] = {
    "policy": (0, 114, 178),
    "person": (213, 94, 0),
    "both": (170, 68, 153),
    "none": (118, 118, 118),
}
WHITE: Colour = (255, 255, 255)
INK: Colour = (32, 36, 42)


def animated_webp(frames: Sequence[Frame], frames_per_second: float, quality: int = 72) -> bytes:
    """An animated WebP that repeats for ever.

    Raises:
        InputError: no frames, or frames of different sizes.
    """
    if not frames or len({f.shape for f in frames}) != 1:
        raise InputError("a film needs at least one frame, and all frames of one size")
    images = [_image(f) for f in frames]
    file = io.BytesIO()
    images[0].save(
        file,
        format="WEBP",
        save_all=True,
        append_images=images[1:],
        duration=max(1, round(1000 / frames_per_second)),
        loop=0,
        quality=quality,
        method=3,
    )
    return file.getvalue()


def clip(title: str, caption: str, frames: Sequence[Frame], frames_per_second: float, quality: int = 72) -> Clip:
    """A film for a report."""
    webp = animated_webp(frames, frames_per_second, quality)
    height, width, _ = frames[0].shape
    return Clip(title, caption, webp, width, height)


def data_uri(content: bytes, media_type: str = "image/webp") -> str:
    """Content as an address that needs no file beside the page."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def banner(frame: Frame, who: Who, text: str = "") -> Frame:
    """The frame with a border in the colour of who is in charge, and a label in the upper left corner.

    Args:
        text: of the label; `who` if empty.
    """
    from PIL import ImageDraw

    image = _image(frame)
    draw = ImageDraw.Draw(image)
    thickness = max(2, round(min(image.size) / 80))
    draw.rectangle((0, 0, image.width - 1, image.height - 1), outline=COLOURS[who], width=thickness)
    font = _font(image.height)
    label = text or who
    left, top, right, bottom = draw.textbbox((0, 0), label, font=font)
    pad = thickness + 1
    draw.rectangle((0, 0, right - left + 2 * pad + thickness, bottom - top + 2 * pad), fill=COLOURS[who])
    draw.text((pad - left + thickness // 2, pad - top), label, fill=WHITE, font=font)
    return np.asarray(image)


def captioned(frame: Frame, text: str) -> Frame:
    """The frame under a strip with one line of text; the strip's height depends on the frame's size only."""
    from PIL import Image, ImageDraw

    height, width, _ = frame.shape
    font = _font(height)
    strip = 2 * round(0.9 * font.size)
    image = Image.new("RGB", (width, height + strip), WHITE)
    image.paste(_image(frame), (0, strip))
    ImageDraw.Draw(image).text((round(0.4 * font.size), strip / 2), text, fill=INK, font=font, anchor="lm")
    return np.asarray(image)


def side_by_side(frames: Sequence[Frame], gap: int = 4) -> Frame:
    """Frames of one height next to each other on white, `gap` pixels apart.

    Raises:
        InputError: no frames, or frames of different heights.
    """
    if not frames or len({f.shape[0] for f in frames}) != 1:
        raise InputError("side by side go frames of one height")
    space = np.full((frames[0].shape[0], gap, 3), 255, np.uint8)
    parts = [part for frame in frames for part in (space, frame)][1:]
    return np.concatenate(parts, axis=1)


def _image(frame: Frame) -> "Image.Image":
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(frame))


def _font(height: int) -> "ImageFont.FreeTypeFont":
    """Pillow's own font, in a size that suits frames of this height."""
    from PIL import ImageFont

    return ImageFont.load_default(size=max(10, round(height / 18)))  # type: ignore[return-value]
