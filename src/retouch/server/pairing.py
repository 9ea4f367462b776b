"""How a phone comes to steer for an operator: a code on the desktop's screen, good for one phone and two minutes."""

import io
import secrets
import time
from collections.abc import Callable

import segno

EXPIRES_S = 120.0


class Pairings:
    """Codes that have been shown, and the phones that have used one. Nothing of it outlives the server."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._codes: dict[str, tuple[str, float]] = {}
        self._phones: dict[str, str] = {}

    def code(self, operator: str) -> str:
        """A new code, 128 bits; the operator's earlier ones are worth nothing from now on."""
        now = self._clock()
        self._codes = {c: (who, until) for c, (who, until) in self._codes.items() if who != operator and until > now}
        code = secrets.token_urlsafe(16)
        self._codes[code] = (operator, now + EXPIRES_S)
        return code

    def redeem(self, code: str) -> tuple[str, str] | None:
        """The operator and a new phone's login; None where the code is not valid (any more)."""
        operator, until = self._codes.pop(code, ("", 0.0))
        if until <= self._clock():
            return None
        phone = secrets.token_urlsafe(32)
        self._phones[phone] = operator
        return operator, phone

    def who(self, phone: str | None) -> str | None:
        """For whom a phone steers."""
        return self._phones.get(phone) if phone else None

    def operators(self) -> set[str]:
        """For whom any phone steers, or may be paired."""
        return {*self._phones.values(), *(who for who, _ in self._codes.values())}

    def forget(self, phone: str | None) -> None:
        """The phone has to be paired anew."""
        self._phones.pop(phone or "", None)

    def forget_all(self, operator: str) -> None:
        """So have all of an operator's, and codes that have been shown are worth nothing."""
        self._codes = {c: (who, until) for c, (who, until) in self._codes.items() if who != operator}
        self._phones = {phone: who for phone, who in self._phones.items() if who != operator}


def qr(url: str) -> str:
    """The URL as a picture, an SVG document."""
    out = io.BytesIO()
    segno.make(url, error="m").save(out, kind="svg", scale=6, border=3, dark="#000", light="#fff")
    return out.getvalue().decode()
