/** How a session's state is shown: never by colour alone. The class sets colour and pattern, see states.css. */

import type { SessionState } from "./protocol";

export type ShownState = SessionState | "OFFLINE";

interface StateLook {
  label: string;
  className: string;
  meaning: string;
}

export const STATE_LOOKS: Record<ShownState, StateLook> = {
  POLICY: { label: "POLICY", className: "state-policy", meaning: "The policy moves the robot. Hold to take over." },
  PAUSED: { label: "PAUSED", className: "state-paused", meaning: "The robot stands still." },
  PUSH: { label: "YOU PUSH", className: "state-push", meaning: "The policy goes on, and you push. Let go to stop pushing." },
  YOU: { label: "YOU", className: "state-you", meaning: "You move the robot." },
  ENDED: { label: "ENDED", className: "state-ended", meaning: "No attempt is running." },
  OFFLINE: { label: "NO CONNECTION", className: "state-offline", meaning: "What you see is old." },
};
