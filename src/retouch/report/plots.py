"""The figures of a report as SVG that takes its colours from the page, so that they follow light and dark.

Everywhere: the policy is blue, the person orange, demonstrations grey (Okabe and Ito's colours).
"""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

from retouch.report.model import PolicyResult, RoundData, Timeline

# Drawn in a stand-in colour that the page's variable then replaces.
STAND_INS = {
    "#010101": "var(--ink)",
    "#020202": "var(--grid)",
    "#030303": "var(--policy)",
    "#040404": "var(--person)",
    "#050505": "var(--demonstration)",
    "#060606": "var(--both)",
    "#070707": "var(--pause)",
    "#080808": "var(--paper)",
}
INK, GRID, POLICY, PERSON, DEMONSTRATION, BOTH, PAUSE, PAPER = STAND_INS
ACTORS = {"policy": POLICY, "person": PERSON, "both": BOTH, "none": PAUSE}
MARKS = {"success": "✓", "failure": "✗", "aborted": "–"}
WIDTH = 5.2  # inches: a phone's width at the font's own size


def success_by_round(policies: Sequence[PolicyResult]) -> str:
    """Success of every policy over rounds: final with interval, and the two other figures."""

    def draw(axes: Any) -> None:
        rounds = sorted({p.round for p in policies})
        for name, colour, style, value in _figures():
            values = [(r, [v for p in policies if p.round == r and (v := value(p)) is not None]) for r in rounds]
            means = [(r, 100 * sum(v) / len(v)) for r, v in values if v]
            if means:
                axes.plot(*zip(*means, strict=True), style, color=colour, lw=1.8, ms=5, label=name, zorder=3)
        for p in policies:
            same = [q.seed for q in policies if q.round == p.round]
            x = p.round + 0.06 * (same.index(p.seed) - (len(same) - 1) / 2)
            axes.plot([x, x], [100 * p.final.low, 100 * p.final.high], color=POLICY, lw=1.4, alpha=0.7, zorder=2)
            if len(same) > 1:
                axes.plot([x], [100 * p.final.rate], "o", color=POLICY, ms=3, alpha=0.7, zorder=2)
        axes.set_ylim(0, 100)
        axes.set_xlim(rounds[0] - 0.3, rounds[-1] + 0.3)
        axes.set_xticks(rounds, ["base" if r == 0 else f"round {r}" for r in rounds])
        axes.set_ylabel("success, %")
        axes.grid(axis="y")
        _legend(axes, columns=1)

    return svg("success", "Success rate by round, with 95 % Wilson intervals", 2.9, draw)


def composition(data: Sequence[RoundData], operator: str) -> str:
    """What each round added to the data, in control steps."""

    def draw(axes: Any) -> None:
        names = ["base" if d.round == 0 else f"round {d.round}" for d in data]
        left = [0] * len(data)
        parts: list[tuple[str, str, str, list[int]]] = [
            ("demonstration", DEMONSTRATION, "", [d.demonstration for d in data]),
            (f"intervention of the {operator}", PERSON, "", [d.intervention for d in data]),
            ("policy", POLICY, "", [d.policy for d in data]),
            (f"{operator}, left out", PAPER, "////", [d.human_discarded for d in data]),
        ]
        for name, colour, hatch, steps in parts:
            edge = PERSON if hatch else colour
            if any(steps):
                axes.barh(
                    names, steps, left=left, color=colour, edgecolor=edge, lw=0.8, hatch=hatch, height=0.6, label=name
                )
            left = [a + b for a, b in zip(left, steps, strict=True)]
        axes.invert_yaxis()
        axes.set_xlabel("control steps")
        axes.grid(axis="x")
        _legend(axes, columns=2)

    return svg("composition", "Data that each round added", 1.4 + 0.36 * len(data), draw)


def timelines(episodes: Sequence[Timeline], operator: str, name: str) -> str:
    """Who acted when: one bar an episode, with its outcome at the end. Episodes that were left out are pale."""

    def draw(axes: Any) -> None:
        labels = {"policy": "policy", "person": operator, "both": f"both (the {operator} pushes)", "none": "paused"}
        seen = set()
        longest = max([e.steps for e in episodes], default=1)
        for row, episode in enumerate(episodes):
            for span in episode.spans:
                colour = ACTORS[span.who]
                what = labels[span.who]
                if span.who == "person" and episode.kind == "demonstration":
                    colour, what = DEMONSTRATION, "demonstration"
                axes.barh(
                    row, span.stop - span.start, left=span.start, height=0.72, color=colour, lw=0,
                    alpha=1.0 if episode.kept else 0.45, label=None if what in seen else what,
                )  # fmt: skip
                seen.add(what)
            left_out = "" if episode.kept else " left out"
            axes.text(
                episode.steps + 0.01 * longest,
                row,
                MARKS[episode.outcome] + left_out,
                va="center",
                fontsize=7,
                color=INK,
            )
        axes.set_yticks(range(len(episodes)), [str(e.number) for e in episodes], fontsize=7)
        axes.set_ylim(len(episodes) - 0.4, -0.6)
        axes.set_xlim(0, 1.12 * longest)
        axes.set_xlabel("control step")
        axes.set_ylabel("episode")
        _legend(axes, columns=3)

    return svg(name, f"Who acted when, {name.replace('-', ' ')}", 1.2 + 0.145 * len(episodes), draw)


def _figures() -> list[tuple[str, str, str, Callable[[PolicyResult], float | None]]]:
    return [
        ("final averaged weights, fresh states (95 % interval)", POLICY, "o-", lambda p: p.final.rate),
        ("mean of late checkpoints", INK, "s--", lambda p: p.late_mean),
        ("paper's maximum over checkpoints", DEMONSTRATION, "^:", lambda p: p.paper_maximum),
    ]


def _legend(axes: Any, columns: int) -> None:
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, frameon=False, borderaxespad=0.2)


def svg(name: str, title: str, height: float, draw: Callable[[Any], None]) -> str:
    """One figure as an <svg> element; `name` keeps its inner ids apart from other figures'."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "font.size": 9, "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK,
        "ytick.color": INK, "grid.color": GRID, "grid.linewidth": 0.8, "axes.axisbelow": True, "axes.spines.top": False,
        "axes.spines.right": False, "svg.fonttype": "none", "svg.hashsalt": name, "hatch.linewidth": 0.8,
        "legend.fontsize": 8, "axes.linewidth": 0.8, "font.family": "sans-serif",
    }  # fmt: skip
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0.0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0.0)
        draw(axes)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", text)
    for colour, variable in STAND_INS.items():
        text = text.replace(colour, variable)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    label = f'<svg class="figure" role="img" aria-label="{title}" '
    # The size in points goes: the page gives the width, the viewBox the shape.
    head, rest = text[len("<svg ") :].split(">", 1)
    return label + re.sub(r'(?:^|\s)(?:width|height)="[\d.]+pt"', "", head) + ">" + rest
