import { isHeld } from "../control/frame";
import { parseMessage, pong } from "./messages";

const GATHERING_MS = 2000;
const BACKLOG_BYTES = 4096;

interface Callbacks {
  offer(sdp: string): void;
  changed(): void;
  failed(): void;
}

/** The WebRTC data channel for control frames: unordered, nothing is sent twice. */
export class ControlChannel {
  private readonly connection = new RTCPeerConnection({ iceServers: [] });
  private readonly channel = this.connection.createDataChannel("control", { ordered: false, maxRetransmits: 0 });

  constructor(private readonly callbacks: Callbacks) {
    this.channel.binaryType = "arraybuffer";
    this.channel.onopen = () => callbacks.changed();
    this.channel.onclose = () => callbacks.failed();
    this.channel.onmessage = ({ data }) => this.answerPing(data);
    this.connection.onconnectionstatechange = () => {
      if (this.connection.connectionState === "failed") callbacks.failed();
      else callbacks.changed();
    };
  }

  get isOpen(): boolean {
    return this.channel.readyState === "open" && this.connection.connectionState === "connected";
  }

  /** Makes the offer with all candidates in it. */
  async offer(): Promise<void> {
    await this.connection.setLocalDescription();
    await this.gathered();
    const sdp = this.connection.localDescription?.sdp;
    if (sdp) this.callbacks.offer(sdp);
  }

  async accept(sdp: string): Promise<void> {
    await this.connection.setRemoteDescription({ type: "answer", sdp });
  }

  /** A frame that would wait behind others is dropped; a release never is. */
  send(bytes: ArrayBuffer): void {
    if (isHeld(bytes) && this.channel.bufferedAmount > BACKLOG_BYTES) return;
    this.channel.send(bytes);
  }

  close(): void {
    this.channel.onclose = null;
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  private answerPing(data: unknown): void {
    const message = typeof data === "string" ? parseMessage(data) : null;
    if (message?.type === "ping") this.channel.send(pong(message.t));
  }

  private gathered(): Promise<void> {
    const { connection } = this;
    if (connection.iceGatheringState === "complete") return Promise.resolve();
    return new Promise((resolve) => {
      setTimeout(resolve, GATHERING_MS);
      connection.addEventListener("icegatheringstatechange", () => {
        if (connection.iceGatheringState === "complete") resolve();
      });
    });
  }
}
