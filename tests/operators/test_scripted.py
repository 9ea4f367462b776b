"""Scripted people: what they notice, when they act, how they move."""

import ast
import dataclasses
import inspect

import numpy as np
import pytest
from tests.tiny import StuckPolicy, tiny

from retouch.errors import UnknownName
from retouch.geometry import quat_from_vector, quat_multiply
from retouch.operators import gripping, scripted
from retouch.operators.correction import Sight
from retouch.operators.gripping import HandOnHandle
from retouch.operators.profile import PROFILES, Grasp, Hands, Profile, profile
from retouch.operators.scripted import ScriptedPerson, Watch
from retouch.robots.ur5e import LIMITS
from retouch.rollout import rollout
from retouch.sim.world import Worlds
from retouch.tasks.gear import GearInsertion
from retouch.tasks.gear_scene import SHAFT_LENGTH
from retouch.tasks.gear_view import View

BASIC = Profile("basic", patience=0.5, reaction_delay=0.2)


def takeovers(person, seeds=range(12)):
    return list(rollout(tiny(), seeds, policy=StuckPolicy(), operator=ScriptedPerson(person), worlds=4))


def first_step(attempts):
    return float(np.mean([a.causes[0][0] for a in attempts if a.causes]))


def test_unknown_people_are_named_with_a_hint():
    with pytest.raises(UnknownName, match="did you mean 'steady'"):
        profile("stedy")


def test_there_are_three_people_who_differ():
    assert len(PROFILES) == 3
    assert len({dataclasses.replace(p, name="") for p in PROFILES.values()}) == 3


def test_a_scripted_person_is_called_scripted():
    assert ScriptedPerson(BASIC).name == "scripted:basic"


def test_demonstrations_are_held_throughout():
    for attempt in rollout(tiny(), range(3), operator=ScriptedPerson(BASIC), way="demonstrate"):
        assert attempt.intervention.all()
        assert attempt.outcome == "success"


def test_patience_and_reaction_delay_put_the_take_over_off():
    soon = first_step(takeovers(BASIC))
    assert first_step(takeovers(dataclasses.replace(BASIC, patience=1.0))) == pytest.approx(soon + 10, abs=2)
    assert first_step(takeovers(dataclasses.replace(BASIC, reaction_delay=0.8))) == pytest.approx(soon + 12, abs=4)


def test_somebody_who_never_notices_never_acts():
    assert not any(a.causes for a in takeovers(dataclasses.replace(BASIC, quality=0.0)))


@pytest.mark.parametrize(("rule", "returns"), [("finish", False), ("bottleneck", True)])
def test_hand_back_rules(rule, returns):
    attempts = [a for a in takeovers(dataclasses.replace(BASIC, hand_back=rule, hand_back_time=0.1)) if a.causes]
    assert attempts
    handed_back = [bool((np.diff(a.intervention.astype(int)) == -1).any()) for a in attempts]
    assert any(handed_back) is returns


def test_a_scripted_person_sees_only_the_scene():
    """Nothing of the policy's inside: it is there for operators that are no people."""
    inside = {f.name for f in dataclasses.fields(Sight)} - {"step", "observation"}
    assert inside == {"policy_sees", "proposed"}
    for module in (scripted, gripping):
        read = {node.attr for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Attribute)}
        assert not inside & read


def motion(hands, seed=0, steps=400):
    person = ScriptedPerson(Profile("p", demonstrating=hands)).session(tiny(), seed, "demonstrate")
    far = np.array([-0.5, 0.0, 0.5, 0.0], np.float32)
    return np.array([person.correct(Sight(k, far)).action for k in range(steps)])


def test_the_same_seed_moves_the_same_hands():
    hands = Hands(tremor=0.1, misjudgement=0.01, hesitation_rate=1.0)
    np.testing.assert_array_equal(motion(hands, 5), motion(hands, 5))
    assert not np.array_equal(motion(hands, 5), motion(hands, 6))


def test_tremor_has_the_given_size_and_is_correlated():
    trembling = motion(Hands(tremor=0.1, tremor_time=0.3), steps=4000)[:, 1]
    assert trembling.std() == pytest.approx(0.1, rel=0.25)
    assert np.corrcoef(trembling[:-1], trembling[1:])[0, 1] == pytest.approx(np.exp(-0.05 / 0.3), abs=0.05)


def test_hesitation_pauses_as_often_and_as_long_as_said():
    rate, length = 0.5, 0.6
    still = motion(Hands(hesitation_rate=rate, hesitation_time=length), steps=8000)[:, 0] == 0
    assert 0.6 * rate * length < still.mean() < 1.2 * rate * length


def test_speed_scales_the_skill():
    near = np.array([0.0, 0.0, 0.05, 0.0], np.float32)

    def step(speed):
        session = ScriptedPerson(Profile("p", demonstrating=Hands(speed=speed))).session(tiny(), 0, "demonstrate")
        return session.correct(Sight(0, near)).action[0]

    assert step(0.5) == pytest.approx(0.5 * step(1.0))


def feels(profile, forces):
    """The step at which somebody minds what a robot that stands still feels [N], or None."""
    task = GearInsertion()
    data = Worlds(task.physics, 1).reset(0)
    task.reset(data, np.random.default_rng(0))
    watch, sight = Watch(task, profile), task.sight(data)
    for step, force in enumerate(forces):
        sight[-6:] = 0.0
        sight[-4] = force
        if watch.trouble(sight) == "strain":
            return step
    return None


def test_somebody_who_feels_minds_half_of_what_stops_the_robot_and_may_see_it_coming():
    steady, rising = Profile("steady"), np.minimum(2.0 * np.arange(40), 45.0)
    assert feels(steady, np.full(40, 0.9 * 0.5 * LIMITS.force)) is None
    assert feels(steady, np.full(40, 1.1 * 0.5 * LIMITS.force)) == 2  # not a single jolt
    assert feels(steady, rising) == 18
    assert feels(dataclasses.replace(steady, foresight=0.1), rising) == 18 - 5  # 10 N of 100 N/s
    assert feels(dataclasses.replace(steady, strain=2.0), rising) is None


def on_the_shaft(task, pressed, aside=0.003):
    """What is seen and felt of a gear that stands on the shaft's top [N], [m]."""
    data = Worlds(task.physics, 1).reset(0)
    task.reset(data, np.random.default_rng(0))
    view, sight = View(task.sight(data)), task.sight(data)
    place = view.upright(np.array([aside, 0.0, SHAFT_LENGTH]), view.yaw)
    sight[:7] = sight[7:14] = [*place.position, *place.quat]
    sight[-6:] = 0.0
    sight[-4] = -pressed
    return sight


def test_somebody_who_feels_knows_at_once_that_a_gear_stands_beside_its_hole():
    task = GearInsertion()
    beside, over, above = on_the_shaft(task, 5.0), on_the_shaft(task, 5.0, 0.0005), on_the_shaft(task, 0.0)
    for sight, step in ((beside, 2), (over, None), (above, None)):
        watch = Watch(task, Profile("steady"))
        assert next((k for k in range(20) if watch.trouble(sight) == "missed"), None) == step


def pulls_up(grasp, pressed):
    """How hard a hand pulls up after half a second on a gear that the robot presses on the shaft [N]."""
    task = GearInsertion()
    sight = on_the_shaft(task, pressed)
    hand = HandOnHandle(task, grasp, np.random.default_rng(1))
    handle = (task.tool_pose(sight) @ hand._handle_in_tool).position[2]
    for _ in range(25):
        drawn = hand.pull(sight)[3]
    free = sight.copy()
    free[-6:] = 0.0
    for _ in range(6):
        let_go = hand.pull(free)[3]
    return grasp.stiffness[0] * (drawn - handle), grasp.stiffness[0] * (let_go - handle)


def test_a_hand_lets_a_robot_press_as_hard_as_it_tolerates_and_lets_go_of_what_is_gone():
    tolerant, strict = Grasp(tolerates=16.0), Grasp()
    assert pulls_up(tolerant, 15.0)[0] < 0.0  # it presses along
    assert pulls_up(tolerant, 35.0)[0] > 5.0
    held, gone = pulls_up(strict, 15.0)
    assert held > 5.0
    assert gone < 1.0


def test_a_hand_turns_harder_against_a_tool_that_stays_tilted():
    task = GearInsertion()
    data = Worlds(task.physics, 1).reset(0)
    task.reset(data, np.random.default_rng(0))
    sight, grasp = task.sight(data), Grasp()
    sight[3:7] = quat_multiply(quat_from_vector(np.array([0.05, 0.0, 0.0])), sight[3:7])
    hand = HandOnHandle(task, grasp, np.random.default_rng(1))
    handle = (task.tool_pose(sight) @ hand._handle_in_tool).quat
    torque = []
    for _ in range(100):
        drawn = hand.pull(sight)[4:8]
        torque.append(grasp.stiffness[1] * 2 * np.arccos(min(1.0, abs(float(drawn @ handle)))))
    assert 0.0 < torque[0] < 1.0
    assert (np.diff(torque[:20]) > 0).all()
    assert torque[-1] >= grasp.limit[1]
