"""faults.md rows 12 to 14: what is read, and what is refused at once."""

from __future__ import annotations

import os
import socket
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_studio.files import Refusal, read_file, shown

MOST = 1_000_000


def folder(path: Path) -> None:
    path.mkdir()


def looping_link(path: Path) -> None:
    path.symlink_to(path)


def dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def link_to_endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_to_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to(path.with_name("pipe"))


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


def empty(path: Path) -> None:
    path.touch()


def missing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (folder, "is a folder"),
        (os.mkfifo, "is a pipe, socket or device"),
        (link_to_pipe, "is a pipe, socket or device"),
        (link_to_endless_device, "is a pipe, socket or device"),
        (dangling_link, "is a link to a file that does not exist"),
        (looping_link, "is a link that leads back to itself"),
        (missing, "does not exist"),
        (empty, "is empty"),
    ],
)
def test_what_is_no_file_is_refused_at_once(make: Callable[[Path], None], cause: str, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    make(path)
    with pytest.raises(Refusal, match=f"^{cause}.*\\. "):
        read_file(path, MOST)


def test_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is limited to some 100 bytes
    bound_socket(Path("socket"))
    with pytest.raises(Refusal, match="is a pipe, socket or device"):
        read_file(Path("socket"), MOST)


def test_device_is_refused() -> None:
    with pytest.raises(Refusal, match="is a pipe, socket or device"):
        read_file(Path("/dev/zero"), MOST)


def test_pipe_that_takes_the_place_of_a_file_never_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"file")
    first_look = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(Path, "stat", lambda _: first_look)
    with pytest.raises(Refusal, match="is a pipe, socket or device"):
        read_file(path, MOST)


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"secret")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # nothing is unreadable for root
    try:
        with pytest.raises(Refusal, match="may not be read"):
            read_file(path, MOST)
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("name", ["x" * 300, "nul\0byte"])
def test_impossible_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="name"):
        read_file(tmp_path / name, MOST)


def test_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"file")
    with pytest.raises(Refusal, match="not a folder"):
        read_file(tmp_path / "file" / "image.png", MOST)


def test_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    with path.open("wb") as file:
        file.truncate(3_000_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(Refusal, match="has 3,000 MB; up to 1 MB are read"):
            read_file(path, MOST)
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "name", ["a photo.png", "#1.png", "100%20.png", "Grüße 写真 🎞.png", "x" * 246 + ".png", "-rf", "%s{0}"]
)
def test_unusual_names_work(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"content")
    assert read_file(tmp_path / name, MOST) == b"content"


def test_a_link_to_a_file_works(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_file(tmp_path / "link", MOST) == b"content"


def test_file_replaced_meanwhile_gives_one_whole_version(tmp_path: Path) -> None:
    path, versions = tmp_path / "image.png", (b"a" * 300_000, b"b" * 500_000)
    path.write_bytes(versions[0])
    done = threading.Event()

    def replace() -> None:
        number = 0
        while not done.is_set():
            number += 1
            path.with_suffix(".new").write_bytes(versions[number % 2])
            path.with_suffix(".new").replace(path)

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        read = {read_file(path, MOST) for _ in range(200)}
    finally:
        done.set()
        writer.join()
    assert read <= set(versions)


def test_file_that_grows_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"half of")
    status = os.fstat

    def and_write_more(descriptor: int) -> os.stat_result:
        before = status(descriptor)
        with path.open("ab") as file:
            file.write(b"the rest")
        return before

    monkeypatch.setattr(os, "fstat", and_write_more)
    with pytest.raises(Refusal, match="changed while it was being read"):
        read_file(path, MOST)


def test_a_name_that_is_no_text_can_be_shown() -> None:
    assert shown(Path(os.fsdecode(b"/tmp/caf\xe9.png"))).encode() == "caf�.png".encode()
