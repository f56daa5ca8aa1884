"""What one start leaves to the next: only what is broken of it is lost, and it is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import VERSION, Session, SessionState
from resnet_studio.gui.session_file import PARTS, READERS, SessionAutosaver, put_by, put_by_last, restore, save
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset

FULL: dict[str, Any] = asdict(
    SessionState(
        architecture=to_json(preset("plain34")),
        compared=[None, to_json(preset("vgg19"))],
        workspace=3,
        image="sample:flower",
        images=["/photographs/one.png", "sample:flower"],
        recent=["/photographs"],
        handles={"zoom": 2.0, "flipped": True},
        keep_handles=True,
        weights='{"seed": 3}',
        layer="layer1.0",
        activations_page=2,
        pins=[["layer1.0", 3]],
        beside={"image": "sample:china"},
        theme="dark",
        geometry="AdnQywADAAA=",
        training_page=1,
        stop_runs=True,
    )
)
"""A session in which hardly anything is as it is at the first start."""
NO_VALUE = [None, 5, -1, 1e400, float("nan"), 10**400, True, "", "no\0path", "\ud800", [], [[]], {}, {"a": {"b": 1}}]


def written(folder: Path, values: object) -> Path:
    file = folder / "session.json"
    file.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
    return file


def test_session_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "session.json"
    kept = SessionState(**FULL)
    assert save(kept, file) == ""
    assert restore(file) == (kept, "")


def test_first_start_has_resnet50_and_says_nothing(tmp_path: Path) -> None:
    kept, complaint = restore(tmp_path / "session.json")
    assert Session(kept).architecture == preset("resnet50")
    assert complaint == ""


def test_every_entry_can_be_read_and_named() -> None:
    assert READERS.keys() | {"version"} == asdict(SessionState()).keys() == PARTS.keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("geometry", 5), ("geometry", "no base64!"), ("workspace", 1e400), ("workspace", "x"), ("workspace", True),
        ("workspace", 9), ("workspace", -1), ("activations_page", 10**400), ("training_page", 4), ("theme", "blue"),
        ("theme", ["dark"]), ("architecture", {}), ("architecture", []), ("architecture", {"width": 0}),
        ("compared", []), ("compared", 3), ("image", 7), ("image", "a\0b"), ("images", {"a": 1}), ("recent", None),
        ("handles", [1]), ("weights", {"seed": 3}), ("weights", "{"), ("layer", 1.5), ("pins", "layer1.0"),
        ("beside", 4), ("device", None), ("unclean", -1), ("unclean", float("nan")), ("recipe", {"lr": "fast"}),
        ("recipe", None), ("stop_runs", "yes"), ("version", "3"), ("version", None),
    ],
)  # fmt: skip
def test_one_wrong_value_is_lost_alone_and_named(tmp_path: Path, name: str, value: object) -> None:
    file = written(tmp_path, FULL | {name: value})
    before = file.read_bytes()
    kept, told = restore(file)
    if not (name == "architecture" and value == {}):  # which is ResNet-50, as every field has its default
        assert PARTS[name] in told
        assert "session.json.bad" in told
        assert (tmp_path / "session.json.bad").read_bytes() == before
    assert asdict(kept) == FULL | {name: getattr(SessionState(), name)}


def test_unknown_entry_is_lost_alone_and_named(tmp_path: Path) -> None:
    kept, told = restore(written(tmp_path, FULL | {"colour": "red", "sound\x1b[31m": 1}))
    assert kept == SessionState(**FULL)
    assert "the unknown entry “colour”" in told
    assert "“sound?[31m”" in told
    assert "session.json.bad" in told


def test_wrong_members_of_a_list_are_lost_alone(tmp_path: Path) -> None:
    wrong = {
        "images": ["/one.png", 5, "a\0b", "/two.png"],
        "recent": [None, "/photographs"],
        "compared": [{"width": -1}, None, to_json(preset("vgg19"))],
        "pins": [["layer1.0", 3], ["layer1.0"], ["layer1.0", -1], 4, ["layer2.0", 1]],
        "handles": {"zoom": 2.0, "brightness": "very", "unknown": 1},
        "beside": {"image": "sample:china", "weights": {"seed": -1}},
    }
    kept, told = restore(written(tmp_path, FULL | wrong))
    assert kept.images == ["/one.png", "/two.png"]
    assert kept.recent == ["/photographs"]
    assert kept.compared == [None, to_json(preset("vgg19"))]
    assert kept.pins == [["layer1.0", 3], ["layer2.0", 1]]
    assert kept.handles == {"zoom": 2.0}
    assert kept.beside == {"image": "sample:china"}
    assert kept.workspace == FULL["workspace"]
    assert all(PARTS[name] in told for name in wrong)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("value", NO_VALUE, ids=repr)
def test_no_value_stops_a_start(tmp_path: Path, name: str, value: object) -> None:
    kept, _ = restore(written(tmp_path, FULL | {name: value}))
    assert save(kept, tmp_path / "again.json") == ""
    assert restore(tmp_path / "again.json")[0] == kept


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "5", "null", '"text"', "\0\0\0", "[" * 100_000, '{"workspace": ' + "9" * 5000 + "}"]
)
def test_file_that_is_no_session_is_set_aside(tmp_path: Path, content: str) -> None:
    file = written(tmp_path, content)
    kept, told = restore(file)
    assert kept == SessionState()
    assert "session.json.bad" in told
    assert (tmp_path / "session.json.bad").read_text() == content
    assert not file.exists()
    restore(written(tmp_path, content))
    assert (tmp_path / "session.json.bad-2").read_text() == content


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_set_aside_without_waiting(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "session.json")
    kept, told = restore(tmp_path / "session.json")
    assert kept == SessionState()
    assert "session.json.bad" in told
    assert save(kept, tmp_path / "session.json") == ""


@pytest.mark.parametrize("version", [VERSION + 1, VERSION + 0.5, 10**30, 1e400])
def test_newer_session_is_neither_read_nor_rewritten(tmp_path: Path, version: float) -> None:
    newer = json.dumps({"version": version, "unknown": True, "workspace": 2})
    file = written(tmp_path, newer)
    kept, told = restore(file)
    assert "newer version" in told
    assert "not be remembered" in told
    assert kept.workspace == 0
    assert save(kept, file) == ""
    assert file.read_text() == newer
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("wrong", [{"geometry": 5}, {"workspace": 1e400}, {"pins": [["layer1.0", 10**6]]},
                                   {"device": "cuda:99"}, {"layer": "no such layer"}, {"images": ["/gone.png"] * 200},
                                   {"weights": "/gone.pth"}, {"recipe": {"data": "/gone"}}])  # fmt: skip
def test_window_opens_on_a_session_with_wrong_values(qtbot: QtBot, tmp_path: Path, wrong: dict[str, Any]) -> None:
    kept, _ = restore(written(tmp_path, asdict(SessionState(architecture=to_json(preset("plain18")))) | wrong))
    window = MainWindow(kept)
    qtbot.addWidget(window)
    for number in range(window.workspaces.count()):
        window.workspaces.make(number)
    assert window.studio.session.architecture == preset("plain18")
    window.close()


def test_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    told = save(SessionState(), blocked / "session.json")
    assert "not be remembered" in told
    assert "a file is in its place" in told


def test_session_put_by_is_found_again_and_takes_no_others_place(tmp_path: Path) -> None:
    file = tmp_path / "session.json"
    assert put_by_last(file) is None
    for number, name in enumerate(("plain18", "plain34")):
        save(SessionState(architecture=to_json(preset(name))), file)
        os.utime(file, (number, number))
        put_by(file)
    assert not file.exists()
    last = put_by_last(file)
    assert last is not None
    assert Session(restore(last)[0]).architecture == preset("plain34")
    last.unlink()
    before = put_by_last(file)
    assert before is not None
    assert Session(restore(before)[0]).architecture == preset("plain18")


@pytest.fixture
def keeper(tmp_path: Path) -> Any:
    """A keeper of a session that the test changes, in a folder that the test blocks."""
    owner, kept = QObject(), SessionState()
    yield SessionAutosaver(lambda: kept, tmp_path / "settings" / "session.json", owner), kept
    shiboken6.delete(owner)


def test_the_session_is_written_while_the_window_is_open(
    qtbot: QtBot, tmp_path: Path, keeper: tuple[SessionAutosaver, SessionState]
) -> None:
    one, kept = keeper
    one.write()
    file = tmp_path / "settings" / "session.json"
    qtbot.waitUntil(file.exists)
    kept.architecture = to_json(preset("plain18"))
    qtbot.waitUntil(lambda: Session(restore(file)[0]).architecture == preset("plain18"), timeout=20_000)
    one.stop()


def test_a_disk_that_fills_is_said_once_and_its_recovery_too(
    qtbot: QtBot, tmp_path: Path, keeper: tuple[SessionAutosaver, SessionState]
) -> None:
    one, kept = keeper
    failures: list[str] = []
    one.failed.connect(failures.append)
    (tmp_path / "settings").write_text("a file where the folder belongs")
    with qtbot.waitSignal(one.failed):
        one.write()
    kept.workspace = 2
    one.write()
    one.stop()
    qtbot.wait(10)
    assert len(failures) == 1
    (tmp_path / "settings").unlink()
    with qtbot.waitSignal(one.recovered):
        one.write()
    assert restore(tmp_path / "settings" / "session.json")[0].workspace == 2


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from resnet_studio.gui.session import Kept
from resnet_studio.gui.session_file import save
from pathlib import Path
file = Path(sys.argv[1])
assert save(Kept(), file) == ""
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
print(save(Kept(workspace=3), file))
"""


def test_a_write_that_fails_half_way_leaves_the_old_session(tmp_path: Path) -> None:
    """The system itself ends the write after 100 bytes, as a full disk does."""
    file = tmp_path / "session.json"
    done = subprocess.run([sys.executable, "-c", LIMITED, str(file)], capture_output=True, text=True, check=True)
    assert "File too large" in done.stdout
    assert "not be remembered" in done.stdout
    assert restore(file) == (SessionState(), "")
    assert list(tmp_path.iterdir()) == [file]


def test_notice_offers_what_can_be_done(qtbot: QtBot) -> None:
    window = MainWindow(SessionState())
    qtbot.addWidget(window)
    taken: list[str] = []
    window.show_notice("Something is kept.", (("Open it", lambda: taken.append("opened")),))
    assert window.banner.text == "Something is kept."
    window.banner.findChild(QPushButton, "bannerOffer").click()
    assert taken == ["opened"]
    window.close()
