"""Scripted people as data: how quickly, how patiently, how well and in which manner somebody corrects a robot."""

from dataclasses import dataclass, field
from typing import Literal

from retouch.errors import InputError
from retouch.plugins import brought, load

HandBack = Literal["bottleneck", "aligned", "finish"]


@dataclass(frozen=True)
class Hands:
    """How a person's hands move; actions are in units of the largest action.

    Attributes:
        speed: factor on the skill's own speed.
        tremor: standard deviation of the hand's noise, a share of its motion (Harris and Wolpert 1998).
        tremor_time: over which that noise is correlated [s].
        misjudgement: standard deviation of the slow error in where things are believed to be, close by [m].
        misjudgement_share: the same far off, a share of the distance that is still to go (Weber's law).
        misjudgement_time: over which that error is correlated [s].
        hesitation_rate: pauses begun per second of control [1/s].
        hesitation_time: mean length of a pause [s].
        detour: how far the carried part is swung aside on its way [m].
        routes: 1 always passes on one side; 2 chooses a side each attempt (multi-modal).
    """

    speed: float = 1.0
    tremor: float = 0.0
    tremor_time: float = 0.3
    misjudgement: float = 0.0
    misjudgement_share: float = 0.0
    misjudgement_time: float = 1.5
    hesitation_rate: float = 0.0
    hesitation_time: float = 0.5
    detour: float = 0.0
    routes: int = 1


@dataclass(frozen=True)
class Grasp:
    """How a person's hand holds a robot's handle: a spring of bounded strength.

    Attributes:
        stiffness: [N/m], [N m/rad].
        damping: [N s/m], [N m s].
        limit: most force and torque [N], [N m].
        ramp: to take hold and to let go [s].
        insistence: how quickly it pulls harder where it is resisted [1/s].
        tolerates: by how much the robot may press harder than would be pressed, before it is held back [N].
        tremor: standard deviation of the hand's force, a share of it.
        tremor_time: over which that is correlated [s].
        misjudgement, misjudgement_share, misjudgement_time: as of `Hands`; with the hand at the handle one sees better.
    """

    stiffness: tuple[float, float] = (1500.0, 20.0)
    damping: tuple[float, float] = (60.0, 0.5)
    limit: tuple[float, float] = (20.0, 5.0)
    ramp: float = 0.15
    insistence: float = 4.0
    tolerates: float = 0.0
    tremor: float = 0.0
    tremor_time: float = 0.3
    misjudgement: float = 0.0003
    misjudgement_share: float = 0.03
    misjudgement_time: float = 1.5


# Whoever pushes has the robot's own spring against them, up to 20 N and 8 N m. Chosen so that as many attempts
# are solved as when the robot is led, before anything was learnt from either (docs/results.md).
PUSHING = Grasp(limit=(30.0, 12.0), insistence=8.0, tolerates=16.0)


@dataclass(frozen=True)
class Profile:
    """A scripted person.

    Attributes:
        name: in registry and records.
        demonstrating: the hands during whole demonstrations.
        intervening: the hands during interventions; a difference is the style mismatch.
        reaction_delay: from trouble being visible to taking over, mean [s].
        patience: how long no progress is tolerated [s].
        funnel_width: sideways error tolerated at the mouth of a bottleneck [m].
        funnel_slope: how much wider the tolerance grows with distance from it.
        funnel_angle: angular error tolerated near a bottleneck [rad].
        funnel_range: distance from which the approach is judged [m].
        strain: how much of what would stop the robot it may feel, before that counts as trouble.
        foresight: how far ahead what it feels is seen to come [s]: 0 of whoever only reacts.
        disturbance: how far the scene may be pushed before it counts as a collision [m].
        hand_back: `bottleneck` after what went wrong has been traversed (in a task done by touch: a tenth of the task
            later), `aligned` as soon as the way looks right again, `finish` never.
        hand_back_time: how long that must have held [s].
        quality: share of troubles that are noticed at all.
        pushing: the hand on the handle of a robot that goes on (delta).
        dragging: the hand on the handle of a robot that lets itself be led (take-over).
    """

    name: str
    demonstrating: Hands = field(default_factory=Hands)
    intervening: Hands = field(default_factory=Hands)
    reaction_delay: float = 0.3
    patience: float = 3.0
    funnel_width: float = 0.006
    funnel_slope: float = 0.35
    funnel_angle: float = 0.25
    funnel_range: float = 0.05
    strain: float = 0.5
    foresight: float = 0.0
    disturbance: float = 0.02
    hand_back: HandBack = "bottleneck"
    hand_back_time: float = 0.3
    quality: float = 1.0
    pushing: Grasp = field(default_factory=lambda: PUSHING)
    dragging: Grasp = field(default_factory=Grasp)


_STEADY = Hands(speed=0.6, tremor=0.1, misjudgement=0.0003, misjudgement_share=0.08)

PROFILES: dict[str, Profile] = {
    p.name: p
    for p in (
        Profile("steady", demonstrating=_STEADY, intervening=_STEADY),
        Profile(
            "hesitant",
            demonstrating=Hands(speed=0.55, tremor=0.12, misjudgement_share=0.1),  # no pauses: docs/results.md, Coffee
            intervening=Hands(
                speed=0.6,
                tremor=0.08,
                misjudgement=0.001,
                hesitation_rate=0.5,
                hesitation_time=0.8,
                detour=0.03,
                routes=2,
            ),
            reaction_delay=0.8,
            patience=5.0,
            funnel_width=0.009,
            disturbance=0.04,
            hand_back="finish",
        ),
        Profile(
            "hasty",
            demonstrating=Hands(speed=0.9, tremor=0.2, tremor_time=0.2, misjudgement_share=0.15),
            intervening=Hands(speed=1.0, tremor=0.25, tremor_time=0.2, misjudgement_share=0.15, detour=0.02, routes=2),
            reaction_delay=0.15,
            patience=1.5,
            funnel_width=0.004,
            hand_back="aligned",
            hand_back_time=0.15,
        ),
    )
}


def profile(name: str) -> Profile:
    """The named scripted person, of these or of those that other packages bring.

    Raises:
        UnknownName: nobody has that name.
        InputError: what a package brings is no profile.
    """
    if name in PROFILES:
        return PROFILES[name]
    others = brought("retouch.profiles")
    found = load("profile", name, {**others, **dict.fromkeys(PROFILES, "")})
    if not isinstance(found, Profile):
        raise InputError(f"profile '{name}': {others[name]} is no retouch.operators.profile.Profile")
    return found
