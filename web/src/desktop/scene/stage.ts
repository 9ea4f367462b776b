/** The 3D view of a scene: draws when it is told new poses or a new view, never by itself. */

import { PerspectiveCamera, Scene as World, Vector3, WebGLRenderer } from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import type { Scene } from "../../shared/protocol";
import type { Felt } from "../../shared/streams";
import { Arrows } from "./arrows";
import { Bodies } from "./bodies";
import { Lights } from "./lights";
import { FREE } from "./names";
import { Painter, type Drawn } from "./painter";
import { Sharpness } from "./sharpness";
import { viewsOf, type View } from "./views";

const NARROWEST = 4 / 3; // a task's camera shows at least what its picture shows, also in a tall window
const MOST_PIXELS = 2; // per CSS pixel

export interface Looks {
  dark: boolean;
  /** Without reflections and smoothed edges, for a processor that draws in place of a GPU. */
  plain: boolean;
}

export class Stage {
  readonly viewNames: string[];
  /** Told the azimuth of the horizontal viewing direction [rad] when the view changes. */
  onView: (azimuth: number) => void = () => undefined;
  /** Told when a person turned the view away from the one that was chosen. */
  onTurned: () => void = () => undefined;

  private readonly renderer: WebGLRenderer;
  private readonly camera = new PerspectiveCamera(40, 1, 0.02, 30);
  private readonly world = new World();
  private readonly controls: OrbitControls;
  private readonly plain: boolean;
  private bodies: Bodies;
  private readonly arrows = new Arrows();
  private readonly lights: Lights;
  private readonly views: View[];
  private readonly painter: Painter;
  private readonly sharpness: Sharpness;
  private fovy = 40;
  private placed = false;

  constructor(canvas: HTMLCanvasElement, private scene: Scene, { dark, plain }: Looks) {
    this.plain = plain;
    this.renderer = new WebGLRenderer({ canvas, antialias: !plain, powerPreference: "high-performance" });
    this.sharpness = new Sharpness(plain ? 1 : Math.min(MOST_PIXELS, devicePixelRatio));
    this.renderer.setPixelRatio(this.sharpness.pixels);
    const gl = this.renderer.getContext() as WebGL2RenderingContext;
    this.painter = new Painter(gl, () => this.renderer.render(this.world, this.camera), (ms) => this.took(ms));
    this.views = viewsOf(scene);
    this.viewNames = this.views.map((view) => view.name);
    this.bodies = new Bodies(scene, plain);
    this.world.add(this.bodies.root, this.arrows.root);
    this.lights = new Lights(this.renderer, this.world, this.views[0]?.target ?? new Vector3(), plain);
    this.camera.up.set(0, 0, 1);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.addEventListener("change", () => this.turned());
    this.setDark(dark);
    this.setView(FREE);
  }

  /** Shows the same task with other bodies, or in other colours; the view stays. */
  show(scene: Scene): void {
    if (scene === this.scene) return;
    this.scene = scene;
    this.world.remove(this.bodies.root);
    this.bodies.dispose();
    this.bodies = new Bodies(scene, this.plain);
    this.world.add(this.bodies.root);
    this.placed = false; // until poses come
  }

  /** Draws the bodies at `poses` and what is `felt` at the tool; `drawn` is called when that is done, unless newer poses come first. */
  setPoses(poses: Float32Array, felt?: Felt, drawn?: Drawn): void {
    this.bodies.place(poses);
    if (felt) this.arrows.place(felt);
    this.placed = true;
    this.renderer.shadowMap.needsUpdate = true;
    this.painter.ask(drawn);
  }

  setView(name: string): void {
    const view = this.views.find((candidate) => candidate.name === name);
    if (view === undefined) return;
    this.fovy = view.fovy;
    this.camera.quaternion.copy(view.quaternion);
    const nudge = this.horizontal().multiplyScalar(-1e-4); // straight down, an orbit needs to know where forward is
    this.camera.position.copy(view.position).add(nudge);
    this.controls.target.copy(view.target);
    this.fit();
    this.onView(this.azimuth());
    this.draw();
  }

  setDark(dark: boolean): void {
    this.lights.setDark(dark);
    this.draw();
  }

  setSize(width: number, height: number): void {
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / Math.max(1, height);
    this.fit();
    this.draw();
  }

  /** The angle of the view's horizontal direction from world x [rad]. */
  azimuth(): number {
    const forward = this.horizontal();
    return Math.atan2(forward.y, forward.x);
  }

  dispose(): void {
    this.painter.stop();
    this.controls.dispose();
    this.bodies.dispose();
    this.arrows.dispose();
    this.lights.dispose();
    this.renderer.dispose();
  }

  private draw(): void {
    if (this.placed) this.painter.ask();
  }

  private took(ms: number): void {
    if (this.sharpness.heard(ms)) this.renderer.setPixelRatio(this.sharpness.pixels);
  }

  private turned(): void {
    this.onTurned();
    this.onView(this.azimuth());
    this.draw();
  }

  /** Horizontal and forward: well defined also where the view looks straight down. */
  private horizontal(): Vector3 {
    const right = new Vector3(1, 0, 0).applyQuaternion(this.camera.quaternion);
    return new Vector3(-right.y, right.x, 0).normalize();
  }

  private fit(): void {
    const half = Math.tan((this.fovy * Math.PI) / 360);
    const taller = Math.max(1, NARROWEST / this.camera.aspect);
    this.camera.fov = (Math.atan(half * taller) * 360) / Math.PI;
    this.camera.updateProjectionMatrix();
  }
}
