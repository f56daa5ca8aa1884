"""Verification of the published values by the engine."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from resnet_studio.analysis.published import VerifiedFigure
from resnet_studio.engine.protocol import CanceledError
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.networks.architecture import Architecture


class VerifyController(QObject):
    """Verifies once per session, and again if other networks are added or the user asks for it."""

    resultsChanged = Signal(object)
    """All `VerifiedFigure`s so far, whenever one is added."""

    def __init__(self, engine: EngineClient) -> None:
        super().__init__()
        self._engine = engine
        self._extra: tuple[Architecture, ...] = ()
        self._results: dict[object, VerifiedFigure] = {}
        """By figure and architecture, as a restarted engine sends all of them again."""
        self._requested = False

    def start(self) -> None:
        """Verify, unless that has been requested already."""
        if not self._requested:
            self.restart()

    def restart(self) -> None:
        """Verify again."""
        self.verify_with(self._extra)

    def verify_with(self, extra: tuple[Architecture, ...]) -> None:
        """Verify these in addition to the published values."""
        self._extra, self._requested = extra, True
        self._results.clear()
        self._engine.request(
            "verify", extra, label="verifying published values", on_part=self._on_verified,
            on_result=self.resultsChanged.emit, on_error=self._on_error,
        )  # fmt: skip

    def _on_verified(self, result: VerifiedFigure) -> None:
        self._results[result.figure, result.architecture] = result
        self.resultsChanged.emit(tuple(self._results.values()))

    def _on_error(self, error: Exception) -> None:
        if isinstance(error, CanceledError):
            self._requested = False
