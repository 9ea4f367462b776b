const PRESS = 25;
const RELEASE = [15, 40, 15];
const LOST = [90, 50, 90];
const CONTACT = 70;
const FELT_FROM_N = 2;
const FELT_FULL_N = 18;
const FELT_BEAT_MS = 60;
const FELT_EVERY_MS = 240;
const FELT_LEAST_MS = 8;

/**
 * A vibration for so long as till the next one: the harder the contact, the longer each beat's buzz. Motors of phones
 * have one strength only. Empty where nothing is felt.
 */
export function feltPattern(newtons: number): number[] {
  if (newtons < FELT_FROM_N) return [];
  const share = Math.min(1, (newtons - FELT_FROM_N) / (FELT_FULL_N - FELT_FROM_N));
  const on = Math.round(FELT_LEAST_MS + share * (FELT_BEAT_MS - 2 * FELT_LEAST_MS));
  return Array.from({ length: FELT_EVERY_MS / FELT_BEAT_MS }, () => [on, FELT_BEAT_MS - on]).flat();
}

/** What the person feels and hears: vibration where there is one, else a beep. */
export class Feedback {
  private audio: AudioContext | null = null;
  private lock: WakeLockSentinel | null = null;
  private feltMs = -Infinity;

  /** Must be called from a tap, for the sound's sake. */
  start(): void {
    this.audio ??= typeof AudioContext === "undefined" ? null : new AudioContext();
    void this.audio?.resume();
    void this.stayAwake();
  }

  async stayAwake(): Promise<void> {
    if (document.visibilityState !== "visible" || (this.lock && !this.lock.released)) return;
    this.lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  }

  press(): void {
    this.vibrate(PRESS);
  }

  release(): void {
    this.vibrate(RELEASE);
  }

  lost(): void {
    if (!this.vibrate(LOST)) this.beep(220, 0.2);
  }

  contact(): void {
    if (!this.vibrate(CONTACT)) this.beep(880, 0.07);
  }

  /** What touches the robot, as long as it lasts: to be called with every status while the person holds. */
  feel(newtons: number, nowMs = performance.now()): void {
    if (nowMs - this.feltMs < FELT_EVERY_MS) return;
    const pattern = feltPattern(newtons);
    if (pattern.length > 0 && this.vibrate(pattern)) this.feltMs = nowMs;
  }

  private vibrate(pattern: number | number[]): boolean {
    return "vibrate" in navigator && navigator.vibrate(pattern);
  }

  private beep(frequency: number, seconds: number): void {
    if (this.audio?.state !== "running") return;
    const { currentTime, destination } = this.audio;
    const tone = this.audio.createOscillator();
    const gain = this.audio.createGain();
    tone.frequency.value = frequency;
    gain.gain.setValueAtTime(0.25, currentTime);
    gain.gain.exponentialRampToValueAtTime(0.001, currentTime + seconds);
    tone.connect(gain).connect(destination);
    tone.start(currentTime);
    tone.stop(currentTime + seconds);
  }
}
