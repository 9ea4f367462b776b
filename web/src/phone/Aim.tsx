/** A phone that points at a screen with a robot on it. */
export function Aim() {
  return (
    <svg class="aim" viewBox="0 0 200 150" aria-hidden="true">
      <path d="M44 8h112a6 6 0 0 1 6 6v62a6 6 0 0 1-6 6H44a6 6 0 0 1-6-6V14a6 6 0 0 1 6-6z" />
      <path class="robot" d="M72 68h26M85 68V50l20-20 16 12M121 42v10M116 52h10v6M116 52v6" />
      <path d="M100 94v18M94 100l6-7 6 7" />
      <path d="M84 120h32l7 26H77z" />
    </svg>
  );
}
