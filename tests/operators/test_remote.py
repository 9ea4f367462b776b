"""A remote person through the loop, with a link that is a script: what is done when, and what is recorded."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np
import pytest
from tests.beside import Beside, beside

from retouch.collection import InMemory
from retouch.episodes.schema import ControlSource
from retouch.operators.frame import ControlFrame
from retouch.operators.hold import Hold
from retouch.operators.remote import Condition, Mark, MarkRefused, PersonGone, RemotePerson
from retouch.rollout import Attempt, rollout
from retouch.sim.world import Worlds
from retouch.tasks.gear import GearInsertion
from tiny import StuckPolicy, tiny


class ScriptedLink:
    """Does what a script says at given steps; says goodbye when the script is over."""

    def __init__(self, script: Callable[["ScriptedLink"], None]):
        self.script = script
        self.condition = Condition()
        self.states: list[tuple[str, int]] = []
        self.answers: list[tuple[str, str | None]] = []
        self.marks: list[Mark] = []
        self.frame: ControlFrame | None = None
        self.calls = 0

    def now_ms(self) -> float:
        return 1000 * time.monotonic()

    def hear(self, hold: Hold) -> list[Mark]:
        self.calls += 1
        if self.calls > 2000:
            raise PersonGone("the script is over")
        self.script(self)
        if self.frame is not None:
            hold.see(self.frame, self.seen_ms(), self.now_ms())
        marks, self.marks = self.marks, []
        return marks

    def seen_ms(self) -> float:
        return self.now_ms()

    def answer(self, mark: Mark, error: str | None = None) -> None:
        self.answers.append((mark.mark, error))

    def show(self, condition: Condition) -> None:
        self.condition = dataclasses.replace(condition)
        if not self.states or self.states[-1][0] != condition.state:
            self.states.append((condition.state, condition.steps))

    def tap(self, mark: str) -> None:
        self.marks.append(Mark(f"{mark}-{self.calls}", mark))

    def press(
        self, hold: int, held: bool = True, position=(0.0, 0.0, 0.0), push: bool = False, tracking: bool = True
    ) -> None:
        sequence = 1 if self.frame is None else self.frame.sequence + 1
        self.frame = ControlFrame(
            held, tracking, False, False, "phone", sequence, hold, 0, self.now_ms(), position, (1.0, 0, 0, 0), 1.0, push
        )


def attempt(script: Callable[[ScriptedLink], None], way: str = "take-over", undo=lambda: None) -> tuple:
    link = ScriptedLink(script)
    person = RemotePerson("anna", link, undo)
    policy = StuckPolicy() if way == "take-over" else None
    made: list[InMemory] = []

    def record(_: int, __: int) -> InMemory:
        made.append(InMemory())
        return made[-1]

    found: Attempt = next(rollout(tiny(), [3], policy=policy, operator=person, way=way, worlds=1, record=record))
    return found, link, made[0]


def test_nothing_moves_before_the_person_starts():
    def script(link):
        if link.calls == 50:
            link.tap("start")
        if link.condition.steps == 4:
            link.tap("failure")

    found, link, rows = attempt(script)
    assert link.states == [("ENDED", 0), ("POLICY", 0), ("ENDED", 4)]
    assert (found.outcome, found.reason, found.steps) == ("failure", "marked by anna", 4)
    assert (rows.column("control_source") == ControlSource.POLICY).all()


def test_steps_come_at_the_tasks_rate():
    times = []

    def script(link):
        if link.calls == 1:
            link.tap("start")
        if link.condition.state == "POLICY" and len(times) < link.condition.steps:
            times.append(time.monotonic())
        if link.condition.steps == 12:
            link.tap("success")

    attempt(script)
    assert np.diff(times).mean() == pytest.approx(0.05, abs=0.01)


def test_take_over_and_hand_back():
    def script(link):
        step = link.condition.steps
        if link.calls == 1:
            link.tap("start")
        if 3 <= step < 6:
            link.press(1, position=(0.02 * (step - 3), 0.0, 0.0))
        elif step >= 6:
            link.press(1, held=False)
        if step == 9:
            link.tap("discard")

    found, link, rows = attempt(script)
    assert found.discard
    assert [state for state, _ in link.states] == ["POLICY", "YOU", "POLICY", "ENDED"]
    assert rows.column("intervention").tolist() == [False] * 3 + [True] * 3 + [False] * 3
    assert not np.isnan(rows.column("policy_action")).any()  # the policy's proposal is kept all along
    assert np.isnan(rows.column("operator_action")[:3]).all()
    assert found.causes == [(3, "phone")]
    moved = rows.column("action")[3:6, 1]  # right, seen along x, is -y
    assert moved[0] == 0
    assert (moved[1:] < 0).all()


def test_a_lost_hand_freezes_then_pauses_and_the_policy_does_not_go_on():
    paused = []

    def script(link):
        if link.calls == 1:
            link.tap("start")
        if link.condition.steps < 4:
            link.press(1)
        elif link.condition.state == "PAUSED":
            paused.append(link.condition.steps)
            if len(paused) == 40:
                link.tap("resume")
        elif link.condition.state == "POLICY":
            link.tap("failure")

    _, link, rows = attempt_with_silence(script)
    assert [state for state, _ in link.states] == ["YOU", "PAUSED", "POLICY", "ENDED"]
    sources = rows.column("control_source").tolist()
    frozen = sources.count(ControlSource.NONE)
    assert 2 <= frozen <= 4  # from 150 to 300 ms, at 50 ms a step
    still = rows.column("action")[np.array(sources) == ControlSource.NONE]
    assert (still == 0).all()
    assert not rows.column("intervention")[np.array(sources) == ControlSource.NONE].any()
    assert "nothing was heard" in link.whys
    assert len(set(paused)) == 1


def attempt_with_silence(script):
    """As `attempt`; a frame is seen with the time at which it was made."""

    class Link(ScriptedLink):
        whys = ""

        def hear(self, hold):
            self.calls += 1
            if self.calls > 2000:
                raise PersonGone("the script is over")
            self.script(self)
            if self.frame is not None:
                hold.see(self.frame, self.frame.client_ms, self.now_ms())
            marks, self.marks = self.marks, []
            return marks

        def show(self, condition):
            super().show(condition)
            if condition.state == "PAUSED":
                self.whys += condition.why

    link, rows = Link(script), InMemory()
    person = RemotePerson("anna", link, lambda: None)
    found = next(rollout(tiny(), [3], policy=StuckPolicy(), operator=person, worlds=1, record=lambda _, __: rows))
    return found, link, rows


def test_a_pause_stops_time_and_a_press_goes_on():
    def script(link):
        if link.calls == 1:
            link.tap("start")
        if link.condition.steps == 3 and link.condition.state == "POLICY":
            link.tap("pause")
        if link.condition.state == "PAUSED" and link.calls > 100:
            link.press(1)
        if link.condition.steps == 6:
            link.tap("success")
        elif link.condition.state == "YOU":
            link.press(1)

    found, link, rows = attempt(script)
    assert link.states == [("POLICY", 0), ("PAUSED", 3), ("YOU", 3), ("ENDED", found.steps)]
    assert found.steps >= 6
    assert len(rows.rows) == found.steps


def test_demonstrating_needs_no_policy_and_waits_when_let_go():
    def script(link):
        step = link.condition.steps
        if link.calls == 1:
            link.tap("start")
        if link.calls == 20 or step in (1, 2):
            link.press(1)
        if step == 3 and link.condition.state == "YOU":
            link.press(1, held=False)
        if link.condition.state == "PAUSED":
            link.tap("success")

    found, link, rows = attempt(script, "demonstrate")
    assert link.answers[0] == ("start", "there is no policy to let go: hold on and move to demonstrate")
    assert [state for state, _ in link.states] == ["ENDED", "YOU", "PAUSED", "ENDED"]
    assert rows.column("intervention").all()
    assert np.isnan(rows.column("policy_action")).all()
    assert found.outcome == "success"


def test_marks_that_cannot_be_carried_out_are_answered():
    def refuse():
        raise MarkRefused("there is nothing to undo")

    def script(link):
        if link.calls == 1:
            for mark in ("success", "undo", "dance", "start"):
                link.tap(mark)
        if link.condition.steps == 1:
            link.tap("reset")

    found, link, _ = attempt(script, undo=refuse)
    said = dict(link.answers)
    assert "no attempt is running" in said["success"]
    assert said["undo"] == "there is nothing to undo"
    assert "unknown mark 'dance'" in said["dance"]
    assert said["start"] is None
    assert found.discard


def test_an_attempt_that_was_never_begun_has_no_steps():
    found, _, rows = attempt(lambda link: link.tap("reset"))
    assert found.steps == 0
    assert rows.rows == []


def test_when_the_link_closes_so_does_the_attempt():
    with pytest.raises(PersonGone):
        attempt(lambda link: None)


GEAR = GearInsertion()


@pytest.fixture(scope="module")
def goes_beside(tmp_path_factory) -> Beside:
    """A policy that leads the gear to 6 mm beside the shaft."""
    folder, data = tmp_path_factory.mktemp("beside"), Worlds(GEAR.physics, 1).reset(0)
    GEAR.reset(data, np.random.default_rng([3, 0]))
    return beside(GEAR, data, np.array([0.006, 0.0, 0.0]), folder)


def attempt_with_gear(script, policy: Beside, silent: bool = False) -> tuple:
    link, rows = ScriptedLink(script), InMemory()
    if silent:  # a frame is as old as when it was made
        link.seen_ms = lambda: link.frame.client_ms
    person = RemotePerson("anna", link, lambda: None)
    found = next(rollout(GEAR, [3], policy=policy, operator=person, worlds=1, record=lambda *_: rows))
    return found, link, rows


def forces(rows: InMemory) -> np.ndarray:
    """Of the hand at the handle in every tick [N]."""
    return np.linalg.norm(rows.column("tick_hand_wrench")[..., :3], axis=-1)


def test_a_push_adds_to_a_policy_that_goes_on(goes_beside):
    def script(link):
        step = link.condition.steps
        if link.calls == 1:
            link.tap("start")
        if 10 <= step < 30 or 32 <= step < 40:
            link.press(1 + step // 32, position=(0.001 * (step - 10), 0.0, 0.0), push=True)
        elif step >= 30:
            link.press(1 + step // 40, held=False, push=True)
        if step == 60:
            link.tap("success")

    found, link, rows = attempt_with_gear(script, goes_beside)
    assert [state for state, _ in link.states] == ["POLICY", "PUSH", "POLICY", "PUSH", "POLICY", "ENDED"]
    sources, force = rows.column("control_source"), forces(rows)
    assert set(sources.tolist()) == {ControlSource.POLICY, ControlSource.BOTH}
    np.testing.assert_array_equal(np.flatnonzero(sources == ControlSource.BOTH), [*range(10, 30), *range(32, 40)])
    np.testing.assert_array_equal(rows.column("action"), rows.column("policy_action"))
    assert [step for step, _ in found.causes] == [10, 32]
    assert force[:11].max() < 0.8  # it begins with nothing, but for how far the robot moves in a step
    assert force[29, -1] == pytest.approx(400 * 0.019, rel=0.1)
    assert np.abs(np.diff(force.ravel())).max() < 3.5  # no jump at a press, a release, a new press
    assert 0 < force[33].max() < force[29].max()  # pressed again while it faded: it fades on
    assert force[36:40].max() < 3.0  # and counts from the new press
    assert force[46:].max() == 0.0
    assert link.condition.can_push


def test_a_push_that_is_not_heard_fades_while_the_robot_stands_still_and_pauses(goes_beside):
    def script(link):
        if link.calls == 1:
            link.tap("start")
        if link.condition.steps < 20:
            link.press(1, position=(0.002 * link.condition.steps, 0.0, 0.0), push=True)
        elif link.condition.state == "PAUSED":
            link.tap("failure")

    _, link, rows = attempt_with_gear(script, goes_beside, silent=True)
    assert [state for state, _ in link.states] == ["PUSH", "PAUSED", "ENDED"]
    sources, force = rows.column("control_source"), forces(rows)
    frozen = np.flatnonzero(sources == ControlSource.NONE)
    assert 5 <= len(frozen) <= 10  # from 150 to 300 ms, at 20 ms a step
    assert force[frozen[0] - 1].max() > 10.0
    assert force[frozen[0] + 5 :].max() == 0.0
    reference = rows.column("tick_reference")[frozen, :, :3].reshape(-1, 3)
    assert np.ptp(reference, axis=0).max() < 1e-9


def test_a_push_that_is_paused_fades_once_the_policy_goes_on(goes_beside):
    def script(link):
        if link.calls == 1:
            link.tap("start")
        if link.condition.steps < 20 and not link.marks:
            link.press(1, position=(0.002 * link.condition.steps, 0.0, 0.0), push=True)
        if link.condition.steps == 20 and link.condition.state == "PUSH":
            link.tap("pause")
        elif link.condition.state == "PAUSED":
            link.tap("resume")
        if link.condition.steps == 40:
            link.tap("discard")

    _, link, rows = attempt_with_gear(script, goes_beside)
    assert [state for state, _ in link.states] == ["POLICY", "PUSH", "PAUSED", "POLICY", "ENDED"]
    force = forces(rows)
    assert force[19, -1] > 10.0
    assert np.abs(np.diff(force.ravel())).max() < 3.5
    assert force[26:].max() == 0.0
    assert not rows.column("intervention")[21:].any()


def test_a_push_whose_hand_is_lost_is_let_go_before_the_robot_is_paused_for_good(goes_beside):
    waited = []

    def script(link):
        if link.condition.steps < 20 and link.condition.state != "PAUSED":
            link.press(1, position=(0.002 * link.condition.steps, 0.0, 0.0), push=True)
        elif link.condition.state == "PUSH":
            link.press(1, held=False, push=True, tracking=False)
        elif link.condition.state == "PAUSED":
            waited.append(link.condition.steps)
            if len(waited) == 60:
                link.tap("failure")

    found, link, rows = attempt_with_gear(script, goes_beside)
    assert [state for state, _ in link.states] == ["PUSH", "PAUSED", "ENDED"]
    force, sources = forces(rows), rows.column("control_source")
    assert force[19, -1] > 10.0
    assert 25 <= found.steps <= 26
    assert waited[-1] == found.steps
    assert force[-1].max() == 0.0
    assert (sources[21:] == ControlSource.NONE).all()


def test_who_takes_over_a_robot_that_yields_leads_it_and_nothing_jumps(goes_beside):
    def script(link):
        step = link.condition.steps
        if link.calls == 1:
            link.tap("start")
        if 20 <= step < 70:
            link.press(1, position=(0.001 * min(step - 20, 30), 0.0, 0.0))
        elif step >= 70:
            link.press(1, held=False)
        if step == 90:
            link.tap("success")

    _, link, rows = attempt_with_gear(script, goes_beside)
    assert [state for state, _ in link.states] == ["POLICY", "YOU", "POLICY", "ENDED"]
    place = rows.column("tick_measured_pose")[..., :3].reshape(-1, 3)
    assert place[699, 1] - place[199, 1] == pytest.approx(-0.03, abs=0.004)  # right, seen along x, is -y
    assert np.linalg.norm(np.diff(place, axis=0), axis=1).max() < 0.001  # in 2 ms
    assert rows.column("tick_stopped").max() == 0
    assert forces(rows).max() == 0.0


@pytest.mark.parametrize(("way", "why"), [("take-over", "no handle to push"), ("demonstrate", "no policy to push")])
def test_what_cannot_be_pushed_says_so_and_stands_still(way, why):
    said = []

    def script(link):
        if link.calls == 1 and way == "take-over":
            link.tap("start")
        if link.condition.steps == 3 or way == "demonstrate":
            link.press(1, push=True)
        said.append((link.condition.state, link.condition.why))
        if link.calls == 300:
            link.tap("reset")

    found, link, rows = attempt(script, way)
    assert not link.condition.can_push
    assert any(why in line for _, line in said)
    assert "PUSH" not in [state for state, _ in link.states]
    if way == "take-over":
        assert [state for state, _ in link.states] == ["POLICY", "PAUSED", "ENDED"]
        assert found.steps == 3
    assert not any(row["intervention"] for row in rows.rows)
