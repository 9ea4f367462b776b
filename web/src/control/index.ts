export { DesktopHand } from "./desktop_hand";
export type { HandFrame } from "./frame";
export { FrameSender } from "./sender";
