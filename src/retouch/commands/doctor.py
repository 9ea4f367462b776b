"""`retouch doctor`."""

import dataclasses
from typing import Annotated

import tyro

from retouch.console import Terminal
from retouch.errors import RetouchError


def doctor(*, as_json: Annotated[bool, tyro.conf.arg(name="json")] = False) -> None:
    """Say what is installed, what is missing and how to get it.

    Args:
        as_json: print the result as JSON.
    """
    from retouch.doctor import diagnose, healthy

    terminal = Terminal(as_json)
    findings = diagnose()
    rows = [[f.subject, f.level, f.detail, f.advice] for f in findings]
    terminal.table("retouch doctor", ("what", "", "found", "what to do"), rows, justify="left")
    terminal.result([dataclasses.asdict(f) for f in findings])
    if not healthy(findings):
        raise RetouchError("something that retouch needs is missing: see above")
