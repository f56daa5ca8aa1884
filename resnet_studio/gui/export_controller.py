"""Exporting the current network, and saving its architecture: requests to the engine, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from resnet_studio.causes import message_of, os_reason
from resnet_studio.engine.protocol import CanceledError
from resnet_studio.export.formats import FORMATS, check_suffix, file_stem
from resnet_studio.export.request import OWN_DIALECT, ExportRequest
from resnet_studio.gui.activations.weights.controller import WeightsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session

TABLE_ONE = "table-one-latex"


class ExportController(QObject):
    """Exports one file at a time; a newer request replaces one that is not finished."""

    exported = Signal(str)
    """A file was written, or its export canceled, as a sentence."""
    failed = Signal(str)
    started = Signal()
    """Another export has begun; an earlier `failed` no longer matters."""

    def __init__(self, session: Session, weights: WeightsController, engine: EngineClient) -> None:
        super().__init__()
        self._session, self._weights, self._engine = session, weights, engine

    def request(self, name: str, dialect: str = OWN_DIALECT) -> ExportRequest:
        """What exporting the current network in a format means; Table 1 has the networks that are compared."""
        current = self._session.architecture
        compared = tuple(dict.fromkeys(one or current for one in self._session.state.compared))
        architectures = compared if name == TABLE_ONE else (current,)
        return ExportRequest(name, architectures, self._weights.weights, dialect=dialect)

    def suggested_name(self, request: ExportRequest) -> str:
        """A name for the file."""
        return f"{file_stem(request)}{FORMATS[request.format].suffixes[0]}"

    def export(self, request: ExportRequest, path: Path) -> None:
        """Have the engine write a file."""
        self.started.emit()
        try:
            suffix = check_suffix(path, request.format)
        except ValueError as error:
            self.failed.emit(f"{error}.")
            return
        self._engine.request(
            "export", replace(request, suffix=suffix), path, label=f"exporting {path.name}",
            on_result=lambda notes: self._on_written(path, notes), on_error=lambda error: self._on_error(path, error),
        )  # fmt: skip

    def write(self, path: Path, write: Callable[[Path], object]) -> None:
        """Have a function write a file now, and say what became of it."""
        self.started.emit()
        try:
            write(path)
        except (OSError, ValueError) as error:
            self._on_error(path, error)
        else:
            self._on_written(path, ())

    def _on_written(self, path: Path, notes: tuple[str, ...]) -> None:
        self.exported.emit(
            " ".join((f"Saved {path.name} in {path.parent}.", *(f"{_sentence(note)}." for note in notes)))
        )

    def _on_error(self, path: Path, error: Exception) -> bool:
        if isinstance(error, CanceledError):
            self.exported.emit(f"Canceled: {path.name} was not written.")
        else:
            reason = os_reason(error) if isinstance(error, OSError) and error.errno else message_of(error)
            self.failed.emit(f"{path.name} could not be exported: {reason.rstrip('.')}.")
        return True


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:]
