"""Fields are committed after a pause, on Enter, or on loss of focus. An error reverts the whole edit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.weights.row import SeedField
from resnet_studio.gui.architecture.panel import ArchitecturePanel
from resnet_studio.gui.common import inputs
from resnet_studio.gui.common.inputs import EditCommitter, commit_when_complete
from resnet_studio.gui.session import Session, SessionState
from resnet_studio.gui.training.degradation.form import ExperimentForm
from resnet_studio.gui.training.setup.recipe_form import RecipeForm
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.recipes import RECIPES

Key = Qt.Key
PAUSE = 30
"""Milliseconds; a tenth of a user's, as keys here are pressed without any time between them."""


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "TYPING_PAUSE", PAUSE)


def type_keys(qtbot: QtBot, line: QLineEdit, text: str, *, slowly: bool) -> None:
    """Type a text; with `slowly`, each key is committed before the next."""
    edit = line.findChild(EditCommitter)
    for key in text:
        QTest.keyClicks(line, key)
        if slowly:
            qtbot.waitUntil(lambda: not edit.pending)


class PanelBench:
    """A panel and the session that it edits, connected as in the window."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot, self.panel = qtbot, ArchitecturePanel()
        qtbot.addWidget(self.panel)
        self.session = Session(SessionState(architecture=preset("resnet50")))
        self.seen: list[Architecture] = []
        self.session.architectureChanged.connect(self.seen.append)
        self.session.architectureChanged.connect(self.panel.show_architecture)
        self.panel.architectureRequested.connect(self.session.set_architecture)
        self.panel.show_architecture(self.session.architecture)
        self.panel.show()

    def line(self, field: str) -> QLineEdit:
        line: QLineEdit = self.panel.findChild(QLineEdit, field)
        return line

    def type(self, field: str, text: str, *, slowly: bool = False) -> QLineEdit:
        """Replace the field's text; with `slowly`, each key is committed before the next."""
        line = self.line(field)
        line.setFocus()
        line.selectAll()
        type_keys(self.qtbot, line, text, slowly=slowly)
        return line

    def problem(self, field: str) -> str:
        return str(self.panel.findChild(QLabel, f"{field}Problem").text())


@pytest.fixture
def edited(qtbot: QtBot) -> PanelBench:
    return PanelBench(qtbot)


@pytest.mark.parametrize(
    ("field", "typed"),
    [("channels", "4096"), ("blocks", "3,4,6,3,3,3,3"), ("image", "40960"), ("width", "20480"), ("classes", "12x")],
)
@pytest.mark.parametrize("slowly", [False, True])
def test_an_error_leaves_the_network_as_it_was_before_the_edit(
    edited: PanelBench, field: str, typed: str, slowly: bool
) -> None:
    edited.type(field, typed, slowly=slowly)
    edited.qtbot.keyClick(edited.line(field), Key.Key_Return)
    assert edited.session.architecture == preset("resnet50")
    assert edited.line(field).text() == typed
    assert edited.problem(field)
    assert bool(edited.seen) == slowly  # what was valid for a while was committed, and reverted
    edited.session.undo()
    assert edited.session.architecture == preset("resnet50")  # the edit was reverted, so there is nothing to undo


def test_successive_keys_are_committed_once(edited: PanelBench) -> None:
    edited.type("image", "192")
    assert edited.seen == []
    edited.qtbot.waitUntil(lambda: bool(edited.seen))
    assert edited.seen == [replace(preset("resnet50"), image=192)]


@pytest.mark.parametrize("leave", [Key.Key_Return, Key.Key_Enter, Key.Key_Tab, Key.Key_Backtab])
def test_enter_and_loss_of_focus_commit_at_once(edited: PanelBench, leave: Qt.Key) -> None:
    line = edited.type("image", "192")
    edited.qtbot.keyClick(line, leave)
    assert edited.seen == [replace(preset("resnet50"), image=192)]
    edited.qtbot.wait(2 * PAUSE)
    assert len(edited.seen) == 1


def test_another_field_is_another_edit(edited: PanelBench) -> None:
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


def test_an_edit_committed_in_several_steps_is_undone_as_one_and_the_next_separately(edited: PanelBench) -> None:
    edited.type("image", "192", slowly=True)
    assert [architecture.image for architecture in edited.seen] == [1, 19, 192]
    edited.qtbot.keyClick(edited.line("image"), Key.Key_Return)
    edited.type("image", "64")
    edited.qtbot.keyClick(edited.line("image"), Key.Key_Return)
    edited.session.undo()
    assert edited.session.architecture.image == 192
    edited.session.undo()
    assert edited.session.architecture.image == 224


def test_pending_text_is_dropped_when_the_architecture_changes(edited: PanelBench) -> None:
    edited.type("image", "19")
    edited.session.set_architecture(preset("plain18"))  # dropped on the window
    assert edited.line("image").text() == "224"
    edited.qtbot.wait(2 * PAUSE)
    assert edited.session.architecture == preset("plain18")
    edited.qtbot.keyClicks(edited.line("image"), "99")  # an edit of the new network: 22499 is too large
    edited.qtbot.keyClick(edited.line("image"), Key.Key_Return)
    assert edited.session.architecture == preset("plain18")


class FormBench:
    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot, self.form = qtbot, RecipeForm()
        qtbot.addWidget(self.form)
        self.form.show_recipe(RECIPES["digits-quick"])
        self.seen: list[Recipe] = []
        self.form.recipeRequested.connect(self.seen.append)
        self.form.show()

    def line(self, field: str) -> QLineEdit:
        line: QLineEdit = self.form.findChild(QLineEdit, field)
        return line

    def type(self, field: str, text: str, *, slowly: bool = False) -> QLineEdit:
        line = self.line(field)
        line.setFocus()
        line.selectAll()
        type_keys(self.qtbot, line, text, slowly=slowly)
        return line


@pytest.fixture
def formed(qtbot: QtBot) -> FormBench:
    return FormBench(qtbot)


@pytest.mark.parametrize(("field", "typed"), [("batch_size", "99999999"), ("length", "12.5"), ("lr", "0.1x")])
@pytest.mark.parametrize("slowly", [False, True])
def test_an_error_leaves_the_recipe_as_it_was_before_the_edit(
    formed: FormBench, field: str, typed: str, slowly: bool
) -> None:
    line = formed.type(field, typed, slowly=slowly)
    formed.qtbot.keyClick(line, Key.Key_Return)
    assert (formed.seen or [RECIPES["digits-quick"]])[-1] == RECIPES["digits-quick"]
    assert line.text() == typed
    assert not formed.form.is_valid()
    assert formed.form.findChild(QLabel, f"{field}Problem").text()


def test_a_recipes_field_is_committed_when_it_is_complete(formed: FormBench) -> None:
    before = RECIPES["digits-quick"]
    formed.type("batch_size", "64")
    assert formed.seen == []
    formed.form.commit()  # like Start
    assert formed.seen == [replace(before, batch_size=64)]
    formed.type("length", "12")
    formed.qtbot.waitUntil(lambda: len(formed.seen) == 2)
    assert formed.seen[-1] == replace(before, batch_size=64, length=12)


def test_fields_of_an_experiment_are_validated_when_they_are_complete(qtbot: QtBot) -> None:
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


def test_a_spin_box_commits_complete_numbers_only(qtbot: QtBot) -> None:
    field, seen = QSpinBox(maximum=999), []
    commit_when_complete(field)
    qtbot.addWidget(field)
    field.valueChanged.connect(seen.append)
    field.show()
    field.lineEdit().selectAll()
    qtbot.keyClicks(field, "128")
    assert seen == []
    qtbot.waitUntil(lambda: seen == [128])
    field.lineEdit().selectAll()
    qtbot.keyClick(field, Key.Key_Delete)
    qtbot.wait(2 * PAUSE)
    assert field.lineEdit().text() == ""  # an empty field stays empty until something is typed
    qtbot.keyClicks(field, "7")
    qtbot.keyClick(field, Key.Key_Return)
    assert seen == [128, 7]


def test_a_seed_is_committed_when_it_is_complete(qtbot: QtBot) -> None:
    field, seen = SeedField(), []
    qtbot.addWidget(field)
    field.seedRequested.connect(seen.append)
    field.show()
    field.lineEdit().selectAll()
    qtbot.keyClicks(field, "42")
    assert seen == []
    qtbot.waitUntil(lambda: seen == [42])
