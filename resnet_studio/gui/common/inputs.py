"""Input widgets: combo box, segmented control, number field, and helpers for editing lines of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QWidget,
)

from resnet_studio.analysis.units import MINUS
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.gui.theme import GRID
from resnet_studio.plain import plain

LONG_LIST = 500
FULL_WIDTH = QComboBox.SizeAdjustPolicy.AdjustToContentsOnFirstShow
FIXED_WIDTH = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class _ValueModel(QAbstractListModel):
    """Values and their labels; a model, as a deep network has thousands of layers of which few are shown."""

    def __init__(self, values: Mapping[str, str], tips: Mapping[str, str], parent: QObject) -> None:
        super().__init__(parent)
        self._values, self._labels, self._tips = list(values), list(values.values()), tips

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent and parent.isValid() else len(self._values)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return plain(self._labels[index.row()])
            case Qt.ItemDataRole.UserRole:
                return self._values[index.row()]
            case Qt.ItemDataRole.ToolTipRole:
                return tooltip(self._tips.get(self._values[index.row()], ""))
        return None


class ComboBox(QComboBox):
    """Emits `valueSelected` when the user selects a value. It ignores the wheel unless it has the focus, so that
    scrolling a form changes nothing."""

    valueSelected = Signal(str)

    def __init__(self, values: Mapping[str, str], object_name: str, accessible_name: str, tooltip: str) -> None:
        """`values` maps what is emitted to what is shown."""
        super().__init__()
        set_names(self, object_name, accessible_name, tooltip)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.set_values(values)
        self.activated.connect(lambda row: self.valueSelected.emit(self.itemData(row)))

    def set_values(self, values: Mapping[str, str], tips: Mapping[str, str] | None = None) -> None:
        """Set the values. The current one stays if it is among them; initially the first is current."""
        current = self.currentData() if self.count() else next(iter(values), "")
        self._rows = {value: row for row, value in enumerate(values)}
        self.setModel(_ValueModel(values, tips or {}, self))  # deletes the previous model
        is_long = len(values) > LONG_LIST
        self.setSizeAdjustPolicy(FIXED_WIDTH if is_long else FULL_WIDTH)  # FULL_WIDTH measures every label
        self.set_value(current)

    def value(self) -> str:
        """The current value; empty if there is none."""
        return str(self.currentData() or "")

    def set_value(self, value: str) -> None:
        """Set the current value without emitting; none if it is not among the values."""
        self.setCurrentIndex(self._rows.get(value, -1))

    def clear_selection(self) -> None:
        """Show no value, if there is nothing to select."""
        self.setCurrentIndex(-1)

    def set_tip(self, text: str) -> None:
        """Set the tooltip of the box."""
        self.setToolTip(text)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Elide a text that doesn't fit; Qt would cut it in the middle of a letter."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        texts: Any = option  # whose attributes the stubs lack
        texts.currentText = self.fontMetrics().elidedText(
            texts.currentText, Qt.TextElideMode.ElideRight, field.width() - 2
        )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


class SegmentedControl(QWidget):
    """Shows all values side by side and emits `valueSelected` when the user selects one; arrow keys move."""

    valueSelected = Signal(str)

    def __init__(
        self, values: Mapping[str, str], object_name: str, accessible_name: str, tips: Mapping[str, str] | None = None,
        *, stretches: bool = True,
    ) -> None:  # fmt: skip
        """`values` maps what is emitted to what is shown; the first one is selected."""
        super().__init__()
        set_names(self, object_name, accessible_name)
        self._values = tuple(values)
        self._buttons = QButtonGroup(self)
        if not stretches:
            self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for number, (value, label) in enumerate(values.items()):
            button = set_names(QToolButton(), "", f"{accessible_name}: {label}", (tips or {}).get(value, ""))
            button.setText(label)
            button.setCheckable(True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setProperty("segment", "first" if number == 0 else "last" if number == len(values) - 1 else "middle")
            self._buttons.addButton(button, number)
            row.addWidget(button)
        self.set_value(self._values[0])
        self.setFocusProxy(self._buttons.button(0))
        self._buttons.idClicked.connect(lambda number: self.valueSelected.emit(self._values[number]))

    def value(self) -> str:
        """The current value; empty after `clear_selection`."""
        number = self._buttons.checkedId()
        return self._values[number] if number >= 0 else ""

    def set_value(self, value: str) -> None:
        """Set the current value without emitting."""
        self._buttons.button(self._values.index(value)).setChecked(True)

    def clear_selection(self) -> None:
        """Uncheck all values, if there is nothing to select."""
        self._buttons.setExclusive(False)
        for button in self._buttons.buttons():
            button.setChecked(False)
        self._buttons.setExclusive(True)

    def set_dense(self) -> None:
        """Leave little space around the labels, for long ones in a narrow column."""
        for button in self._buttons.buttons():
            button.setProperty("dense", True)

    def set_tip(self, text: str) -> None:
        """Set the tooltip of all buttons."""
        for button in self._buttons.buttons():
            button.setToolTip(text)

    def button(self, value: str) -> QToolButton:
        """The button of one value."""
        button: QToolButton = self._buttons.button(self._values.index(value))  # type: ignore[assignment]
        return button

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        number = min(max(self._buttons.checkedId() + step, 0), len(self._values) - 1)
        self._buttons.button(number).setFocus()
        self._buttons.button(number).click()


MAX_VALUE = 3e38
"""Just below the largest float32."""


class NumberField(QLineEdit):
    """Emits `numberEntered` when editing finishes with a number; invalid text is marked."""

    numberEntered = Signal(float)

    def __init__(self, name: str, accessible_name: str) -> None:
        super().__init__()
        set_names(self, name, accessible_name, f"{accessible_name}; press Enter to apply")
        self._value = 0.0
        self.setFixedWidth(12 * GRID)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.editingFinished.connect(self._on_editing_finished)

    def set_number(self, value: float) -> None:
        """Show a number in four digits; an unchanged number leaves what is being typed."""
        if value != self._value or not self.text():
            self._value = value
            self.setText(_number_text(value))
            self.setToolTip(f"{value!r}\n{self.accessibleName()}; press Enter to apply")
            self.set_invalid(invalid=False)

    def set_invalid(self, *, invalid: bool) -> None:
        """Mark the text as invalid, or not."""
        if self.property("wrong") != invalid:
            self.setProperty("wrong", invalid)
            self.style().unpolish(self)
            self.style().polish(self)

    def _on_editing_finished(self) -> None:
        if self.text() == _number_text(self._value):
            self.set_invalid(invalid=False)
            return
        try:
            value = float(self.text().replace(MINUS, "-").replace(",", "."))
        except ValueError:
            self.set_invalid(invalid=True)
            return
        valid = abs(value) <= MAX_VALUE  # False for NaN, too
        self.set_invalid(invalid=not valid)
        if valid:
            self.numberEntered.emit(value)


def _number_text(value: float) -> str:
    return f"{value:.4g}".replace("-", MINUS)


UNDO_KEYS = (QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo)


class LineUndo(QObject):
    """Leaves undo and redo to the window's shortcuts, except while `undoes_text` returns that the line undoes its text.

    A line edit claims both keys even when it has nothing to undo. `line` is the widget with the focus: an editable
    combo box passes keys to its line edit without the line edit's event filters.
    """

    def __init__(self, line: QWidget, undoes_text: Callable[[], bool]) -> None:
        super().__init__(line)
        self._undoes_text = undoes_text
        line.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent) or self._undoes_text():
            return super().eventFilter(watched, event)
        claimed = any(event.matches(key) for key in UNDO_KEYS)
        if claimed:
            event.ignore()
        return claimed


TYPING_PAUSE = 300
"""Milliseconds without a key press after which the text is committed."""


class EditCommitter(QObject):
    """Commits the text of a line edit after a pause, on Enter, and when it loses the focus.

    The edit lasts until Enter or loss of focus: what is typed after a pause belongs to it, too.
    """

    editingStarted = Signal()
    """The first key press of an edit."""
    committed = Signal(str)
    """The text of the line."""

    def __init__(self, line: QLineEdit) -> None:
        super().__init__(line)
        self._line = line
        self._editing = False
        self._pause = QTimer(self, interval=TYPING_PAUSE, singleShot=True)
        self._pause.timeout.connect(self._emit_committed)
        line.textEdited.connect(self._on_text_edited)
        line.editingFinished.connect(self._on_editing_finished)

    @property
    def pending(self) -> bool:
        """Whether there is typed text that is not committed yet."""
        return self._pause.isActive()

    def commit(self) -> None:
        """Commit pending text now."""
        if self.pending:
            self._pause.stop()
            self._emit_committed()

    def discard(self) -> None:
        """Drop pending text, as the line now shows something else."""
        self._pause.stop()

    def _on_text_edited(self) -> None:
        if not self._editing:
            self._editing = True
            self.editingStarted.emit()
        self._pause.start()

    def _on_editing_finished(self) -> None:
        self.commit()
        self._editing = False

    def _emit_committed(self) -> None:
        self.committed.emit(self._line.text())


def commit_when_complete(field: QAbstractSpinBox) -> None:
    """Make a spin box take typed text when it is committed, not at every key press."""
    field.setKeyboardTracking(False)
    EditCommitter(field.lineEdit()).committed.connect(
        lambda _text: field.interpretText() if field.hasAcceptableInput() else None
    )
