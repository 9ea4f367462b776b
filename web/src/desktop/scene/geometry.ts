/** MuJoCo's geoms as three.js geometries, in the geom's own frame. */

import {
  BoxGeometry, BufferAttribute, BufferGeometry, CapsuleGeometry, CylinderGeometry, PlaneGeometry, SphereGeometry,
} from "three";
import { RoundedBoxGeometry } from "three/examples/jsm/geometries/RoundedBoxGeometry.js";
import { float32, uint32 } from "../../shared/base64";
import type { Geom, SceneMesh } from "../../shared/protocol";

const INFINITE_PLANE = 20; // [m], for a plane whose size is 0
const SHARP = 0.004; // [m], a box with a thinner side keeps its sharp edges
const EDGE = 0.003; // [m], radius of the other boxes' edges

export function geometryOf(geom: Geom, meshes: readonly SceneMesh[]): BufferGeometry {
  const [a, b, c] = geom.size;
  switch (geom.type) {
    case "box":
      return box(a, b, c);
    case "sphere":
      return new SphereGeometry(a, 28, 20);
    case "ellipsoid":
      return new SphereGeometry(1, 28, 20).scale(a, b, c);
    case "capsule":
      return new CapsuleGeometry(a, 2 * b, 8, 28).rotateX(Math.PI / 2);
    case "cylinder":
      return new CylinderGeometry(a, a, 2 * b, 40).rotateX(Math.PI / 2);
    case "plane":
      return new PlaneGeometry(2 * a || INFINITE_PLANE, 2 * b || INFINITE_PLANE);
    case "mesh":
      return mesh(geom.mesh === null ? undefined : meshes[geom.mesh]);
  }
}

function box(a: number, b: number, c: number): BufferGeometry {
  const thinnest = Math.min(a, b, c);
  if (thinnest < SHARP) return new BoxGeometry(2 * a, 2 * b, 2 * c);
  return new RoundedBoxGeometry(2 * a, 2 * b, 2 * c, 2, Math.min(EDGE, thinnest / 3));
}

function mesh(source: SceneMesh | undefined): BufferGeometry {
  const geometry = new BufferGeometry();
  if (source === undefined) return geometry;
  geometry.setAttribute("position", new BufferAttribute(float32(source.vertices), 3));
  geometry.setIndex(new BufferAttribute(uint32(source.faces), 1));
  const flat = geometry.toNonIndexed(); // shared vertices would round every edge off
  flat.computeVertexNormals();
  return flat;
}
