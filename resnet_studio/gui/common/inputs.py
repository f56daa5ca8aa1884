"""A choice of words in a list that opens; `Segmented` for more words than fit side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from resnet_studio.analysis.units import MINUS
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.gui.theme import GRID
from resnet_studio.plain import plain

LONG = 500
USUAL_WIDTH = QComboBox.SizeAdjustPolicy.AdjustToContentsOnFirstShow
SOME_WIDTH = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class _Words(QAbstractListModel):
    """Values and what is shown for them: a deep network has thousands of layers, of which a list shows some."""

    def __init__(self, values: Mapping[str, str], tips: Mapping[str, str], parent: QObject) -> None:
        super().__init__(parent)
        self._values, self._labels, self._tips = list(values), list(values.values()), tips

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:  # noqa: N802  (Qt's name)
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
    """Emits `chosen` when the user takes a value. The wheel turns it only while it has the focus, so that a form that
    is scrolled stays as it is."""

    chosen = Signal(str)

    def __init__(self, values: Mapping[str, str], object_name: str, spoken: str, tip: str) -> None:
        """`values` maps what is emitted to what is shown."""
        super().__init__()
        named(self, object_name, spoken, tip)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.show_values(values)
        self.activated.connect(lambda row: self.chosen.emit(self.itemData(row)))

    def show_values(self, values: Mapping[str, str], tips: Mapping[str, str] | None = None) -> None:
        """Offer these; the chosen one stays so if it is among them. Of the first ones offered, the first is."""
        chosen = self.currentData() if self.count() else next(iter(values), "")
        self._rows = {value: row for row, value in enumerate(values)}
        self.setModel(_Words(values, tips or {}, self))  # which deletes the one before
        long = len(values) > LONG
        self.setSizeAdjustPolicy(SOME_WIDTH if long else USUAL_WIDTH)  # the usual one measures every word
        self.show_value(chosen)

    def value(self) -> str:
        """The value shown as chosen; empty if none is."""
        return str(self.currentData() or "")

    def show_value(self, value: str) -> None:
        """Show a value as chosen, without emitting; none if it is not among them."""
        self.setCurrentIndex(self._rows.get(value, -1))

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802  (Qt's name)
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class SegmentedControl(QWidget):
    """Shows all values of a choice and emits `chosen` when the user takes another; arrow keys walk it."""

    chosen = Signal(str)

    def __init__(self, values: Mapping[str, str], name: str, tips: Mapping[str, str] | None = None) -> None:
        """`values` maps what is emitted to what is shown; `name` is what a screen reader calls the choice."""
        super().__init__()
        self._values = tuple(values)
        self._buttons = QButtonGroup(self)
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for number, (value, label) in enumerate(values.items()):
            button = named(QToolButton(), "", f"{name}: {label}", (tips or {}).get(value, ""))
            button.setText(label)
            button.setCheckable(True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setProperty("segment", "first" if number == 0 else "last" if number == len(values) - 1 else "middle")
            self._buttons.addButton(button, number)
            row.addWidget(button)
        self.setFocusProxy(self._buttons.button(0))
        self._buttons.idClicked.connect(lambda number: self.chosen.emit(self._values[number]))

    def value(self) -> str:
        """The value shown as chosen; empty after `show_none`."""
        number = self._buttons.checkedId()
        return self._values[number] if number >= 0 else ""

    def show_value(self, value: str) -> None:
        """Show a value as chosen, without emitting."""
        self._buttons.button(self._values.index(value)).setChecked(True)

    def show_none(self) -> None:
        """Show no value as chosen, where there is nothing to choose."""
        self._buttons.setExclusive(False)
        for button in self._buttons.buttons():
            button.setChecked(False)
        self._buttons.setExclusive(True)

    def button(self, value: str) -> QToolButton:
        """The button of one value, to disable or to press."""
        found: QToolButton = self._buttons.button(self._values.index(value))  # type: ignore[assignment]
        return found

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's name)
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        number = min(max(self._buttons.checkedId() + step, 0), len(self._values) - 1)
        self._buttons.button(number).setFocus()
        self._buttons.button(number).click()


GREATEST = 3e38
"""Values are float32."""


class NumberField(QLineEdit):
    """Emits `number_typed` when Enter or another field takes a number; what is none is marked."""

    number_typed = Signal(float)

    def __init__(self, name: str, spoken: str) -> None:
        super().__init__()
        named(self, name, spoken, f"{spoken}; Enter takes it")
        self._value = 0.0
        self.setFixedWidth(12 * GRID)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.editingFinished.connect(self._take)

    def show_number(self, value: float) -> None:
        """Show a number as short as four digits say it; what somebody is typing is left alone."""
        if value != self._value or not self.text():
            self._value = value
            self.setText(_written(value))
            self.setToolTip(f"{value!r}\n{self.accessibleName()}; Enter takes another")
            self.mark(wrong=False)

    def mark(self, *, wrong: bool) -> None:
        """Mark what is typed as a number that can't be taken, or not."""
        if self.property("wrong") != wrong:
            self.setProperty("wrong", wrong)
            self.style().unpolish(self)
            self.style().polish(self)

    def _take(self) -> None:
        if self.text() == _written(self._value):
            self.mark(wrong=False)
            return
        try:
            value = float(self.text().replace(MINUS, "-").replace(",", "."))
        except ValueError:
            self.mark(wrong=True)
            return
        known = abs(value) <= GREATEST  # false for what is no number, too
        self.mark(wrong=not known)
        if known:
            self.number_typed.emit(value)


def _written(value: float) -> str:
    return f"{value:.4g}".replace("-", MINUS)


UNDO = (QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo)


class LineUndo(QObject):
    """Leaves undo and redo to the window's shortcuts, except while `own` says that the line is to undo its text.

    A line of text claims both keys for itself, also when it has nothing to undo. `line` is what has the focus:
    an editable combo box hands keys to its line without asking that line's filters.
    """

    def __init__(self, line: QWidget, own: Callable[[], bool]) -> None:
        super().__init__(line)
        self._own = own
        line.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent) or self._own():
            return super().eventFilter(watched, event)
        claimed = any(event.matches(key) for key in UNDO)
        if claimed:
            event.ignore()
        return claimed


PAUSE = 300
"""Milliseconds without a key after which what stands in a line is taken."""


class EditCommitter(QObject):
    """Watches a line: what is typed is whole after a pause, at Enter, and when the line is left.

    The edit goes on until Enter or until the line is left: what is typed after a pause belongs to it, too.
    """

    began = Signal()
    """The first key of an edit."""
    whole = Signal(str)
    """What stands in the line."""

    def __init__(self, line: QLineEdit) -> None:
        super().__init__(line)
        self._line = line
        self._editing = False
        self._pause = QTimer(self, interval=PAUSE, singleShot=True)
        self._pause.timeout.connect(self._tell)
        line.textEdited.connect(self._take_key)
        line.editingFinished.connect(self._end)

    @property
    def pending(self) -> bool:
        """Whether something is typed that was not taken yet."""
        return self._pause.isActive()

    def finish(self) -> None:
        """Take what is typed now, as somebody asks for what it leads to."""
        if self.pending:
            self._pause.stop()
            self._tell()

    def drop(self) -> None:
        """Something else is shown in the line: what was typed is not taken any more."""
        self._pause.stop()

    def _take_key(self) -> None:
        if not self._editing:
            self._editing = True
            self.began.emit()
        self._pause.start()

    def _end(self) -> None:
        self.finish()
        self._editing = False

    def _tell(self) -> None:
        self.whole.emit(self._line.text())


def take_when_whole(field: QAbstractSpinBox) -> None:
    """Let a field of a number that can be stepped, too, take what is typed when it is whole, and not at every key."""
    field.setKeyboardTracking(False)
    EditCommitter(field.lineEdit()).whole.connect(
        lambda _: field.interpretText() if field.hasAcceptableInput() else None
    )
