import { milliseconds } from "../../shared/format";
import { useTick } from "../../shared/hooks";
import type { Session } from "./session";

const OLD_MS = 1000; // a robot at rest is told of less often

interface FrameAgeProps {
  session: Session;
  roundTrip: number;
  /** When the newest frame was sent [ms of the server's clock]; null before the first. */
  sent: () => number | null;
}

/** How old the picture on the screen is. */
export function FrameAge({ session, roundTrip, sent }: FrameAgeProps) {
  useTick(400);
  const at = sent();
  const age = at === null ? null : session.clock.age(at, performance.now(), roundTrip);
  const old = age === null || age > OLD_MS;
  return (
    <span class="frame-age" data-old={old} title="Age of this picture">
      {age === null ? "waiting" : milliseconds(age)}{age !== null && old && " old"}
    </span>
  );
}
