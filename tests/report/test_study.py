"""What a study's tables and figures say beside success."""

import json
from pathlib import Path
from typing import Any

import pytest

from retouch.report.study import figure, rows

STUDIES = Path(__file__).resolve().parents[2] / "docs" / "studies"


@pytest.fixture
def document() -> dict[str, Any]:
    """A figure of paper 2, with two of the paper's numbers in it."""
    return json.loads((STUDIES / "cr-figure-7-book-flipping.json").read_text())


def test_stops_by_force_and_torque_are_told_but_no_others(document: dict[str, Any]) -> None:
    cell = document["cells"][0]
    cell["trials"] = 8
    cell["felt"]["failures"] = {"stopped: force": 2, "stopped: torque": 1, "stopped: arm lags behind": 4}
    head, first, *_ = rows(document)
    assert first[head.index("stopped by force, %")] == "37.5"


def test_a_legend_says_what_hollow_marks_are_where_there_are_any(document: dict[str, Any]) -> None:
    assert "in the paper" in figure(document)
    for cell in document["cells"]:
        cell["paper"] = None
    assert "in the paper" not in figure(document)
