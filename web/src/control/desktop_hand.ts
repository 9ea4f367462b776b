import { arbitrate, type Hold } from "./arbiter";
import { GAMEPAD_BINDINGS } from "./gamepad";
import { GamepadInput } from "./gamepad_input";
import type { HandInput, InputHost } from "./inputs";
import { type Binding, KEYBOARD_BINDINGS } from "./keyboard";
import { KeyboardInput } from "./keyboard_input";
import { MOUSE_BINDINGS } from "./mouse";
import { MouseInput } from "./mouse_input";
import type { FrameSender } from "./sender";
import { SPACEMOUSE_BINDINGS } from "./spacemouse";
import { SpaceMouseInput } from "./spacemouse_input";
import { addTwists, AT_REST, integrated, moved, STILL } from "./virtual_hand";

const PERIOD_MS = 16;
const SCALE = { least: 0.25, most: 4, step: 1.25 };

export interface HandState {
  held: boolean;
  source: number;
  scale: number;
  gripper: boolean;
}

/**
 * A hand that keyboard, mouse, gamepad and SpaceMouse move together. It sends frames at 60 Hz while held.
 * `onMark` gets the protocol's marks, and "toggle" where the state decides between start, pause and resume.
 */
export class DesktopHand {
  readonly bindings: readonly Binding[] = [
    ...KEYBOARD_BINDINGS,
    ...MOUSE_BINDINGS,
    ...GAMEPAD_BINDINGS,
    ...SPACEMOUSE_BINDINGS,
  ];
  /** Whether a hold that begins now pushes, and does not take over. */
  pushes = false;
  private readonly mouse: MouseInput;
  private readonly spaceMouse = new SpaceMouseInput();
  private readonly inputs: readonly HandInput[];
  private hand = AT_REST;
  private hold: Hold | null = null;
  private gripper = false;
  private scale = 1;
  private timer: ReturnType<typeof setInterval> | undefined;
  private tickedMs = 0;
  private isAttached = false;

  constructor(
    element: HTMLElement,
    private readonly sender: FrameSender,
    private readonly onMark: (mark: string) => void,
    private readonly onState: (state: HandState) => void = () => undefined,
  ) {
    this.mouse = new MouseInput(element);
    this.inputs = [new KeyboardInput(), this.mouse, new GamepadInput(), this.spaceMouse];
  }

  /** Whether a plain drag moves the hand; otherwise it takes Alt. */
  get mouseSteers(): boolean {
    return this.mouse.steers;
  }

  set mouseSteers(steers: boolean) {
    this.mouse.steers = steers;
  }

  attach(): void {
    if (this.isAttached) return;
    this.isAttached = true;
    this.inputs.forEach((input) => input.attach(this.host));
    window.addEventListener("blur", this.release);
    window.addEventListener("pagehide", this.release);
    document.addEventListener("visibilitychange", this.onVisibility);
  }

  detach(): void {
    if (!this.isAttached) return;
    this.isAttached = false;
    this.release();
    this.inputs.forEach((input) => input.detach());
    window.removeEventListener("blur", this.release);
    window.removeEventListener("pagehide", this.release);
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.stopTimer();
  }

  /** Asks for a SpaceMouse; must be called from a click. Rejects with one line for the person. */
  connectSpaceMouse(): Promise<void> {
    return this.spaceMouse.connect();
  }

  private readonly host: InputHost = {
    wake: () => {
      this.startTimer();
      this.tick();
    },
    gripper: () => {
      if (!this.hold) return;
      this.gripper = !this.gripper;
      this.sendFrame(true);
      this.tellState();
    },
    mark: (mark) => this.onMark(mark),
    scaleStep: (step) => {
      const scale = this.scale * SCALE.step ** step;
      this.scale = Math.min(SCALE.most, Math.max(SCALE.least, scale));
      this.tellState();
    },
    release: () => this.release(),
  };

  private readonly release = () => {
    this.inputs.forEach((input) => input.letGo());
    this.setHold(null, true);
    this.sender.flush();
  };

  private readonly onVisibility = () => {
    if (document.visibilityState === "hidden") this.release();
  };

  private readonly tick = () => {
    const now = performance.now();
    const seconds = (now - this.tickedMs) / 1000;
    this.tickedMs = now;
    const readings = this.inputs.map((input) => ({ input, ...input.poll(seconds) }));
    const wishes = readings.map(({ input, held }) => ({ source: input.source, graceMs: input.graceMs, held }));
    const isHidden = document.visibilityState === "hidden";
    this.setHold(isHidden ? null : arbitrate(this.hold, wishes, now), isHidden);
    if (!this.hold) {
      if (!this.inputs.some((input) => input.needsPolling)) this.stopTimer();
      return;
    }
    const steering = readings.filter(({ held }) => held);
    const twist = steering.reduce((sum, reading) => addTwists(sum, reading.twist), STILL);
    this.hand = integrated(this.hand, twist, seconds);
    for (const { translation, rotation } of steering) {
      if (translation && rotation) this.hand = moved(this.hand, translation, rotation);
    }
    this.sendFrame(true);
  };

  /** A hold that is lost (a hidden page, a window without focus) is not let go by the person: its release has no pose. */
  private setHold(hold: Hold | null, isLost: boolean): void {
    const before = this.hold;
    this.hold = hold;
    if (hold && !before) this.hand = AT_REST;
    if (!hold && before) this.sendFrame(false, before.source, !isLost);
    if (hold?.source !== before?.source) this.tellState();
  }

  private sendFrame(held: boolean, source = this.hold?.source ?? 0, tracking = true): void {
    const { position, quat } = this.hand;
    const { gripper, scale, pushes: push } = this;
    this.sender.update({ held, tracking, gripper, clutch: false, source, epoch: 0, position, quat, scale, push });
  }

  private tellState(): void {
    this.onState({ held: this.hold !== null, source: this.hold?.source ?? 0, scale: this.scale, gripper: this.gripper });
  }

  private startTimer(): void {
    if (this.timer !== undefined) return;
    this.tickedMs = performance.now();
    this.timer = setInterval(this.tick, PERIOD_MS);
  }

  private stopTimer(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
