import { useEffect, useState } from "preact/hooks";
import { api, errorLine } from "../../shared/api";
import { Dialog } from "../../shared/Dialog";
import { duration } from "../../shared/format";
import { useTick } from "../../shared/hooks";
import { Notice } from "../../shared/Notice";
import type { Pairing, Status } from "../../shared/protocol";

const IS_LOCAL = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
const REACH = IS_LOCAL
  ? "localhost is this computer: connect the phone by cable with adb reverse, or start retouch serve with --host 0.0.0.0 --tls own."
  : "the phone must reach this address.";

interface Offer extends Pairing {
  /** [ms of this page's clock]. */
  until: number;
}

/** A link that pairs one phone, as a QR code and as text, for as long as it is good. */
export function PairDialog({ phone, onClose }: { phone: Status["phone"]; onClose: () => void }) {
  const [offer, setOffer] = useState<Offer | null>(null);
  const [error, setError] = useState<string | null>(null);
  useTick(500);
  const renew = async () => {
    setError(null);
    try {
      const pairing = await api.pair();
      setOffer({ ...pairing, until: performance.now() + 1000 * pairing.expires_s });
    } catch (failure) {
      setOffer(null);
      setError(errorLine(failure));
    }
  };
  useEffect(() => void renew(), []);
  const left = offer === null ? 0 : Math.max(0, (offer.until - performance.now()) / 1000);
  return (
    <Dialog title="Pair a phone" className="pair" onClose={onClose}>
      <p class="soft">Scan this with the phone’s camera. The link works once; {REACH}</p>
      <Notice text={error} />
      {offer && left > 0 && <Code offer={offer} left={left} />}
      {(offer === null || left === 0) && (
        <div class="qr qr-expired"><p>{offer ? "This code has expired." : error ? "No code." : "Asking for a code …"}</p></div>
      )}
      <footer class="dialog-foot">
        <span class="soft" role="status">{phone === "paired" ? "A phone is paired." : "No phone is paired yet."}</span>
        <button type="button" onClick={() => void renew()}>New code</button>
      </footer>
    </Dialog>
  );
}

function Code({ offer, left }: { offer: Offer; left: number }) {
  return (
    <>
      <img class="qr" alt="QR code of the pairing link" src={`data:image/svg+xml,${encodeURIComponent(offer.qr)}`} />
      <CopyLine text={new URL(offer.url, location.href).href} />
      <p class="countdown" role="timer">Good for another <b>{duration(left)}</b></p>
    </>
  );
}

function CopyLine({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (event: MouseEvent) => {
    const line = (event.currentTarget as HTMLElement).previousElementSibling;
    if (line instanceof HTMLInputElement) line.select();
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      setCopied(false); // plain http has no clipboard: the link stays selected for Ctrl-C
    }
  };
  return (
    <div class="copy-line">
      <input readOnly value={text} aria-label="Pairing link" onFocus={(event) => event.currentTarget.select()} />
      <button type="button" onClick={(event) => void copy(event)}>{copied ? "Copied" : "Copy"}</button>
    </div>
  );
}
