"""Fields are taken when they are whole: after a pause, at Enter, or when they are left. An error takes all back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.weights.row import SeedField
from resnet_studio.gui.architecture.panel import ArchitecturePanel
from resnet_studio.gui.common.inputs import PAUSE, EditCommitter, take_when_whole
from resnet_studio.gui.session import Session, SessionState
from resnet_studio.gui.training.degradation.form import ExperimentForm
from resnet_studio.gui.training.setup.recipe_form import RecipeForm
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.presets import preset
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.recipes import RECIPES

Key = Qt.Key
SOON = PAUSE + 2000


def type_keys(qtbot: QtBot, line: QLineEdit, text: str, *, slowly: bool) -> None:
    """Type a text; slowly, each key is taken before the next."""
    edit = line.findChild(EditCommitter)
    for key in text:
        QTest.keyClicks(line, key)
        if slowly:
            qtbot.waitUntil(lambda: not edit.pending, timeout=SOON)


class Edited:
    """A panel and the session that it edits, as the window joins them."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot, self.panel = qtbot, ArchitecturePanel()
        qtbot.addWidget(self.panel)
        self.session = Session(SessionState(architecture=to_json(preset("resnet50"))))
        self.seen: list[Architecture] = []
        self.session.architecture_changed.connect(self.seen.append)
        self.session.architecture_changed.connect(self.panel.show_architecture)
        self.panel.wished.connect(self.session.take)
        self.panel.show_architecture(self.session.architecture)
        self.panel.show()

    def line(self, field: str) -> QLineEdit:
        found: QLineEdit = self.panel.findChild(QLineEdit, field)
        return found

    def type(self, field: str, text: str, *, slowly: bool = False) -> QLineEdit:
        """Type a text in the place of what stands there; slowly, each key is taken before the next."""
        line = self.line(field)
        line.setFocus()
        line.selectAll()
        type_keys(self.qtbot, line, text, slowly=slowly)
        return line

    def problem(self, field: str) -> str:
        return str(self.panel.findChild(QLabel, f"{field}Problem").text())


@pytest.fixture
def edited(qtbot: QtBot) -> Edited:
    return Edited(qtbot)


@pytest.mark.parametrize(
    ("field", "typed"),
    [("channels", "4096"), ("blocks", "3,4,6,3,3,3,3"), ("image", "40960"), ("width", "20480"), ("classes", "12x")],
)
@pytest.mark.parametrize("slowly", [False, True])
def test_an_error_leaves_the_network_as_it_was_before_the_edit(
    edited: Edited, field: str, typed: str, slowly: bool
) -> None:
    edited.type(field, typed, slowly=slowly)
    edited.qtbot.keyClick(edited.line(field), Key.Key_Return)
    assert edited.session.architecture == preset("resnet50")
    assert edited.line(field).text() == typed
    assert edited.problem(field)
    assert bool(edited.seen) == slowly  # what was whole for a while was taken, and taken back
    edited.session.undo()
    assert edited.session.architecture == preset("resnet50")  # the edit has come to nothing: nothing is undone


def test_keys_one_after_another_are_taken_once(edited: Edited) -> None:
    edited.type("image", "192")
    assert edited.seen == []
    edited.qtbot.waitUntil(lambda: bool(edited.seen), timeout=SOON)
    assert edited.seen == [replace(preset("resnet50"), image=192)]


@pytest.mark.parametrize("leave", [Key.Key_Return, Key.Key_Enter, Key.Key_Tab, Key.Key_Backtab])
def test_enter_and_leaving_take_at_once(edited: Edited, leave: Qt.Key) -> None:
    line = edited.type("image", "192")
    edited.qtbot.keyClick(line, leave)
    assert edited.seen == [replace(preset("resnet50"), image=192)]
    edited.qtbot.wait(PAUSE + 50)
    assert len(edited.seen) == 1


def test_another_field_is_another_edit(edited: Edited) -> None:
    edited.type("image", "64")
    edited.type("classes", "10")
    edited.qtbot.keyClick(edited.line("classes"), Key.Key_Return)
    small = replace(preset("resnet50"), image=64)
    assert edited.seen == [small, replace(small, classes=10)]
    edited.type("classes", "0")
    edited.qtbot.keyClick(edited.line("classes"), Key.Key_Return)
    assert edited.session.architecture == replace(small, classes=10)
    edited.session.undo()
    assert edited.session.architecture == small


def test_an_edit_taken_at_several_times_is_undone_as_one_and_the_next_by_itself(edited: Edited) -> None:
    edited.type("image", "192", slowly=True)
    assert [architecture.image for architecture in edited.seen] == [1, 19, 192]
    edited.qtbot.keyClick(edited.line("image"), Key.Key_Return)
    edited.type("image", "64")
    edited.qtbot.keyClick(edited.line("image"), Key.Key_Return)
    edited.session.undo()
    assert edited.session.architecture.image == 192
    edited.session.undo()
    assert edited.session.architecture.image == 224


def test_what_is_typed_gives_way_to_what_comes_from_elsewhere(edited: Edited) -> None:
    edited.type("image", "19")
    edited.session.take(preset("plain18"))  # dropped on the window
    assert edited.line("image").text() == "224"
    edited.qtbot.wait(PAUSE + 50)
    assert edited.session.architecture == preset("plain18")
    edited.qtbot.keyClicks(edited.line("image"), "99")  # an edit of the new network: 22499 is too large
    edited.qtbot.keyClick(edited.line("image"), Key.Key_Return)
    assert edited.session.architecture == preset("plain18")


class Formed:
    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot, self.form = qtbot, RecipeForm()
        qtbot.addWidget(self.form)
        self.form.show_recipe(RECIPES["digits-quick"])
        self.seen: list[Recipe] = []
        self.form.wished.connect(self.seen.append)
        self.form.show()

    def line(self, field: str) -> QLineEdit:
        found: QLineEdit = self.form.findChild(QLineEdit, field)
        return found

    def type(self, field: str, text: str, *, slowly: bool = False) -> QLineEdit:
        line = self.line(field)
        line.setFocus()
        line.selectAll()
        type_keys(self.qtbot, line, text, slowly=slowly)
        return line


@pytest.fixture
def formed(qtbot: QtBot) -> Formed:
    return Formed(qtbot)


@pytest.mark.parametrize(("field", "typed"), [("batch_size", "99999999"), ("length", "12.5"), ("lr", "0.1x")])
@pytest.mark.parametrize("slowly", [False, True])
def test_an_error_leaves_the_recipe_as_it_was_before_the_edit(
    formed: Formed, field: str, typed: str, slowly: bool
) -> None:
    line = formed.type(field, typed, slowly=slowly)
    formed.qtbot.keyClick(line, Key.Key_Return)
    assert (formed.seen or [RECIPES["digits-quick"]])[-1] == RECIPES["digits-quick"]
    assert line.text() == typed
    assert not formed.form.right()
    assert formed.form.findChild(QLabel, f"{field}Problem").text()


def test_a_recipes_field_is_taken_when_it_is_whole(formed: Formed) -> None:
    before = RECIPES["digits-quick"]
    formed.type("batch_size", "64")
    assert formed.seen == []
    formed.form.finish()  # as Start does
    assert formed.seen == [replace(before, batch_size=64)]
    formed.type("length", "12")
    formed.qtbot.waitUntil(lambda: len(formed.seen) == 2, timeout=SOON)
    assert formed.seen[-1] == replace(before, batch_size=64, length=12)


def test_choices_of_an_experiment_are_judged_when_they_are_whole(qtbot: QtBot) -> None:
    form = ExperimentForm()
    qtbot.addWidget(form)
    form.show()
    line = next(iter(form.findChildren(QLineEdit)))
    problem = form.findChild(QLabel, "experimentProblem")
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "20,")
    assert not problem.isVisible()
    qtbot.keyClicks(line, "x")
    qtbot.keyClick(line, Key.Key_Return)
    assert problem.isVisible()


def test_a_field_that_can_be_stepped_takes_whole_numbers_only(qtbot: QtBot) -> None:
    field, seen = QSpinBox(maximum=999), []
    take_when_whole(field)
    qtbot.addWidget(field)
    field.valueChanged.connect(seen.append)
    field.show()
    field.lineEdit().selectAll()
    qtbot.keyClicks(field, "128")
    assert seen == []
    qtbot.waitUntil(lambda: seen == [128], timeout=SOON)
    field.lineEdit().selectAll()
    qtbot.keyClick(field, Key.Key_Delete)
    qtbot.wait(PAUSE + 50)
    assert field.lineEdit().text() == ""  # nothing is no number, and stays until something is typed
    qtbot.keyClicks(field, "7")
    qtbot.keyClick(field, Key.Key_Return)
    assert seen == [128, 7]


def test_a_seed_is_taken_whole(qtbot: QtBot) -> None:
    field, seen = SeedField(), []
    qtbot.addWidget(field)
    field.seed_wished.connect(seen.append)
    field.show()
    field.lineEdit().selectAll()
    qtbot.keyClicks(field, "42")
    assert seen == []
    qtbot.waitUntil(lambda: seen == [42], timeout=SOON)
