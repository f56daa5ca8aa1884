"""The compared networks and their tables."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from PySide6.QtCore import QObject, Signal

from resnet_studio.analysis.comparison import Comparison, compare_steps
from resnet_studio.analysis.table import LayerTable
from resnet_studio.gui.app_controller import AppController
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import title
from resnet_studio.progress import finish


class CompareController(QObject):
    """Compares networks whenever a table of one of them changes, and has their tables counted; only while active."""

    comparisonChanged = Signal(object)

    def __init__(self, app: AppController) -> None:
        super().__init__()
        self._app = app
        self._active = False
        app.followers.append(self._follow_steps)

    def set_active(self, active: bool) -> None:
        """Set whether the comparison is visible."""
        self._active = active
        if active and not self._app.updating:
            self.refresh()

    def compare_with(self, architectures: Sequence[Architecture | None]) -> None:
        """Compare these; None stands for the current architecture and follows its edits."""
        self._app.session.update(compared=list(architectures))
        self.refresh()

    def comparison(self) -> Comparison:
        """The networks as they are compared now."""
        return finish(self._comparison_steps())

    def refresh(self) -> None:
        """Compare again, and request the tables that have not been counted."""
        finish(self._compare_steps())
        self._request_tables()

    def _follow_steps(self, table: LayerTable) -> Iterator[None]:
        current = self._app.session.architecture  # even if it isn't compared: the view marks the column that equals it
        if self._active and table.architecture in (current, *self._architectures()):
            yield from self._compare_steps()
            if not table.counted:
                self._request_tables()

    def _compare_steps(self) -> Generator[None, None, None]:
        comparison = yield from self._comparison_steps()
        self.comparisonChanged.emit(comparison)

    def _request_tables(self) -> None:
        for architecture in self._architectures():
            if not self._app.table_of(architecture).counted:
                self._app.request_table(architecture, _is_about_memory, f"table of {title(architecture)}")

    def _comparison_steps(self) -> Generator[None, None, Comparison]:
        return compare_steps([self._app.table_of(architecture) for architecture in self._architectures()])

    def _architectures(self) -> list[Architecture]:
        session = self._app.session
        return [other or session.architecture for other in session.state.compared]


def _is_about_memory(error: Exception) -> bool:
    """Whether an error needs no message: a network that is too large to be counted keeps the plan's table."""
    return isinstance(error, MemoryError)
