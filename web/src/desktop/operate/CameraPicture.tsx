import { useEffect, useRef } from "preact/hooks";
import type { Picture } from "../../shared/streams";
import { FrameAge } from "./FrameAge";
import { recordFrame } from "./probe";
import type { Session, Timed } from "./session";

interface CameraPictureProps {
  session: Session;
  /** Index into the scene message's cameras. */
  index: number;
  name: string;
  roundTrip: number;
}

/** A camera's live pictures; only the newest is decoded. */
export function CameraPicture({ session, index, name, roundTrip }: CameraPictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shown = useRef<number | null>(null);
  useEffect(() => {
    let newest: Timed<Picture> | null = null;
    let busy = false;
    const show = async () => {
      while (newest !== null) {
        const { frame, received } = newest;
        newest = null;
        if (!(await drawn(frame.jpeg, canvas.current))) continue;
        recordFrame("pictures", frame.sent, received);
        shown.current = frame.sent;
      }
      busy = false;
    };
    return session.pictures.on((timed) => {
      if (timed.frame.camera !== index) return;
      newest = timed;
      if (busy) return;
      busy = true;
      void show();
    });
  }, [session, index]);
  return (
    <div class="camera-picture">
      <canvas ref={canvas} width={320} height={240} role="img" aria-label={`Camera ${name}`} />
      <FrameAge session={session} roundTrip={roundTrip} sent={() => shown.current} />
    </div>
  );
}

/** Whether the picture could be decoded and drawn. */
async function drawn(jpeg: Blob, canvas: HTMLCanvasElement | null): Promise<boolean> {
  try {
    const image = await createImageBitmap(jpeg);
    if (canvas === null) return false;
    if (canvas.width !== image.width || canvas.height !== image.height) {
      canvas.width = image.width;
      canvas.height = image.height;
    }
    canvas.getContext("2d")?.drawImage(image, 0, 0);
    image.close();
    return true;
  } catch {
    return false;
  }
}
