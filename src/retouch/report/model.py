"""What a report says about a run: plain data, filled by whoever did the run.

Shares are between 0 and 1, times in seconds, lengths of episodes in control steps.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Who = Literal["policy", "person", "both", "none"]
Kind = Literal["demonstration", "rollout", "corrected"]
Outcome = Literal["success", "failure", "aborted"]


@dataclass(frozen=True)
class Success:
    """A success rate with its interval.

    Attributes:
        successes, trials: counts.
        low, high: ends of the interval (95 %, Wilson).
    """

    successes: int
    trials: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Share of trials that succeeded; zero when nothing was tried."""
        return self.successes / self.trials if self.trials else 0.0


@dataclass(frozen=True)
class PolicyResult:
    """One trained policy.

    Attributes:
        round: 0 is the base policy.
        seed: of training.
        gradient_steps: taken.
        final: of the last averaged (EMA) weights on fresh initial states: the primary figure.
        late_mean: mean over the last checkpoints; `paper_maximum`: highest over all of them. None where not measured.
        checkpoints: gradient step, success of the averaged weights, success of the raw weights.
        training_s: how long training took.
    """

    round: int
    seed: int
    gradient_steps: int
    final: Success
    late_mean: float | None = None
    paper_maximum: float | None = None
    checkpoints: tuple[tuple[int, float, float], ...] = ()
    training_s: float | None = None

    @property
    def name(self) -> str:
        """As people call it."""
        return "base" if self.round == 0 else f"round {self.round}"


@dataclass(frozen=True)
class RoundData:
    """What one round's collection added, in control steps.

    Attributes:
        demonstration, intervention, policy: steps that entered the data.
        human_discarded: steps of the person's that were recorded and left out.
        episodes, episodes_discarded: kept and left out.
        interventions: how often the person took over, in all episodes.
    """

    round: int
    demonstration: int = 0
    intervention: int = 0
    policy: int = 0
    human_discarded: int = 0
    episodes: int = 0
    episodes_discarded: int = 0
    interventions: int = 0

    @property
    def human(self) -> int:
        """All steps a person acted in, those left out too."""
        return self.demonstration + self.intervention + self.human_discarded


@dataclass(frozen=True)
class Span:
    """Who acted from step `start` up to, not including, step `stop`."""

    who: Who
    start: int
    stop: int


@dataclass(frozen=True)
class Timeline:
    """Who acted when in one episode.

    Attributes:
        number: of the episode in its round's data.
        kept: it entered the data.
    """

    round: int
    number: int
    kind: Kind
    outcome: Outcome
    kept: bool
    spans: tuple[Span, ...]

    @property
    def steps(self) -> int:
        """The episode's length."""
        return self.spans[-1].stop if self.spans else 0


@dataclass(frozen=True)
class Clip:
    """A film.

    Attributes:
        webp: an animated WebP, as `clips.animated_webp` makes it.
        width, height: pixels.
    """

    title: str
    caption: str
    webp: bytes = field(repr=False)
    width: int
    height: int


@dataclass(frozen=True)
class RunReport:
    """Everything on the page.

    Attributes:
        command: that makes this run again.
        date: of the run, as text.
        person: who corrected, such as the name of a profile.
        scripted: that person is a program, and the report says so wherever it speaks of them.
        versions: of the packages that shaped the result; `settings`: of the run.
        warnings: what a reader must know before believing the numbers.
    """

    title: str
    command: str
    date: str
    person: str
    scripted: bool
    versions: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    policies: tuple[PolicyResult, ...] = ()
    data: tuple[RoundData, ...] = ()
    timelines: tuple[Timeline, ...] = ()
    clips: tuple[Clip, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def operator(self) -> str:
        """What the person is called on the page."""
        return "scripted person" if self.scripted else "person"


def spans_of(who: Sequence[Who]) -> tuple[Span, ...]:
    """Runs of the same actor, from one entry a step."""
    spans, start = [], 0
    for actor, group in itertools.groupby(who):
        stop = start + sum(1 for _ in group)
        spans.append(Span(actor, start, stop))
        start = stop
    return tuple(spans)
