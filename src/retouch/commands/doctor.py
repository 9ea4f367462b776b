"""`retouch doctor`."""

import dataclasses
from typing import TYPE_CHECKING, Annotated

import tyro

from retouch.console import Terminal
from retouch.errors import InputError, RetouchError

if TYPE_CHECKING:
    from retouch.robots.protocol import Robot


def doctor(
    *,
    robot: str | None = None,
    move: bool = False,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Say what is installed, what is missing and how to get it; or whether a robot's adapter does what it must.

    Args:
        robot: NAME or NAME:ADDRESS: what this robot measures, and nothing of the rest (docs/robots.md).
        move: run every check of an adapter. The robot moves by about a centimetre, and by more if its adapter is wrong:
            stand at the emergency stop.
        as_json: print the result as JSON.
    """
    terminal = Terminal(as_json)
    if robot is not None:
        _of_robot(robot, move, terminal)
        return
    if move:
        raise InputError("--move goes with --robot NAME")
    from retouch.doctor import diagnose, healthy

    findings = diagnose()
    rows = [[f.subject, f.level, f.detail, f.advice] for f in findings]
    terminal.table("retouch doctor", ("what", "", "found", "what to do"), rows, justify="left")
    terminal.result([dataclasses.asdict(f) for f in findings])
    if not healthy(findings):
        raise RetouchError("something that retouch needs is missing: see above")


def _of_robot(named: str, move: bool, terminal: Terminal) -> None:
    from retouch.robots.registry import make

    robot = make(named)
    robot.connect()
    try:
        rows = _checked(robot) if move else _measured(robot)
    finally:
        robot.close()
    terminal.table(f"retouch doctor --robot {named}", ("what", "", "found"), rows, justify="left")
    terminal.result([dict(zip(("subject", "level", "detail"), row, strict=True)) for row in rows])
    if any(level == "problem" for _, level, _ in rows):
        raise RetouchError(f"{robot.name} does not do what it must: see above")


def _measured(robot: "Robot") -> list[list[str]]:
    state = robot.state()
    rows = [["joints", "ok", " ".join(f"{q:.4f}" for q in state.joints)]]
    for what, found in (("tool in world", state.tool_in_world), ("wrench in tool", state.wrench_in_tool)):
        rows.append([what, "ok", "not measured" if found is None else " ".join(f"{v:.4f}" for v in found)])
    return [*rows, ["stands", "ok", state.stopped]]


def _checked(robot: "Robot") -> list[list[str]]:
    from retouch.robots.conformance import CHECKS, Bench, Skipped

    rows = []
    for name, check in CHECKS.items():
        try:
            check(Bench(robot))
        except Skipped as why:
            rows.append([name, "note", f"left out: {why}"])
        except (AssertionError, RetouchError) as fault:
            rows.append([name, "problem", str(fault)])
        else:
            rows.append([name, "ok", ""])
    return rows
