"""The report: valid, self-contained, and its numbers are the ones that went in."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from retouch.report import html
from retouch.report.clips import clip
from retouch.report.model import Clip, PolicyResult, RoundData, RunReport, Span, Success, Timeline, spans_of

VOID = {"meta", "img", "br", "hr", "link", "input"}
FRAMES = [np.full((24, 32, 3), 40 * i, np.uint8) for i in range(4)]


def report(**changes: object) -> RunReport:
    full = RunReport(
        title="threading <iwr> & co",
        command="retouch improve threading --method iwr --rounds 1",
        date="20 November 2026",
        person="steady",
        scripted=True,
        versions={"mujoco": "4.0.0"},
        settings={"alpha": None, "training": {"batch": 100}, "note": "</script><b>"},
        policies=(
            PolicyResult(0, 0, 4000, Success(101, 200, 0.4362, 0.5736), 0.4711, 0.6189, ((2000, 0.4, 0.3),), 61.0),
            PolicyResult(1, 0, 8000, Success(171, 200, 0.7995, 0.8972)),
        ),
        data=(
            RoundData(0, demonstration=5123, human_discarded=317, episodes=30, episodes_discarded=2),
            RoundData(1, intervention=1709, policy=2903, human_discarded=211, episodes=28, interventions=43),
        ),
        timelines=(
            Timeline(0, 0, "demonstration", "success", True, (Span("person", 0, 173),)),
            Timeline(1, 0, "corrected", "failure", False, (Span("policy", 0, 61), Span("person", 61, 90))),
            Timeline(1, 1, "rollout", "aborted", True, ()),
        ),
        clips=(clip("The base fails", "Attempt 3", FRAMES, 10),),
        warnings=("few interventions",),
    )
    return dataclasses.replace(full, **changes)


class Reader(HTMLParser):
    """Checks that elements nest, and gathers what the tests look at."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.tables: list[list[list[str]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif self.open and self.open[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def full() -> str:
    return html.page(report())


def test_elements_nest_and_nothing_is_fetched(full: str) -> None:
    reader = Reader(full)
    for tag, name, value in reader.attributes:
        assert name != "onclick"
        if name in ("src", "href", "xlink:href", "data", "action", "poster"):
            assert value.startswith(("data:", "#")), f"<{tag} {name}={value[:60]}>"
    assert not re.search(r"@import|url\((?!#)|<link|<iframe|<script(?! type=\"application/json\")", full)
    assert [a for a in reader.attributes if a[1] == "name"] == [("meta", "name", "viewport")]


def test_ids_are_unique_so_that_figures_do_not_borrow_from_each_other(full: str) -> None:
    ids = [value for _, name, value in Reader(full).attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', full))
    assert {a or b for a, b in used} <= set(ids)


def test_text_is_escaped(full: str) -> None:
    assert "threading &lt;iwr&gt; &amp; co" in full
    assert "</script><b>" not in full


def test_the_table_of_success_has_the_numbers_that_went_in(full: str) -> None:
    success = Reader(full).tables[0]
    assert success[0][-2:] == ["mean of late checkpoints", "paper's maximum over checkpoints"]
    assert success[1] == ["base", "0", "4,000", "61 s", "50.5 % [44, 57]", "200", "47.1 %", "61.9 %"]
    dash = html.NOTHING
    assert success[2] == ["round 1", "0", "8,000", dash, "85.5 % [80, 90]", "200", dash, dash]


def test_the_table_of_data_has_the_numbers_that_went_in(full: str) -> None:
    data = Reader(full).tables[-1]
    assert data[1] == ["base", "5,123", "0", "0", "5,440", "317", "30", "2", "0"]
    assert data[2] == ["round 1", "0", "1,709", "2,903", "1,920", "211", "28", "0", "43"]


def test_every_number_is_there_for_machines(full: str) -> None:
    given = report()
    (script,) = Reader(full).scripts
    document = json.loads(script)
    assert document == json.loads(json.dumps(html.numbers(given)))
    for row, policy in zip(document["policies"], given.policies, strict=True):
        final = row["final"]
        assert (final["successes"], final["trials"]) == (policy.final.successes, policy.final.trials)
        assert (final["low"], final["high"], final["rate"]) == (policy.final.low, policy.final.high, policy.final.rate)
        assert row["late_mean"] == policy.late_mean
        assert row["paper_maximum"] == policy.paper_maximum
    assert [row["human"] for row in document["data"]] == [5440, 1920]
    assert document["timelines"][1]["spans"] == [
        {"who": "policy", "start": 0, "stop": 61},
        {"who": "person", "start": 61, "stop": 90},
    ]
    assert "webp" not in document["clips"][0]


def test_a_scripted_person_is_always_called_so() -> None:
    scripted = Reader(html.page(report()))
    words = " ".join([*scripted.text, *(cell for table in scripted.tables for row in table for cell in row)])
    assert re.findall(r"(?<!scripted )\bperson\b", words) == []
    real = html.page(report(scripted=False, person="Ada"))
    assert "scripted person" not in real
    assert "corrections by Ada" in real


def test_colours_follow_light_and_dark(full: str) -> None:
    assert "prefers-color-scheme: dark" in full
    for figure in re.findall(r"<svg.*?</svg>", full, re.DOTALL):
        assert "var(--ink)" in figure
        assert not re.search(r"#[0-9a-f]{6}\b", figure), "a colour that does not follow the page"


def test_a_report_without_results_is_still_a_page() -> None:
    empty = RunReport("nothing yet", "retouch improve threading", "today", "steady", True)
    reader = Reader(html.page(empty))
    assert reader.tables == []
    assert json.loads(reader.scripts[0])["policies"] == []


def test_two_training_seeds_are_shown_by_their_mean() -> None:
    policies = (PolicyResult(0, 0, 1, Success(40, 100, 0.3, 0.5)), PolicyResult(0, 1, 1, Success(60, 100, 0.5, 0.7)))
    page = html.page(report(policies=policies))
    assert "<strong>50.0 %</strong>" in page
    assert "mean of 2 training seeds, n = 200" in page


def test_the_same_report_makes_the_same_bytes(full: str) -> None:
    assert html.page(report()) == full


def test_writing_leaves_one_whole_file(tmp_path: Path) -> None:
    path = html.write(report(), tmp_path / "deep" / "report.html")
    assert path.read_text(encoding="utf-8") == html.page(report())
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_spans_are_runs_of_the_same_actor() -> None:
    assert spans_of([]) == ()
    assert spans_of(["policy", "policy", "person", "none", "none"]) == (
        Span("policy", 0, 2),
        Span("person", 2, 3),
        Span("none", 3, 5),
    )
    assert Timeline(1, 0, "corrected", "success", True, spans_of(["policy", "person"])).steps == 2


def test_a_clip_keeps_its_film_out_of_its_repr() -> None:
    assert "webp" not in repr(Clip("a", "b", b"123", 1, 1))
