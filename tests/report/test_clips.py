"""Films come back as they went in, and frames say who is in charge."""

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from retouch.errors import InputError
from retouch.report.clips import COLOURS, animated_webp, banner, captioned, clip, data_uri, side_by_side
from retouch.report.model import Who

FRAME = np.full((84, 96, 3), 200, np.uint8)


def test_a_film_has_its_frames_size_pace_and_repeats() -> None:
    frames = [np.full((40, 60, 3), shade, np.uint8) for shade in (10, 90, 170, 250)]
    film = Image.open(io.BytesIO(animated_webp(frames, frames_per_second=20)))
    assert (film.n_frames, film.size, film.info["loop"]) == (4, (60, 40), 0)
    for i, frame in enumerate(frames):
        film.seek(i)
        film.load()
        assert film.info["duration"] == 50
        assert np.abs(np.asarray(film.convert("RGB")).astype(int) - frame).max() <= 4


def test_a_clip_knows_its_size() -> None:
    made = clip("title", "caption", [FRAME, FRAME // 2], 10)
    assert (made.width, made.height) == (96, 84)
    assert made.webp[:4] == b"RIFF"


def test_a_data_uri_holds_the_content() -> None:
    head, content = data_uri(b"\x00abc").split(",")
    assert head == "data:image/webp;base64"
    assert base64.b64decode(content) == b"\x00abc"


@pytest.mark.parametrize("who", COLOURS)
def test_a_banner_has_the_colour_of_who_is_in_charge(who: Who) -> None:
    marked = banner(FRAME, who)
    assert marked.shape == FRAME.shape
    for row, column in ((0, 0), (83, 0), (0, 95), (83, 95), (42, 0)):
        assert tuple(marked[row, column]) == COLOURS[who]
    assert (marked[40:70, 40:80] == 200).all()
    assert (FRAME == 200).all()
    label = marked[:20, :60].reshape(-1, 3)
    assert (label > 205).all(axis=1).sum() > 10, "the label is written in white"


def test_labels_differ() -> None:
    assert (banner(FRAME, "person") != banner(FRAME, "person", "scripted person")).any()


def test_a_caption_is_above_the_frame() -> None:
    one, two = captioned(FRAME, "attempt 12"), captioned(FRAME, "")
    assert one.shape == two.shape
    assert (one[-84:] == FRAME).all()
    assert (one[:-84] < 128).any()
    assert (two[:-84] == 255).all()


def test_side_by_side() -> None:
    wide = side_by_side([FRAME, FRAME[:, :50]], gap=4)
    assert wide.shape == (84, 150, 3)
    assert (wide[:, 96:100] == 255).all()
    assert (wide[:, :96] == 200).all()


def test_errors() -> None:
    with pytest.raises(InputError, match="one size"):
        animated_webp([], 10)
    with pytest.raises(InputError, match="one size"):
        animated_webp([FRAME, FRAME[:10]], 10)
    with pytest.raises(InputError, match="one height"):
        side_by_side([FRAME, FRAME[:10]])


def test_importing_the_report_loads_no_drawing_library() -> None:
    libraries = ("matplotlib", "PIL", "torch", "mujoco")
    code = f"import sys, retouch.report.html; print([m for m in {libraries} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
