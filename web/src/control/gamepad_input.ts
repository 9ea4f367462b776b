import { SOURCE } from "./frame";
import { type GamepadState, readGamepad } from "./gamepad";
import type { HandInput, InputHost, Reading } from "./inputs";
import { STILL } from "./virtual_hand";

export class GamepadInput implements HandInput {
  readonly source = SOURCE.gamepad;
  readonly graceMs = 0;
  private host: InputHost | null = null;
  private index: number | null = null;
  private last: GamepadState | null = null;
  private mustLetGo = false;

  get needsPolling(): boolean {
    return this.index !== null;
  }

  attach(host: InputHost): void {
    this.host = host;
    window.addEventListener("gamepadconnected", this.onConnected);
    window.addEventListener("gamepaddisconnected", this.onDisconnected);
    this.index = navigator.getGamepads?.().find((pad) => pad?.connected)?.index ?? null;
    if (this.index !== null) host.wake();
  }

  detach(): void {
    window.removeEventListener("gamepadconnected", this.onConnected);
    window.removeEventListener("gamepaddisconnected", this.onDisconnected);
    this.index = null;
    this.host = null;
  }

  poll(): Reading {
    const pad = this.index === null ? null : navigator.getGamepads()[this.index];
    if (!pad?.connected) {
      if (this.last?.held) this.host?.release();
      this.last = null;
      return { held: false, twist: STILL };
    }
    const state = readGamepad(pad);
    if (!state.held) this.mustLetGo = false;
    if (state.gripper && !this.last?.gripper) this.host?.gripper();
    if (state.toggle && !this.last?.toggle) this.host?.mark("toggle");
    this.last = state;
    return { held: state.held && !this.mustLetGo, twist: state.twist };
  }

  letGo(): void {
    this.mustLetGo = true;
  }

  private readonly onConnected = (event: GamepadEvent) => {
    this.index = event.gamepad.index;
    this.host?.wake();
  };

  private readonly onDisconnected = (event: GamepadEvent) => {
    if (event.gamepad.index !== this.index) return;
    this.index = null;
    if (this.last?.held) this.host?.release();
    this.last = null;
  };
}
