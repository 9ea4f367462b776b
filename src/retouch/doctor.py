"""What is installed, what is missing and how to get it: `retouch doctor`."""

import importlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

Level = Literal["ok", "note", "problem"]

OLDEST_PYTHON = (3, 11)
LEAST_MEMORY_GB = 2.0
LEAST_DISK_GB = 2.0
# Distributions whose module is called otherwise.
_MODULES = {"pillow": "PIL", "pytest-xdist": "xdist"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    """What was looked at, such as `numba`."""
    level: Level
    """`ok`; `note`: good to know, nothing is broken; `problem`: something will not work."""
    detail: str
    """What was found, in a few words."""
    advice: str = ""
    """What to do about it, when there is something to do."""


def diagnose(folder: Path | None = None) -> list[Finding]:
    """Looks at this machine and this installation; `folder` is where data would go (default: the working directory)."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        _python,
        _machine,
        lambda: _disk(folder or Path.cwd()),
        _numba_cache,
        _dependencies,
        _extras,
        _accelerator,
        _display,
    ]
    return [finding for check in checks for finding in check()]


def healthy(findings: list[Finding]) -> bool:
    """Whether nothing that was found stops the work."""
    return all(finding.level != "problem" for finding in findings)


def _python() -> Iterator[Finding]:
    version = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= OLDEST_PYTHON:
        yield Finding("python", "ok", version)
    else:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        yield Finding("python", "problem", version, f"install Python {oldest} or newer")
    if not sys.platform.startswith("linux"):
        yield Finding("system", "note", platform.system(), "only Linux is tested")


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("cores", "ok", f"{cores} usable")
    memory = memory_gb()
    enough = memory >= LEAST_MEMORY_GB
    advice = "" if enough else f"the demo needs {LEAST_MEMORY_GB:.0f} GB"
    yield Finding("memory", "ok" if enough else "note", f"{memory:.1f} GB", advice)


def memory_gb() -> float:
    """Memory that this process may use: the machine's, or its control group's limit when that is lower. [GB]"""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")]
    for path in limits:
        text = path.read_text().strip() if path.is_file() and os.access(path, os.R_OK) else ""
        if text.isdigit():
            total = min(total, int(text))
    return total / 1e9


def _disk(folder: Path) -> Iterator[Finding]:
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    detail = f"{free:.1f} GB free in {folder}"
    if not os.access(folder, os.W_OK):
        yield Finding("disk", "problem", f"{folder} cannot be written to", "work in a folder of your own")
    elif free < LEAST_DISK_GB:
        yield Finding("disk", "note", detail, f"keep {LEAST_DISK_GB:.0f} GB free for data sets and runs")
    else:
        yield Finding("disk", "ok", detail)


def numba_cache_folder() -> Path | None:
    """Where numba keeps compiled functions between processes; none when no place can be written to."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    beside_sources = Path(__file__).parent / "__pycache__"
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "numba"
    for folder in [Path(given)] if given else [beside_sources, users]:
        existing = next(path for path in [folder, *folder.absolute().parents] if path.exists())
        if existing.is_dir() and os.access(existing, os.W_OK):
            return folder
    return None


def _numba_cache() -> Iterator[Finding]:
    folder = numba_cache_folder()
    if folder is None:
        advice = "set NUMBA_CACHE_DIR to a folder of your own; until then every start compiles anew (about a minute)"
        yield Finding("numba cache", "problem", "no folder that can be written to", advice)
    else:
        yield Finding("numba cache", "ok", str(folder))


def _requirements() -> dict[str, list[Requirement]]:
    """The declared dependencies of the installed package by extra; the core's are under the empty name."""
    groups: dict[str, list[Requirement]] = {}
    for text in metadata.requires("retouch") or []:
        requirement = Requirement(text)
        extra = re.search(r"""extra\s*==\s*['"]([^'"]+)""", str(requirement.marker))
        groups.setdefault(extra[1] if extra else "", []).append(requirement)
    return groups


def _state(requirement: Requirement) -> str:
    """What is wrong with a dependency; empty when it is there in a good version."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return "not installed"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{version} is installed, {requirement.specifier} is needed"
    return ""


def _dependencies() -> Iterator[Finding]:
    try:
        core = _requirements().get("", [])
    except metadata.PackageNotFoundError:
        yield Finding("retouch", "problem", "not installed, only its sources are seen", "pip install -e .")
        return
    yield Finding("retouch", "ok", metadata.version("retouch"))
    for requirement in core:
        fault = _state(requirement) or _import_fault(requirement.name)
        if fault:
            yield Finding(
                requirement.name, "problem", fault, f"pip install '{requirement.name}{requirement.specifier}'"
            )
        else:
            yield Finding(requirement.name, "ok", metadata.version(requirement.name))


def _import_fault(name: str) -> str:
    """Why an installed package cannot be imported: half an installation, or a library of the system that is missing."""
    try:
        importlib.import_module(_MODULES.get(name, name))
    except (ImportError, OSError) as error:
        return f"installed, but its import fails: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    return ""


def _extras() -> Iterator[Finding]:
    try:
        groups = _requirements()
    except metadata.PackageNotFoundError:
        return
    for extra, requirements in sorted(groups.items()):
        if not extra:
            continue
        faults = [f"{requirement.name} {fault}" for requirement in requirements if (fault := _state(requirement))]
        if faults:
            yield Finding(f"extra {extra}", "note", "; ".join(faults), f"pip install 'retouch[{extra}]'")
        else:
            yield Finding(f"extra {extra}", "ok", ", ".join(requirement.name for requirement in requirements))


def _accelerator() -> Iterator[Finding]:
    if _import_fault("torch"):
        return  # reported with the dependencies
    import torch

    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        yield Finding("GPU", "ok", names)
    else:
        yield Finding("GPU", "ok", "none: everything runs on the CPU")


def _display() -> Iterator[Finding]:
    yield Finding("display, GL", "ok", "not needed: images come from the compiled rasteriser")
