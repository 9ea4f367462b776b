"""What a policy of waypoints is trained on: what was seen, and where the tool was then led (CR-DAgger, section 3.2).

A sample is a step of an episode: the observations up to it, and the measured poses of the tool at the waypoints' times
after it, as seen from the tool. After an episode it stays where it ended, but that counts little: an episode ends as
soon as its task is done, and to learn to stay there is to learn to stand still just before it is done
(docs/results.md, Where a chunk goes after the end).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8

from retouch.errors import InputError
from retouch.learning.data import TrainingData
from retouch.learning.pictures import Pictures
from retouch.learning.pressed import virtual_targets
from retouch.policies.diffusion import Spread
from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.nine import nine_of
from retouch.policies.normaliser import CHUNK
from retouch.policies.tool_view import ToolView

AFTER_THE_END = 0.1
"""What a waypoint counts after the end of its episode, against 1. At 0 what is named there is anything at all, and was
followed until the arm lagged behind."""


@dataclass(frozen=True)
class Samples:
    """Samples over episodes laid end to end, read a batch at a time.

    Attributes:
        data: the episodes
        pictures: that are seen at their steps; None for a policy that goes by numbers alone
        view: of the observations
        history: steps from a sample back to each observation that is seen, the newest last, `H`
        ahead: steps from a sample to each waypoint, `N`
        first, last: of the episode that a step is in, `T`
        virtual: whether waypoints are where the robot would have had to be asked to be, not where the tool was
    """

    data: TrainingData
    pictures: Pictures | None
    view: ToolView
    history: Int64[np.ndarray, " H"]
    ahead: Int64[np.ndarray, " N"]
    first: Int64[np.ndarray, " T"]
    last: Int64[np.ndarray, " T"]
    virtual: bool

    @classmethod
    def of(cls, data: TrainingData, config: DiffusionConfig, virtual: bool = False) -> "Samples":
        """The samples for a policy of this shape.

        Raises InputError if a period of the policy is not a number of steps, it looks and there are no pictures, or
        its targets are virtual and nothing is known of what was felt.
        """
        if virtual and data.felt is None:
            raise InputError("virtual targets need data in which what the tool felt is known")
        if config.eyes is not None and data.pictures is None:
            raise InputError("a policy that looks learns from pictures, and these data have none")
        strides = {}
        for name in ("history_period", "waypoint_period"):
            steps = getattr(config, name) / data.control_period_s
            if abs(steps - round(steps)) > 1e-6 or round(steps) < 1:
                raise InputError(f"{name} is a number of steps of {data.control_period_s} s, not {steps:.3g}")
            strides[name] = round(steps)
        return cls(
            data,
            data.pictures if config.eyes is not None else None,
            ToolView(data.observation_names, scene=config.eyes is None),
            strides["history_period"] * np.arange(1 - config.history, 1),
            strides["waypoint_period"] * np.arange(1, config.waypoints + 1),
            np.repeat(data.starts, data.lengths),
            np.repeat(data.starts + data.lengths - 1, data.lengths),
            virtual,
        )

    def __len__(self) -> int:
        return len(self.first)

    def features(self, steps: Int64[np.ndarray, " B"]) -> Float32[np.ndarray, "B F"]:
        """What is seen at these steps."""
        return self.view.features(self.data.observation[self._seen(steps)])

    def shown(self, steps: Int64[np.ndarray, " B"]) -> UInt8[np.ndarray, "B H S S 3"]:
        """The pictures that are seen at these steps, the newest last."""
        assert self.pictures is not None
        found: UInt8[np.ndarray, "B H S S 3"] = self.pictures.shown[self.pictures.newest[self._seen(steps)]]
        return found

    def _seen(self, steps: Int64[np.ndarray, " B"]) -> Int64[np.ndarray, "B H"]:
        """The steps back that are seen, none of them before the episode."""
        return np.maximum(steps[:, None] + self.history, self.first[steps][:, None])

    def waypoints(self, steps: Int64[np.ndarray, " B"]) -> Float[np.ndarray, "B N 9"]:
        """Where the tool then was, or the robot would have had to be asked to be, as seen from where the tool is."""
        then = np.minimum(steps[:, None] + self.ahead, self.last[steps][:, None])
        now, there = self.view.tool(self.data.observation[steps]), self.view.tool(self.data.observation[then])
        if self.virtual and self.data.felt is not None:
            there = virtual_targets(there, self.data.felt[then])
        return nine_of(there, now[:, None])

    def counts(self, steps: Int64[np.ndarray, " B"]) -> Float32[np.ndarray, "B N"]:
        """How much each waypoint counts."""
        after = steps[:, None] + self.ahead > self.last[steps][:, None]
        return np.where(after, np.float32(AFTER_THE_END), np.float32(1.0))

    def spread(self) -> Spread:
        """Of all waypoints."""
        parts = [self.waypoints(steps) for steps in self._some()]
        return Spread.of(np.min([p.min(axis=0) for p in parts], 0), np.max([p.max(axis=0) for p in parts], 0))

    def all_features(self) -> Float32[np.ndarray, "T F"]:
        """Of every step, to fit a normaliser to."""
        return np.concatenate([self.features(steps) for steps in self._some()])

    def _some(self) -> list[Int64[np.ndarray, " B"]]:
        return [np.arange(begin, min(begin + CHUNK, len(self))) for begin in range(0, len(self), CHUNK)]
