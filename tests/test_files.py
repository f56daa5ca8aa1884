"""faults.md rows 12 to 14: what is read, and what is refused at once."""

from __future__ import annotations

import os
import socket
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_studio import files
from resnet_studio.files import FileRefusedError, display_name, read_file

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
        (dangling_link, "is a broken link"),
        (looping_link, "is a link that points back to itself"),
        (missing, "does not exist"),
        (empty, "is empty"),
    ],
)
def test_what_is_no_file_is_refused_at_once(make: Callable[[Path], None], cause: str, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    make(path)
    with pytest.raises(FileRefusedError, match=f"^{cause}.*\\. "):
        read_file(path, MOST)


def test_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is limited to some 100 bytes
    bound_socket(Path("socket"))
    with pytest.raises(FileRefusedError, match="is a pipe, socket or device"):
        read_file(Path("socket"), MOST)


def test_device_is_refused() -> None:
    with pytest.raises(FileRefusedError, match="is a pipe, socket or device"):
        read_file(Path("/dev/zero"), MOST)


def test_pipe_that_takes_the_place_of_a_file_never_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"file")
    first_look = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(Path, "stat", lambda _: first_look)
    with pytest.raises(FileRefusedError, match="is a pipe, socket or device"):
        read_file(path, MOST)


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"secret")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # nothing is unreadable for root
    try:
        with pytest.raises(FileRefusedError, match="can't be read: permission denied"):
            read_file(path, MOST)
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("name", ["x" * 300, "nul\0byte"])
def test_impossible_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match="name"):
        read_file(tmp_path / name, MOST)


def test_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"file")
    with pytest.raises(FileRefusedError, match="not a folder"):
        read_file(tmp_path / "file" / "image.png", MOST)


def test_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    with path.open("wb") as file:
        file.truncate(3_000_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(FileRefusedError, match="is 3,000 MB, and the limit is 1 MB"):
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
    with pytest.raises(FileRefusedError, match="changed while it was being read"):
        read_file(path, MOST)


def test_a_name_that_is_no_text_can_be_shown() -> None:
    assert display_name(Path(os.fsdecode(b"/tmp/caf\xe9.png"))).encode() == "caf�.png".encode()


STRANGE = {
    "a link to a file": lambda path, outside: path.symlink_to(outside),
    "a link to nothing": lambda path, outside: path.symlink_to(outside.with_name("nothing")),
    "a link to itself": lambda path, outside: path.symlink_to(path),
    "a link to a device": lambda path, outside: path.symlink_to("/dev/zero"),
    "a relative link": lambda path, outside: path.symlink_to(os.path.relpath(outside, path.parent)),
    "a pipe": lambda path, outside: os.mkfifo(path),
    "a folder": lambda path, outside: path.mkdir(),
}
"""What may stand where a file should, beside a file that lies outside."""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside" / "bashrc"
    path.parent.mkdir()
    path.write_text("mine")
    return path


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    (tmp_path / "run" / "between").mkdir(parents=True)
    return tmp_path / "run"


@pytest.mark.parametrize("name", ["file", "between/file"])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_APPEND, os.O_RDWR | os.O_TRUNC])
@pytest.mark.parametrize("by_descriptor", [True, False], ids=["by descriptor", "by name"])
@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE)
def test_below_a_folder_nothing_but_a_file_is_opened(
    make, inside: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, by_descriptor: bool, flags: int, name: str
) -> None:
    monkeypatch.setattr(files, "BY_DESCRIPTOR", by_descriptor)
    make(inside / name, outside)
    with pytest.raises(FileRefusedError, match=r"^is a (link|pipe|folder).*\. "):
        files.open_below(inside, name, flags)
    with pytest.raises(FileRefusedError, match=r"^is a (link|pipe|folder).*\. "):
        files.read_file_below(inside, name, MOST)
    with pytest.raises(FileRefusedError, match=r"^is a (link|pipe|folder).*\. "):
        files.touch_below(inside, name)
    assert [path.name for path in outside.parent.iterdir()] == ["bashrc"]
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("by_descriptor", [True, False], ids=["by descriptor", "by name"])
def test_nor_through_a_folder_that_is_a_link(
    inside: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, by_descriptor: bool
) -> None:
    monkeypatch.setattr(files, "BY_DESCRIPTOR", by_descriptor)
    (inside / "checkpoints").symlink_to(outside.parent)
    with pytest.raises(FileRefusedError, match=r"^is a link"):
        files.open_below(inside, "checkpoints/bashrc", os.O_WRONLY | os.O_APPEND)
    with pytest.raises(FileRefusedError, match=r"^is a link"):
        files.touch_below(inside, "checkpoints/new")
    assert [path.name for path in outside.parent.iterdir()] == ["bashrc"]


@pytest.mark.parametrize("by_descriptor", [True, False], ids=["by descriptor", "by name"])
def test_files_below_a_folder_are_read_and_written(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_descriptor: bool
) -> None:
    monkeypatch.setattr(files, "BY_DESCRIPTOR", by_descriptor)
    (tmp_path / "shortcut").symlink_to(inside)  # which folder it is was the user's choice
    for folder in (inside, tmp_path / "shortcut"):
        with open(files.open_below(folder, "between/file", os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as file:
            file.write(b"text")
    assert files.read_file_below(inside, "between/file", MOST) == b"texttext"
    files.touch_below(inside, "stop")
    assert (inside / "stop").read_bytes() == b""
    with pytest.raises(FileRefusedError, match=r"^does not exist"):
        files.read_file_below(inside, "between/nothing", MOST)
    with pytest.raises(FileNotFoundError, match="nothing/file"):
        files.open_below(inside, "nothing/file")


def test_a_file_with_a_second_name_elsewhere_is_not_written(inside: Path, outside: Path) -> None:
    os.link(outside, inside / "log.txt")
    with pytest.raises(FileRefusedError, match=r"^has another hard link"):
        files.open_below(inside, "log.txt", os.O_WRONLY | os.O_APPEND)
    assert files.read_file_below(inside, "log.txt", MOST) == b"mine"


def test_what_is_exchanged_while_it_is_opened_is_not_followed(inside: Path, outside: Path) -> None:
    """A thread that puts links in the place of files, as fast as it can."""
    (inside / "file").write_text("own")
    (inside / "link").symlink_to(outside)
    over = threading.Event()

    def exchange() -> None:
        while not over.is_set():
            for name in ("link", "kept"):
                os.link(inside / name, inside / "new", follow_symlinks=False)
                os.replace(inside / "new", inside / "file")

    os.rename(inside / "file", inside / "kept")
    os.link(inside / "kept", inside / "file")
    busy = threading.Thread(target=exchange)
    busy.start()
    try:
        seen = set()
        for _ in range(2000):
            try:
                seen.add(files.read_file_below(inside, "file", MOST))
            except FileRefusedError as refusal:
                seen.add(str(refusal).partition(",")[0])
    finally:
        over.set()
        busy.join()
    assert b"mine" not in seen
    assert b"own" in seen


@pytest.mark.parametrize("name", ["a", "a/b", "a/b/c"])
@pytest.mark.parametrize("make", [make for name, make in STRANGE.items() if name != "a folder"])
def test_the_first_strange_thing_below_a_folder_is_named(make, inside: Path, outside: Path, name: str) -> None:
    (inside / name).parent.mkdir(parents=True, exist_ok=True)
    (inside / "a0").touch()
    assert files.first_irregular(inside, ["a", "a0", "between"]) == ""
    make(inside / name, outside)
    assert files.first_irregular(inside, ["a0", "between", "a"]) == name
    assert files.first_irregular(inside, ["a0", "between", "gone"]) == "", "what is not ours is not our business"
