"""Who may log in: named operators, by links that work once. Only hashes of tokens are kept on disk."""

import fcntl
import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retouch.errors import InputError, RetouchError
from retouch.policies.files import write_json

INVITATION_S = 7 * 24 * 3600.0
LOGIN_S = 30 * 24 * 3600.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class Accounts:
    """The operators of one installation, in a file that several processes may change.

    Args:
        path: of the file; its folder is made.
    """

    def __init__(self, path: Path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._read: tuple[int, dict[str, Any]] | None = None

    def invite(self, name: str) -> str:
        """A token with which `name` can log in, once, within a week.

        Raises:
            InputError: the name is not one.
        """
        if not NAME.fullmatch(name):
            raise InputError(f"an operator's name is up to 40 letters, digits, '.', '_' and '-', not '{name}'")
        token = secrets.token_urlsafe(16)
        with self._changing() as document:
            document["invitations"][_hash(token)] = {"name": name, "until": time.time() + INVITATION_S}
        return token

    def login(self, invitation: str) -> tuple[str, str] | None:
        """The name and a new login for an invitation, which is used up; None where it is not valid (any more)."""
        login = secrets.token_urlsafe(32)
        with self._changing() as document:
            invited = document["invitations"].pop(_hash(invitation), None)
            if invited is None or invited["until"] < time.time():
                return None
            document["logins"][_hash(login)] = {"name": invited["name"], "until": time.time() + LOGIN_S}
        return invited["name"], login

    def who(self, login: str | None) -> str | None:
        """Whose login it is; None where it is nobody's (any more)."""
        found = self._document()["logins"].get(_hash(login)) if login else None
        return found["name"] if found is not None and found["until"] > time.time() else None

    def logout(self, login: str) -> None:
        """The login is worth nothing from now on."""
        with self._changing() as document:
            document["logins"].pop(_hash(login), None)

    def revoke(self, name: str) -> int:
        """All of a person's logins and invitations are worth nothing from now on; how many there were."""
        found = 0
        with self._changing() as document:
            for kind in ("invitations", "logins"):
                others = {token: about for token, about in document[kind].items() if about["name"] != name}
                found += len(document[kind]) - len(others)
                document[kind] = others
        return found

    def logged_in(self, name: str) -> bool:
        """Whether somebody of that name is logged in anywhere."""
        now = time.time()
        return any(about["name"] == name and about["until"] > now for about in self._document()["logins"].values())

    def empty(self) -> bool:
        """Whether nobody has logged in or been invited yet."""
        document = self._document()
        return not document["logins"] and not document["invitations"]

    def _document(self) -> dict[str, Any]:
        """What the file says; read again when it has changed."""
        try:
            changed = self.path.stat().st_mtime_ns
        except FileNotFoundError:
            return {"invitations": {}, "logins": {}}
        if self._read is None or self._read[0] != changed:
            try:
                document = json.loads(self.path.read_text())
                document["invitations"], document["logins"]
            except (ValueError, KeyError, TypeError) as error:
                raise RetouchError(f"{self.path} is damaged ({error}): delete it and invite everybody again") from None
            self._read = changed, document
        return self._read[1]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._read = None
            document = json.loads(json.dumps(self._document()))
            yield document
            now = time.time()
            for kind in ("invitations", "logins"):
                document[kind] = {token: about for token, about in document[kind].items() if about["until"] > now}
            write_json(self.path, document)
            self.path.chmod(0o600)
            self._read = None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
