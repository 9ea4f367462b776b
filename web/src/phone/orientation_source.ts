import { IDENTITY, type Quat } from "../control/quaternion";
import { orientationQuat } from "./orientation";

type AskingEvent = typeof DeviceOrientationEvent & { requestPermission?: () => Promise<PermissionState> };

/** The phone's orientation where there is no WebXR. */
export class OrientationSource {
  quat: Quat = IDENTITY;
  private hasTurned = false;

  constructor(private readonly onFirst: () => void) {}

  /** Must be called from a tap. Throws one line for the person when there is nothing to read. */
  async start(): Promise<void> {
    if (!window.isSecureContext) throw new Error("No HTTPS, so no tilt: the pad only moves. Open the https address.");
    if (typeof DeviceOrientationEvent === "undefined") throw new Error("This browser has no motion sensors: the pad only moves.");
    const ask = (DeviceOrientationEvent as AskingEvent).requestPermission;
    if (ask && (await ask.call(DeviceOrientationEvent)) !== "granted") {
      throw new Error("Motion access was refused, so the pad only moves. Reload the page to be asked again.");
    }
    window.addEventListener("deviceorientation", this.onOrientation);
  }

  stop(): void {
    window.removeEventListener("deviceorientation", this.onOrientation);
    this.hasTurned = false;
  }

  private readonly onOrientation = ({ alpha, beta, gamma }: DeviceOrientationEvent) => {
    if (alpha === null || beta === null || gamma === null) return;
    this.quat = orientationQuat(alpha, beta, gamma, screen.orientation?.angle ?? 0);
    if (!this.hasTurned) this.onFirst();
    this.hasTurned = true;
  };
}
