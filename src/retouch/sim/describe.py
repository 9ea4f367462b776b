"""A model in words that a browser can draw: bodies, geoms, meshes and cameras (docs/protocol.md)."""

import base64
from typing import Any

import mujoco
import numpy as np

from retouch.sim.rods import Rods, rod_poses, rods_of

_TYPES: dict[int, str] = {
    int(mujoco.mjtGeom.mjGEOM_PLANE): "plane",
    int(mujoco.mjtGeom.mjGEOM_SPHERE): "sphere",
    int(mujoco.mjtGeom.mjGEOM_CAPSULE): "capsule",
    int(mujoco.mjtGeom.mjGEOM_ELLIPSOID): "ellipsoid",
    int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder",
    int(mujoco.mjtGeom.mjGEOM_BOX): "box",
    int(mujoco.mjtGeom.mjGEOM_MESH): "mesh",
}


def describe(model: mujoco.MjModel) -> dict[str, Any]:
    """The scene as JSON: sizes as MuJoCo has them [m], poses of geoms in their body's frame, of cameras in world.

    The rods of cables and belts come behind the model's own bodies, as a body with one capsule each.
    """
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    mujoco.mj_camlight(model, data)
    rods = rods_of(model)
    return {
        "bodies": [model.body(k).name for k in range(model.nbody)] + [f"rod{k}" for k in range(len(rods.bodies))],
        "geoms": [_geom(model, k) for k in range(model.ngeom) if _is_seen(model, k)]
        + [_rod(rods, k, model.nbody + k) for k in range(len(rods.bodies))],
        "meshes": [_mesh(model, k) for k in range(model.nmesh)],
        "cameras": [_camera(model, data, k) for k in range(model.ncam)],
    }


def drawn_bodies(model: mujoco.MjModel) -> int:
    """How many bodies `describe` lists."""
    return int(model.nbody) + len(rods_of(model).bodies)


def body_poses(data: mujoco.MjData) -> np.ndarray:
    """Position and quaternion wxyz of every body that `describe` lists, in world, float32[B, 7]."""
    poses = np.hstack([data.xpos, data.xquat]).astype(np.float32)
    if data.model.nflex == 0:
        return poses
    middles, axes = rod_poses(rods_of(data.model), data)
    quats = np.empty((len(middles), 4))
    for quat, axis in zip(quats, axes, strict=True):
        mujoco.mju_mat2Quat(quat, axis)
    return np.vstack([poses, np.hstack([middles, quats])]).astype(np.float32)


def _is_seen(model: mujoco.MjModel, k: int) -> bool:
    return bool(int(model.geom_type[k]) in _TYPES and model.geom_group[k] <= 2 and model.geom_rgba[k][3] >= 0.05)


def _geom(model: mujoco.MjModel, k: int) -> dict[str, Any]:
    is_mesh = model.geom_type[k] == mujoco.mjtGeom.mjGEOM_MESH
    return {
        "body": int(model.geom_bodyid[k]),
        "type": _TYPES[int(model.geom_type[k])],
        "size": _numbers(model.geom_size[k]),
        "position": _numbers(model.geom_pos[k]),
        "quat": _numbers(model.geom_quat[k]),
        "rgba": _numbers(model.geom_rgba[k]),
        "mesh": int(model.geom_dataid[k]) if is_mesh else None,
    }


def _rod(rods: Rods, k: int, body: int) -> dict[str, Any]:
    return {
        "body": body,
        "type": "capsule",
        "size": _numbers(np.array([*rods.sizes[k], 0.0])),
        "position": [0.0, 0.0, 0.0],
        "quat": [1.0, 0.0, 0.0, 0.0],
        "rgba": _numbers(rods.rgba[k]),
        "mesh": None,
    }


def _mesh(model: mujoco.MjModel, k: int) -> dict[str, str]:
    at, count = model.mesh_vertadr[k], model.mesh_vertnum[k]
    face, faces = model.mesh_faceadr[k], model.mesh_facenum[k]
    return {
        "vertices": _packed(model.mesh_vert[at : at + count].astype("<f4")),
        "faces": _packed(model.mesh_face[face : face + faces].astype("<u4")),
    }


def _camera(model: mujoco.MjModel, data: mujoco.MjData, k: int) -> dict[str, Any]:
    quat = np.empty(4)
    mujoco.mju_mat2Quat(quat, data.cam_xmat[k])
    return {
        "name": model.camera(k).name,
        "position": _numbers(data.cam_xpos[k]),
        "quat": _numbers(quat),
        "fovy": float(model.cam_fovy[k]),
    }


def _numbers(array: np.ndarray) -> list[float]:
    return [round(float(v), 6) for v in array]


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()
