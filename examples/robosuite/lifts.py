"""Lifts robosuite's cube by a script, from what is observed alone: over it, down, grasp, up. Needs numpy alone."""

import numpy as np

TO_CUBE, FINGER, CLOSING = slice(7, 10), 56, 58  # of an observation: grip to cube, a finger's opening [m], its speed
STEP_M = 0.05  # that an action of 1 asks for


class Lifts:
    """A policy without a memory."""

    id = "scripted"

    def select_action(self, observation):
        to_cube = observation[TO_CUBE]
        stopped = observation[FINGER] < 0.035 and abs(observation[CLOSING]) < 0.005
        aside, above = float(np.linalg.norm(to_cube[:2])), -float(to_cube[2])
        reached = aside < 0.015 and above < 0.012
        if reached and stopped:
            way = np.array([0.0, 0.0, 0.04])  # it is held
        elif reached:
            way = np.zeros(3)
        else:
            way = to_cube + np.array([0.0, 0.0, 0.06 if aside > 0.015 else 0.0])
        action = np.zeros(7)
        action[:3] = np.clip(way / STEP_M, -1, 1)
        action[6] = 1.0 if reached else -1.0
        return action
