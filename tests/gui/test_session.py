"""Undo and redo."""

from __future__ import annotations

from dataclasses import replace

from resnet_studio.gui.session import Session, SessionState
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset


def test_undo_goes_back_through_every_edit_and_redo_forth() -> None:
    session = Session(SessionState())
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
    session = Session(SessionState())
    session.take(preset("resnet34"))
    session.undo()
    session.take(preset("resnet18"))
    session.redo()
    assert session.architecture == preset("resnet18")


def test_keys_typed_in_one_field_are_one_edit() -> None:
    session = Session(SessionState())
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
    session = Session(SessionState())
    session.take(preset("resnet50"))
    session.undo()
    assert session.architecture == preset("resnet50")
