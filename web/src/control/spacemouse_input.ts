import { SOURCE } from "./frame";
import type { HandInput, InputHost, Reading } from "./inputs";
import { CENTRED, readReport, spaceMouseHolds, spaceMouseTwist } from "./spacemouse";
import { STILL } from "./virtual_hand";

interface HidReport extends Event {
  readonly reportId: number;
  readonly data: DataView;
}

interface HidDevice extends EventTarget {
  readonly opened: boolean;
  open(): Promise<void>;
  close(): Promise<void>;
}

interface HidFilter {
  vendorId: number;
  usagePage?: number;
  usage?: number;
}

interface Hid extends EventTarget {
  requestDevice(options: { filters: HidFilter[] }): Promise<HidDevice[]>;
}

const MULTI_AXIS = { usagePage: 1, usage: 8 };
const FILTERS: HidFilter[] = [
  { vendorId: 0x256f, ...MULTI_AXIS },
  { vendorId: 0x046d, ...MULTI_AXIS },
];
const SILENCE_MS = 400;

export class SpaceMouseInput implements HandInput {
  readonly source = SOURCE.spacemouse;
  readonly graceMs = 150;
  private host: InputHost | null = null;
  private device: HidDevice | null = null;
  private state = CENTRED;
  private heardMs = 0;
  private mustLetGo = false;

  get needsPolling(): boolean {
    return this.device !== null;
  }

  /** Must be called from a click. Says in one line why it could not be done. */
  async connect(): Promise<void> {
    const hid = (navigator as Navigator & { hid?: Hid }).hid;
    if (!hid) throw new Error("This browser cannot read a SpaceMouse: use Chrome or Edge.");
    const [device] = await hid.requestDevice({ filters: FILTERS });
    if (!device) throw new Error("No SpaceMouse was chosen.");
    if (!device.opened) await device.open();
    device.addEventListener("inputreport", this.onReport);
    hid.addEventListener("disconnect", this.onDisconnect);
    this.device = device;
    this.host?.wake();
  }

  attach(host: InputHost): void {
    this.host = host;
  }

  detach(): void {
    this.device?.removeEventListener("inputreport", this.onReport);
    void this.device?.close();
    this.device = null;
    this.state = CENTRED;
    this.host = null;
  }

  poll(): Reading {
    const isSilent = performance.now() - this.heardMs > SILENCE_MS;
    const state = isSilent ? { ...CENTRED, buttons: this.state.buttons } : this.state;
    const wantsHold = this.device !== null && spaceMouseHolds(state);
    if (!wantsHold) this.mustLetGo = false;
    return wantsHold && !this.mustLetGo ? { held: true, twist: spaceMouseTwist(state) } : { held: false, twist: STILL };
  }

  letGo(): void {
    this.mustLetGo = true;
  }

  private readonly onReport = (event: Event) => {
    const { reportId, data } = event as HidReport;
    const before = this.state.buttons;
    this.state = readReport(this.state, reportId, data);
    this.heardMs = performance.now();
    if (this.state.buttons & ~before & 1) this.host?.gripper();
  };

  private readonly onDisconnect = (event: Event) => {
    if ((event as Event & { device?: HidDevice }).device !== this.device) return;
    this.device = null;
    this.state = CENTRED;
    this.host?.release();
  };
}
