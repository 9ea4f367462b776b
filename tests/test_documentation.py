"""Every command of the README and of the tutorials is carried out, at a reduced size."""

import os
import re
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import gymnasium
import pytest
from gymnasium.envs.registration import EnvSpec

from retouch.cli import main
from tests.documented import Block, Rule, blocks
from tests.policies.served import bridge
from tests.server.people import Served
from tests.tasks.test_environment import ID, Reach

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]

BC = "--steps 20 --checkpoints 2 --network.hidden 8"
RUN = "--rounds 1 --test-trials 2 --checkpoint-trials 0 --workers 1"
RUN_BC = f"{RUN} --training.steps 20 --training.checkpoints 1 --training.network.hidden 8"
WAYPOINTS = "--training.steps 400 --training.batch 32 --training.checkpoints 1 --training.diffusion.hidden 64"
RESIDUAL = "--training.residual.hidden 8 --training.residual.channels 4 4 4 4 4"
STUDY = "--training-seeds 1 --trials 2 --checkpoint-trials 0 --demonstrations 2 --workers 1"

RULES = (
    Rule("retouch doctor"),
    Rule("retouch collect gear-insertion --correct delta", "--episodes 1", slow=True),
    Rule("retouch collect gear-insertion", "--episodes 3", slow=True),
    # This one never hands back, so even a policy that knows nothing is helped to the end.
    Rule("retouch collect threading --correct take-over", "--episodes 1 --workers 1 --profile hesitant"),
    Rule("retouch collect threading", "--episodes 2 --workers 1"),
    Rule("retouch train --method compliant-residual", "--steps 20 --batch 8 --checkpoints 1", slow=True),
    Rule("retouch train --type diffusion", "--steps 400 --batch 32 --checkpoints 1 --diffusion.hidden 64", slow=True),
    Rule("retouch train", BC),
    Rule("retouch evaluate gear-insertion", "--episodes 2", slow=True),
    Rule("retouch evaluate threading", "--episodes 2 --workers 1"),
    Rule("retouch data show --plot", slow=True),
    Rule("retouch data"),
    Rule(  # an environment and an expert of ours in place of the reader's
        "retouch improve gym:panda_gym:PandaReach-v3",
        f"{RUN} --training.epochs 1 --training.checkpoints 1 --demonstrations 3",
        before=(
            f"retouch collect gym:{ID} --operator expert --expert bridge:reaches.toml --episodes 10 --out reached",
            "retouch train reached --epochs 10 --out expert",
        ),
        instead=f"retouch improve gym:{ID} --operator expert --expert expert --threshold.differs 0.02 --out runs/reach",
    ),
    Rule("retouch improve threading --base-policy", f"{RUN_BC} --corrected 1 --profile hesitant"),
    Rule("retouch improve threading", f"{RUN_BC} --demonstrations 2 --share 0.1 --profile hesitant", slow=True),
    Rule(
        "retouch improve gear-insertion",
        f"{RUN} {WAYPOINTS} {RESIDUAL} --demonstrations 3 --corrected 1",
        slow=True,
    ),
    Rule("retouch study iwr", f"{STUDY} --rounds 1 --share 0.1 --training.steps 20", slow=True),
    Rule("retouch study cr-dagger", f"{STUDY} --corrected 1 --grid 0 {WAYPOINTS} {RESIDUAL}", slow=True),
    Rule("retouch serve"),
    Rule("make demo", instead="retouch demo --rounds 1 --out runs/demo", slow=True),
    Rule("make test", instead="make test --dry-run"),
    Rule("source .venv/bin/activate", instead="make setup --dry-run"),
)


def rule_for(command: str) -> Rule:
    """The first rule that covers a command."""
    found = next((rule for rule in RULES if rule.covers(command)), None)
    assert found is not None, f"no rule says how a test carries out: {command}"
    return found


def takes_long(block: Block) -> bool:
    return any(rule_for(command).slow for command in block.commands)


def carry_out(command: str) -> None:
    """A command as it is typed, but smaller, in the folder where we are."""
    rule = rule_for(command)
    for each in rule.before:
        assert main(shlex.split(each)[1:]) == 0, each
    match rule.reduced(command):
        case ["retouch", "serve", *options]:
            with closing(Served(Path(), *options)) as server:
                assert "logs in once with" in server.said
                assert server.client().get("/").status_code == 200
        case ["retouch", *arguments]:
            assert main(arguments) == 0, command
        case words:
            assert subprocess.run(words, cwd=ROOT, capture_output=True).returncode == 0, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["quick", "slow"])
def test_commands(page: Path, slow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page from its first block to its last; those that take long only where it may be slow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    bridge(tmp_path, "Zeros", name="act.toml")  # the reader's own, as are the next two
    bridge(tmp_path, "Reaches", name="reaches.toml")
    monkeypatch.setitem(gymnasium.registry, ID, EnvSpec(ID, entry_point=Reach, max_episode_steps=40))
    for block in blocks(page):
        if block.kind == "file":
            (tmp_path / block.file).write_text(block.content)
        elif block.kind == "program":
            exec(compile(block.content, page.name, "exec"), {})
        elif slow or not takes_long(block):
            for command in block.commands:
                carry_out(command)


def test_the_site_is_built_without_warnings_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="no mkdocs: pip install 'retouch[docs]'")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = r"""<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^"' >]+"""
    for page in tmp_path.rglob("*.html"):
        assert re.findall(loaded, page.read_text()) == [], page.name


def test_every_rule_is_of_use() -> None:
    commands = [command for page in PAGES for block in blocks(page) for command in block.commands]
    assert {rule_for(command).words for command in commands} == {rule.words for rule in RULES}


def test_a_command_without_a_rule_fails() -> None:
    with pytest.raises(AssertionError, match="no rule says how"):
        rule_for("retouch evaluate coffee runs/base")


def test_a_command_is_made_smaller() -> None:
    rule = Rule("retouch train --method iwr", "--steps 20 --network.hidden 8")
    command = "retouch train runs/a --method iwr --steps 3000 --out runs/b"
    assert rule.covers(command)
    assert not rule.covers("retouch train runs/a --method iwr-nb")
    assert (
        " ".join(rule.reduced(command))
        == "retouch train runs/a --method iwr --out runs/b --steps 20 --network.hidden 8"
    )


def test_a_page_is_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Text\n\n    retouch a b  # why\n    retouch c \\\n      --d 'e f'\n\n"
        '```python title="a.py"\nx = 1\n```\n\n```text\nout\n```\n'
    )
    commands, file, text = blocks(page)
    assert commands.commands == ["retouch a b", "retouch c --d 'e f'"]
    assert (file.kind, file.file, file.content) == ("file", "a.py", "x = 1\n")
    assert (text.kind, text.commands) == ("text", [])
