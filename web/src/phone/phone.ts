import { FrameSender } from "../control/sender";
import { api, ApiError, errorLine } from "../shared/api";
import { MarkQueue } from "../shared/marks";
import type { Mark, Status } from "../shared/protocol";
import { ContactEdge } from "./contact";
import { Feedback } from "./feedback";
import { PhoneLink } from "./link";
import { type ServerMessage, toggleMark } from "./messages";
import { OrientationSource } from "./orientation_source";
import { type ReleaseCause, Steering } from "./steering";
import { TouchHold } from "./touch_hold";
import { FIRST_VIEW, type View } from "./view";
import { type HoldWay, rememberWay, wayOf } from "../shared/way";
import { isArSupported, XrSource } from "./xr_source";

const ERROR_MS = 6000;
const NEW_CODE = "Scan a new code from the operator page.";
const RELEASE_LINES: Record<ReleaseCause, string | null> = {
  lifted: null,
  interrupted: "The touch was interrupted: press again, or resume.",
  hidden: null,
  tracking: "Tracking lost: point the camera at something with texture.",
  connection: "The connection was lost, so the hold has ended.",
};

/** The phone's page without its looks. */
export class Phone {
  readonly hold: TouchHold;
  private view: View = FIRST_VIEW;
  private readonly steering: Steering;
  private readonly link: PhoneLink;
  private readonly feedback = new Feedback();
  private readonly contact = new ContactEdge();
  private readonly orientation = new OrientationSource(() => this.steering.align());
  private readonly xr: XrSource;
  private readonly marks = new MarkQueue(
    (id, mark) => this.link.sendText({ type: "mark", id, mark }),
    () => this.fail("Your tap did not reach the server. Look, and tap again."),
  );
  private errorTimer: ReturnType<typeof setTimeout> | undefined;
  private token: string | null = null;

  constructor(private readonly render: (view: View) => void) {
    this.link = new PhoneLink({
      message: (message) => this.receive(message),
      changed: () => this.linkChanged(),
    });
    this.steering = new Steering(new FrameSender((bytes) => this.link.sendFrame(bytes), () => this.steering.frameMs), {
      touchPose: () => this.hold.pose(),
      changed: () => this.steeringChanged(),
      released: (cause) => this.released(cause),
    });
    this.hold = new TouchHold(() => this.steering, this.orientation);
    this.xr = new XrSource({
      pose: (pose) => this.steering.saw(pose),
      originMoved: () => this.steering.originMoved(),
      hidden: () => this.steering.release("hidden"),
      ended: () => this.arEnded(),
    });
  }

  async open(token: string | null): Promise<void> {
    this.token = token;
    document.addEventListener("visibilitychange", () => this.visibilityChanged());
    window.addEventListener("pagehide", () => this.away());
    this.show({ hasAr: await isArSupported() });
    await this.login();
  }

  async login(): Promise<void> {
    this.show({ phase: "login", error: null, canRetry: false });
    try {
      if (this.token !== null) this.show({ name: (await api.phoneLogin(this.token)).name });
    } catch (error) {
      const isOffline = error instanceof ApiError && error.status === 0;
      this.over(isOffline ? "The server does not answer." : withNewCode(errorLine(error)), isOffline);
      return;
    }
    this.token = null;
    this.show({ phase: "welcome" });
    this.link.open();
  }

  /** From a tap: permissions, sound and AR need one. */
  async startAr(overlay: HTMLElement): Promise<void> {
    this.feedback.start();
    this.steering.begin("ar");
    try {
      await this.xr.start(overlay);
      this.show({ phase: "steer", mode: "ar", error: null });
    } catch (error) {
      this.fail(`AR did not start: ${errorLine(error)}`);
    }
  }

  async startTouch(): Promise<void> {
    this.feedback.start();
    this.steering.begin("touch");
    const problem = await this.orientation.start().then(() => null, errorLine);
    this.show({ phase: "steer", mode: "touch", error: null });
    if (problem !== null) this.fail(problem);
  }

  press(): void {
    if (!this.steering.press()) this.fail("No tracking yet: move the phone slowly, in good light.");
  }

  release(cause: "lifted" | "interrupted" = "lifted"): void {
    this.steering.release(cause);
  }

  clutch(isClutched: boolean): void {
    this.steering.clutch(isClutched);
  }

  toggleGripper(): void {
    if (!this.steering.toggleGripper()) this.fail("Hold first: the gripper moves only while you steer.");
  }

  setScale(scale: number): void {
    this.steering.setScale(scale);
  }

  setWay(way: HoldWay): void {
    rememberWay(way, this.view.status);
    this.steering.pushes = wayOf(way, this.view.status) === "push";
    this.show({ way });
  }

  setTurns(turns: boolean): void {
    this.hold.setTurns(turns);
    this.show({ turns });
  }

  align(): void {
    if (this.steering.align()) this.feedback.press();
    else this.fail("Point the phone at the screen, not up or down, and tap ALIGN.");
  }

  mark(mark: Mark | "toggle"): void {
    this.marks.add(mark === "toggle" ? toggleMark(this.view.status) : mark);
  }

  private receive(message: ServerMessage): void {
    if (message.type === "status") this.showStatus(message);
    else if (message.type === "ack") {
      this.marks.acknowledge(message);
      if (!message.ok) this.fail(message.error ?? "The server refused that.");
    } else if (message.type === "wait") this.show({ wait: message.why });
    else if (message.type === "allowed") this.show({ wait: null });
    else if (message.type === "error") this.fail(message.error);
    else if (message.type === "gone") this.gone(message.why);
    else if (message.type === "ended") this.over(withNewCode(message.why), true);
  }

  private gone(why: string): void {
    this.marks.clear();
    this.fail(why);
  }

  private showStatus(status: Status): void {
    const before = this.view.status;
    if (status.state === "PAUSED" && (before?.state === "YOU" || before?.state === "PUSH") && status.why) this.feedback.lost();
    const way = before?.correct === status.correct ? this.view.way : null; // in another run it is as remembered
    this.steering.pushes = wayOf(way, status) === "push";
    const hasContact = this.contact.rises(status.contact_n);
    if (hasContact) this.feedback.contact();
    if (this.steering.isHeld) this.feedback.feel(status.contact_n);
    this.show({ status, way, contacts: this.view.contacts + Number(hasContact) });
  }

  private linkChanged(): void {
    const { isOpen, path } = this.link;
    if (!isOpen) this.steering.release("connection");
    if (isOpen && !this.view.isOnline) this.marks.sendAll();
    this.show({ isOnline: isOpen, path, status: isOpen ? this.view.status : null, wait: isOpen ? this.view.wait : null });
  }

  private steeringChanged(): void {
    const { isHeld, isClutched, scale } = this.steering;
    if (isHeld && !this.view.held) {
      this.feedback.press();
      this.show({ heldSinceMs: performance.now(), error: null });
    }
    this.show({ held: isHeld, clutched: isClutched, scale });
  }

  private released(cause: ReleaseCause): void {
    if (cause === "lifted") this.feedback.release();
    else this.feedback.lost();
    const line = RELEASE_LINES[cause];
    if (line !== null) this.fail(line);
  }

  private arEnded(): void {
    this.steering.release("hidden");
    if (this.view.phase === "steer") this.show({ phase: "welcome" });
  }

  private visibilityChanged(): void {
    if (document.visibilityState === "hidden") {
      this.away();
    } else if (this.view.phase === "welcome" || this.view.phase === "steer") {
      this.link.open();
      void this.feedback.stayAwake();
    }
  }

  private away(): void {
    this.hold.cancel("hidden");
    this.link.close();
  }

  private over(error: string, canRetry = false): void {
    this.away();
    this.show({ phase: "over", error, canRetry });
    clearTimeout(this.errorTimer);
    this.xr.stop();
    this.orientation.stop();
  }

  private fail(error: string): void {
    clearTimeout(this.errorTimer);
    this.errorTimer = setTimeout(() => this.show({ error: null }), ERROR_MS);
    this.show({ error });
  }

  private show(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    this.render(this.view);
  }
}

function withNewCode(why: string): string {
  return /scan/i.test(why) ? why : `${why.replace(/[.\s]*$/, ".")} ${NEW_CODE}`;
}
