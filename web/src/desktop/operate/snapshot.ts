/** What the page shows of a session, as plain data. */

import type { CameraWant, SceneMessage, Status } from "../../shared/protocol";
import type { ShownState } from "../../shared/states";

export type Connection = "connecting" | "queue" | "starting" | "live" | "lost" | "closed";

export interface Snapshot {
  connection: Connection;
  place: number;
  scene: SceneMessage | null;
  status: Status | null;
  /** One line about what went wrong, or empty. */
  error: string;
  /** Marks that are not yet acknowledged. */
  marksWaiting: number;
}

export interface Want {
  scene: boolean;
  cameras: CameraWant[];
}

export const NOTHING_YET: Snapshot = {
  connection: "connecting",
  place: 0,
  scene: null,
  status: null,
  error: "",
  marksWaiting: 0,
};

export function shownState(snapshot: Snapshot): ShownState {
  return snapshot.connection === "live" && snapshot.status !== null ? snapshot.status.state : "OFFLINE";
}

/** What to say in place of the state's meaning while there is no live session. */
export function connectionLine({ connection, place }: Snapshot): string {
  switch (connection) {
    case "connecting":
      return "Connecting to the server …";
    case "queue":
      return `All seats are taken. You are number ${place} in the queue; it goes on by itself.`;
    case "starting":
      return "The simulator is starting …";
    case "lost":
      return "The connection is gone and is being made again. What you see is old; the robot has stopped following you.";
    case "closed":
      return "What you see is old.";
    case "live":
      return "";
  }
}
