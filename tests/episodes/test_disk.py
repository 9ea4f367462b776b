"""Disks that are full or cannot be written, as far as possible with real ones."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from retouch.episodes import Dataset, DatasetWriter, check, exclude, files, repair
from retouch.errors import StoreError

Mount = Callable[..., None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Mount]]:
    """An empty disk of 512 KiB, and a function that mounts it again with other options."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a small disk takes root")

    mount("size=512k")
    try:
        yield disk, mount
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_one_clear_line_and_the_store_intact(small_disk, info, row, record) -> None:
    disk, _ = small_disk
    writer = DatasetWriter.open(disk / "dataset", info)
    kept = [record(writer).id for _ in range(3)]
    episode = writer.begin(kind="rollout", seed=1)
    appended = 0

    def fill() -> None:
        nonlocal appended
        while True:
            episode.append(row(appended))
            appended += 1

    with pytest.raises(StoreError, match=r"cannot write .*: No space left on device; free some space") as caught:
        fill()
    assert "\n" not in str(caught.value)
    with pytest.raises(StoreError, match="No space left on device"):
        episode.commit("success", "recorded")
    with pytest.raises(StoreError, match="No space left on device"):
        writer.begin(kind="rollout", seed=2)
    assert [e.id for e in Dataset(disk / "dataset").episodes] == kept
    assert check(disk / "dataset") == []

    folder = disk / "dataset" / "journal"
    assert [entry.name for entry in folder.iterdir()] == [f"{episode.id}.rows"]
    subprocess.run(["mount", "-o", "remount,size=2m", str(disk)], check=True)
    episode.append(row(appended))
    assert episode.commit("success", "recorded").steps == appended + 1
    action = Dataset(disk / "dataset").frames(3, ["action"])["action"]
    assert np.array_equal(action, [row(step)["action"] for step in range(appended + 1)])
    assert check(disk / "dataset") == []
    assert repair(disk / "dataset").removed == []


def test_a_read_only_dataset_is_read_and_not_written(small_disk, info, record) -> None:
    disk, _ = small_disk
    path = disk / "dataset"
    with DatasetWriter.open(path, info) as writer:
        record(writer)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for attempt in (
        lambda: DatasetWriter.open(path, info),
        lambda: writer.begin(kind="rollout", seed=0),
        lambda: exclude(path, [0]),
    ):
        with pytest.raises(StoreError, match=r"cannot write .*: Read-only file system") as caught:
            attempt()
        assert "\n" not in str(caught.value)
    opened = Dataset(path)
    assert np.array_equal(opened.arrays(["action"])["action"], opened.frames(0)["action"])
    assert check(path) == []
    temporary = opened._cache._folder
    assert disk not in temporary.parents
    del opened
    assert not temporary.exists()


def test_a_row_that_is_cut_short_is_taken_back(tmp_path: Path, info, row, monkeypatch: pytest.MonkeyPatch) -> None:
    episode = DatasetWriter.open(tmp_path, info).begin(kind="rollout", seed=1)
    episode.append(row(0))
    write = os.write

    def cut_short(descriptor: int, data: memoryview) -> int:
        return write(descriptor, data[:7])

    def full(descriptor: int, data: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", cut_short)
        patch.setattr("retouch.episodes.journal.write_all", full)
        with pytest.raises(StoreError, match="No space left on device"):
            episode.append(row(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", cut_short)  # the rest follows in pieces
        episode.append(row(1))
    assert episode.commit("success", "done").steps == 2
    assert np.array_equal(Dataset(tmp_path).frames(0)["action"][1], row(1)["action"])


def test_a_line_that_cannot_be_written_leaves_none(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exclude(dataset, [0])
    write = os.write

    def full(descriptor: int, data: memoryview) -> int:
        write(descriptor, data[:5])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", full)
        with pytest.raises(StoreError, match="No space left on device"):
            exclude(dataset, [1])
    assert len(Dataset(dataset).edits) == 1
    assert (dataset / "edits.jsonl").read_bytes().endswith(b"}\n")
