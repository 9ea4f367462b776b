"""The examples as installed packages."""

import os
import tomllib
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def installed(folder: Path, name: str) -> dict[str, str]:
    """The environment of a process in which an example is installed, as pip would leave it in `folder`."""
    project = tomllib.loads((EXAMPLES / name / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in brings.items()) for group, brings in points
    ]
    (info / "entry_points.txt").write_text("".join(lines))
    paths = [str(folder), str(EXAMPLES / name), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
