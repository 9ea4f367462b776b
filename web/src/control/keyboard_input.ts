import { SOURCE } from "./frame";
import type { HandInput, InputHost, Reading } from "./inputs";
import { isHoldKey, keyboardTwist, markOfKey, scaleStepOfKey } from "./keyboard";

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input, textarea, select, [role=textbox]"))
  );
}

export class KeyboardInput implements HandInput {
  readonly source = SOURCE.keyboard;
  readonly graceMs = 150;
  readonly needsPolling = false;
  private readonly pressed = new Set<string>();
  private host: InputHost | null = null;
  private tabbing = false;

  attach(host: InputHost): void {
    this.host = host;
    window.addEventListener("keydown", this.onKeyDown);
    window.addEventListener("keyup", this.onKeyUp);
    window.addEventListener("pointerdown", this.onPointerDown, true);
  }

  detach(): void {
    window.removeEventListener("keydown", this.onKeyDown);
    window.removeEventListener("keyup", this.onKeyUp);
    window.removeEventListener("pointerdown", this.onPointerDown, true);
    this.letGo();
    this.host = null;
  }

  poll(): Reading {
    return { held: this.pressed.size > 0, twist: keyboardTwist(this.pressed) };
  }

  letGo(): void {
    this.pressed.clear();
  }

  private readonly onPointerDown = () => {
    this.tabbing = false;
  };

  private readonly onKeyDown = (event: KeyboardEvent) => {
    if (event.code === "Tab") this.tabbing = true;
    if (!this.host || event.ctrlKey || event.metaKey || isTyping(event.target) || this.isForControl(event)) return;
    const isOurs = this.handle(this.host, event.code, event.repeat);
    if (isOurs) event.preventDefault();
  };

  private readonly onKeyUp = (event: KeyboardEvent) => {
    if (this.pressed.delete(event.code)) this.host?.wake();
  };

  private handle(host: InputHost, code: string, repeat: boolean): boolean {
    const mark = markOfKey(code);
    const step = scaleStepOfKey(code);
    if (isHoldKey(code)) {
      if (!repeat) this.pressed.add(code);
      host.wake();
    } else if (step !== 0) host.scaleStep(step);
    else if (code === "KeyG") !repeat && host.gripper();
    else if (mark) !repeat && host.mark(mark);
    else return false;
    return true;
  }

  /** Space and Enter work a button that was reached with Tab; one that was only clicked keeps no claim on them. */
  private isForControl(event: KeyboardEvent): boolean {
    const isActivation = event.code === "Space" || event.code === "Enter" || event.code === "NumpadEnter";
    if (!isActivation || !(event.target instanceof HTMLElement)) return false;
    const inDialog = event.target.closest("dialog[open], [role=dialog]") !== null;
    return (this.tabbing || inDialog) && event.target.matches("button, a[href], summary, [role=button]");
  }
}
