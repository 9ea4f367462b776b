"""A small study as people run it: killed and resumed, shared, on Ray; the table is the same, byte for byte."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SMALL = {
    "demonstrations": 2,
    "rounds": 1,
    "share": 0.1,
    "training-seeds": 2,
    "trials": 2,
    "checkpoint-trials": 1,
    "training.steps": 12,
    "training.checkpoints": 1,
}


def command(out: Path, written: Path, *more: str) -> list[str]:
    scale = [part for name, value in SMALL.items() for part in (f"--{name}", str(value))]
    start = [sys.executable, "-m", "retouch", "study", "iwr", "--table", "1"]
    return [*start, "--out", str(out), "--write", str(written), *scale, *more]


def finished(jobs: Path) -> int:
    return len(list(jobs.glob("*/result.json")))


def study(out: Path, written: Path, *more: str) -> dict[str, bytes]:
    done = subprocess.run(command(out, written, *more), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tables(written)


def tables(written: Path) -> dict[str, bytes]:
    """What a study wrote, but for the time that it took."""
    found = {path.name: path.read_bytes() for path in sorted(written.iterdir())}
    jobs = [json.loads(line) for line in found["jobs.jsonl"].splitlines()]
    return found | {"jobs.jsonl": json.dumps([(job["job"], job["result"]) for job in jobs]).encode()}


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """Where one ran through, and what it wrote."""
    folder = tmp_path_factory.mktemp("through")
    return folder / "jobs", study(folder / "jobs", folder / "written")


def test_a_table_says_all_that_it_rests_on(through) -> None:
    jobs, written = through
    first = json.loads(written["table-1.json"])
    assert [(c["row"], c["column"]) for c in first["cells"]][:3] == [
        ("base", "final"),
        ("full-demos", "final"),
        ("hg-dagger", "final"),
    ]
    for cell in first["cells"]:
        assert cell["trials"] == 4
        for key, sha in zip(cell["jobs"], cell["weights_sha256"], strict=True):
            assert json.loads((jobs / key / "result.json").read_text())["weights_sha256"] == sha
    assert len(first["collections"]) == 3  # demonstrations, as many again, and one round that all methods share


def test_killed_five_times_it_gives_the_same_table(through, tmp_path: Path) -> None:
    chance, kills = random.Random(5), 0
    while kills < 5:
        running = subprocess.Popen(
            command(tmp_path / "jobs", tmp_path / "written"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        before, moment = finished(tmp_path / "jobs"), time.monotonic() + chance.uniform(0.0, 0.3)
        while running.poll() is None and (finished(tmp_path / "jobs") == before or time.monotonic() < moment):
            time.sleep(0.02)
        if running.poll() is not None:
            break
        workers = psutil.Process(running.pid).children(recursive=True)
        for process in [running, *workers]:
            os.kill(process.pid, signal.SIGKILL)
        running.wait()
        kills += 1
    assert kills == 5
    assert study(tmp_path / "jobs", tmp_path / "written") == through[1]


def test_workers_end_with_the_command(tmp_path: Path) -> None:
    running = subprocess.Popen(
        command(tmp_path / "jobs", tmp_path / "written"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(3.0)
    workers = psutil.Process(running.pid).children(recursive=True)
    assert workers
    running.kill()
    running.wait()
    _, alive = psutil.wait_procs(workers, 10)
    assert not alive


@pytest.mark.slow
def test_two_commands_share_the_work(through, tmp_path: Path) -> None:
    other = subprocess.Popen(
        command(tmp_path / "jobs", tmp_path / "elsewhere", "--workers", "1"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert study(tmp_path / "jobs", tmp_path / "written", "--workers", "1") == through[1]
    assert other.wait(60) == 0
    assert (tmp_path / "elsewhere" / "table-1.json").read_bytes() == through[1]["table-1.json"]


ANOTHERS = "import ray, sys; ray.init(num_cpus=1, include_dashboard=False); print('up', flush=True); sys.stdin.read()"


@pytest.mark.slow
def test_ray_gives_the_same_table_though_a_worker_is_killed(through, tmp_path: Path) -> None:
    """And though another program's Ray, which was there when it began, ends: the command has joined only its own."""
    pytest.importorskip("ray")
    another = subprocess.Popen(
        [sys.executable, "-c", ANOTHERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert another.stdout.readline() == b"up\n"
    running = subprocess.Popen(
        command(tmp_path / "jobs", tmp_path / "written", "--executor", "ray"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    killed = 0
    while running.poll() is None and not killed:
        time.sleep(0.5)
        begun = finished(tmp_path / "jobs")
        for process in psutil.Process(running.pid).children(recursive=True) if begun > 3 else []:
            if any("do_one" in part for part in process.cmdline()):
                process.kill()
                killed += 1
                break
    another.communicate(timeout=60)
    _, complaints = running.communicate(timeout=900)
    assert running.returncode == 0, complaints[-2000:]
    assert killed == 1
    assert tables(tmp_path / "written") == through[1]


def test_what_is_known_is_not_done_again(through, tmp_path: Path) -> None:
    """Only what a lost result needs is: its policy, and the data behind it; the table is the same."""
    known, elsewhere = tmp_path / "known.jsonl", through[0].parent / "written" / "jobs.jsonl"
    shutil.copy(elsewhere, known)
    assert study(tmp_path / "jobs", tmp_path / "written", "--known", str(known)) == through[1]
    assert finished(tmp_path / "jobs") == 0
    lost = next(path.parent.name for path in sorted(through[0].glob("trials-*/result.json")))
    policy = json.loads((through[0] / lost / "job.json").read_text())["policy"]
    known.write_text("".join(line for line in elsewhere.read_text().splitlines(True) if f'"{lost}"' not in line))
    assert study(tmp_path / "others", tmp_path / "again", "--known", str(known)) == through[1]
    done = {path.parent.name for path in (tmp_path / "others").glob("*/result.json")}
    assert {lost, policy} <= done
    assert not [name for name in done - {lost} if name.startswith(("trials", "checkpoints"))]
    assert len(done) < finished(through[0]) / 2


@pytest.mark.parametrize("executor", ["local", "ray"])
def test_a_job_that_fails_ends_the_study_with_its_message(through, tmp_path: Path, executor: str) -> None:
    shutil.copytree(through[0], tmp_path / "jobs")
    for path in (tmp_path / "jobs").glob("trials-*/result.json"):
        path.unlink()
    for path in (tmp_path / "jobs").glob("policy-*/policy/weights.safetensors"):
        path.unlink()
    done = subprocess.run(  # and if it went on instead of ending, this would
        command(tmp_path / "jobs", tmp_path / "written", "--executor", executor),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 1
    assert "weights.safetensors is missing" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--table", "7"], "unknown table '7' (valid: 1, 2, 3, 4"),
        (["--table", "1", "--workers", "0"], "workers must be at least 1"),
        (["--table", "1", "--people", "nobody"], "unknown profile 'nobody'"),
        (["--table", "1", "--task", "knitting"], "unknown task 'knitting'"),
        (["--table", "1", "--known", "nowhere.jsonl"], "there is no nowhere.jsonl"),
        (["--table", "1", "--known", __file__], "line 1, is no job's result"),
    ],
)
def test_bad_wishes_get_one_line(tmp_path: Path, wrong: list[str], said: str) -> None:
    start = [sys.executable, "-m", "retouch", "study", "iwr", "--out", str(tmp_path)]
    done = subprocess.run([*start, *wrong], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
