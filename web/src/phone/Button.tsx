import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

interface TapProps {
  class?: string;
  label?: string;
  pressed?: boolean;
  disabled?: boolean;
  onTap: () => void;
  children: ComponentChildren;
}

/** Works for a second finger too, for which browsers make no click. A key's click has no detail. */
export function TapButton({ class: name = "", label, pressed, disabled, onTap, children }: TapProps) {
  const pointer = useRef<number | null>(null);
  return (
    <button
      type="button"
      class={`button ${name}`}
      aria-label={label}
      aria-pressed={pressed}
      disabled={disabled}
      onPointerDown={(event) => (pointer.current = event.pointerId)}
      onPointerCancel={() => (pointer.current = null)}
      onPointerUp={(event) => {
        const isOurs = event.pointerId === pointer.current;
        pointer.current = null;
        if (isOurs && isInside(event)) onTap();
      }}
      onClick={(event) => event.detail === 0 && !("pointerType" in event && event.pointerType) && onTap()}
    >
      {children}
    </button>
  );
}

interface PressProps {
  class?: string;
  /** What a thumb that slides here from HOLD does. */
  slide: "grip" | "clutch";
  pressed: boolean;
  onPress: () => void;
  onRelease?: () => void;
  children: ComponentChildren;
}

/** Acts at once when a finger comes down, and ends when it leaves. */
export function PressButton({ class: name = "", slide, pressed, onPress, onRelease, children }: PressProps) {
  return (
    <button
      type="button"
      class={`button ${name}`}
      data-slide={slide}
      aria-pressed={pressed}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        onPress();
      }}
      onPointerUp={onRelease}
      onPointerCancel={onRelease}
      onLostPointerCapture={onRelease}
    >
      {children}
    </button>
  );
}

function isInside(event: PointerEvent): boolean {
  const { left, right, top, bottom } = (event.target as Element).getBoundingClientRect();
  return event.clientX >= left && event.clientX <= right && event.clientY >= top && event.clientY <= bottom;
}
