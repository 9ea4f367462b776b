"""A run's report as one HTML file that needs nothing else: figures, tables, films, and every number again as JSON.

    path.write_text(page(report), encoding="utf-8")

The numbers are in the element `<script type="application/json" id="numbers">`: the report's data, films left out.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from retouch.report import plots
from retouch.report.clips import data_uri
from retouch.report.model import PolicyResult, RunReport, Success
from retouch.report.style import CSS

NOTHING = "–"


def write(report: RunReport, path: Path) -> Path:
    """Write the page; the file is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(path.suffix + ".part")
    aside.write_text(page(report), encoding="utf-8")
    aside.replace(path)
    return path


def page(report: RunReport) -> str:
    """The whole page."""
    parts = [
        f"<h1>{escape(report.title)}</h1>",
        f'<p class="soft">{escape(report.date)}, corrections by {escape(_by_whom(report))}</p>',
        *(f'<p class="warning" role="note">{escape(w)}</p>' for w in report.warnings),
        _headline(report),
        _success(report),
        _clips(report),
        _data(report),
        _timelines(report),
        _repeat(report),
        f'<script type="application/json" id="numbers">{_json(numbers(report))}</script>',
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def numbers(report: RunReport) -> dict[str, Any]:
    """Everything on the page for machines, films without their frames."""
    document = asdict(report)
    for clip in document["clips"]:
        del clip["webp"]
    for row, policy in zip(document["policies"], report.policies, strict=True):
        row["final"]["rate"] = policy.final.rate
    for row, data in zip(document["data"], report.data, strict=True):
        row["human"] = data.human
    return document


def percent(share: float | None) -> str:
    """A share as text."""
    return NOTHING if share is None else f"{100 * share:.1f} %"


def _by_whom(report: RunReport) -> str:
    return f"a scripted person ('{report.person}')" if report.scripted else report.person


def _json(document: Any) -> str:
    """JSON that no browser takes for the end of its element."""
    return json.dumps(document, ensure_ascii=False, default=str).replace("<", "\\u003c")


def _section(title: str, *parts: str) -> str:
    return "\n".join(["<section>", f"<h2>{escape(title)}</h2>", *parts, "</section>"])


def _table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in header)
    lines = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<p class="soft">{escape(caption)}</p><div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{lines}\n</tbody></table></div>"
    )


def _interval(success: Success) -> str:
    return f"{percent(success.rate)} [{100 * success.low:.0f}, {100 * success.high:.0f}]"


def _mean(policies: Sequence[PolicyResult]) -> float:
    return sum(p.final.rate for p in policies) / len(policies)


def _headline(report: RunReport) -> str:
    """Before and after, large."""
    if not report.policies:
        return ""
    cards = []
    last = max(p.round for p in report.policies)
    for number in dict.fromkeys((min(p.round for p in report.policies), last)):
        group = [p for p in report.policies if p.round == number]
        name = "base policy" if number == 0 else f"after {group[0].name}"
        if len(group) == 1:
            detail = f"[{100 * group[0].final.low:.0f}, {100 * group[0].final.high:.0f}], n = {group[0].final.trials}"
        else:
            detail = f"mean of {len(group)} training seeds, n = {sum(p.final.trials for p in group)}"
        cards.append(_card(name, percent(_mean(group)), detail))
    human = sum(d.human for d in report.data)
    if human:
        cards.append(_card(report.operator, f"{human:,}", "steps, those left out too"))
    return f'<div class="headline">{"".join(cards)}</div>'


def _card(name: str, value: str, detail: str) -> str:
    return f'<div>{escape(name)}<strong>{value}</strong><span class="soft">{escape(detail)}</span></div>'


def _success(report: RunReport) -> str:
    if not report.policies:
        return ""
    rows = [
        (
            p.name,
            str(p.seed),
            f"{p.gradient_steps:,}",
            NOTHING if p.training_s is None else f"{p.training_s:.0f} s",
            _interval(p.final),
            str(p.final.trials),
            percent(p.late_mean),
            percent(p.paper_maximum),
        )
        for p in report.policies
    ]
    header = (
        "policy", "training seed", "gradient steps", "training time", "final averaged weights, fresh states", "n",
        "mean of late checkpoints", "paper's maximum over checkpoints",
    )  # fmt: skip
    return _section(
        "Success by round",
        plots.success_by_round(report.policies),
        _table("Intervals are Wilson's, 95 %. The final figure is the one to compare.", header, rows),
        '<p class="soft">The paper\'s maximum is the highest of many noisy checkpoints and reads too high by design; '
        "it is given for comparison with published numbers.</p>",
        _checkpoints(report),
    )


def _checkpoints(report: RunReport) -> str:
    """Every checkpoint, folded away."""
    rows = [
        (p.name, str(p.seed), f"{step:,}", percent(averaged), percent(raw))
        for p in report.policies
        for step, averaged, raw in p.checkpoints
    ]
    if not rows:
        return ""
    header = ("policy", "training seed", "gradient step", "averaged weights", "raw weights")
    return f"<details><summary>Every checkpoint</summary>{_table('Success', header, rows)}</details>"


def _clips(report: RunReport) -> str:
    figures = [
        f'<figure><img src="{data_uri(c.webp)}" width="{c.width}" height="{c.height}" alt="{escape(c.title)}" '
        f'loading="lazy"><figcaption><b>{escape(c.title)}</b> {escape(c.caption)}</figcaption></figure>'
        for c in report.clips
    ]
    return _section("Films", '<div class="clips">', *figures, "</div>") if figures else ""


def _data(report: RunReport) -> str:
    if not report.data:
        return ""
    rows = [
        (
            "base" if d.round == 0 else f"round {d.round}",
            *(f"{n:,}" for n in (d.demonstration, d.intervention, d.policy, d.human, d.human_discarded)),
            f"{d.episodes:,}",
            f"{d.episodes_discarded:,}",
            f"{d.interventions:,}",
        )
        for d in report.data
    ]
    who = report.operator
    header = (
        "round", "demonstration", "intervention", "policy", f"all steps of the {who}", f"of the {who}, left out",
        "episodes kept", "episodes left out", "interventions",
    )  # fmt: skip
    return _section(
        "Data",
        plots.composition(report.data, who),
        _table("What each round added, in control steps.", header, rows),
    )


def _timelines(report: RunReport) -> str:
    blocks = []
    for number in sorted({t.round for t in report.timelines}):
        episodes = [t for t in report.timelines if t.round == number]
        title = "base" if number == 0 else f"round {number}"
        figure = plots.timelines(episodes, report.operator, f"episodes-of-{title.replace(' ', '-')}")
        opened = "" if number == 0 else " open"
        blocks.append(f"<details{opened}><summary>{title}: {len(episodes)} episodes</summary>{figure}</details>")
    legend = '<p class="soft">One bar an episode. ✓ success, ✗ failure, – aborted; pale episodes were left out.</p>'
    return _section("Who acted when", legend, *blocks) if blocks else ""


def _repeat(report: RunReport) -> str:
    def listed(items: dict[str, Any]) -> str:
        entries = "".join(f"<dt>{escape(k)}</dt><dd>{escape(_shown(v))}</dd>" for k, v in items.items())
        return f"<dl>{entries}</dl>"

    parts = [f"<pre>{escape(report.command)}</pre>"]
    if report.settings:
        parts.append(f"<details open><summary>Settings</summary>{listed(report.settings)}</details>")
    if report.versions:
        parts.append(f"<details><summary>Versions</summary>{listed(report.versions)}</details>")
    return _section("To do this run again", *parts)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
