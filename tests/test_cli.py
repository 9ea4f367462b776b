"""The commands as a person types them: exit codes, one clear line for bad input, the tour at a small size."""

import json
import subprocess
import sys

import pytest

from retouch.cli import COMMANDS, main
from retouch.commands.data import timeline

SMALL = ["--steps", "20", "--checkpoints", "2", "--network.hidden", "8"]


def said(capsys):
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    out, _ = said(capsys)
    assert all(f"  {name}" in out for name in COMMANDS)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert said(capsys)[0].startswith("retouch ")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["imrpove"], "did you mean 'improve'"),
        (["data", "inof", "x"], "did you mean 'info'"),
        (["--json", "demo"], "the command comes first"),
        (["evaluate", "thredding", "nowhere"], "did you mean 'threading'"),
        (["collect", "threading", "--out", "x", "--profile", "haste"], "did you mean 'hasty'"),
        (["collect", "threading", "--out", "x", "--correct", "take-over"], "take-over and delta need --policy"),
        (["evaluate", "threading", "nowhere", "--episodes", "0"], "at least 1"),
        (["train", "nowhere", "--out", "x", "--method", "iwrr"], "did you mean 'iwr'"),
        (["improve", "threading", "--rounds", "0"], "rounds must be at least 1"),
        (["improve", "threading", "--alpha", "-1"], "alpha must be"),
        (["improve", "threading", "--training.seed", "1"], "training_seeds"),
        (["collect", "threading", "--out", "x[/b]", "--episodes", "0"], "at least 1"),
        (["evaluate", "threading", "nowhere"], "not a policy"),
        (["data", "check", "nowhere"], "no dataset in nowhere"),
        (["train", "nowhere", "--out", "x"], "no dataset in nowhere"),
    ],
)
def test_bad_input_gets_one_clear_line_and_exit_code_2(arguments, hint, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = said(capsys)
    assert hint in err
    assert err.startswith("retouch: ")
    assert err.count("\n") == 1
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_is_refused_with_exit_code_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["doctor", "--jsom"])
    assert stopped.value.code == 2


def test_the_tour(tmp_path, capsys):
    """collect, train, evaluate, correct, train, look: the README's way, small."""
    demos, base, corrected, better = (str(tmp_path / n) for n in ("demos", "base", "corrected", "better"))

    def run(*arguments):
        said(capsys)
        assert main([*arguments, "--json"]) == 0
        return json.loads(said(capsys)[0])

    assert run("collect", "threading", "--out", demos, "--episodes", "2", "--workers", "1")["successes"] == 2
    assert run("train", demos, "--out", base, *SMALL)["gradient_steps"] == 20
    found = run("evaluate", "threading", base, "--episodes", "2")
    assert found["n"] == 2
    assert found["interval"][0] <= found["rate"] <= found["interval"][1]
    # This one never hands back, so even a policy that knows nothing is helped to the end.
    take_over = ("--correct", "take-over", "--policy", base, "--episodes", "1", "--profile", "hesitant")
    counted = run("collect", "threading", "--out", corrected, *take_over)
    assert counted["human_steps"] > 0
    run("train", demos, corrected, "--method", "iwr", "--out", better, *SMALL)
    info = run("data", "info", corrected)
    assert info["control_steps"]["operator"] >= counted["human_steps"]
    assert run("data", "check", corrected) == {"problems": []}
    shown = run("data", "show", corrected, "0")
    assert shown["interventions"] >= 1
    assert main(["data", "exclude", corrected, "0", "--reason", "look"]) == 0
    assert run("data", "info", corrected)["excluded"] == 1
    assert main(["data", "undo", corrected]) == 0
    assert run("data", "info", corrected)["excluded"] == 0


def test_doctor_speaks_json(capsys):
    main(["doctor", "--json"])
    assert {f["level"] for f in json.loads(said(capsys)[0])} <= {"ok", "note", "problem"}


def test_help_of_a_command_needs_neither_torch_nor_mujoco():
    code = (
        "import sys\nfrom retouch.cli import main\n"
        "try: main(['improve', '--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'mujoco', 'numba', 'pyarrow'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().endswith("[]")


def test_a_timeline_is_as_long_as_it_may_be():
    assert timeline([("policy", 3), ("operator", 2), ("none", 1)]) == "---##."
    line = timeline([("policy", 300), ("operator", 100)], width=40)
    assert line == "-" * 30 + "#" * 10
