import { useEffect, useRef, useState } from "preact/hooks";

export interface Playback {
  step: number;
  playing: boolean;
  speed: number;
  seek: (step: number) => void;
  toggle: () => void;
  setSpeed: (speed: number) => void;
}

/** Steps through `steps` of `periodS` each in real time times a speed; the frame loop runs only while it plays. */
export function usePlayback(steps: number, periodS: number): Playback {
  const [step, setStep] = useState(0);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const at = useRef(0);
  const last = Math.max(0, steps - 1);
  const seek = (to: number) => {
    at.current = Math.min(last, Math.max(0, Math.round(to)));
    setStep(at.current);
  };
  const toggle = () => {
    if (!playing && at.current >= last) seek(0);
    setPlaying(!playing);
  };
  useEffect(() => {
    if (!playing) return undefined;
    let before: number | null = null;
    let frame = requestAnimationFrame(function advance(now) {
      at.current = Math.min(last, at.current + (((now - (before ?? now)) / 1000) * speed) / periodS);
      before = now;
      setStep(Math.floor(at.current));
      if (at.current >= last) setPlaying(false);
      else frame = requestAnimationFrame(advance);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, speed, last, periodS]);
  return { step, playing, speed, seek, toggle, setSpeed };
}
