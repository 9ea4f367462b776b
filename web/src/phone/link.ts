import { isHeld } from "../control/frame";
import { Backoff } from "../shared/backoff";
import { ControlChannel } from "./control_channel";
import { parseMessage, pong, type ServerMessage } from "./messages";

const SILENCE_MS = 3000;
const WATCH_MS = 500;
const BACKLOG_BYTES = 4096;
const CHANNEL_AGAIN_MS = 5000;
const CHANNEL_TRIES = 4;

export type Path = "webrtc" | "websocket" | null;

interface Callbacks {
  message(message: ServerMessage): void;
  /** The connection or the path of the frames has changed. */
  changed(): void;
}

/** The phone's WebSocket, opened again after every loss, and the data channel beside it. */
export class PhoneLink {
  private socket: WebSocket | null = null;
  private channel: ControlChannel | null = null;
  private channelTries = 0;
  private readonly backoff = new Backoff();
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();
  private watch: ReturnType<typeof setInterval> | undefined;
  private heardMs = 0;
  private isWanted = false;

  constructor(private readonly callbacks: Callbacks) {}

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  get path(): Path {
    if (!this.isOpen) return null;
    return this.channel?.isOpen ? "webrtc" : "websocket";
  }

  open(): void {
    if (this.isWanted) return;
    this.isWanted = true;
    this.connect();
  }

  /** Says goodbye and stays away until `open`. */
  close(): void {
    if (this.isOpen) this.sendText({ type: "gone" });
    this.isWanted = false;
    this.socket?.close();
    this.drop();
  }

  sendText(message: object): void {
    if (this.isOpen) this.socket?.send(JSON.stringify(message));
  }

  /** A frame goes the shortest way there is; one that would queue is dropped, a release never. */
  sendFrame(bytes: ArrayBuffer): void {
    if (this.channel?.isOpen) {
      this.channel.send(bytes);
    } else if (this.isOpen && this.socket && !(isHeld(bytes) && this.socket.bufferedAmount > BACKLOG_BYTES)) {
      this.socket.send(bytes);
    }
  }

  private connect(): void {
    const url = new URL("/ws/phone", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.socket = socket;
    this.heardMs = performance.now();
    socket.onopen = () => {
      this.channelTries = 0;
      this.watch = setInterval(() => this.checkSilence(), WATCH_MS);
      this.openChannel();
      this.callbacks.changed();
    };
    socket.onmessage = ({ data }) => this.receive(data);
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.drop();
      if (this.isWanted) this.again();
    };
  }

  private again(): void {
    this.later(() => this.isWanted && !this.socket && this.connect(), this.backoff.next());
  }

  private receive(data: unknown): void {
    this.heardMs = performance.now();
    const message = typeof data === "string" ? parseMessage(data) : null;
    if (!message) return;
    this.backoff.reset();
    if (message.type === "ping") this.socket?.send(pong(message.t));
    else if (message.type === "rtc") void this.channel?.accept(message.sdp).catch(() => this.channelFailed());
    else this.callbacks.message(message);
  }

  private checkSilence(): void {
    if (performance.now() - this.heardMs < SILENCE_MS) return;
    const { socket } = this;
    this.drop();
    socket?.close();
    this.again();
  }

  private openChannel(): void {
    this.channel?.close();
    this.channel = null;
    if (typeof RTCPeerConnection === "undefined" || this.channelTries >= CHANNEL_TRIES) return;
    this.channelTries += 1;
    const channel = new ControlChannel({
      offer: (sdp) => this.sendText({ type: "rtc", sdp, kind: "offer" }),
      changed: () => this.callbacks.changed(),
      failed: () => this.channel === channel && this.channelFailed(),
    });
    this.channel = channel;
    channel.offer().catch(() => this.channelFailed());
  }

  private channelFailed(): void {
    this.channel?.close();
    this.channel = null;
    this.callbacks.changed();
    this.later(() => this.isOpen && !this.channel && this.openChannel(), CHANNEL_AGAIN_MS);
  }

  private drop(): void {
    clearInterval(this.watch);
    this.timers.forEach((timer) => clearTimeout(timer));
    this.timers.clear();
    this.socket = null;
    this.channel?.close();
    this.channel = null;
    this.callbacks.changed();
  }

  private later(act: () => void, delayMs: number): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, delayMs);
    this.timers.add(timer);
  }
}
