const PRESS = 25;
const RELEASE = [15, 40, 15];
const LOST = [90, 50, 90];
const CONTACT = 70;

/** What the person feels and hears: vibration where there is one, else a beep. */
export class Feedback {
  private audio: AudioContext | null = null;
  private lock: WakeLockSentinel | null = null;

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
