/** The marks a person can give now, as buttons and keys. */

import type { IconName } from "../../shared/Icon";
import type { Mark, Status } from "../../shared/protocol";

export interface MarkAction {
  mark: Mark;
  label: string;
  key: string;
  icon: IconName;
  enabled: boolean;
}

const GO_ON: Record<"start" | "resume" | "pause", Omit<MarkAction, "enabled" | "mark">> = {
  start: { label: "Start", key: "Space", icon: "play" },
  resume: { label: "Resume", key: "Space", icon: "play" },
  pause: { label: "Pause", key: "Space", icon: "pause" },
};

/** What "pause, resume or start" means in this state. */
function toggleMark(status: Status): "start" | "resume" | "pause" {
  return status.needs ?? "pause";
}

/** Without a policy there is nothing to start or resume: a demonstration goes on when the person holds. */
export function waitsForHold({ correct, needs }: Status): boolean {
  return correct === "demonstrate" && needs !== null;
}

export function markActions(status: Status | null): MarkAction[] {
  const toggle = status === null ? "start" : toggleMark(status);
  const running = status !== null && status.attempt !== null && status.state !== "ENDED" && status.needs !== "start";
  const undoable = status !== null && status.last !== null && !status.last.undone;
  return [
    { mark: toggle, ...GO_ON[toggle], enabled: status !== null && canToggle(status, running) },
    { mark: "success", label: "Success", key: "Enter", icon: "check", enabled: running },
    { mark: "failure", label: "Failure", key: "Backspace", icon: "cross", enabled: running },
    { mark: "discard", label: "Discard", key: "X", icon: "discard", enabled: running },
    { mark: "reset", label: "Reset", key: "N", icon: "reset", enabled: running },
    { mark: "undo", label: "Undo", key: "Z", icon: "undo", enabled: undoable },
  ];
}

function canToggle(status: Status, running: boolean): boolean {
  return !waitsForHold(status) && (running || status.needs !== null);
}

/** The mark that a device asks for: one of the protocol's, or "toggle"; null when its button is grey. */
export function markOf(asked: string, status: Status | null): Mark | null {
  const wanted = asked === "toggle" && status !== null ? toggleMark(status) : asked;
  return markActions(status).find(({ mark, enabled }) => enabled && mark === wanted)?.mark ?? null;
}
