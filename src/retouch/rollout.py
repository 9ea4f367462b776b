"""The loop: N worlds in lock-step, a policy, an operator, episodes out.

Demonstrations, interventions and evaluation are this one loop with one or the other left out. An attempt depends on its
seed alone: not on how many worlds run beside it, nor on how many threads step them.
"""

import itertools
import operator as operators
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast, runtime_checkable

import mujoco
import numpy as np
from jaxtyping import Float32, Float64

from retouch.control.hand import GRIP
from retouch.episodes.schema import ControlSource, picture_columns
from retouch.errors import EnvironmentStopped, InputError, PolicyError, PolicyStopped
from retouch.operators.correction import End, Operator, OperatorSession, Push, Replace, Sight, Wait
from retouch.operators.way import Way
from retouch.policies.eyes import PICTURE_PERIOD, Looks, Picture
from retouch.policies.protocol import Crowded, Feels, Foresees, Policy
from retouch.sim.eye import Eye
from retouch.tasks.base import Pushable, Task

NO_GRIP = np.zeros(GRIP)
WAYPOINTS, WAYPOINT_NAMES = 32, ("due_s", "x", "y", "z", "qw", "qx", "qy", "qz")
"""Most waypoints of a policy's chunk that are recorded, from the first on; of each, when it is due since the attempt
began, and its pose. The last one stands again, time and all, where a chunk has fewer."""
NO_WAYPOINTS = np.empty((0, len(WAYPOINT_NAMES)), np.float32)


@runtime_checkable
class Recorder(Protocol):
    """Where the rows of one running attempt go (`retouch.episodes.writer.EpisodeWriter` is one)."""

    def append(self, row: dict[str, Any]) -> None:
        """Add one step."""

    def forget(self) -> None:
        """Drop the attempt without a trace."""


@dataclass
class Attempt:
    """One finished attempt.

    Attributes:
        number: its place in the sequence of seeds.
        seed: everything random in it comes from here.
        outcome: `success` or `failure`.
        reason: of the outcome.
        steps: how many were taken.
        intervention: bool[steps], where the operator acted.
        causes: step and cause of every take-over.
        final_state: of the simulation, float64[S].
        discard: whether the operator wants it to count for nothing.
        recorder: holds the rows, to be committed or dropped by whoever asked for it.
        force: most that the tool felt of what it touched, where the robot feels anything [N].
        jerk: of where the tool was asked to be, from one step's mean to the next; root mean square, where the robot has
            a tick [m/s^3].
        stages: which of the task's stages were reached, whatever came after.
    """

    number: int
    seed: int
    outcome: Literal["success", "failure"]
    reason: str
    steps: int
    intervention: np.ndarray
    causes: list[tuple[int, str]]
    final_state: np.ndarray
    discard: bool = False
    recorder: Recorder | None = None
    force: float = 0.0
    jerk: float = 0.0
    stages: tuple[bool, ...] = ()

    @property
    def human_steps(self) -> int:
        """Steps in which the operator acted."""
        return int(self.intervention.sum())


@dataclass
class _Running:
    """What one slot is doing."""

    number: int
    seed: int
    session: OperatorSession | None
    recorder: Recorder | None
    step: int = 0
    shown: dict[str, Any] = field(default_factory=dict)  # the newest pictures that are recorded, as columns of a row
    operator_had_control: bool = False
    led: np.ndarray | None = None  # the operator's last action, until the robot has taken hold of itself again
    settling: int = 0  # steps of that to come
    force: float = 0.0
    asked: list[np.ndarray] = field(default_factory=list)  # each step's mean of where the tool was asked to be
    stages: tuple[bool, ...] = ()  # that have been reached
    take: int | None = None  # the take-over under way
    intervention: list[bool] = field(default_factory=list)
    causes: list[tuple[int, str]] = field(default_factory=list)


def rollout(
    task: Task,
    seeds: Iterable[int],
    *,
    policy: Policy | None = None,
    operator: Operator | None = None,
    way: Way = "take-over",
    horizon: int | None = None,
    worlds: int = 16,
    workers: int = 1,
    record: Callable[[int, int], Recorder] | None = None,
    pictures: int = 0,
    watch: Callable[[int, mujoco.MjData], None] | None = None,
    lay_out: Callable[[int, mujoco.MjData, np.random.Generator], None] | None = None,
) -> Iterator[Attempt]:
    """Run attempts and yield them in the order of `seeds`, which may be endless: stop by not asking for more.

    Args:
        task: what is attempted.
        seeds: one attempt each.
        policy: acts wherever the operator does not; None when the operator demonstrates.
        operator: watches every step and may take over; None leaves the policy alone.
        way: how the operator corrects.
        horizon: steps after which an attempt fails; the task's own when None.
        worlds: attempts that run at once, fewer where policy or task cannot.
        workers: threads that step the physics.
        record: called with number and seed when an attempt begins, for a place to put its rows.
        pictures: size of those that are recorded of the task's observation cameras, every `PICTURE_PERIOD`; 0 for none.
            A policy that goes by pictures has its own.
        watch: shown every world before each of its steps, and when its attempt has ended: number and data.
        lay_out: in place of the task's `reset`: the attempt's number, zeroed data, and what is random in it.

    Raises:
        ValueError: nobody would act.
        InputError: the robot cannot be corrected in this way, or is real and nobody watches it.
        PolicyError: the policy does not fit the task.
        PolicyStopped: it has died, is late, or answered what no robot can do. The robots stop where they are; what was
            done stays in the recorders.
        EnvironmentStopped: likewise of an environment of another interpreter.
        RobotError: an action is not finite.
    """
    if policy is None and (operator is None or way != "demonstrate"):
        raise ValueError("somebody must act: give a policy, or an operator who demonstrates")
    if way == "delta" and not task.ticks:
        raise InputError(f"the robot of the task {task.name} has no handle to push: correct by take-over")
    if task.attended and (operator is None or operator.repeatable):
        raise InputError(f"{task.name} is real: it only runs with a person who watches, through retouch serve")
    if policy is not None:
        wanted = (len(task.observation_names), len(task.action_names))
        if (policy.observation_dim, policy.action_dim) != wanted:
            raise PolicyError(
                f"the policy maps {policy.observation_dim} numbers to {policy.action_dim}, the task {task.name} needs "
                f"{wanted[0]} to {wanted[1]}"
            )
    limiting: tuple[object, ...] = (policy, task)
    worlds = min([worlds, *(one.most_slots for one in limiting if isinstance(one, Crowded))])
    loop = _Loop(
        task, policy, operator, way, horizon or task.horizon, worlds, workers, record, pictures, watch, lay_out
    )
    try:
        yield from loop.run(iter(enumerate(seeds)))
    except GeneratorExit:
        loop.forget()
        raise
    except (PolicyStopped, EnvironmentStopped):
        raise  # as what a real person did: it does not come again by itself
    except BaseException:
        if operator is None or operator.repeatable:
            loop.forget()
        raise  # what a real person did stays in its recorder


class _Loop:
    def __init__(
        self,
        task: Task,
        policy: Policy | None,
        operator: Operator | None,
        way: Way,
        horizon: int,
        count: int,
        workers: int,
        record: Callable[[int, int], Recorder] | None,
        pictures: int,
        watch: Callable[[int, mujoco.MjData], None] | None,
        lay_out: Callable[[int, mujoco.MjData, np.random.Generator], None] | None,
    ):
        self.task, self.operator, self.way, self.horizon = task, operator, way, horizon
        self.record, self.watch = record, watch
        self.lay_out = lay_out or (lambda number, data, rng: task.reset(data, rng))
        self.worlds = task.worlds(count, workers)
        self.robot = task.robot(self.worlds)
        self.acting = policy.session(count) if policy is not None else None
        acting: object = self.acting
        self.feels = acting if isinstance(acting, Feels) else None
        if isinstance(acting, Looks) and (eyes := acting.eyes) is not None:
            if eyes.camera not in task.observation_cameras:
                raise PolicyError(
                    f"the policy looks through a camera '{eyes.camera}': {task.name} has none for policies"
                )
            eye = Eye(task.drawing, eyes.camera, eyes.size, eyes.size)
            acting.look_through(lambda slot: eye.picture(self.worlds.datas[slot]))
        self.filmed = {n: Eye(task.drawing, n, pictures, pictures) for n in task.observation_cameras if pictures}
        self.between_pictures = round(PICTURE_PERIOD / task.control_period)
        self.slots: list[_Running | None] = [None] * count
        self.finished: dict[int, Attempt] = {}

    def run(self, plan: Iterator[tuple[int, int]]) -> Iterator[Attempt]:
        for next_number in itertools.count():
            while next_number not in self.finished:
                for slot, running in enumerate(self.slots):
                    if running is None and (planned := next(plan, None)) is not None:
                        self._begin(slot, *planned)
                if not any(self.slots):
                    return
                self._step()
            yield self.finished.pop(next_number)

    def forget(self) -> None:
        """Drop what ran ahead and was not asked for."""
        for attempt in (*self.finished.values(), *self.slots):
            if attempt is not None and attempt.recorder is not None:
                attempt.recorder.forget()

    def _begin(self, slot: int, number: int, seed: int) -> None:
        self.lay_out(number, self.worlds.reset(slot), np.random.default_rng([seed, 0]))
        if self.acting is not None:
            self.acting.reset(slot, seed)
        self.slots[slot] = _Running(
            number,
            seed,
            self.operator.session(self.task, seed, self.way) if self.operator is not None else None,
            self.record(number, seed) if self.record is not None else None,
        )

    def _step(self) -> None:
        """One control period of every world."""
        busy = [slot for slot, running in enumerate(self.slots) if running is not None]
        observations = np.stack([self.task.observe(self.worlds.datas[slot]) for slot in busy])
        proposed = self.acting.act(np.array(busy), observations) if self.acting is not None else None
        actions: list[np.ndarray] = []
        rows: list[tuple[int, dict[str, Any] | None]] = []
        grips: list[np.ndarray] = []
        for k, slot in enumerate(busy):
            running = self.slots[slot]
            assert running is not None
            if self.watch is not None:
                self.watch(running.number, self.worlds.datas[slot])
            proposal = proposed[k] if proposed is not None else None
            correction = None
            if running.session is not None:
                sight = Sight(running.step, self.task.sight(self.worlds.datas[slot]), observations[k], proposal)
                correction = running.session.correct(sight)
            if isinstance(correction, End):
                self._end(slot, correction.outcome, correction.reason, correction.discard)
                continue
            replaces = isinstance(correction, Replace | Wait)
            settled = self._settled(slot, correction)
            if not replaces and settled is None and running.operator_had_control:
                # Hand-back: the policy starts afresh, so it proposes again.
                assert self.acting is not None
                self.acting.forget(slot)
                proposal = self.acting.act(np.array([slot]), observations[k : k + 1])[0]
            corrects = isinstance(correction, Replace) or (
                isinstance(correction, Push) and correction.key and settled is None
            )
            if isinstance(correction, Replace | Push) and corrects and running.take != correction.take:
                running.causes.append((running.step, correction.cause))
                running.take = correction.take
            actions.append(self._action(slot, correction, proposal) if settled is None else settled)
            done = correction if settled is None else Wait()
            rows.append((slot, self._row(slot, observations[k], actions[-1], proposal, done)))
            running.operator_had_control = replaces or settled is not None
            if correction is None or (isinstance(correction, Push) and not correction.key):
                running.take = None
            running.intervention.append(corrects)
            grip = correction.grip if isinstance(correction, Push | Replace | Wait) else None
            grips.append(NO_GRIP if grip is None else grip)
        if not rows:
            return
        commanded = (np.array([slot for slot, _ in rows]), np.stack(actions).astype(np.float64))
        if self.task.ticks:
            felt = cast(Pushable, self.robot).command(*commanded, np.stack(grips))
            if self.feels is not None:
                self.feels.feel(commanded[0], felt)
            for k, (slot, row) in enumerate(rows):
                self._feel(slot, felt[k])
                if row is not None:
                    row |= {f"tick_{name}": felt[k][:, at] for name, at in self.task.tick_tracks.items()}
                    row["grip"], row["policy_waypoints"] = grips[k], self._waypoints(slot)
        else:
            self.robot.command(*commanded)
        for slot, row in rows:
            self._after(slot, row)

    def _settled(self, slot: int, correction: Replace | Push | Wait | None) -> Float32[np.ndarray, " A"] | None:
        """What is carried out while a robot that was led takes hold of itself again; None where it has, or is led."""
        running = self.slots[slot]
        assert running is not None
        if isinstance(correction, Replace):
            running.led, running.settling = correction.action, self.task.settling
        if isinstance(correction, Replace | Wait) or running.led is None or not running.settling:
            return None
        running.settling -= 1
        share = 1 - running.settling / self.task.settling
        return self.task.settle(self.worlds.datas[slot], running.led, share).astype(np.float32)

    def _action(
        self, slot: int, correction: Replace | Push | Wait | None, proposal: np.ndarray | None
    ) -> Float32[np.ndarray, " A"]:
        """What is carried out."""
        if isinstance(correction, Wait):
            return self.task.hold(self.worlds.datas[slot]).astype(np.float32)
        if isinstance(correction, Replace):
            return correction.action.astype(np.float32)
        assert proposal is not None
        return proposal

    def _row(
        self,
        slot: int,
        observation: np.ndarray,
        action: np.ndarray,
        proposal: np.ndarray | None,
        correction: Replace | Push | Wait | None,
    ) -> dict[str, Any] | None:
        running = self.slots[slot]
        assert running is not None
        if running.recorder is None:
            return None
        nothing = np.full(len(self.task.action_names), np.nan, np.float32)
        if self.filmed and running.step % self.between_pictures == 0:
            taken = running.step * self.task.control_period
            for camera, eye in self.filmed.items():
                picture: Picture = eye.picture(self.worlds.datas[slot])
                running.shown |= dict(zip(picture_columns(camera), (picture, taken), strict=True))
        by_operator = isinstance(correction, Replace)
        pushed = isinstance(correction, Push) and correction.key
        if by_operator:
            source = ControlSource.OPERATOR
        elif isinstance(correction, Wait):
            source = ControlSource.NONE
        else:
            source = ControlSource.BOTH if pushed else ControlSource.POLICY
        return {
            "step": running.step,
            "time_s": running.step * self.task.control_period,
            "observation": observation,
            "action": action,
            "policy_action": proposal if proposal is not None else nothing,
            "operator_action": action if by_operator else nothing,
            "control_source": source,
            "intervention": by_operator or pushed,
            **running.shown,
        } | ({"sim_state": self.worlds.state(slot)} if self.worlds.state_size else {})

    def _waypoints(self, slot: int) -> Float32[np.ndarray, "W 8"]:
        """The newest chunk of the policy in this slot, its last waypoint again where it is shorter; NaN without one."""
        running, acting = self.slots[slot], cast(object, self.acting)
        assert running is not None
        ahead = acting.waypoints(slot)[:WAYPOINTS] if isinstance(acting, Foresees) else NO_WAYPOINTS
        if not len(ahead):
            return np.full((WAYPOINTS, len(WAYPOINT_NAMES)), np.nan, np.float32)
        found = ahead[np.minimum(np.arange(WAYPOINTS), len(ahead) - 1)]
        found[:, 0] += running.step * self.task.control_period
        return found

    def _feel(self, slot: int, ticks: Float64[np.ndarray, "ticks tracks"]) -> None:
        running, tracks = self.slots[slot], self.task.tick_tracks
        assert running is not None
        force = np.linalg.norm(ticks[:, tracks["contact_wrench"]][:, :3], axis=1).max()
        running.force = max(running.force, float(force))
        running.asked.append(ticks[:, tracks["asked_pose"]][:, :3].mean(axis=0))

    def _after(self, slot: int, row: dict[str, Any] | None) -> None:
        running = self.slots[slot]
        assert running is not None
        data = self.worlds.datas[slot]
        held = self.task.stages(data)
        solved = held[-1] if held else self.task.success(data)  # the last stage is success
        running.stages = tuple(map(operators.or_, running.stages or held, held))
        if row is not None and running.recorder is not None:
            running.recorder.append({**row, "success": solved})
        running.step += 1
        if solved:
            self._end(slot, "success", "solved")
        elif running.step >= self.horizon or self.task.over(data):
            reason = self.task.failure(data)
            self._end(slot, "failure", reason or f"not solved in {running.step} steps")

    def _end(self, slot: int, outcome: Literal["success", "failure"], reason: str, discard: bool = False) -> None:
        running = self.slots[slot]
        assert running is not None
        if self.watch is not None:
            self.watch(running.number, self.worlds.datas[slot])
        self.finished[running.number] = Attempt(
            running.number,
            running.seed,
            outcome,
            reason,
            running.step,
            np.array(running.intervention, dtype=bool),
            running.causes,
            self.worlds.state(slot),
            discard,
            running.recorder,
            running.force,
            _jerk(running.asked, self.task.control_period),
            running.stages,
        )
        self.slots[slot] = None


def _jerk(positions: list[np.ndarray], period: float) -> float:
    """Root mean square of the third derivative of positions, a period apart; 0 where there are too few."""
    if len(positions) < 4:
        return 0.0
    third = np.diff(np.array(positions), 3, axis=0) / period**3
    return float(np.sqrt(np.square(third).sum(axis=1).mean()))


def replay(
    task: Task, seed: int, actions: Float32[np.ndarray, "T A"], grips: Float64[np.ndarray, "T 15"] | None = None
) -> list[np.ndarray]:
    """The states, float64[T + 1, S], that an attempt's recorded actions lead through, bit for bit as it ran.

    Args:
        grips: of a person's hand, where the robot has a handle.
    """
    worlds = task.worlds(1)
    robot = task.robot(worlds)
    task.reset(worlds.reset(0), np.random.default_rng([seed, 0]))
    states = [worlds.state(0)]
    for step, action in enumerate(actions):
        commanded = (np.array([0]), np.asarray(action, dtype=np.float64)[None])
        if grips is None:
            robot.command(*commanded)
        else:
            cast(Pushable, robot).command(*commanded, grips[step][None])
        states.append(worlds.state(0))
    return states
