"""Undo and redo."""

from __future__ import annotations

from dataclasses import replace

from resnet_studio.gui.session import Session, SessionState
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset


def test_undo_and_redo_go_through_every_edit() -> None:
    session = Session(SessionState())
    changes: list[Architecture] = []
    session.architectureChanged.connect(changes.append)
    for name in ("resnet34", "plain34"):
        session.set_architecture(preset(name))
    session.undo()
    session.undo()
    session.undo()  # there is nothing before the first
    session.redo()
    assert changes == [preset(name) for name in ("resnet34", "plain34", "resnet34", "resnet50", "resnet34")]


def test_edit_after_undo_drops_what_could_be_redone() -> None:
    session = Session(SessionState())
    session.set_architecture(preset("resnet34"))
    session.undo()
    session.set_architecture(preset("resnet18"))
    session.redo()
    assert session.architecture == preset("resnet18")


def test_keys_typed_in_one_field_are_one_edit() -> None:
    session = Session(SessionState())
    for image in (1, 19, 192):
        session.set_architecture(replace(preset("resnet50"), image=image), "image")
    session.set_architecture(replace(preset("resnet50"), image=192, width=3), "width")
    session.undo()
    assert session.architecture == replace(preset("resnet50"), image=192)
    session.undo()
    assert session.architecture == preset("resnet50")
    session.redo()
    session.set_architecture(replace(preset("resnet50"), image=8), "image")  # an undo in between ends the edit
    session.undo()
    assert session.architecture == replace(preset("resnet50"), image=192)


def test_same_value_is_no_edit() -> None:
    session = Session(SessionState())
    session.set_architecture(preset("resnet50"))
    session.undo()
    assert session.architecture == preset("resnet50")
