/** The contract with the server (docs/protocol.md) as types. Poses are position [m] and quaternion wxyz; world has z up. */

export type Vector3 = [number, number, number];
export type Quaternion = [number, number, number, number];

/** How a person corrects: by whole demonstrations, by taking over, or by pushing while the policy goes on. */
export type Correct = "demonstrate" | "take-over" | "delta";

export interface TaskOption {
  name: string;
  /** Those that suit its robot. */
  methods: string[];
  /** That a run usually begins with. */
  demonstrations: number;
}

export interface MethodOption {
  name: string;
  correct: Correct;
  /** Whether it suits a base that a bridge serves. */
  bridged: boolean;
}

export interface Options {
  tasks: TaskOption[];
  methods: MethodOption[];
  profiles: string[];
  /** Files of bridges, each to a policy of another environment that a run may begin with. */
  bridges: string[];
}

/** What a person chooses for a new run. */
export interface RunRequest {
  name: string;
  task: string;
  method: string;
  /** The bridge that serves the base policy; empty where it is trained on demonstrations. */
  base: string;
  /** None beside a base policy, unless asked for. */
  demonstrations?: number;
  demonstrator: "scripted" | "web";
  /** What a round collects: samples as a part of the demonstrations', or, where people push or nobody demonstrates, solved attempts. */
  share: number;
  corrected: number;
  rounds: number;
}

/** Control steps by who acted in them. */
export interface ControlSteps {
  policy: number;
  operator: number;
  both: number;
  none: number;
}

export interface SuccessRate {
  rate: number;
  low: number;
  high: number;
  trials: number;
}

/** How far a round is. `episodes` are demonstrations; `attempts` are those that were solved while people could push. */
export interface RoundProgress {
  done: number;
  target: number;
  unit: "samples" | "episodes" | "attempts";
  /** Solved attempts in which a person acted. */
  corrected: number;
}

export interface Round {
  round: number;
  correct: Correct;
  attempts: number;
  successes: number;
  steps: number;
  human_steps: number;
  progress: RoundProgress;
  complete: boolean;
  control_steps: ControlSteps;
  operators: string[];
  policy: boolean;
  result: SuccessRate | null;
}

export interface Training {
  state: "running" | "failed" | "stopped";
  stage: string;
  done: number;
  note: string;
  error: string | null;
}

export interface Run {
  name: string;
  task: string;
  method: string;
  operator: "scripted" | "web";
  round: number;
  rounds: Round[];
  can_collect: boolean;
  can_train: boolean;
  why_not_collect: string | null;
  why_not: string | null;
  report: boolean;
  training: Training | null;
}

export type Outcome = "success" | "failure" | "aborted";

export interface Episode {
  id: string;
  number: number;
  round: number;
  kind: string;
  outcome: Outcome;
  reason: string;
  operator: string | null;
  policy: string | null;
  started_at: string;
  /** Of those that are kept, as recorded. */
  first_step: number;
  steps: number;
  seconds: number;
  control_steps: ControlSteps;
  excluded: boolean;
  /** Its round has been trained on: it stays as it is. */
  frozen: boolean;
  seed: number;
}

export interface EpisodeEdit {
  action: "exclude" | "include" | "relabel" | "trim" | "undo";
  outcome?: Outcome;
  first_step?: number;
  last_step?: number;
  reason?: string;
}

export interface Geom {
  body: number;
  type: "box" | "sphere" | "capsule" | "cylinder" | "ellipsoid" | "plane" | "mesh";
  size: Vector3;
  position: Vector3;
  quat: Quaternion;
  rgba: [number, number, number, number];
  mesh: number | null;
}

/** Base64 of float32[n][3] and uint32[m][3]. */
export interface SceneMesh {
  vertices: string;
  faces: string;
}

/** A MuJoCo camera: looks along its -z with y up; `fovy` is vertical [degrees]. */
export interface SceneCamera {
  name: string;
  position: Vector3;
  quat: Quaternion;
  fovy: number;
}

export interface Scene {
  bodies: string[];
  geoms: Geom[];
  meshes: SceneMesh[];
  cameras: SceneCamera[];
}

export interface Replay {
  period_s: number;
  scene: Scene;
  steps: number;
  /** 0 policy, 1 operator, 2 both, 3 none. */
  control_source: number[];
  action: number[][];
  /** Null, a row or an entry, where nobody proposed. */
  policy_action: ((number | null)[] | null)[];
  action_names: string[];
  /** Base64 of float32[steps][bodies][7]. */
  poses: string;
}

export interface Pairing {
  url: string;
  /** An SVG document. */
  qr: string;
  expires_s: number;
}

export type SessionState = "POLICY" | "PAUSED" | "YOU" | "ENDED" | "PUSH";
export type Mark = "start" | "pause" | "resume" | "success" | "failure" | "discard" | "undo" | "reset";

export interface Attempt {
  number: number;
  seconds: number;
  steps: number;
  human_steps: number;
}

export interface Control {
  source: "phone" | "touch" | "keyboard" | "mouse" | "gamepad" | "spacemouse" | null;
  path: "webrtc" | "websocket" | null;
  age_ms: number | null;
  rtt_ms: number | null;
}

export interface LastEpisode {
  id: string;
  outcome: string;
  reason: string;
  undone: boolean;
}

export interface Status {
  type: "status";
  state: SessionState;
  why: string;
  needs: "start" | "resume" | null;
  attempt: Attempt | null;
  correct: Correct;
  safe: number;
  progress: RoundProgress;
  complete: boolean;
  control: Control;
  phone: "none" | "paired" | "asking";
  /** Of a robot without a gripper null. */
  gripper_closed: boolean | null;
  /** Whether a hold may push while the policy goes on. */
  can_push: boolean;
  contact_n: number;
  /** How late the last steps began: median, 99th percentile and largest [ms]; null before the first. */
  late_ms: [number, number, number] | null;
  /** What the hand is asked for [N]. */
  push_n: number;
  /** As the person sees them, right, up and towards: forces [N], and where the policy heads [m]; null where unknown. */
  contact: Vector3 | null;
  push: Vector3 | null;
  heading: Vector3 | null;
  last: LastEpisode | null;
}

export interface SceneMessage {
  type: "scene";
  scene: Scene;
  task: string;
  cameras: string[];
  observation_cameras: string[];
}

export interface Ack {
  type: "ack";
  id: string;
  ok: boolean;
  error?: string;
}

export type SessionMessage =
  | { type: "queue"; place: number }
  | { type: "starting" }
  | SceneMessage
  | Status
  | Ack
  | { type: "ping"; t: number }
  | { type: "gone"; why: string; again: boolean }
  | { type: "error"; error: string };

/** One camera's stream that the page asks for. */
export interface CameraWant {
  name: string;
  width: number;
  height: number;
  hz: number;
}

export type SessionRequest =
  | { type: "mark"; id: string; mark: Mark }
  | { type: "want"; scene: boolean; cameras: CameraWant[] }
  | { type: "view"; azimuth: number }
  | { type: "phone"; allow: boolean }
  | { type: "pong"; t: number; client: number };
