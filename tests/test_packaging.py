"""The built wheel installs and runs where nothing but its dependencies is; importing it is light."""

import json
import os
import re
import shutil
import site
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import retouch

ROOT = Path(__file__).parents[1]
HEAVY = ["gymnasium", "matplotlib", "mujoco", "numba", "numpy", "pyarrow", "rich", "torch"]


def run(*command: str | Path, cwd: Path) -> str:
    """The command's output; its whole story when it fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
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


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an empty environment with the wheel; the dependencies are seen through a path file."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    packages = Path(run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=folder).strip())
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    # A folder named in a path file has its own path files left alone: the editable retouch stays unseen.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
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
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == retouch.__version__


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins)
    pinned = {pin.split("==")[0].lower() for pin in pins}
    missing = {re.split(r"[<>=\[;]", name)[0].lower() for name in wanted} - pinned
    assert not missing
