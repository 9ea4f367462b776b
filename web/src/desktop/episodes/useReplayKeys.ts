import { usePageKeys } from "../usePageKeys";
import type { Playback } from "./usePlayback";

/** Space plays and pauses, the arrows go a step, Home and End to the ends. */
export function useReplayKeys({ step, seek, toggle }: Playback): void {
  usePageKeys(
    {
      " ": toggle,
      arrowleft: () => seek(step - 1),
      arrowright: () => seek(step + 1),
      home: () => seek(0),
      end: () => seek(Infinity),
    },
    true,
  );
}
