"""The form of a recipe: named recipes and data on top, then the main fields, the rest under "More"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from resnet_studio.gui.common.form import FormRows
from resnet_studio.gui.common.helpers import separator, set_names
from resnet_studio.gui.common.inputs import ComboBox, EditCommitter, SegmentedControl
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.setup.data_picker import DataPicker
from resnet_studio.gui.training.setup.recipe_fields import (
    MAIN_FIELDS,
    MORE_FIELDS,
    RECIPE_TIPS,
    RecipeField,
    field_text,
    has_effect,
)
from resnet_studio.inference.values import Device
from resnet_studio.training.recipe import Recipe, RecipeError, Schedule, Unit
from resnet_studio.training.recipe_edits import (
    matching_recipe,
    with_data,
    with_recipe,
    with_schedule,
    with_texts,
    with_unit,
)
from resnet_studio.training.recipes import RECIPES

CUSTOM = "custom"
OPEN, CLOSED = "▾  More", "▸  More"
LABELS, UNIT, UNITS_WIDTH = 88, 44, 128
UNITS = {"epochs": "epochs", "steps": "steps"}


class RecipeForm(QWidget):
    """Shows a recipe and emits `recipeRequested` with the edited one.

    A text is applied as soon as it is complete. An invalid one stays in its field with an error under it, and the
    recipe is the one from before that edit.
    """

    recipeRequested = Signal(object)
    validityChanged = Signal(bool)
    """Whether all fields are valid."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("recipeForm")
        self._recipe = Recipe()
        self._depth = 0
        self._per_epoch: int | None = None
        self._rejected: dict[str, str] = {}
        self._edits: dict[str, EditCommitter] = {}
        self._before_edit: Recipe | None = None
        """The recipe before the edit in progress, if there is one."""
        tip = "Recipes from the paper and for small data sets"
        self._recipe_choice, self._data = ComboBox({}, "recipe", "Recipe", tip), DataPicker()
        self._rows = FormRows(LABELS)
        self._units: list[QLabel] = []
        self._lines: dict[str, QLineEdit] = {}
        self._choices: dict[str, ComboBox | SegmentedControl] = {}
        self._add_recipe_and_data()
        for name, row in MAIN_FIELDS.items():
            self._add(name, row)
        self._more = self._make_more()
        for name, row in MORE_FIELDS.items():
            self._add(name, row)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        column.addLayout(self._rows)
        column.addStretch(1)
        self.show_recipe(self._recipe)

    def show_recipe(self, recipe: Recipe) -> None:
        """Show every field's value. Invalid texts stay as long as the recipe is still the form's own."""
        if recipe != self._recipe:
            self._rejected.clear()
            self._before_edit = None
            for edit in self._edits.values():
                edit.discard()
        self._recipe = recipe
        self._recipe_choice.set_value(matching_recipe(recipe) or CUSTOM)
        self._data.show_data(recipe.data)
        for name, choice in self._choices.items():
            choice.set_value(field_text(recipe, name))
        for name, line in self._lines.items():
            being_typed = name in self._rejected or self._edits[name].pending
            if not being_typed and not _is_value(line.text(), recipe, name):
                line.setText(field_text(recipe, name))
        for label in self._units:
            label.setText(recipe.unit)
        self._show_problems()

    def show_devices(self, devices: Sequence[Device]) -> None:
        """Offer these devices to train on."""
        names = {device.name: device.label for device in devices}
        choice = cast(ComboBox, self._choices["device"])
        choice.set_values(names, {name: name for name in names})
        choice.set_value(self._recipe.device)

    def mark_downloaded(self, data: str) -> None:
        """Show that data set without a download size."""
        self._data.mark_downloaded(data)

    def show_steps_per_epoch(self, steps: int | None) -> None:
        """Set the steps per epoch that convert a length between epochs and steps."""
        self._per_epoch = steps

    def show_depth(self, depth: int) -> None:
        """Set the network's depth: deep ones have a different recipe for CIFAR."""
        self._depth = depth

    def commit(self) -> None:
        """Apply texts that are still being typed."""
        for edit in self._edits.values():
            edit.commit()

    def is_valid(self) -> bool:
        """Whether all fields are valid."""
        return not self._rejected

    def request_data(self, data: str) -> None:
        """Request that data set or folder, with a suitable recipe."""
        self._request("data", lambda: with_data(self._recipe, data, self._depth))

    def _add_recipe_and_data(self) -> None:
        self._recipe_choice.set_values({name: name for name in (*RECIPES, CUSTOM)}, RECIPE_TIPS)
        self._recipe_choice.valueSelected.connect(self._on_recipe_selected)
        self._data.dataRequested.connect(self.request_data)
        self._rows.add_field("recipe", "Recipe", self._recipe_choice)
        self._rows.add_field("data", "Data", self._data)

    def _add(self, name: str, row: RecipeField) -> None:
        if row.values:
            self._rows.add_field(name, row.label, self._make_choice(name, row))
            return
        line = set_names(QLineEdit(), name, row.label, row.tip)
        self._edits[name] = edit = EditCommitter(line)
        edit.editingStarted.connect(self._begin_edit)
        edit.committed.connect(lambda text: self._on_text_committed(name, text))
        self._lines[name] = line
        suffix: QWidget | None = None
        if name == "length":
            suffix = self._make_choice("unit", RecipeField("Unit", row.tip, UNITS))
            suffix.setFixedWidth(UNITS_WIDTH)
        elif row.unit:
            suffix = QLabel("epochs" if row.unit == "unit" else row.unit)
            suffix.setProperty("quiet", True)
            suffix.setMinimumWidth(UNIT)
            if row.unit == "unit":
                self._units.append(suffix)
        self._rows.add_field(name, row.label, _line_with_suffix(line, suffix) if suffix else line, line)

    def _make_choice(self, name: str, row: RecipeField) -> QWidget:
        choice: ComboBox | SegmentedControl
        if row.listed:
            choice = ComboBox(row.values, name, row.label, row.tip)
        else:
            choice = SegmentedControl(row.values, name, row.label, dict.fromkeys(row.values, row.tip))
        choice.valueSelected.connect(lambda value: self._on_value_selected(name, value))
        self._choices[name] = choice
        return choice

    def _make_more(self) -> QToolButton:
        more = set_names(QToolButton(), "moreFields", "More fields", "Warm-up, decay, precision, seed and others")
        more.setText(CLOSED)
        more.setCheckable(True)
        more.setAutoRaise(True)
        more.setProperty("disclosure", True)
        more.toggled.connect(self._update_rows)
        self._rows.addRow(separator())
        self._rows.addRow(more)
        return more

    def _update_rows(self) -> None:
        """Show the fields that have an effect; those under "More" only while it is open."""
        opened = self._more.isChecked()
        self._more.setText(OPEN if opened else CLOSED)
        for name in (*MAIN_FIELDS, *MORE_FIELDS):
            self._rows.set_field_visible(name, has_effect(self._recipe, name) and (opened or name in MAIN_FIELDS))

    def _on_recipe_selected(self, name: str) -> None:
        if name == CUSTOM or with_recipe(self._recipe, name):
            self._request("recipe", lambda: with_recipe(self._recipe, name) if name != CUSTOM else self._recipe)
            return
        self._recipe_choice.set_value(matching_recipe(self._recipe) or CUSTOM)
        self._data.ask_for_folder(
            lambda path: self._request("recipe", lambda: with_recipe(replace(self._recipe, data=path), name))
        )

    def _on_value_selected(self, name: str, value: str) -> None:
        if name == "unit":
            self._request("length", lambda: with_unit(self._recipe, cast(Unit, value), self._per_epoch))
        elif name == "schedule":
            self._request("schedule", lambda: with_schedule(self._recipe, cast(Schedule, value)))
        else:
            self._apply_text(name, value)

    def _begin_edit(self) -> None:
        self._before_edit = self._recipe

    def _on_text_committed(self, name: str, text: str) -> None:
        before = self._before_edit or self._recipe
        self._apply_text(name, text, before)
        self._before_edit = before

    def _apply_text(self, name: str, text: str, before: Recipe | None = None) -> None:
        """Apply a field's text. An invalid text leaves the recipe as it was `before`."""
        texts = self._rejected | {name: text}
        recipe, wrong = with_texts(before or self._recipe, texts)
        self._rejected = {field: texts[field] for field in wrong if has_effect(recipe, field)}
        self._emit_recipe(recipe)

    def _request(self, field: str, edited: Callable[[], Recipe | None]) -> None:
        """Emit the edited recipe, or show at the field why it is invalid."""
        try:
            recipe = edited()
        except RecipeError as error:
            self.show_recipe(self._recipe)
            self._rows.set_error(field, error.reason)
        else:
            self._rejected.clear()
            self._emit_recipe(recipe or self._recipe)

    def _emit_recipe(self, recipe: Recipe) -> None:
        changed, self._recipe = recipe != self._recipe, recipe
        self.show_recipe(recipe)
        if changed:
            self.recipeRequested.emit(recipe)

    def _show_problems(self) -> None:
        """Show each error at its own field if that is visible, else at the field that was edited."""
        _, wrong = with_texts(self._recipe, self._rejected)
        if any(name in MORE_FIELDS for name in wrong):
            self._more.setChecked(True)
        self._update_rows()
        messages = {
            error.field if self._is_visible(error.field) else name: error.reason for name, error in wrong.items()
        }
        for name in self._rows.field_names():
            self._rows.set_error(name, messages.get(name, ""))
        self.validityChanged.emit(not self._rejected)

    def _is_visible(self, name: str) -> bool:
        return name in self._rows.field_names() and self._rows.is_field_visible(name)


def _is_value(text: str, recipe: Recipe, name: str) -> bool:
    """Whether a line's text, however it is written, means the recipe's value."""
    read, wrong = with_texts(recipe, {name: text})
    return not wrong and read == recipe


def _line_with_suffix(line: QLineEdit, suffix: QWidget) -> QWidget:
    container = QWidget()
    row = QHBoxLayout(container)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    row.addWidget(line, 1)
    row.addWidget(suffix)
    container.setFocusProxy(line)
    return container
