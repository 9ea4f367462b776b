"""Robots of lerobot's own classes, in lerobot's own environment, commanded through the bridge; their motors simulated.

`make peers` installs it and runs this.
"""

import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from tests.robots.lerobot_files import ACTION, HERE, lerobot_file, log

from retouch.errors import RobotError
from retouch.robots.conformance import CHECKS, Bench, Caller, Skipped
from retouch.robots.guard import Guard
from retouch.robots.lerobot import robot

PYTHON = Path(__file__).parents[2] / "benchmarks/peers/.venv-lerobot/bin/python"
pytestmark = pytest.mark.skipif(
    not (PYTHON.parents[1] / ".installed").exists(),
    reason="lerobot is not installed beside us: make -C benchmarks/peers .venv-lerobot/.installed (6 GB)",
)
TOKENS = MarkdownIt().parse((Path(__file__).parents[2] / "docs/robots.md").read_text())
PAGE = [token.content for token in TOKENS if token.tag == "code"]
(SETTINGS,) = (text for text in PAGE if "[action]" in text)
(MADE,) = (text for text in PAGE if "SO101FollowerConfig" in text)
ROBOTS: dict[str, Any] = {"arms:arm": ACTION, "lerobot_so101:follower": tomllib.loads(SETTINGS)["action"]}


def named(folder: Path, factory: str, **settings: Any) -> Guard:
    shutil.copy(Path(__file__).with_name("lerobot_so101.py"), folder)
    (folder / "so101.py").write_text(MADE)
    environment = {"HF_LEROBOT_CALIBRATION": str(folder)}
    given = {"action": ROBOTS[factory], "start_timeout_s": 120.0, "environment": environment}
    return robot(str(lerobot_file(folder, factory, python=PYTHON, **given | settings)))


@pytest.fixture(scope="module", params=ROBOTS)
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    with named(tmp_path_factory.mktemp("arm"), request.param) as made:
        yield made


@pytest.mark.parametrize("check", CHECKS)
def test_it_conforms(guarded: Guard, check: str) -> None:
    guarded.connect()
    try:
        CHECKS[check](Bench(guarded, roams=True))
    except Skipped as why:
        pytest.skip(str(why))


def test_what_stands_in_lerobots_place_asks_what_lerobot_asks() -> None:
    script = "from lerobot.robots import Robot, RobotConfig; print(sorted(Robot.__abstractmethods__))"
    theirs, ours = (
        subprocess.run(
            [python, "-c", script], env=os.environ | environment, capture_output=True, text=True, check=True
        ).stdout
        for python, environment in ((PYTHON, {}), (sys.executable, {"PYTHONPATH": str(HERE)}))
    )
    assert theirs == ours
    assert "send_action" in ours


def test_killed_it_is_told_and_closed_it_is_let_go_of(tmp_path: Path) -> None:
    with named(tmp_path, "lerobot_so101:follower") as made:
        Caller(made).go()
        os.kill(made._arm._served.process_id, signal.SIGKILL)  # type: ignore[attr-defined]
        with pytest.raises(RobotError, match=r"was killed \(SIGKILL\)"):
            made.state()
        assert Caller(made).go() == 11
    assert [row["do"] for row in log(tmp_path)][-2:] == ["send", "disconnect"]
    assert log(tmp_path)[-1]["torque"]  # as its configuration says: it is not let fall
