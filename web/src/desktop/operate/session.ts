/** The operator's WebSocket: connects again by itself, keeps marks until they are acknowledged, and hands frames on. */

import { FrameSender } from "../../control";
import { api, ApiError } from "../../shared/api";
import { Backoff } from "../../shared/backoff";
import { Emitter } from "../../shared/emitter";
import { MarkQueue } from "../../shared/marks";
import type { Ack, Mark, SessionMessage, SessionRequest } from "../../shared/protocol";
import { readBinary, type Picture, type PoseFrame } from "../../shared/streams";
import { ServerClock } from "./clock";
import { recordAzimuth, recordState } from "./probe";
import { NOTHING_YET, shownState, type Snapshot, type Want } from "./snapshot";

const SILENCE_MS = 2500; // a status comes twice a second
const VIEW_MS = 100;

/** A frame and when it came [ms of this page's clock]. */
export interface Timed<T> {
  frame: T;
  received: number;
}

export class Session {
  readonly changes = new Emitter<Snapshot>();
  readonly poses = new Emitter<Timed<PoseFrame>>();
  readonly pictures = new Emitter<Timed<Picture>>();
  readonly clock = new ServerClock();
  /** One for all connections: its numbers go up as long as the page lives. */
  readonly sender = new FrameSender((bytes) => this.sendControl(bytes));
  snapshot: Snapshot = NOTHING_YET;

  private socket: WebSocket | null = null;
  private readonly backoff = new Backoff();
  private readonly marks = new MarkQueue(
    (id, mark) => this.send({ type: "mark", id, mark }),
    () => this.update({ error: "Your mark did not reach the server. Look, and try again." }),
    (marksWaiting) => this.update({ marksWaiting }),
  );
  private readonly watchdog: ReturnType<typeof setInterval>;
  private again: ReturnType<typeof setTimeout> | undefined;
  private viewTimer: ReturnType<typeof setTimeout> | undefined;
  private heardAt = 0;
  private statusAt = 0;
  private want: Want = { scene: true, cameras: [] };
  private azimuth = 0;

  constructor(private readonly run: string) {
    this.watchdog = setInterval(() => this.checkSilence(), 500);
    this.connect();
  }

  mark(mark: Mark): void {
    this.marks.add(mark);
  }

  setWant(want: Want): void {
    this.want = want;
    this.send({ type: "want", ...want });
  }

  /** Tells where the view looks [rad], at most ten times a second. */
  setAzimuth(azimuth: number): void {
    this.azimuth = azimuth;
    recordAzimuth(azimuth);
    this.viewTimer ??= setTimeout(() => {
      this.viewTimer = undefined;
      this.send({ type: "view", azimuth: this.azimuth });
    }, VIEW_MS);
  }

  answerPhone(allow: boolean): void {
    this.send({ type: "phone", allow });
  }

  clearError(): void {
    this.update({ error: "" });
  }

  retry(): void {
    this.backoff.reset();
    this.connect();
  }

  close(): void {
    clearInterval(this.watchdog);
    clearTimeout(this.again);
    clearTimeout(this.viewTimer);
    this.marks.clear();
    this.drop();
  }

  private connect(): void {
    this.drop();
    this.update({ connection: this.snapshot.scene === null ? "connecting" : "lost" });
    const query = new URLSearchParams({ run: this.run });
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/session?${query}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.opened();
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => this.heard(event.data);
    socket.onclose = () => void this.lost();
    this.socket = socket;
    this.heardAt = performance.now();
  }

  private drop(): void {
    clearTimeout(this.again);
    if (this.socket === null) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  private opened(): void {
    this.backoff.reset();
    this.clock.reset();
    this.update({ error: "" });
    this.resendAll();
  }

  private async lost(): Promise<void> {
    this.drop();
    if (this.snapshot.connection === "closed") return;
    this.update({ connection: "lost" });
    this.again = setTimeout(() => this.connect(), this.backoff.next());
    try {
      await api.me();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.finish("You are logged out. Ask for a new invitation.");
    }
  }

  private finish(error: string): void {
    this.update({ connection: "closed", error });
    this.drop();
  }

  private checkSilence(): void {
    if (this.snapshot.connection !== "live") return;
    const now = performance.now();
    if (now - this.heardAt > SILENCE_MS) void this.lost();
    else if (now - this.statusAt > SILENCE_MS) this.update({ connection: "starting" }); // it hangs: the server starts it again
  }

  private heard(data: ArrayBuffer | string): void {
    const received = performance.now();
    this.heardAt = received;
    if (typeof data === "string") this.heardJson(JSON.parse(data) as SessionMessage);
    else this.heardBinary(data, received);
  }

  private heardBinary(data: ArrayBuffer, received: number): void {
    const frame = readBinary(data);
    if (frame === null) return;
    this.clock.heard(frame.sent, received);
    if (frame.kind === "poses") this.poses.emit({ frame, received });
    else this.pictures.emit({ frame, received });
  }

  private heardJson(message: SessionMessage): void {
    switch (message.type) {
      case "ping":
        return this.send({ type: "pong", t: message.t, client: performance.now() });
      case "status":
        this.statusAt = performance.now();
        return this.update({ connection: "live", status: message });
      case "ack":
        return this.acknowledged(message);
      case "scene":
        this.statusAt = performance.now();
        this.update({ connection: "live", scene: message });
        return this.resendAll();
      case "starting":
        return this.update({ connection: "starting", status: null });
      case "queue":
        return this.update({ connection: "queue", place: message.place });
      case "gone":
        return this.gone(message.why, message.again);
      case "error":
        return this.finish(message.error);
    }
  }

  private acknowledged(ack: Ack): void {
    const mark = this.marks.acknowledge(ack);
    if (mark === null) return;
    this.update({ error: ack.ok ? "" : (ack.error ?? `The server refused "${mark}".`) });
  }

  private gone(why: string, again: boolean): void {
    const dropped = this.marks.clear();
    const note = dropped > 0 ? " Your last mark was not taken." : "";
    if (!again) return this.finish(why + note);
    this.update({ connection: "starting", status: null, error: why + note });
  }

  private resendAll(): void {
    this.send({ type: "want", ...this.want });
    this.send({ type: "view", azimuth: this.azimuth });
    this.marks.sendAll();
  }

  private sendControl(bytes: ArrayBuffer): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(bytes);
  }

  private send(request: SessionRequest): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(request));
  }

  private update(change: Partial<Snapshot>): void {
    this.snapshot = { ...this.snapshot, ...change };
    recordState(shownState(this.snapshot));
    this.changes.emit(this.snapshot);
  }
}
