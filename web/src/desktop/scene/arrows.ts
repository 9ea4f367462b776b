/** Arrows at the tool: where the policy heads, the contact force, and the push of a hand. */

import { ConeGeometry, CylinderGeometry, Group, Mesh, MeshBasicMaterial, Quaternion, Vector3 } from "three";
import type { Felt } from "../../shared/streams";

const LONGEST = 0.12; // [m] of the scene
const HALFWAY = { heading: 0.012, contact: 12, push: 6 } as const; // half of the longest: [m], [N]
const LEAST = { heading: 0.0003, contact: 0.5, push: 0.3 } as const;
const COLOURS = { heading: 0x1f78e0, contact: 0xe8590c, push: 0x8a3f8f } as const;
const HEAD = 0.024;
const SHAFT = 0.0028;
const UP = new Vector3(0, 1, 0);

type Kind = keyof typeof COLOURS;
const KINDS = Object.keys(COLOURS) as Kind[];

/** Long enough to be seen for little, and never too long: half of the longest at `halfway`. */
export function arrowLength(size: number, halfway: number): number {
  return (LONGEST * size) / (size + halfway);
}

export class Arrows {
  readonly root = new Group();
  private readonly arrows = new Map(KINDS.map((kind) => [kind, new Arrow(COLOURS[kind], kind === "heading")]));

  constructor() {
    for (const arrow of this.arrows.values()) this.root.add(arrow.root);
  }

  /** Everything in world. */
  place(felt: Felt): void {
    for (const [kind, arrow] of this.arrows) arrow.point(felt.tool, felt[kind], HALFWAY[kind], LEAST[kind]);
  }

  dispose(): void {
    for (const arrow of this.arrows.values()) arrow.dispose();
  }
}

/** Seen through what is in front of it: it is a sign and no thing. */
class Arrow {
  readonly root = new Group();
  private readonly shaft: Mesh;
  private readonly head: Mesh;
  private readonly material: MeshBasicMaterial;

  constructor(colour: number, ghostly: boolean) {
    this.material = new MeshBasicMaterial({ color: colour, transparent: true, opacity: ghostly ? 0.8 : 0.95, depthTest: false });
    this.shaft = new Mesh(new CylinderGeometry(SHAFT, SHAFT, 1, 10), this.material);
    this.head = new Mesh(new ConeGeometry(2.6 * SHAFT, HEAD, 14), this.material);
    this.root.add(this.shaft, this.head);
    this.root.visible = false;
    this.root.renderOrder = this.shaft.renderOrder = this.head.renderOrder = 10;
  }

  point(from: Vector3Like | null, along: Vector3Like | null, halfway: number, least: number): void {
    const way = new Vector3(...(along ?? [0, 0, 0]));
    const size = way.length();
    this.root.visible = from !== null && size > least;
    if (from === null || !this.root.visible) return;
    const length = arrowLength(size, halfway);
    const shaft = Math.max(1e-4, length - HEAD);
    this.root.position.set(...from);
    this.root.quaternion.copy(new Quaternion().setFromUnitVectors(UP, way.divideScalar(size)));
    this.shaft.scale.y = shaft;
    this.shaft.position.y = shaft / 2;
    this.head.scale.setScalar(Math.min(1, length / HEAD));
    this.head.position.y = shaft + (HEAD / 2) * Math.min(1, length / HEAD);
  }

  dispose(): void {
    this.shaft.geometry.dispose();
    this.head.geometry.dispose();
    this.material.dispose();
  }
}

type Vector3Like = readonly [number, number, number];
