"""The built wheel installs and runs where nothing but its dependencies is; importing it is light."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import retouch

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HEAVY = ["gymnasium", "matplotlib", "mujoco", "numba", "numpy", "pyarrow", "rich", "torch"]


def ended(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command that has ended, in an environment that nothing of ours is in."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_"))}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=600
    )


def run(*command: str | Path, cwd: Path) -> str:
    """The command's output; its whole story when it fails."""
    done = ended(*command, cwd=cwd)
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ["pyproject.toml", "README.md", "LICENSE"]:
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=source)
    (built,) = out.glob("*.whl")
    return built


def dependencies(project: dict) -> set[str]:
    """The packages that a plain installation brings: those it names, those that these name, and so on."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in project["dependencies"]]
    while waiting:
        wanted = waiting.pop()
        if wanted.name.lower() in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            waiting += [Requirement(text) for text in distribution(wanted.name).requires or []]
        except PackageNotFoundError:  # torch names packages of CUDA, which its CPU build comes without
            continue
        found.add(wanted.name.lower())
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel and its dependencies, and without any extra.

    The dependencies are links to those that are installed here: that an index has them, in versions that go together,
    is not shown.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    packages = Path(run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=folder).strip())
    for name in dependencies(PROJECT):
        files = distribution(name).files or []
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            if not top.endswith(".pth") and not (packages / top).exists():
                (packages / top).symlink_to(distribution(name).locate_file(top))
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    return python


def test_wheel_holds_the_package_and_its_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "retouch/errors.py" in names
    assert "retouch/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "benchmarks"))]


def test_every_module_reaches_the_wheel(wheel: Path) -> None:
    sources = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src" / "retouch").rglob("*.py")}
    assert sources <= set(zipfile.ZipFile(wheel).namelist())


def test_installed_wheel_is_the_one_imported(installed: Path, tmp_path: Path) -> None:
    program = "import retouch, json; print(json.dumps([retouch.__version__, retouch.__file__]))"
    version, file = json.loads(run(installed, "-c", program, cwd=tmp_path))
    assert version == retouch.__version__
    assert Path(file).is_relative_to(installed.parents[1])


def test_installed_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert retouch.__version__ in run(installed.parent / "retouch", "--version", cwd=tmp_path)


def test_installed_command_works_without_extras(installed: Path, tmp_path: Path) -> None:
    command = installed.parent / "retouch"
    assert "usage: retouch COMMAND" in run(command, "--help", cwd=tmp_path)
    found = {each["subject"]: each for each in json.loads(run(command, "doctor", "--json", cwd=tmp_path))}
    assert {each["level"] for each in found.values()} <= {"ok", "note"}
    for extra in PROJECT["optional-dependencies"]:
        assert "not installed" in found[f"extra {extra}"]["detail"]
        assert found[f"extra {extra}"]["advice"] == f"pip install 'retouch[{extra}]'"
    small = ["--episodes", "1", "--workers", "1", "--out", "demonstrations", "--json"]
    assert json.loads(run(command, "collect", "threading", *small, cwd=tmp_path))["successes"] == 1
    assert json.loads(run(command, "data", "check", "demonstrations", "--json", cwd=tmp_path)) == {"problems": []}


@pytest.mark.parametrize(
    ("extra", "package", "arguments"),
    [
        ("serve", "uvicorn", ["serve"]),
        (
            "gym",
            "gymnasium",
            ["collect", "gym:Reach-v0", "--operator", "expert", "--expert", "expert", "--out", "reached"],
        ),
        ("tensorboard", "tensorboard", ["improve", "threading", "--track", "tensorboard"]),
        ("trackio", "trackio", ["improve", "threading", "--track", "trackio"]),
        ("wandb", "wandb", ["improve", "threading", "--track", "wandb"]),
        ("ur", "ur_rtde", ["doctor", "--robot", "ur:127.0.0.1"]),
        ("ray", "ray", ["study", "iwr", "--table", "1", "--executor", "ray"]),
        ("robomimic", "h5py", ["data", "import", "low_dim.hdf5", "--format", "robomimic", "--out", "imported"]),
    ],
)
def test_missing_extra_is_told_in_one_line(
    installed: Path, tmp_path: Path, extra: str, package: str, arguments: list[str]
) -> None:
    (tmp_path / "low_dim.hdf5").touch()
    done = ended(installed.parent / "retouch", *arguments, cwd=tmp_path)
    assert done.stderr == f"retouch: '{package}' is not installed: pip install 'retouch[{extra}]'\n"
    assert (done.returncode, done.stdout) == (2, "")


def test_import_pulls_in_nothing_heavy(tmp_path: Path) -> None:
    program = "import sys, json, retouch; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(run(sys.executable, "-c", program, cwd=tmp_path)))
    assert not loaded & set(HEAVY)


def test_public_names_all_import() -> None:
    for name in retouch.__all__:
        assert getattr(retouch, name) is not None
    assert set(dir(retouch)) == set(retouch.__all__)


def test_unknown_public_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = retouch.nonsense


def test_version_is_the_projects() -> None:
    assert PROJECT["version"] == retouch.__version__


def test_every_dependency_is_pinned() -> None:
    wanted = [
        *PROJECT["dependencies"],
        *(name for extra in PROJECT["optional-dependencies"].values() for name in extra),
    ]
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins)
    pinned = {pin.split("==")[0].lower() for pin in pins}
    missing = {re.split(r"[<>=\[;]", name)[0].lower() for name in wanted} - pinned
    assert missing == {"trackio"}  # 0.43 wants a Pillow below 13, which is not the one that is pinned
