"""faults.md rows 33 and 34: whatever fails while something is written, a reader finds the old or the new, whole."""

from __future__ import annotations

import errno
import io
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import killed_writers
from failing_disk import failing
from resnet_studio.atomic import WRITING, remove_leftovers, sync_folder, write_file, write_folder, write_new_file

OLD, NEW = b"old " * 5000, b"new " * 9000
PARTS = {"weights": b"w" * 20_000, "facts": b"f" * 10}
LIMITED = """
import resource, sys
from pathlib import Path
from resnet_studio.atomic import write_file, write_folder

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for write in (
    lambda place: write_file(place / "file", b"new" * 4096),
    lambda place: write_folder(place / "folder", lambda made: (made / "part").write_bytes(b"new" * 4096)),
):
    try:
        write(Path(sys.argv[1]))
    except OSError as error:
        print(error.errno)
"""


def fill(place: Path) -> None:
    for name, data in PARTS.items():
        (place / name).write_bytes(data)


def content(folder: Path) -> dict[str, bytes | None]:
    """All below a folder: the bytes of files, None for folders."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


WHOLE: dict[str, bytes | None] = {"step-2": None, **{f"step-2/{name}": data for name, data in PARTS.items()}}


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    for data in (OLD, NEW, b""):
        write_file(tmp_path / "file", data)
        assert content(tmp_path) == {"file": data}


def test_a_folder_is_written_with_all_its_files(tmp_path: Path) -> None:
    write_folder(tmp_path / "step-2", fill)
    assert content(tmp_path) == WHOLE


def test_a_folder_that_is_there_stays_and_nothing_is_written(tmp_path: Path) -> None:
    write_folder(tmp_path / "step-2", fill)
    with pytest.raises(FileExistsError, match="step-2"):
        write_folder(tmp_path / "step-2", pytest.fail)
    assert content(tmp_path) == WHOLE


def test_a_folder_that_another_made_meanwhile_stays(tmp_path: Path) -> None:
    def overtaken(place: Path) -> None:
        (place / "weights").write_bytes(b"late")
        write_folder(tmp_path / "step-2", fill)

    with pytest.raises(OSError, match=r"not empty|exists"):
        write_folder(tmp_path / "step-2", overtaken)
    assert content(tmp_path) == WHOLE


@pytest.mark.parametrize("name", ["é #1 %", "x" * 255, "猫" * 85])
def test_any_name_that_a_file_can_have_can_be_written(tmp_path: Path, name: str) -> None:
    write_file(tmp_path / name, NEW)
    assert content(tmp_path) == {name: NEW}


@pytest.mark.parametrize("lasting", [False, True], ids=["for a moment", "from then on"])
def test_whatever_fails_a_file_is_the_old_one(tmp_path: Path, lasting: bool) -> None:
    faults = []
    for fails in itertools.count():
        write_file(tmp_path / "file", OLD)
        with failing(fails, lasting=lasting) as disk:
            error = attempt(write_file, tmp_path / "file", NEW)
        if not disk.failed:
            break
        faults.append(disk.failed)
        assert isinstance(error, OSError)
        assert content(tmp_path) == {"file": NEW if "replace" in disk.done else OLD}
    assert error is None
    assert content(tmp_path) == {"file": NEW}
    assert faults == [
        "open a file", *["write"] * 5, "fsync", "close a file", "replace", "open", "fsync", "close",
    ]  # fmt: skip
    assert disk.done == faults


@pytest.mark.parametrize("lasting", [False, True], ids=["for a moment", "from then on"])
def test_whatever_fails_a_folder_is_not_there_or_whole(tmp_path: Path, lasting: bool) -> None:
    (tmp_path / "step-1").mkdir()
    (tmp_path / "step-1" / "weights").write_bytes(OLD)
    before = content(tmp_path)
    faults = []
    for fails in itertools.count():
        with failing(fails, lasting=lasting) as disk:
            error = attempt(write_folder, tmp_path / "step-2", fill)
        if not disk.failed:
            break
        faults.append(disk.failed)
        assert isinstance(error, OSError)
        if lasting:  # what could not even be removed is left under a name that nobody reads
            assert all(name.startswith(WRITING) for name in content(tmp_path).keys() - before.keys() - WHOLE.keys())
            remove_leftovers(tmp_path)
        assert content(tmp_path) == before | (WHOLE if "rename" in disk.done else {})
        if "rename" in disk.done:
            remove(tmp_path / "step-2")
    assert error is None
    assert content(tmp_path) == before | WHOLE
    written = ["open a file", "write", "write", "write", "close a file", "open a file", "write", "close a file"]
    assert faults == [
        "mkdir", *written, *["open a file", "fsync", "close a file"] * 2, "open", "fsync", "close", "rename",
        "open", "fsync", "close",
    ]  # fmt: skip


def attempt(write: Callable[..., None], *arguments: Any) -> OSError | None:
    try:
        write(*arguments)
    except OSError as error:
        return error
    return None


def remove(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


class FillError(Exception):
    """Not an `OSError`."""


def test_a_folder_that_can_not_be_filled_is_not_there(tmp_path: Path) -> None:
    def broken(place: Path) -> None:
        fill(place)
        raise FillError

    with pytest.raises(FillError):
        write_folder(tmp_path / "step-2", broken)
    assert content(tmp_path) == {}


def test_a_full_disk_is_reported_and_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(tmp_path / "file", OLD)

    def on_full_disk(file: Any, mode: str, *_: Any) -> Any:
        Path(file).touch()
        return really_open("/dev/full", mode.replace("x", "w"))

    really_open = io.open
    with monkeypatch.context() as patch:
        patch.setattr(io, "open", on_full_disk)
        errors = [attempt(write_file, tmp_path / "file", NEW), attempt(write_folder, tmp_path / "step-2", fill)]
    assert [error.errno for error in errors if error] == [errno.ENOSPC] * 2
    assert content(tmp_path) == {"file": OLD}


def test_a_file_larger_than_allowed_is_reported_and_the_old_file_stays(tmp_path: Path) -> None:
    write_file(tmp_path / "file", OLD)
    command = [sys.executable, "-c", LIMITED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{errno.EFBIG}\n" * 2, "")
    assert content(tmp_path) == {"file": OLD}


def test_where_nothing_can_be_written_the_reason_is_given(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    for folder, number in ((tmp_path / "gone", errno.ENOENT), (tmp_path / "file", errno.ENOTDIR)):
        for write, what in ((write_file, NEW), (write_folder, fill)):
            error = attempt(write, folder / "name", what)
            assert error is not None
            assert error.errno == number
    assert content(tmp_path) == {"file": OLD}


def test_a_folder_in_a_files_place_stays(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path / "file", NEW)
    assert content(tmp_path) == {"file": None}


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_can_not_sync_folders_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    really_sync = os.fsync

    def no_folders(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(number, os.strerror(number))
        really_sync(descriptor)

    monkeypatch.setattr(os, "fsync", no_folders)
    write_file(tmp_path / "file", NEW)
    write_folder(tmp_path / "step-2", fill)
    sync_folder(tmp_path)
    assert content(tmp_path) == {"file": NEW, **WHOLE}


def test_several_that_write_the_same_file_leave_one_of_theirs(tmp_path: Path) -> None:
    versions = [bytes([number]) * 50_000 for number in range(8)]
    writers = [threading.Thread(target=write_file, args=(tmp_path / "file", version)) for version in versions]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert list(content(tmp_path)) == ["file"]
    assert (tmp_path / "file").read_bytes() in versions


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    write_file(tmp_path / "file", OLD)
    write_folder(tmp_path / "step-2", fill)
    whole = content(tmp_path)
    (tmp_path / f"{WRITING}a").write_bytes(b"half")
    (tmp_path / f"{WRITING}b" / "deep").mkdir(parents=True)
    (tmp_path / f"{WRITING}b" / "weights").write_bytes(b"half")
    remove_leftovers(tmp_path)
    assert content(tmp_path) == whole
    remove_leftovers(tmp_path / "gone")


@pytest.mark.parametrize("kind", killed_writers.KINDS)
def test_a_writer_killed_200_times_never_leaves_anything_but_old_or_new(tmp_path: Path, kind: str) -> None:
    command = [sys.executable, killed_writers.__file__, kind, str(tmp_path), "200"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    written, torn = map(int, done.stdout.split())
    assert written > 20
    assert torn > 20  # kills that met the writer at work
    assert len([path for path in tmp_path.iterdir() if path.name.startswith(WRITING)]) == 0


@pytest.mark.parametrize("write", [write_file, write_new_file])
def test_an_error_names_the_file_that_was_to_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path, bytes], None]
) -> None:
    """That of a full disk names none, and others the name of a file that nobody has chosen."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=str(tmp_path / "mine")) as raised:
        write(tmp_path / "mine", b"data")
    assert raised.value.filename == str(tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match=r"gone/mine'$"):
        write(tmp_path / "gone" / "mine", b"data")


def test_a_new_file_replaces_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for links in (True, False):
        if not links:
            monkeypatch.setattr(os, "link", no_links)
        path = tmp_path / str(links)
        write_new_file(path, b"first")
        with pytest.raises(FileExistsError):
            write_new_file(path, b"second")
        assert path.read_bytes() == b"first"
        assert path.stat().st_nlink == 1
    assert len(list(tmp_path.iterdir())) == 2


def no_links(*_: object) -> None:
    """As on a memory stick's file system."""
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
