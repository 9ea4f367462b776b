"""What the coffee task is made of: sizes, the pod, and the machine with its holder and lid."""

import math

import mujoco
import numpy as np
from jaxtyping import Float32

from retouch.geometry import Vector3
from retouch.robots.sawyer import add_grip
from retouch.sim.scene import Scene, Surface

Observation = Float32[np.ndarray, " 41"]

# A pod is a cylinder with two like ends, as in the later published task [m].
POD_RADIUS, POD_HALF = 0.0243, 0.0231
# The holder: a cup whose rim is 202 mm above the table. The paper gives no sizes; the width of the cup is our choice,
# made on the base policy (docs/results.md).
HOLDER_INNER, HOLDER_WALL = 0.0310, 0.0045
HOLDER_RIM, HOLDER_FLOOR = 0.202, 0.150
HOLDER_BOXES = 12
SEAT = HOLDER_FLOOR + POD_HALF  # of a seated pod's centre above the machine's foot
RIM_ABOVE_SEAT = HOLDER_RIM - SEAT
# When it is solved.
SEATED_ASIDE, SEATED_HIGH = HOLDER_INNER - POD_RADIUS + 0.001, 0.006  # of its centre from the seat [m]
SEATED_TILT = math.radians(10)
LID_CLOSED = math.radians(15)
# The machine's frame: x axis to its front, z up, origin on the table below the holder's axis.
BODY_BACK, BODY_FRONT, BODY_SIDE, BODY_TOP = -0.095, 0.036, 0.042, 0.220
HINGE: Vector3 = np.array([-0.045, 0.0, 0.2125])
LID_HALF = (0.044, 0.0295, 0.0095)  # its frame: at the hinge, x axis along the lid, z axis up when it is closed
LID_OPEN = math.radians(120)
GRIP_HALF = (0.008, 0.010, 0.015)
GRIP: Vector3 = np.array([0.070, 0.0, LID_HALF[2] + GRIP_HALF[2]])  # the middle of the lid's handle, in its frame

IVORY, TRIM, NICHE = (0.90, 0.87, 0.80, 1), (0.30, 0.31, 0.33, 1), (0.10, 0.10, 0.11, 1)
STEEL, LID, HANDLE = (0.70, 0.72, 0.75, 1), (0.24, 0.25, 0.28, 1), (0.82, 0.33, 0.16, 1)
POD_BROWN, FOIL, CUP = (0.42, 0.25, 0.14, 1), (0.86, 0.70, 0.34, 1), (0.96, 0.96, 0.97, 1)
WATER = (0.55, 0.70, 0.80, 1)


def add_pod(scene: Scene) -> None:
    """6.6 g, friction 1, as in the later published task."""
    pod = scene.world.add_body(name="pod", pos=(0, 0, 1))
    # Rolling resistance: a pod on its side comes to rest within a second.
    pod.add_joint(name="pod", type=mujoco.mjtJoint.mjJNT_FREE, damping=[1e-5, 0, 0])
    plastic = Surface(friction=(1.0, 0.005, 0.0001), solref=(0.005, 1.0), solimp=(0.95, 0.99, 0.001, 0.5, 2.0))
    scene.touch(pod, "cylinder", (POD_RADIUS, POD_HALF), mass=0.0066, surface=plastic, name="pod")
    add_grip(scene, "pod")
    scene.look(pod, "cylinder", (POD_RADIUS - 0.0006, POD_HALF - 0.001), rgba=POD_BROWN)
    for end in (-1, 1):
        scene.look(pod, "cylinder", (POD_RADIUS, 0.0012), (0, 0, end * (POD_HALF - 0.0012)), rgba=FOIL)


def add_machine(scene: Scene) -> None:
    """6.3 kg that can be pushed, and a lid of 89 g on a hinge, 0 to 120 degrees, whose damping is 0.005 N m s/rad.

    What touches is simpler than what is seen: the niche for the cup is filled, so that no pod is lost in it.
    """
    machine = scene.free_body("machine")
    shell = Surface(friction=(0.5, 0.005, 0.0001), solref=(0.005, 1.0))
    foot = Surface(friction=(0.2, 0.005, 0.0001), priority=1)  # it slides before it tips
    middle, depth = (BODY_BACK + BODY_FRONT) / 2, (BODY_FRONT - BODY_BACK) / 2
    low = HOLDER_FLOOR - 0.004
    block = (depth, BODY_SIDE, low / 2)
    scene.touch(machine, "box", block, (middle, 0, low / 2), mass=5.2, surface=foot, name="block")
    tank_half, tank_x = (HINGE[0] - BODY_BACK) / 2, (HINGE[0] + BODY_BACK) / 2
    top = BODY_TOP - tank_half
    tower = (tank_half, BODY_SIDE, (top - low) / 2)
    scene.touch(machine, "box", tower, (tank_x, 0, (top + low) / 2), mass=0.6, surface=shell, name="tower")
    lying = (math.sqrt(0.5), math.sqrt(0.5), 0, 0)
    roof = (tank_half, BODY_SIDE)  # round: nothing comes to rest on it
    scene.touch(machine, "cylinder", roof, (tank_x, 0, top), lying, mass=0.4, surface=shell, name="roof")
    _add_holder(scene, machine)
    _add_lid(scene, machine)
    machine.add_site(name="holder", pos=(0, 0, SEAT))
    _draw_machine(scene, machine, low, top)


def _add_holder(scene: Scene, machine: mujoco.MjsBody) -> None:
    plastic = Surface(friction=(1.0, 0.005, 0.0001), solref=(0.005, 1.0), solimp=(0.95, 0.99, 0.001, 0.5, 2.0))
    outer = HOLDER_INNER + HOLDER_WALL
    floor = (outer, outer, 0.002)
    scene.touch(machine, "box", floor, (0, 0, HOLDER_FLOOR - 0.002), mass=0.02, surface=plastic, name="holder_floor")
    low = HOLDER_FLOOR - 0.004
    half, centre, radius = (HOLDER_RIM - low) / 2, (HOLDER_RIM + low) / 2, (HOLDER_INNER + outer) / 2
    for i in range(HOLDER_BOXES):
        angle = 2 * math.pi * i / HOLDER_BOXES
        pos = (radius * math.cos(angle), radius * math.sin(angle), centre)
        quat = (math.cos(angle / 2), 0, 0, math.sin(angle / 2))
        size = (HOLDER_WALL / 2, outer * math.tan(math.pi / HOLDER_BOXES), half)
        scene.touch(machine, "box", size, pos, quat, mass=0.08 / HOLDER_BOXES, surface=plastic, name=f"holder_wall{i}")
        scene.look(machine, "box", size, pos, quat, rgba=STEEL)


def _add_lid(scene: Scene, machine: mujoco.MjsBody) -> None:
    lid = machine.add_body(name="lid", pos=HINGE)
    lid.add_joint(
        name="lid",
        axis=(0, -1, 0),
        range=(0, LID_OPEN),
        limited=True,
        damping=[0.005, 0, 0],
    )
    shell = Surface(friction=(0.5, 0.005, 0.0001), solref=(0.005, 1.0))
    plate = (LID_HALF[0], 0, 0)
    scene.touch(lid, "box", LID_HALF, plate, mass=0.079, surface=shell, name="lid")
    scene.touch(lid, "box", GRIP_HALF, GRIP.tolist(), mass=0.010, surface=shell, name="lid_handle")
    add_grip(scene, "lid_handle", friction=0.4, torsion=0.0005)  # smooth: it turns in the hand that lifts it
    scene.look(lid, "box", LID_HALF, plate, rgba=LID)
    scene.look(lid, "cylinder", (0.022, 0.0015), (0.045, 0, -LID_HALF[2]), rgba=STEEL)
    scene.look(lid, "box", GRIP_HALF, GRIP.tolist(), rgba=HANDLE)


def _draw_machine(scene: Scene, machine: mujoco.MjsBody, low: float, top: float) -> None:
    """A tank, a tray with a cup below the spout, and the arm that carries the holder."""
    niche = -0.032  # how far back the niche goes
    front = BODY_FRONT
    scene.look(
        machine, "box", ((niche - BODY_BACK) / 2, BODY_SIDE, low / 2), ((niche + BODY_BACK) / 2, 0, low / 2), rgba=IVORY
    )
    scene.look(machine, "box", (0.0015, BODY_SIDE - 0.008, 0.045), (niche, 0, 0.066), rgba=NICHE)
    scene.look(
        machine, "box", ((front - niche) / 2, BODY_SIDE, 0.008), ((front + niche) / 2, 0, 0.008), rgba=TRIM
    )  # the tray
    for y in (-0.024, -0.012, 0.0, 0.012, 0.024):
        scene.look(machine, "box", (0.028, 0.002, 0.001), (0.002, y, 0.0165), rgba=NICHE)
    arm = (low - 0.118) / 2
    scene.look(machine, "box", ((front - niche) / 2, BODY_SIDE, arm), ((front + niche) / 2, 0, 0.118 + arm), rgba=IVORY)
    scene.look(machine, "box", (0.001, 0.026, 0.006), (front, 0, 0.132), rgba=TRIM)
    for y, colour in ((-0.014, HANDLE), (0.0, STEEL), (0.014, STEEL)):  # its buttons
        scene.look(machine, "cylinder", (0.004, 0.0015), (front + 0.001, y, 0.132), _FORWARD, rgba=colour)
    for y in (-0.008, 0.008):  # its spouts
        scene.look(machine, "cylinder", (0.004, 0.010), (0.002, y, 0.109), rgba=STEEL)
    scene.look(machine, "cylinder", (0.022, 0.022), (0.002, 0, 0.038), rgba=CUP)
    scene.look(machine, "cylinder", (0.019, 0.0008), (0.002, 0, 0.0605), rgba=POD_BROWN)
    tank_half, tank_x = (HINGE[0] - BODY_BACK) / 2, (HINGE[0] + BODY_BACK) / 2
    scene.look(machine, "box", (tank_half, BODY_SIDE, (top - low) / 2), (tank_x, 0, (top + low) / 2), rgba=IVORY)
    scene.look(machine, "cylinder", (tank_half, BODY_SIDE - 0.004), (tank_x, 0, top), _SIDEWAYS, rgba=WATER)
    for y in (-1, 1):
        scene.look(
            machine, "cylinder", (tank_half, 0.002), (tank_x, y * (BODY_SIDE - 0.001), top), _SIDEWAYS, rgba=TRIM
        )
        hinge = (float(HINGE[0]), y * (LID_HALF[1] + 0.004), float(HINGE[2]))
        scene.look(machine, "cylinder", (0.007, 0.0035), hinge, _SIDEWAYS, rgba=TRIM)
        scene.look(machine, "box", (0.004, 0.003, 0.010), (hinge[0], hinge[1], hinge[2] - 0.010), rgba=TRIM)


_SIDEWAYS = (math.sqrt(0.5), math.sqrt(0.5), 0, 0)
_FORWARD = (math.sqrt(0.5), 0, math.sqrt(0.5), 0)
