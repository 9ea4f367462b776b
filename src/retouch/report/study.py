"""A study's tables as one HTML page, and as figures a paper would print; from the figures' JSON alone."""

import json
import math
from collections.abc import Callable, Collection, Sequence
from html import escape
from typing import Any

from retouch.report.plots import BOTH, DEMONSTRATION, INK, PERSON, POLICY, STAND_INS, svg
from retouch.report.style import CSS

COLOURS = {
    "base": DEMONSTRATION,
    "full-demos": BOTH,
    "hg-dagger": PERSON,
    "iwr-nb": INK,
    "iwr": POLICY,
    "retrain": BOTH,
    "residual": PERSON,
    "compliant-residual": POLICY,
}
NOWHERE = "-"  # the column of what belongs to none
MOST_MARKERS = 8
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
ON_PAPER = {
    "var(--ink)": "#20242a",
    "var(--grid)": "#d9dde2",
    "var(--policy)": "#0072b2",
    "var(--person)": "#d55e00",
    "var(--demonstration)": "#8a8f98",
    "var(--both)": "#aa4499",
    "var(--pause)": "#c9ced6",
    "var(--paper)": "#ffffff",
}
assert set(ON_PAPER) == set(STAND_INS.values())


def figure(document: dict[str, Any]) -> str:
    """Success of every cell with its interval; beside it the paper's metric, ours (pale) and the paper's (hollow)."""
    rows = list(dict.fromkeys(cell["row"] for cell in document["cells"]))
    if len(rows) > MOST_MARKERS:
        return _list(document)
    of_rows = [[cell["column"] for cell in document["cells"] if cell["row"] == row] for row in rows]
    columns = list(dict.fromkeys(column for of_row in sorted(of_rows, key=len, reverse=True) for column in of_row))
    if len(columns) > 1 and NOWHERE in columns:
        columns.remove(NOWHERE)

    crowded = sum(len(column) + 2 for column in columns) > 80
    slanted: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if crowded else {}

    def draw(axes: Any) -> None:
        width = 0.8 / len(rows)
        for k, row in enumerate(rows):
            colour, marker = COLOURS.get(row, INK), MARKERS[k % len(MARKERS)]
            for number, cell in enumerate(c for c in document["cells"] if c["row"] == row):
                if cell["column"] not in columns:
                    _everywhere(axes, row, colour, cell["success"])
                    continue
                x = columns.index(cell["column"]) + (k - (len(rows) - 1) / 2) * width
                mean, low, high = (100 * v for v in cell["success"])
                axes.plot([x, x], [low, high], color=colour, lw=1.6, zorder=2)
                label = row if number == 0 else None
                axes.plot([x], [mean], marker, color=colour, ms=5.5, lw=0, zorder=3, label=label)
                if cell["paper_metric"] is not None:
                    at = 100 * cell["paper_metric"][0]
                    axes.plot([x + 0.22 * width], [at], marker, color=colour, alpha=0.4, ms=4.0, lw=0, zorder=3)
                if cell["paper"] is not None:
                    at = float(cell["paper"].partition("±")[0])
                    axes.plot([x + 0.38 * width], [at], marker, mfc="none", mec=colour, ms=4.5, lw=0, zorder=3)
        axes.set_ylim(-2, 103)
        axes.set_xticks(range(len(columns)), ["" if name == NOWHERE else name for name in columns], **slanted)
        axes.set_xlim(-0.5, len(columns) - 0.5)
        axes.set_ylabel("success, %")
        axes.grid(axis="y")
        _name_the_papers(axes, document)
        _legend(axes)

    return svg(f"{document['kind']}-{document['table']}", document["title"], 3.7 if crowded else 3.1, draw)


def _everywhere(axes: Any, row: str, colour: str, success: Sequence[float]) -> None:
    """A cell that belongs to no column, across all of them."""
    mean, low, high = (100 * v for v in success)
    axes.axhspan(low, high, color=colour, alpha=0.18, lw=0, zorder=0)
    axes.axhline(mean, color=colour, lw=1.4, ls="--", zorder=1, label=row)


def _list(document: dict[str, Any]) -> str:
    """The same with a line for every cell, its name beside it, for tables of many rows."""
    cells = list(reversed(document["cells"]))
    nowhere = {cell["column"] for cell in cells} == {NOWHERE}

    def draw(axes: Any) -> None:
        for y, cell in enumerate(cells):
            colour = COLOURS.get(cell["row"], INK)
            mean, low, high = (100 * v for v in cell["success"])
            axes.plot([low, high], [y, y], color=colour, lw=1.6)
            axes.plot([mean], [y], "o", color=colour, ms=5.5, lw=0)
            if cell["paper"] is not None:
                axes.plot([float(cell["paper"].partition("±")[0])], [y], "o", mfc="none", mec=colour, ms=7, lw=0)
        names = [cell["row"] if nowhere else f"{cell['row']}, {cell['column']}" for cell in cells]
        axes.set_yticks(range(len(cells)), names)
        axes.set_xlim(-1, 103)
        axes.set_xlabel("success, %")
        axes.grid(axis="x")
        if _name_the_papers(axes, document):
            _legend(axes)

    height = 0.6 + 0.24 * len(cells)
    return svg(f"{document['kind']}-{document['table']}", document["title"], height, draw)


def _name_the_papers(axes: Any, document: dict[str, Any]) -> bool:
    """Say in the legend what hollow marks are, where there are any."""
    some = any(cell["paper"] is not None for cell in document["cells"])
    if some:
        axes.plot([], [], "o", mfc="none", mec=INK, ms=5.5, lw=0, label="in the paper")
    return some


def cost_figure(name: str, costs: Sequence[dict[str, Any]]) -> str:
    """Core minutes of a policy, training and trying it, over the samples that it learns from."""

    def draw(axes: Any) -> None:
        for k, row in enumerate(dict.fromkeys(cost["row"] for cost in costs)):
            mine = sorted((c["samples"] / 1000, _minutes(c)) for c in costs if c["row"] == row)
            colour, marker = COLOURS.get(row, INK), MARKERS[k % len(MARKERS)]
            axes.plot(*zip(*mine, strict=True), f"{marker}-", color=colour, lw=1.4, ms=5, label=row)
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.set_xlabel("samples to learn from, thousands")
        axes.set_ylabel("minutes of a core")
        axes.grid(axis="y")
        _legend(axes)

    labels = {cost["row"] for cost in costs}
    return svg(f"cost-{name}", "What a policy costs", 2.2 + 0.2 * math.ceil(len(labels) / _in_a_line(labels)), draw)


def _legend(axes: Any) -> None:
    """Above the figure, in as many columns as fit."""
    columns = _in_a_line(axes.get_legend_handles_labels()[1])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, frameon=False, borderaxespad=0.2)


def _in_a_line(labels: Collection[str]) -> int:
    """How many labels of a legend fit side by side."""
    return min(5, max(1, 70 // (max(map(len, labels), default=0) + 7)))


def _minutes(cost: dict[str, Any]) -> float:
    return (float(cost["training"]) + float(cost["trials"]) + float(cost["checkpoints"])) / 60


def on_paper(element: str) -> str:
    """A figure that stands alone, in fixed colours on white."""
    for variable, colour in ON_PAPER.items():
        element = element.replace(variable, colour)
    if "xmlns=" not in element.partition(">")[0]:
        element = element.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return element.replace("<svg ", '<svg font-family="sans-serif" style="background:#ffffff" ', 1)


def page(documents: Sequence[dict[str, Any]], costs: Sequence[Sequence[dict[str, Any]]], command: str) -> str:
    """All tables, their figures, what they cost (one list a table), and how to compute them again."""
    title = "A study of learning from corrections"
    parts = [
        f"<h1>{title}</h1>",
    ]
    for document, cost in zip(documents, costs, strict=True):
        parts += [f"<section><h2>{escape(document['title'])}</h2>", f'<p class="soft">{escape(caption(document))}</p>']
        parts += [figure(document), _table(document), cost_figure(document["table"], cost), "</section>"]
    numbers = json.dumps(list(documents), ensure_ascii=False).replace("<", "\\u003c")
    parts += [
        "<section><h2>Again</h2>",
        f"<pre>{escape(command)}</pre>",
        f'<script type="application/json" id="numbers">{numbers}</script></section>',
    ]
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{CSS}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def caption(document: dict[str, Any]) -> str:
    """What a reader must know of a table."""
    people, each, seeds, states = (document[k] for k in ("people", "collections_each", "training_seeds", "states"))
    single = [name for name, n in (("people", len(people)), ("collections", each), ("training seeds", seeds)) if n == 1]
    not_in = (
        f" Not in it, as there is one of each: the variance between {' and between '.join(single)}." if single else ""
    )
    return (
        f"Demonstrated and corrected by {', '.join(people)}; {each} collection(s) each, {seeds} training seed(s), "
        f"{states} fresh initial states, the same for all. Success: the last averaged policy, with the 95 % interval "
        f"of a bootstrap over people, collections, training seeds and states, too narrow where they are few.{not_in} "
        + _caption_of_columns(document)
        + f"Code: {', '.join(document['code'])}."
    )


def _caption_of_columns(document: dict[str, Any]) -> str:
    """Of those that not every table has."""
    said = ""
    if _any(document, "paper_metric"):
        said += (
            "Paper's metric: the best checkpoint of a training (raw weights, other states), mean and deviation over "
            "all trainings; in the figure pale, and hollow where the paper reports it. "
        )
    if _any(document, "grid"):
        said += "Test grid: the paper's cases, with what nobody demonstrated among them. "
    if _any(document, "felt"):
        said += (
            "Stages: what was reached, whatever came after. Stopped by force: attempts that the limit on force or "
            "torque ended, and no more than these would be solved without it. Force: the largest that an attempt felt,"
            " and jerk: of where the robot was asked to be, root mean square over an attempt at 50 Hz; medians over "
            "attempts. Hand: how far people's hands asked for another place than the base, root mean square. All cells"
            " share one base for each collection: the variance of training it is in no interval. A residual holds back"
            " a tenth of the episodes, the other methods learn from all. "
        )
    return said


def _any(document: dict[str, Any], name: str) -> bool:
    """Whether any cell has a value of that name."""
    return any(cell[name] for cell in document["cells"])


WIDE = (
    "of each training seed",
    "human samples",
    "stages, %",
    "hand, mm",
    "stopped by force, %",
    "force, N",
    "jerk, m/s^3",
)
Column = tuple[str, Callable[[dict[str, Any]], str]]


def _columns(document: dict[str, Any]) -> list[Column]:
    """Of a table: heading, and a cell's text."""
    columns: list[Column] = [
        ("method", lambda cell: cell["row"]),
        ("where", lambda cell: cell["column"]),
        ("success, last averaged policy", lambda cell: _interval(cell["success"])),
        (
            "of each training seed",
            lambda cell: "; ".join(
                " ".join(f"{100 * v:.1f}" for v in one) for person in cell["each"] for one in person
            ),
        ),
    ]
    if _any(document, "grid"):
        columns.append(("test grid", lambda cell: f"{_interval(cell['grid'][:3])} (n = {cell['grid'][3]})"))
    if _any(document, "paper_metric"):
        columns.append(("paper's metric", lambda cell: _with_deviation(cell["paper_metric"])))
    if _any(document, "paper"):
        columns.append(("paper", lambda cell: cell["paper"] or ""))
    columns += [
        ("human samples", lambda cell: _range(cell["human_samples"])),
        (f"{_reference(document)} minus this", lambda cell: _difference(cell["reference_minus_this"])),
    ]
    if _any(document, "felt"):
        columns += [
            ("stages, %", lambda cell: ", ".join(f"{k} {100 * v:.0f}" for k, v in cell["felt"]["stages"])),
            ("hand, mm", lambda cell: " ".join(f"{mm:.1f}" for mm in dict.fromkeys(cell["hand_mm"]) if mm is not None)),
            ("stopped by force, %", lambda cell: f"{100 * _stopped(cell):.1f}"),
            ("force, N", lambda cell: f"{cell['felt']['force_median']:.1f}"),
            ("jerk, m/s^3", lambda cell: f"{cell['felt']['jerk_median']:.1f}"),
        ]
    return columns


def _stopped(cell: dict[str, Any]) -> float:
    """Share of all attempts that the limit on force or torque ended."""
    failures = cell["felt"]["failures"]
    return float(sum(failures.get(f"stopped: {what}", 0) for what in ("force", "torque")) / cell["trials"])


def _reference(document: dict[str, Any]) -> str:
    """What the others are compared with, in words."""
    row, column = document["reference"], document["reference_column"]
    return str(row) if column in (None, NOWHERE) else f"{row} ({column})"


def rows(document: dict[str, Any], brief: bool = False) -> list[list[str]]:
    """A table as text: its heading, and a line a cell; of a terminal's width where `brief`."""
    columns = [c for c in _columns(document) if not brief or c[0] not in WIDE]
    return [[name for name, _ in columns], *([text(cell) for _, text in columns] for cell in document["cells"])]


def _interval(rate: Sequence[float]) -> str:
    return "{:.1f} % [{:.1f}, {:.1f}]".format(*(100 * v for v in rate))


def _difference(difference: Sequence[float] | None) -> str:
    return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * v for v in difference)) if difference else ""


def markdown(document: dict[str, Any]) -> str:
    """The table for people."""
    head, *lines = rows(document)
    table = "".join("| " + " | ".join(row) + " |\n" for row in (head, ["---"] * len(head), *lines))
    return f"{document['title']}\n\n{caption(document)}\n\n{table}"


def _with_deviation(metric: tuple[float, float | None] | None) -> str:
    if metric is None:
        return ""
    mean, deviation = metric
    return f"{100 * mean:.1f}" + ("" if deviation is None else f" ± {100 * deviation:.1f}")


def _range(samples: list[int]) -> str:
    low, high = min(samples), max(samples)
    return str(low) if low == high else f"{low} to {high}"


def _table(document: dict[str, Any]) -> str:
    names, *lines = rows(document)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(part)}</td>" for part in line) + "</tr>\n" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>'
