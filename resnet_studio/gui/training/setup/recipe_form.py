"""The fields of a recipe: named recipes and data on top, then what matters most, the rest under "More"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from resnet_studio.gui.common.form import FormRows
from resnet_studio.gui.common.helpers import named, rule
from resnet_studio.gui.common.inputs import ComboBox, EditCommitter, SegmentedControl
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.setup.data_picker import DataPicker
from resnet_studio.gui.training.setup.recipe_fields import MATTERS, MORE, RECIPE_TIPS, RecipeField, meant, text_of
from resnet_studio.inference.values import Device
from resnet_studio.training.recipe import Recipe, RecipeError, Schedule, Unit
from resnet_studio.training.recipe_edits import shown_name, with_data, with_recipe, with_schedule, with_texts, with_unit
from resnet_studio.training.recipes import RECIPES

CUSTOM = "custom"
OPEN, CLOSED = "▾  More", "▸  More"
LABELS, UNIT, UNITS_WIDTH = 88, 44, 128
UNITS = {"epochs": "epochs", "steps": "steps"}


class RecipeForm(QWidget):
    """Shows a recipe and emits `wished` with the one that an edit asks for.

    A field is taken when it is whole. What no training can have is said under its field and waits there; the recipe is
    the one from before that field was edited.
    """

    wished = Signal(object)
    standing_changed = Signal(bool)
    """Whether every field is right."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("recipeForm")
        self._recipe = Recipe()
        self._depth = 0
        self._per_epoch: int | None = None
        self._waiting: dict[str, str] = {}
        self._edits: dict[str, EditCommitter] = {}
        self._before: Recipe | None = None
        """What was shown before the edit that is going on, if one is."""
        tip = "Named recipes: the paper's, and those that suit the small data sets"
        self._recipe_choice, self._data = ComboBox({}, "recipe", "Recipe", tip), DataPicker()
        self._rows = FormRows(LABELS)
        self._units: list[QLabel] = []
        self._lines: dict[str, QLineEdit] = {}
        self._choices: dict[str, ComboBox | SegmentedControl] = {}
        self._add_recipe_and_data()
        for name, row in MATTERS.items():
            self._add(name, row)
        self._more = self._make_more()
        for name, row in MORE.items():
            self._add(name, row)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        column.addLayout(self._rows)
        column.addStretch(1)
        self.show_recipe(self._recipe)

    def show_recipe(self, recipe: Recipe) -> None:
        """Show every field's value. What waits to be corrected stays as long as the recipe is the one of the form."""
        if recipe != self._recipe:
            self._waiting.clear()
            self._before = None
            for edit in self._edits.values():
                edit.drop()
        self._recipe = recipe
        self._recipe_choice.show_value(shown_name(recipe) or CUSTOM)
        self._data.show_data(recipe.data)
        for name, choice in self._choices.items():
            choice.show_value(text_of(recipe, name))
        for name, line in self._lines.items():
            being_typed = name in self._waiting or self._edits[name].pending
            if not being_typed and not _means(line.text(), recipe, name):
                line.setText(text_of(recipe, name))
        for label in self._units:
            label.setText(recipe.unit)
        self._show_problems()

    def show_devices(self, devices: Sequence[Device]) -> None:
        """Offer these to train on."""
        names = {device.name: device.label for device in devices}
        choice = cast(ComboBox, self._choices["device"])
        choice.show_values(names, {name: name for name in names})
        choice.show_value(self._recipe.device)

    def show_here(self, data: str) -> None:
        """That data set needs no download any more."""
        self._data.show_here(data)

    def show_steps_per_epoch(self, steps: int | None) -> None:
        """With this a length goes from epochs to steps and back."""
        self._per_epoch = steps

    def show_depth(self, depth: int) -> None:
        """How many layers the network has: deep ones have another recipe for CIFAR."""
        self._depth = depth

    def finish(self) -> None:
        """Take what is being typed now."""
        for edit in self._edits.values():
            edit.finish()

    def right(self) -> bool:
        """Whether every field is."""
        return not self._waiting

    def take_data(self, data: str) -> None:
        """The user wants to train on that data set, or on that folder."""
        self._wish("data", lambda: with_data(self._recipe, data, self._depth))

    def _add_recipe_and_data(self) -> None:
        self._recipe_choice.show_values({name: name for name in (*RECIPES, CUSTOM)}, RECIPE_TIPS)
        self._recipe_choice.chosen.connect(self._take_recipe)
        self._data.data_wished.connect(self.take_data)
        self._rows.add("recipe", "Recipe", self._recipe_choice)
        self._rows.add("data", "Data", self._data)

    def _add(self, name: str, row: RecipeField) -> None:
        if row.values:
            self._rows.add(name, row.label, self._make_choice(name, row))
            return
        line = named(QLineEdit(), name, row.label, row.tip)
        self._edits[name] = edit = EditCommitter(line)
        edit.began.connect(self._begin)
        edit.whole.connect(lambda text: self._take_typed(name, text))
        self._lines[name] = line
        behind: QWidget | None = None
        if name == "length":
            behind = self._make_choice("unit", RecipeField("Unit", row.tip, UNITS))
            behind.setFixedWidth(UNITS_WIDTH)
        elif row.unit:
            behind = QLabel("epochs" if row.unit == "unit" else row.unit)
            behind.setProperty("quiet", True)
            behind.setMinimumWidth(UNIT)
            if row.unit == "unit":
                self._units.append(behind)
        self._rows.add(name, row.label, _beside(line, behind) if behind else line, line)

    def _make_choice(self, name: str, row: RecipeField) -> QWidget:
        choice: ComboBox | SegmentedControl
        if row.listed:
            choice = ComboBox(row.values, name, row.label, row.tip)
        else:
            choice = SegmentedControl(row.values, row.label, dict.fromkeys(row.values, row.tip))
            choice.setObjectName(name)
        choice.chosen.connect(lambda value: self._take_value(name, value))
        self._choices[name] = choice
        return choice

    def _make_more(self) -> QToolButton:
        more = named(QToolButton(), "moreFields", "More fields", "Warm-up, decay, precision, seed and others")
        more.setText(CLOSED)
        more.setCheckable(True)
        more.setAutoRaise(True)
        more.setProperty("disclosure", True)
        more.toggled.connect(self._show_rows)
        self._rows.addRow(rule())
        self._rows.addRow(more)
        return more

    def _show_rows(self) -> None:
        """Every field that means something; those under "More" while it is open."""
        opened = self._more.isChecked()
        self._more.setText(OPEN if opened else CLOSED)
        for name in (*MATTERS, *MORE):
            self._rows.show_row(name, meant(self._recipe, name) and (opened or name in MATTERS))

    def _take_recipe(self, name: str) -> None:
        if name == CUSTOM or with_recipe(self._recipe, name):
            self._wish("recipe", lambda: with_recipe(self._recipe, name) if name != CUSTOM else self._recipe)
            return
        self._recipe_choice.show_value(shown_name(self._recipe) or CUSTOM)
        self._data.ask_for_folder(
            lambda path: self._wish("recipe", lambda: with_recipe(replace(self._recipe, data=path), name))
        )

    def _take_value(self, name: str, value: str) -> None:
        if name == "unit":
            self._wish("length", lambda: with_unit(self._recipe, cast(Unit, value), self._per_epoch))
        elif name == "schedule":
            self._wish("schedule", lambda: with_schedule(self._recipe, cast(Schedule, value)))
        else:
            self._take_text(name, value)

    def _begin(self) -> None:
        self._before = self._recipe

    def _take_typed(self, name: str, text: str) -> None:
        before = self._before or self._recipe
        self._take_text(name, text, before)
        self._before = before

    def _take_text(self, name: str, text: str, before: Recipe | None = None) -> None:
        """Take a field's text; what can't be taken leaves the recipe as it was `before`."""
        texts = self._waiting | {name: text}
        recipe, wrong = with_texts(before or self._recipe, texts)
        self._waiting = {field: texts[field] for field in wrong if meant(recipe, field)}
        self._tell(recipe)

    def _wish(self, field: str, wished: Callable[[], Recipe | None]) -> None:
        """Emit what the edit asks for, or say at its field why no training is like that."""
        try:
            recipe = wished()
        except RecipeError as error:
            self.show_recipe(self._recipe)
            self._rows.show_problem(field, _why(error))
        else:
            self._waiting.clear()
            self._tell(recipe or self._recipe)

    def _tell(self, recipe: Recipe) -> None:
        changed, self._recipe = recipe != self._recipe, recipe
        self.show_recipe(recipe)
        if changed:
            self.wished.emit(recipe)

    def _show_problems(self) -> None:
        """What is wrong, each at its own field if that is in sight, else at the one that was typed in."""
        _, wrong = with_texts(self._recipe, self._waiting)
        if any(name in MORE for name in wrong):
            self._more.setChecked(True)
        self._show_rows()
        said = {error.field if self._in_sight(error.field) else name: _why(error) for name, error in wrong.items()}
        for name in self._rows.fields():
            self._rows.show_problem(name, said.get(name, ""))
        self.standing_changed.emit(not self._waiting)

    def _in_sight(self, name: str) -> bool:
        return name in self._rows.fields() and self._rows.shows(name)


def _means(text: str, recipe: Recipe, name: str) -> bool:
    """Whether a line's text, however it is written, is the recipe's value."""
    read, wrong = with_texts(recipe, {name: text})
    return not wrong and read == recipe


def _why(error: RecipeError) -> str:
    return str(error).removeprefix(f"{error.field}: ")


def _beside(line: QLineEdit, behind: QWidget) -> QWidget:
    held = QWidget()
    row = QHBoxLayout(held)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    row.addWidget(line, 1)
    row.addWidget(behind)
    held.setFocusProxy(line)
    return held
