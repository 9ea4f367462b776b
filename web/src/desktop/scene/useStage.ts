import { useEffect, useRef, useState } from "preact/hooks";
import { useMedia } from "../../shared/hooks";
import type { Scene } from "../../shared/protocol";
import type { Stage } from "./stage";
import { drawing } from "./webgl";

/** A 3D stage on a canvas, of its size and colour scheme. three.js is loaded only when the first one is shown. */
export function useStage(scene: Scene | null, onFailed?: () => void) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [stage, setStage] = useState<Stage | null>(null);
  const dark = useMedia("(prefers-color-scheme: dark)");
  useEffect(() => {
    if (scene === null) return undefined;
    let opened: Stage | null = null;
    let gone = false;
    const open = async () => {
      const { Stage } = await import("./stage");
      if (gone || canvas.current === null) return;
      opened = new Stage(canvas.current, scene, { dark, plain: drawing() === "software" });
      setStage(opened);
    };
    open().catch(() => onFailed?.());
    return () => {
      gone = true;
      opened?.dispose();
      setStage(null);
    };
  }, [scene === null]);
  useEffect(() => {
    if (scene !== null) stage?.show(scene);
  }, [stage, scene]);
  useEffect(() => stage?.setDark(dark), [stage, dark]);
  useEffect(() => {
    const element = canvas.current?.parentElement;
    if (stage === null || !element) return undefined;
    const observer = new ResizeObserver(() => stage.setSize(element.clientWidth, element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, [stage]);
  return { canvas, stage };
}
