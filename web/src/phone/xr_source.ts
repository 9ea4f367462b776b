import type { Pose } from "./alignment";

interface Callbacks {
  pose(pose: Pose | null): void;
  originMoved(): void;
  /** The session is not in front of the person any more. */
  hidden(): void;
  ended(): void;
}

export async function isArSupported(): Promise<boolean> {
  try {
    return (await navigator.xr?.isSessionSupported("immersive-ar")) ?? false;
  } catch {
    return false;
  }
}

/** The phone's pose from an augmented-reality session whose picture is the page itself. */
export class XrSource {
  private session: XRSession | null = null;

  constructor(private readonly callbacks: Callbacks) {}

  /** Must be called from a tap. */
  async start(overlay: HTMLElement): Promise<void> {
    if (!navigator.xr) throw new Error("This browser has no WebXR.");
    const session = await navigator.xr.requestSession("immersive-ar", {
      requiredFeatures: ["local", "dom-overlay"],
      domOverlay: { root: overlay },
    });
    this.session = session;
    session.addEventListener("end", () => this.onEnd(session));
    session.addEventListener("visibilitychange", () => {
      if (session.visibilityState !== "visible") this.callbacks.hidden();
    });
    try {
      await this.run(session);
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  stop(): void {
    void this.session?.end().catch(() => undefined);
  }

  private async run(session: XRSession): Promise<void> {
    const gl = document.createElement("canvas").getContext("webgl", { xrCompatible: true, antialias: false });
    if (!gl) throw new Error("This browser has no WebGL, which AR needs.");
    await gl.makeXRCompatible();
    session.updateRenderState({ baseLayer: new XRWebGLLayer(session, gl, { antialias: false, depth: false }) });
    const space = await session.requestReferenceSpace("local");
    space.addEventListener("reset", () => this.callbacks.originMoved());
    const onFrame: XRFrameRequestCallback = (_time, frame) => {
      if (this.session !== session) return;
      session.requestAnimationFrame(onFrame);
      this.callbacks.pose(poseOf(frame.getViewerPose(space)));
    };
    session.requestAnimationFrame(onFrame);
  }

  private onEnd(session: XRSession): void {
    if (this.session !== session) return;
    this.session = null;
    this.callbacks.ended();
  }
}

/** A position that is only guessed is no position. */
function poseOf(viewer: XRViewerPose | undefined): Pose | null {
  if (!viewer || viewer.emulatedPosition) return null;
  const { position, orientation } = viewer.transform;
  return {
    position: [position.x, position.y, position.z],
    quat: [orientation.w, orientation.x, orientation.y, orientation.z],
  };
}
