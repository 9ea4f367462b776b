"""robosuite's Lift as a peer: Sawyer, operational-space pose control at 20 Hz, 2 ms physics. Prints one line of JSON.

    benchmarks/peers/.venv-robosuite/bin/python benchmarks/peers/robosuite_lift.py --seconds 5

Nothing is drawn. `env_steps` is the closed loop: 25 physics steps with the controller in each. `floor` is what 25 bare
calls of mj_step on the same model from the same start would allow. Rates are per second of CPU time of this process.
"""

import argparse
import json
import logging
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
logging.disable(logging.WARNING)

import mujoco
import numpy as np
import robosuite
from robosuite.controllers import load_composite_controller_config

CONTROL_HZ = 20


def actions(count: int, dim: int, seed: int) -> np.ndarray:
    """Sines of random period and phase: the arm keeps moving and stays in its workspace. `count dim`."""
    rng = np.random.default_rng(seed)
    period_steps, phase = rng.uniform(15, 60, dim), rng.uniform(0, 2 * np.pi, dim)
    values = 0.5 * np.sin(2 * np.pi * np.arange(count)[:, None] / period_steps + phase)
    values[:, 3:6] *= 0.2
    return values


def cpu_rate(step, seconds: float) -> float:
    """Calls a second of CPU time."""
    count, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        step(count)
        count += 1
    return count / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="CPU seconds of the closed loop")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    env = robosuite.make(
        "Lift",
        robots="Sawyer",
        controller_configs=load_composite_controller_config(controller="BASIC", robot="Sawyer"),
        control_freq=CONTROL_HZ,
        has_renderer=False,
        has_offscreen_renderer=False,
        use_camera_obs=False,
        use_object_obs=True,
        reward_shaping=False,
        ignore_done=True,
        hard_reset=False,
        seed=args.seed,
    )
    env.reset()
    controller = env.robots[0].composite_controller.part_controllers["right"]
    model, data = env.sim.model._model, env.sim.data._data
    substeps = round(1 / CONTROL_HZ / model.opt.timestep)
    start = data.qpos.copy(), data.qvel.copy()

    plan = actions(100_000, env.action_dim, args.seed)
    for index in range(10):
        env.step(plan[index])
    moved = np.abs(data.qpos - start[0]).max()
    env_steps = cpu_rate(lambda index: env.step(plan[index]), args.seconds)

    mujoco.mj_resetData(model, data)
    data.qpos[:], data.qvel[:] = start
    data.ctrl[:] = 0
    # The arm is held by the torque that balances gravity at the start, as under control.
    mujoco.mj_forward(model, data)
    data.qfrc_applied[:] = data.qfrc_bias

    def bare(_: int) -> None:
        for _ in range(substeps):
            mujoco.mj_step(model, data)

    floor = cpu_rate(bare, args.seconds / 5)
    print(
        json.dumps(
            {
                "peer": "robosuite",
                "version": robosuite.__version__,
                "mujoco": mujoco.__version__,
                "task": "Lift",
                "robot": "Sawyer",
                "controller": type(controller).__name__,
                "action_dim": env.action_dim,
                "control_hz": CONTROL_HZ,
                "timestep_s": float(model.opt.timestep),
                "substeps": substeps,
                "moved_rad": float(moved),
                "env_steps_per_cpu_s": env_steps,
                "floor_env_steps_per_cpu_s": floor,
            }
        )
    )


if __name__ == "__main__":
    main()
