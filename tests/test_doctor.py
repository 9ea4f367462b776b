"""What the doctor finds, and what it says about it."""

import os
import stat
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from retouch import doctor
from retouch.doctor import Finding, diagnose, healthy


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.subject: finding for finding in findings}


def test_this_installation_is_healthy(tmp_path: Path) -> None:
    findings = diagnose(tmp_path)
    assert healthy(findings), [finding for finding in findings if finding.level == "problem"]
    found = by_subject(findings)
    assert len(found) == len(findings)
    for name in ["python", "cores", "memory", "disk", "numba cache", "numpy", "mujoco", "torch", "GPU", "extra gym"]:
        assert name in found
    assert found["numpy"].detail == metadata.version("numpy")


def test_every_core_dependency_is_looked_at() -> None:
    names = {requirement.name for requirement in doctor._requirements()[""]}
    assert names <= by_subject(list(doctor._dependencies())).keys()


def requirements(monkeypatch: pytest.MonkeyPatch, **groups: list[str]) -> None:
    parsed = {extra: [Requirement(text) for text in texts] for extra, texts in groups.items()}
    parsed[""] = parsed.pop("core", [])
    monkeypatch.setattr(doctor, "_requirements", lambda: parsed)


def test_missing_dependency_is_a_problem_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    requirements(monkeypatch, core=["no-such-package-of-retouch>=2"])
    finding = by_subject(list(doctor._dependencies()))["no-such-package-of-retouch"]
    assert finding.level == "problem"
    assert finding.detail == "not installed"
    assert finding.advice == "pip install 'no-such-package-of-retouch>=2'"


def test_old_dependency_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    requirements(monkeypatch, core=["numpy>=1000"])
    finding = by_subject(list(doctor._dependencies()))["numpy"]
    assert finding.level == "problem"
    assert finding.detail == f"{metadata.version('numpy')} is installed, >=1000 is needed"


def test_missing_extra_is_a_note_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    requirements(monkeypatch, wings=["no-such-package-of-retouch"])
    (finding,) = doctor._extras()
    assert finding == Finding(
        "extra wings", "note", "no-such-package-of-retouch not installed", "pip install 'retouch[wings]'"
    )
    assert healthy([finding])


def test_broken_import_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise OSError("libsomething.so: cannot open\nmore")

    monkeypatch.setattr(doctor.importlib, "import_module", fail)
    assert doctor._import_fault("torch") == "installed, but its import fails: libsomething.so: cannot open"


def test_sources_without_an_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "requires", fail)
    (finding,) = doctor._dependencies()
    assert finding.level == "problem"
    assert finding.advice == "pip install -e ."
    assert list(doctor._extras()) == []


def test_disk_looks_at_the_nearest_folder_there_is(tmp_path: Path) -> None:
    (finding,) = doctor._disk(tmp_path / "not" / "yet")
    assert str(tmp_path) in finding.detail


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser can write everywhere")
def test_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    (finding,) = doctor._disk(tmp_path)
    assert finding.level == "problem"


def test_numba_cache_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    assert doctor.numba_cache_folder() == tmp_path / "cache"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert doctor.numba_cache_folder() is None
    (finding,) = doctor._numba_cache()
    assert finding.level == "problem"
    assert "NUMBA_CACHE_DIR" in finding.advice


def test_memory_is_at_most_the_machines() -> None:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    assert 0 < doctor.memory_gb() <= machine
