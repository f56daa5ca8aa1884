"""The session file: only invalid entries are lost, and the user is message which."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio import codec
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import VERSION, Session, SessionState
from resnet_studio.gui.session_file import (
    ENTRY_NAMES,
    SessionAutosaver,
    archive,
    newest_archived,
    restore,
    save,
)
from resnet_studio.inference.ab import SideBOverrides
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import RandomWeights
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.own_module import ModuleSource
from resnet_studio.networks.presets import preset

FULL = SessionState(
    architecture=preset("plain34"),
    module=ModuleSource("/networks/net.py", "make", 64, 96, 1),
    compared=[None, preset("vgg19")],
    workspace=3,
    image="sample:flower",
    images=["/photographs/one.png", "sample:flower"],
    recent=["/photographs"],
    handles=ImageTransforms(zoom=2.0, flipped=True),
    keep_handles=True,
    weights=RandomWeights(3),
    layer="layer1.0",
    activations_page=2,
    compare_page=1,
    scatter_source="all",
    scatter_x="parameters",
    scatter_y="seconds",
    pins=[("layer1.0", 3)],
    beside=SideBOverrides(image="sample:china"),
    theme="dark",
    geometry=b"\x01\xd9\xd0\xcb\0\x03\0\0",
    training_page=1,
    figure_networks=[preset("vgg19"), None],
    figure_form="block",
    figure_repeated="all",
    figure_color="flops",
    figure_palette="print",
    stop_runs=True,
    flop_unit="operations",
    hidden_columns=["kernel"],
    sweep={"width": "32..96:16", "max_macs": "1G"},
)
"""A session in which nearly every entry differs from the default."""
VALUES: dict[str, Any] = codec.to_json(FULL)
"""The same as JSON."""
ENTRIES = [entry.name for entry in fields(SessionState) if entry.name != "version"]
INVALID_VALUES = [
    None,
    5,
    -1,
    1e400,
    float("nan"),
    10**400,
    True,
    "",
    "no\0path",
    "\ud800",
    [],
    [[]],
    {},
    {"a": {"b": 1}},
]


def written(folder: Path, values: object) -> Path:
    file = folder / "session.json"
    file.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
    return file


def test_session_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "session.json"
    assert save(FULL, file) == ""
    assert restore(file) == (FULL, "")


def test_first_start_has_resnet50_and_no_message(tmp_path: Path) -> None:
    state, message = restore(tmp_path / "session.json")
    assert Session(state).architecture == preset("resnet50")
    assert message == ""


def test_every_entry_has_a_name() -> None:
    assert {*ENTRIES, "version"} == ENTRY_NAMES.keys()


def test_the_file_has_the_names_and_forms_of_version_0_1() -> None:
    expected = {
        "version": 3, "architecture": to_json(preset("plain34")), "compared": [None, to_json(preset("vgg19"))],
        "module": {"path": "/networks/net.py", "function": "make", "height": 64, "width": 96, "channels": 1},
        "workspace": 3, "image": "sample:flower", "images": ["/photographs/one.png", "sample:flower"],
        "recent": ["/photographs"], "handles": {"zoom": 2.0, "flipped": True}, "keep_handles": True,
        "weights": '{"seed": 3}', "layer": "layer1.0", "activations_page": 2,
        "compare_page": 1, "scatter_source": "all", "scatter_x": "parameters", "scatter_y": "seconds",
        "pins": [["layer1.0", 3]], "beside": {"image": "sample:china"}, "device": "cpu",
        "theme": "dark", "geometry": "AdnQywADAAA=",
        "unclean": 0, "recipe": None, "training_page": 1, "stop_runs": True,
            "flop_unit": "operations", "hidden_columns": ["kernel"],
            "sweep": {"width": "32..96:16", "max_macs": "1G"},
        "figure_networks": [to_json(preset("vgg19")), None], "figure_form": "block", "figure_repeated": "all",
        "figure_color": "flops", "figure_palette": "print",
    }  # fmt: skip
    assert expected == {**VALUES, "recipe": None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("geometry", 5), ("geometry", "no base64!"), ("workspace", 1e400), ("workspace", "x"), ("workspace", True),
        ("workspace", 999), ("workspace", -1), ("activations_page", 10**400), ("training_page", 4), ("theme", "blue"),
        ("compare_page", 3), ("scatter_source", "moon"), ("scatter_x", "beauty"),
        ("figure_networks", []), ("figure_form", "round"),
        ("figure_color", 1), ("figure_palette", None), ("figure_repeated", True),
        ("theme", ["dark"]), ("architecture", {}), ("architecture", []), ("architecture", {"width": 0}),
        ("compared", []), ("compared", 3), ("image", 7), ("image", "a\0b"), ("images", {"a": 1}), ("recent", None),
        ("handles", [1]), ("weights", {"seed": 3}), ("weights", "{"), ("layer", 1.5), ("pins", "layer1.0"),
        ("beside", 4), ("device", None), ("unclean", -1), ("unclean", float("nan")), ("recipe", {"lr": "fast"}),
        ("recipe", None), ("stop_runs", "yes"), ("version", "3"), ("version", None),
    ],
)  # fmt: skip
def test_only_an_invalid_value_is_lost_and_named(tmp_path: Path, name: str, value: object) -> None:
    file = written(tmp_path, VALUES | {name: value})
    before = file.read_bytes()
    state, message = restore(file)
    if not (name == "architecture" and value == {}):  # valid: ResNet-50, as every field has its default
        assert ENTRY_NAMES[name] in message
        assert "session.json.bad" in message
        assert (tmp_path / "session.json.bad").read_bytes() == before
    assert state == replace(FULL, **{name: getattr(SessionState(), name)})


def test_only_an_unknown_entry_is_lost_and_named(tmp_path: Path) -> None:
    state, message = restore(written(tmp_path, VALUES | {"colour": "red", "sound\x1b[31m": 1}))
    assert state == FULL
    assert "the unknown entry “colour”" in message
    assert "“sound?[31m”" in message
    assert "session.json.bad" in message


def test_only_invalid_items_of_a_list_are_lost(tmp_path: Path) -> None:
    wrong = {
        "images": ["/one.png", 5, "a\0b", "/two.png"],
        "recent": [None, "/photographs"],
        "compared": [{"width": -1}, None, to_json(preset("vgg19"))],
        "pins": [["layer1.0", 3], ["layer1.0"], ["layer1.0", -1], 4, ["layer2.0", 1]],
        "handles": {"zoom": 2.0, "brightness": "very", "unknown": 1},
        "beside": {"image": "sample:china", "weights": {"seed": -1}},
    }
    state, message = restore(written(tmp_path, VALUES | wrong))
    assert state.images == ["/one.png", "/two.png"]
    assert state.recent == ["/photographs"]
    assert state.compared == [None, preset("vgg19")]
    assert state.pins == [("layer1.0", 3), ("layer2.0", 1)]
    assert state.handles == ImageTransforms(zoom=2.0)
    assert state.beside == SideBOverrides(image="sample:china")
    assert state.workspace == FULL.workspace
    assert all(ENTRY_NAMES[name] in message for name in wrong)


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("value", INVALID_VALUES, ids=repr)
def test_no_value_prevents_a_start(tmp_path: Path, name: str, value: object) -> None:
    state, _ = restore(written(tmp_path, VALUES | {name: value}))
    assert save(state, tmp_path / "again.json") == ""
    assert restore(tmp_path / "again.json")[0] == state


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "5", "null", '"text"', "\0\0\0", "[" * 100_000, '{"workspace": ' + "9" * 5000 + "}"]
)
def test_a_file_that_is_not_a_session_is_set_aside(tmp_path: Path, content: str) -> None:
    file = written(tmp_path, content)
    state, message = restore(file)
    assert state == SessionState()
    assert "session.json.bad" in message
    assert (tmp_path / "session.json.bad").read_text() == content
    assert not file.exists()
    restore(written(tmp_path, content))
    assert (tmp_path / "session.json.bad-2").read_text() == content


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_a_folder_or_a_pipe_is_set_aside_without_blocking(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "session.json")
    state, message = restore(tmp_path / "session.json")
    assert state == SessionState()
    assert "session.json.bad" in message
    assert save(state, tmp_path / "session.json") == ""


@pytest.mark.parametrize("version", [VERSION + 1, VERSION + 0.5, 10**30, 1e400])
def test_newer_session_is_neither_read_nor_rewritten(tmp_path: Path, version: float) -> None:
    newer = json.dumps({"version": version, "unknown": True, "workspace": 2})
    file = written(tmp_path, newer)
    state, message = restore(file)
    assert "newer version" in message
    assert "not be saved" in message
    assert state.workspace == 0
    assert save(state, file) == ""
    assert file.read_text() == newer
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("wrong", [{"geometry": 5}, {"workspace": 1e400}, {"workspace": 9},
                                   {"pins": [["layer1.0", 10**6]]},
                                   {"device": "cuda:99"}, {"layer": "no such layer"}, {"images": ["/gone.png"] * 200},
                                   {"weights": "/gone.pth"}, {"recipe": {"data": "/gone"}}])  # fmt: skip
def test_window_opens_on_a_session_with_invalid_values(qtbot: QtBot, tmp_path: Path, wrong: dict[str, Any]) -> None:
    state, _ = restore(written(tmp_path, codec.to_json(SessionState(architecture=preset("plain18"))) | wrong))
    window = MainWindow(state)
    qtbot.addWidget(window)
    for number in range(window.workspaces.count()):
        window.workspaces.create_tab(number)
    assert window.controller.session.architecture == preset("plain18")
    window.close()


def test_a_folder_that_cannot_be_written_gives_a_message(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    message = save(SessionState(), blocked / "session.json")
    assert "not be restored" in message
    assert "a file is in the way" in message


def test_archived_sessions_are_found_and_do_not_replace_each_other(tmp_path: Path) -> None:
    file = tmp_path / "session.json"
    assert newest_archived(file) is None
    for number, name in enumerate(("plain18", "plain34")):
        save(SessionState(architecture=preset(name)), file)
        os.utime(file, (number, number))
        archive(file)
    assert not file.exists()
    last = newest_archived(file)
    assert last is not None
    assert Session(restore(last)[0]).architecture == preset("plain34")
    last.unlink()
    before = newest_archived(file)
    assert before is not None
    assert Session(restore(before)[0]).architecture == preset("plain18")


@pytest.fixture
def autosaver(tmp_path: Path) -> Any:
    """An autosaver and the session that it saves, in a folder that a test may block."""
    owner, session = QObject(), Session(SessionState())
    saver = SessionAutosaver(lambda: session.state, tmp_path / "settings" / "session.json", owner)
    yield saver, session
    saver.stop()
    shiboken6.delete(owner)


def test_the_session_is_written_while_the_window_is_open(
    qtbot: QtBot, tmp_path: Path, autosaver: tuple[SessionAutosaver, Session]
) -> None:
    saver, session = autosaver
    saver.write()
    file = tmp_path / "settings" / "session.json"
    qtbot.waitUntil(file.exists)
    session.update(architecture=preset("plain18"))
    qtbot.waitUntil(lambda: Session(restore(file)[0]).architecture == preset("plain18"))
    saver.stop()


def test_a_full_disk_and_its_recovery_are_emitted_once(
    qtbot: QtBot, tmp_path: Path, autosaver: tuple[SessionAutosaver, Session]
) -> None:
    saver, session = autosaver
    failures: list[str] = []
    saver.failed.connect(failures.append)
    (tmp_path / "settings").write_text("a file where the folder belongs")
    with qtbot.waitSignal(saver.failed):
        saver.write()
    session.update(workspace=2)
    saver.write()
    qtbot.waitUntil(lambda: not saver._writer.busy)
    assert len(failures) == 1
    (tmp_path / "settings").unlink()
    with qtbot.waitSignal(saver.recovered):
        saver.write()
    assert restore(tmp_path / "settings" / "session.json")[0].workspace == 2


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.session_file import save
from pathlib import Path
file = Path(sys.argv[1])
assert save(SessionState(), file) == ""
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
print(save(SessionState(workspace=3), file))
"""


def test_a_write_that_fails_halfway_leaves_the_old_session(tmp_path: Path) -> None:
    """A limit on the file size ends the write after 100 bytes, like a full disk."""
    file = tmp_path / "session.json"
    completed = subprocess.run([sys.executable, "-c", LIMITED, str(file)], capture_output=True, text=True, check=True)
    assert "File too large" in completed.stdout
    assert "not be restored" in completed.stdout
    assert restore(file) == (SessionState(), "")
    assert list(tmp_path.iterdir()) == [file]


def test_a_notice_offers_actions(qtbot: QtBot) -> None:
    window = MainWindow(SessionState())
    qtbot.addWidget(window)
    taken: list[str] = []
    window.show_notice("Something is kept.", (("Open it", lambda: taken.append("opened")),))
    assert window.message_bar.text == "Something is kept."
    window.message_bar.findChild(QPushButton, "bannerOffer").click()
    assert taken == ["opened"]
    window.close()
