"""When what is typed is whole: a number that is being typed is not yet the number that is meant."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit

PAUSE = 300
"""Milliseconds without a key after which what stands in a line is taken."""


class WholeEdit(QObject):
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
    WholeEdit(field.lineEdit()).whole.connect(lambda _: field.interpretText() if field.hasAcceptableInput() else None)
