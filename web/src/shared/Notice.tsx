/** One line that says what is wrong; read out by screen readers as soon as it appears. */
export function Notice({ text, onClose }: { text: string | null; onClose?: () => void }) {
  return (
    <div class="notice-area" role="alert" aria-live="assertive">
      {text !== null && text !== "" && (
        <p class="notice">
          <span>{text}</span>
          {onClose && <button type="button" class="quiet" aria-label="Dismiss" onClick={onClose}>×</button>}
        </p>
      )}
    </div>
  );
}
