"""The dialog that tests a device, line by line as the command line's `doctor --device` does."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.analysis.text import plain as as_text
from resnet_studio.causes import message_of
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import cell_alignment, set_names
from resnet_studio.gui.common.labels import ElidedLabel
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.values import Device
from resnet_studio.progress import Progress
from resnet_studio.selftest.checklist import planned
from resnet_studio.selftest.report import Check, Report, grid

LANE = "selftest"
"""Of the engine, and its job."""
SIZE = 960, 560
HEADER, RIGHT = grid(()).header, grid(()).right
"""Of the table, and the columns of numbers."""
REMARK = 5
"""The column that takes the remaining width."""


class SelftestDialog(QDialog):
    """Starts the test of a device, and shows its results as they come."""

    startRequested = Signal(bool)
    """Whether the test should be quick."""

    def __init__(self, device: Device, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = "Test of the CPU" if device.name == "cpu" else f"Test of {device.label} ({device.name})"
        set_names(self, "selftestDialog", title)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._checks: list[Check] = []
        self._table = self._make_table()
        self._status = set_names(ElidedLabel(), "selftestStatus", "Progress of the test")
        self._status.set_text("Runs networks and short trainings on the device and compares them with the CPU")
        self._quick = set_names(QCheckBox("Quick"), "selftestQuick", "Quick", "Leave out what takes longest")
        self._start = self._button(
            "Start test", "selftestStart", "Start the test: up to three minutes, or one if quick"
        )
        self._copy = self._button("Copy", "selftestCopy", "Copy the table as text")
        close = self._button("Close", "selftestClose", "Close, and cancel the test if it is running")
        self._start.setProperty("primary", True)
        self._start.clicked.connect(self._on_start)
        self._copy.clicked.connect(self._copy_table)
        close.clicked.connect(self.reject)
        self._quick.toggled.connect(self._on_quick_toggled)
        row = QHBoxLayout()
        row.addWidget(self._status, 1)
        for widget in (self._quick, self._start, self._copy, close):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.addWidget(self._table)
        layout.addLayout(row)
        self._list_planned()
        self._set_running(False)
        self.resize(*SIZE)

    def add_check(self, check: Check) -> None:
        """Add a line for a result, above those of the checks to come."""
        row = len(self._checks)
        self._checks.append(check)
        self._insert_row(row, grid((check,)).rows[0], theme.current().bad if check.verdict == "failed" else "")
        self._table.scrollTo(self._table.model().index(row, 0))
        self._copy.setEnabled(True)

    def show_progress(self, progress: Progress) -> None:
        """Show what is being tested now. If the engine had to be restarted, the test begins again."""
        if progress.done == 0:
            self._list_planned()
        self._drop_planned(len(planned(quick=self._quick.isChecked())) - progress.done)
        self._status.set_text(f"{progress.what} ({progress.done + 1} of {progress.of})")

    def show_report(self, report: Report) -> None:
        """Show how the test ended."""
        self._end(report.summary)

    def show_error(self, error: Exception) -> bool:
        """Show why the test could not be finished."""
        self._end(message_of(error))
        return True

    def _end(self, text: str) -> None:
        self._status.set_text(text)
        self._drop_planned(0)
        self._set_running(False)

    def _on_quick_toggled(self) -> None:
        if not self._checks:
            self._list_planned()

    def _list_planned(self) -> None:
        """Clear the results, and list the checks to come."""
        self._checks.clear()
        self._table.setRowCount(0)
        for row, (group, title) in enumerate(planned(quick=self._quick.isChecked())):
            self._insert_row(row, (group, title, "", "", "", ""), theme.current().muted)

    def _drop_planned(self, left: int) -> None:
        """Remove the first of the checks to come until so many are left."""
        while self._table.rowCount() > len(self._checks) + left:
            self._table.removeRow(len(self._checks))

    def _insert_row(self, row: int, texts: Sequence[str], color: str = "") -> None:
        self._table.insertRow(row)
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setTextAlignment(cell_alignment(right=column in RIGHT, top=True))
            if color:
                item.setForeground(QColor(color))
            self._table.setItem(row, column, item)
        self._table.resizeRowToContents(row)

    def _make_table(self) -> QTableWidget:
        table = set_names(QTableWidget(0, len(HEADER)), "selftestTable", "Results of the test")
        for column, name in enumerate(HEADER):
            item = QTableWidgetItem(name.capitalize())
            item.setTextAlignment(cell_alignment(right=column in RIGHT))
            table.setHorizontalHeaderItem(column, item)
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(REMARK, QHeaderView.ResizeMode.Stretch)
        return table

    def _button(self, text: str, object_name: str, tooltip: str) -> QPushButton:
        return set_names(QPushButton(text, autoDefault=object_name == "selftestStart"), object_name, text, tooltip)

    def _on_start(self) -> None:
        self._list_planned()
        self._status.set_text("Starting…")
        self._set_running(True)
        self.startRequested.emit(self._quick.isChecked())

    def _set_running(self, running: bool) -> None:
        for control in (self._start, self._quick):
            control.setEnabled(not running)
        self._copy.setEnabled(bool(self._checks))

    def _copy_table(self) -> None:
        """Copy the table as the command line prints it, with the last line below it."""
        table, status = as_text(grid(tuple(self._checks))), self._status.accessibleDescription()  # which is not elided
        QGuiApplication.clipboard().setText(f"{table}\n{status}\n")


def open_selftest(engine: EngineClient, device: Device, parent: QWidget) -> SelftestDialog:
    """Open the dialog in which the engine tests a device; closing it cancels the test."""
    dialog = SelftestDialog(device, parent)
    dialog.startRequested.connect(
        lambda quick: engine.request(
            LANE, device.name, quick, label=f"testing {device.name}", on_part=dialog.add_check,
            on_progress=dialog.show_progress, on_result=dialog.show_report, on_error=dialog.show_error,
        )
    )  # fmt: skip
    dialog.finished.connect(lambda _: engine.cancel(LANE))
    dialog.open()
    return dialog
