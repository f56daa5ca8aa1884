"""Undo, and what one start leaves to the next."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_studio.gui.session import VERSION, Kept, Session, restore, save
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.presets import preset


def test_undo_goes_back_through_every_edit_and_redo_forth() -> None:
    session = Session(Kept())
    seen: list[Architecture] = []
    session.architecture_changed.connect(seen.append)
    for name in ("resnet34", "plain34"):
        session.take(preset(name))
    session.undo()
    session.undo()
    session.undo()  # nothing is before the first
    session.redo()
    assert seen == [preset(name) for name in ("resnet34", "plain34", "resnet34", "resnet50", "resnet34")]


def test_edit_after_undo_drops_what_could_be_redone() -> None:
    session = Session(Kept())
    session.take(preset("resnet34"))
    session.undo()
    session.take(preset("resnet18"))
    session.redo()
    assert session.architecture == preset("resnet18")


def test_keys_typed_in_one_field_are_one_edit() -> None:
    session = Session(Kept())
    for image in (1, 19, 192):
        session.take(replace(preset("resnet50"), image=image), "image")
    session.take(replace(preset("resnet50"), image=192, width=3), "width")
    session.undo()
    assert session.architecture == replace(preset("resnet50"), image=192)
    session.undo()
    assert session.architecture == preset("resnet50")
    session.redo()
    session.take(replace(preset("resnet50"), image=8), "image")  # what was undone in between is not typed on
    session.undo()
    assert session.architecture == replace(preset("resnet50"), image=192)


def test_same_value_is_no_edit() -> None:
    session = Session(Kept())
    session.take(preset("resnet50"))
    session.undo()
    assert session.architecture == preset("resnet50")


def test_session_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "session.json"
    kept = Kept(architecture=to_json(preset("vgg19")), workspace=2, compared=[None, to_json(preset("plain18"))])
    assert save(kept, file) == ""
    assert restore(file) == (kept, "")


def test_first_start_has_resnet50_and_says_nothing(tmp_path: Path) -> None:
    kept, complaint = restore(tmp_path / "session.json")
    assert Session(kept).architecture == preset("resnet50")
    assert complaint == ""


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"version": 1, "other": 2}', '{"version": 1, "workspace": "x"}']
)
def test_corrupt_session_is_set_aside(tmp_path: Path, content: str) -> None:
    file = tmp_path / "session.json"
    file.write_text(content)
    kept, complaint = restore(file)
    assert kept == Kept()
    assert "session.json.bad" in complaint
    assert (tmp_path / "session.json.bad").read_text() == content


def test_newer_session_is_neither_read_nor_rewritten(tmp_path: Path) -> None:
    file = tmp_path / "session.json"
    newer = json.dumps({"version": VERSION + 1, "unknown": True})
    file.write_text(newer)
    kept, complaint = restore(file)
    assert "newer version" in complaint
    assert save(kept, file) == ""
    assert file.read_text() == newer


def test_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert "can't be kept" in save(Kept(), blocked / "session.json")
