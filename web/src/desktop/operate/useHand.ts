import { useEffect, useState } from "preact/hooks";
import { DesktopHand } from "../../control";
import type { Session } from "./session";

/** A hand that keyboard, mouse and other devices on this desk move while `active`. */
export function useHand(
  session: Session | null,
  element: HTMLElement | null,
  active: boolean,
  onMark: (mark: string) => void,
): DesktopHand | null {
  const [hand, setHand] = useState<DesktopHand | null>(null);
  useEffect(() => {
    if (session === null || element === null) return undefined;
    const created = new DesktopHand(element, session.sender, onMark);
    setHand(created);
    return () => {
      created.detach();
      setHand(null);
    };
  }, [session, element, onMark]);
  useEffect(() => {
    if (hand === null || !active) return undefined;
    hand.attach();
    return () => hand.detach();
  }, [hand, active]);
  return hand;
}
