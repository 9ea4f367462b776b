import type { Ack, Status } from "../shared/protocol";

export type ServerMessage =
  | Status
  | Ack
  | { type: "ping"; t: number }
  | { type: "wait"; why: string }
  | { type: "allowed" }
  | { type: "gone"; why: string; again: boolean }
  | { type: "ended"; why: string }
  | { type: "error"; error: string }
  | { type: "rtc"; sdp: string; kind: "answer" };

/** A message as the server sent it, or null for what is not one. */
export function parseMessage(text: string): ServerMessage | null {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === "object" && message !== null && "type" in message ? (message as ServerMessage) : null;
  } catch {
    return null;
  }
}

export function pong(t: number): string {
  return JSON.stringify({ type: "pong", t, client: performance.now() });
}

/** What the big button does now. */
export function toggleMark(status: Pick<Status, "state" | "needs"> | null): "start" | "pause" | "resume" {
  return status?.needs ?? (status?.state === "PAUSED" ? "resume" : "pause");
}
