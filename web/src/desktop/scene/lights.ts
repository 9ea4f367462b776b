/** Light and air of the 3D view: a lamp with soft shadows, a room's reflections, and fog that hides the floor's edge. */

import {
  BasicShadowMap, Color, DirectionalLight, Fog, HemisphereLight, NeutralToneMapping, PCFShadowMap, PMREMGenerator, Vector3,
  type Scene as World, type Texture, type WebGLRenderer,
} from "three";
import { RoomEnvironment } from "three/examples/jsm/environments/RoomEnvironment.js";

const REACH = 1.1; // [m], half width of what casts shadows
const LAMP_FROM_CENTRE = new Vector3(0.35, -0.5, 2.4); // [m]

export class Lights {
  private readonly lamp = new DirectionalLight(0xfff4e6);
  private readonly sky = new HemisphereLight(0xffffff, 0x8d8a86);
  private readonly room: Texture | null;

  constructor(
    private readonly renderer: WebGLRenderer,
    private readonly world: World,
    centre: Vector3,
    private readonly plain: boolean,
  ) {
    renderer.toneMapping = NeutralToneMapping;
    renderer.shadowMap.enabled = true;
    renderer.shadowMap.type = plain ? BasicShadowMap : PCFShadowMap;
    renderer.shadowMap.autoUpdate = false;
    this.room = plain ? null : reflections(renderer);
    world.environment = this.room;
    this.place(centre);
    world.add(this.lamp, this.lamp.target, this.sky);
  }

  setDark(dark: boolean): void {
    const air = new Color(dark ? 0x15191e : 0xe9ecf0);
    this.world.background = air;
    this.world.fog = new Fog(air, 2.4, 5.5);
    this.world.environmentIntensity = dark ? 0.3 : 0.4;
    this.lamp.intensity = dark ? 1.8 : 2.5;
    this.sky.intensity = (dark ? 0.25 : 0.35) + (this.plain ? 1.4 : 0);
    this.renderer.toneMappingExposure = dark ? 0.95 : 1.05;
    this.renderer.shadowMap.needsUpdate = true;
  }

  dispose(): void {
    this.room?.dispose();
    this.lamp.dispose();
  }

  private place(centre: Vector3): void {
    this.lamp.position.copy(centre).add(LAMP_FROM_CENTRE);
    this.lamp.target.position.copy(centre);
    this.lamp.castShadow = true;
    this.lamp.shadow.mapSize.setScalar(this.plain ? 512 : 1024);
    this.lamp.shadow.radius = 4;
    this.lamp.shadow.bias = -0.0004;
    this.lamp.shadow.normalBias = 0.006;
    const eye = this.lamp.shadow.camera;
    Object.assign(eye, { left: -REACH, right: REACH, top: REACH, bottom: -REACH, near: 0.5, far: 5 });
    eye.updateProjectionMatrix();
  }
}

function reflections(renderer: WebGLRenderer): Texture {
  const generator = new PMREMGenerator(renderer);
  const texture = generator.fromScene(new RoomEnvironment(), 0.04).texture;
  generator.dispose();
  return texture;
}
