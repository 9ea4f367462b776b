/** A scene's bodies as three.js objects: the geoms of a body that look alike are one mesh, so a frame is few draw calls. */

import {
  BufferAttribute, BufferGeometry, Color, Group, Matrix4, Mesh, MeshLambertMaterial, MeshStandardMaterial, Quaternion,
  Vector3, type Material,
} from "three";
import { mergeGeometries } from "three/examples/jsm/utils/BufferGeometryUtils.js";
import type { Geom, Scene } from "../../shared/protocol";
import { POSE } from "../../shared/streams";
import { geometryOf } from "./geometry";

type Finish = "metal" | "matt" | "ground" | "clear";

const MATERIALS: Record<Finish, { roughness: number; metalness: number; transparent?: boolean }> = {
  metal: { roughness: 0.38, metalness: 0.55 },
  matt: { roughness: 0.62, metalness: 0 },
  ground: { roughness: 0.95, metalness: 0 },
  clear: { roughness: 0.3, metalness: 0, transparent: true },
};

export class Bodies {
  readonly root = new Group();
  private readonly groups: Group[];

  /** @param plain With materials that are cheap to draw. */
  constructor(scene: Scene, plain: boolean) {
    this.groups = scene.bodies.map(() => new Group());
    for (const [key, geoms] of alike(scene.geoms)) {
      const [body, finish, alpha] = key.split(" ") as [string, Finish, string];
      this.groups[Number(body)]?.add(meshOf(geoms, finish, Number(alpha), scene, plain));
    }
    this.root.add(...this.groups);
  }

  /** Puts every body where `poses` (bodies x 7, in world) says. */
  place(poses: Float32Array): void {
    this.groups.forEach((group, index) => {
      const at = index * POSE;
      const [x = 0, y = 0, z = 0, qw = 1, qx = 0, qy = 0, qz = 0] = poses.subarray(at, at + POSE);
      group.position.set(x, y, z);
      group.quaternion.set(qx, qy, qz, qw);
    });
  }

  dispose(): void {
    this.root.traverse((object) => {
      if (!(object instanceof Mesh)) return;
      const mesh = object as Mesh<BufferGeometry, Material>;
      mesh.geometry.dispose();
      mesh.material.dispose();
    });
  }
}

function alike(geoms: readonly Geom[]): Map<string, Geom[]> {
  const groups = new Map<string, Geom[]>();
  for (const geom of geoms) {
    const key = `${geom.body} ${finishOf(geom)} ${geom.rgba[3]}`;
    groups.set(key, [...(groups.get(key) ?? []), geom]);
  }
  return groups;
}

/** Bright neutral parts are metal, everything else is plastic, rubber or wood. */
function finishOf(geom: Geom): Finish {
  const [r, g, b, alpha] = geom.rgba;
  if (alpha < 1) return "clear";
  if (geom.type === "plane") return "ground";
  const [least, most] = [Math.min(r, g, b), Math.max(r, g, b)];
  return least > 0.5 && most - least < 0.08 ? "metal" : "matt";
}

function meshOf(geoms: readonly Geom[], finish: Finish, alpha: number, scene: Scene, plain: boolean): Mesh {
  const parts = geoms.map((geom) => coloured(geom, scene));
  const mesh = new Mesh(mergeGeometries(parts), plain ? plainMaterial(alpha) : material(finish, alpha));
  mesh.castShadow = finish !== "clear" && finish !== "ground";
  mesh.receiveShadow = true;
  for (const part of parts) part.dispose();
  return mesh;
}

function material(finish: Finish, opacity: number): Material {
  return new MeshStandardMaterial({ vertexColors: true, opacity, ...MATERIALS[finish] });
}

function plainMaterial(opacity: number): Material {
  return new MeshLambertMaterial({ vertexColors: true, opacity, transparent: opacity < 1 });
}

/** A geom's geometry in its body's frame, with its colour on every vertex. */
function coloured(geom: Geom, scene: Scene): BufferGeometry {
  const shaped = geometryOf(geom, scene.meshes);
  const geometry = shaped.index === null ? shaped : shaped.toNonIndexed();
  geometry.deleteAttribute("uv");
  geometry.applyMatrix4(geomInBody(geom));
  const vertices = geometry.getAttribute("position")?.count ?? 0;
  const { r, g, b } = new Color().setRGB(geom.rgba[0], geom.rgba[1], geom.rgba[2], "srgb");
  const colours = new Float32Array(3 * vertices);
  for (let i = 0; i < vertices; i += 1) colours.set([r, g, b], 3 * i);
  geometry.setAttribute("color", new BufferAttribute(colours, 3));
  return geometry;
}

function geomInBody(geom: Geom): Matrix4 {
  const [w, x, y, z] = geom.quat;
  return new Matrix4().compose(new Vector3(...geom.position), new Quaternion(x, y, z, w), new Vector3(1, 1, 1));
}
