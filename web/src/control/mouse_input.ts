import { SOURCE } from "./frame";
import type { HandInput, InputHost, Reading } from "./inputs";
import { dragRotation, dragTranslation, drained, wheelTranslation } from "./mouse";
import { add, type Vec3 } from "./quaternion";
import { STILL } from "./virtual_hand";

const LEFT = 1;
const RIGHT = 2;

/** Alt + drag, or any drag while `steers` is set, moves the hand; every other drag is left to the 3D view. */
export class MouseInput implements HandInput {
  readonly source = SOURCE.mouse;
  readonly graceMs = 0;
  readonly needsPolling = false;
  steers = false;
  private host: InputHost | null = null;
  private pointer: number | null = null;
  private last = { x: 0, y: 0 };
  private translation: Vec3 = [0, 0, 0];
  private rotation: Vec3 = [0, 0, 0];
  private depth: Vec3 = [0, 0, 0];
  private hasDragged = false;

  constructor(private readonly element: HTMLElement) {}

  attach(host: InputHost): void {
    this.host = host;
    const on = this.element.addEventListener.bind(this.element);
    on("pointerdown", this.onDown, true);
    on("pointermove", this.onMove, true);
    on("pointerup", this.onUp, true);
    on("pointercancel", this.onCancel, true);
    on("lostpointercapture", this.onCancel, true);
    on("wheel", this.onWheel, { capture: true, passive: false });
    on("contextmenu", this.onContextMenu, true);
  }

  detach(): void {
    const off = this.element.removeEventListener.bind(this.element);
    off("pointerdown", this.onDown, true);
    off("pointermove", this.onMove, true);
    off("pointerup", this.onUp, true);
    off("pointercancel", this.onCancel, true);
    off("lostpointercapture", this.onCancel, true);
    off("wheel", this.onWheel, true);
    off("contextmenu", this.onContextMenu, true);
    this.letGo();
    this.host = null;
  }

  poll(seconds: number): Reading {
    const { step, rest } = drained(this.depth, seconds);
    const reading: Reading = {
      held: this.pointer !== null,
      twist: STILL,
      translation: add(this.translation, step),
      rotation: this.rotation,
    };
    this.depth = rest;
    this.translation = [0, 0, 0];
    this.rotation = [0, 0, 0];
    return reading;
  }

  letGo(): void {
    this.pointer = null;
    this.translation = [0, 0, 0];
    this.rotation = [0, 0, 0];
    this.depth = [0, 0, 0];
  }

  private readonly onDown = (event: PointerEvent) => {
    const isDrag = event.button === 0 || event.button === 2;
    if (event.pointerType === "touch" || !isDrag || !(this.steers || event.altKey)) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    this.pointer = event.pointerId;
    this.last = { x: event.clientX, y: event.clientY };
    this.hasDragged = true;
    this.element.setPointerCapture(event.pointerId);
    this.host?.wake();
  };

  private readonly onMove = (event: PointerEvent) => {
    if (event.pointerId !== this.pointer) return;
    event.stopImmediatePropagation();
    const dx = event.clientX - this.last.x;
    const dy = event.clientY - this.last.y;
    this.last = { x: event.clientX, y: event.clientY };
    if (event.buttons & RIGHT) this.rotation = add(this.rotation, dragRotation(dx, dy));
    else if (event.buttons & LEFT) this.translation = add(this.translation, dragTranslation(dx, dy));
  };

  private readonly onUp = (event: PointerEvent) => {
    if (event.pointerId !== this.pointer) return;
    event.stopImmediatePropagation();
    this.letGo();
    this.host?.wake();
  };

  private readonly onCancel = (event: PointerEvent) => {
    if (event.pointerId !== this.pointer) return;
    this.letGo();
    this.host?.release();
  };

  private readonly onWheel = (event: WheelEvent) => {
    if (this.pointer === null) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    this.depth = add(this.depth, wheelTranslation(event.deltaY, event.deltaMode));
  };

  private readonly onContextMenu = (event: Event) => {
    if (this.pointer === null && !this.hasDragged) return;
    this.hasDragged = false;
    event.preventDefault();
  };
}
