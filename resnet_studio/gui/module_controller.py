"""Opening a Python file of the user's: a request to the engine, which runs it, after the user has agreed."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from resnet_studio.causes import message_of
from resnet_studio.engine.protocol import CanceledError
from resnet_studio.files import display_name
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session
from resnet_studio.networks.own_module import ModuleError, ModuleSource, makers

LANE = "open_module"
"""Of the engine, and its job."""
NOTHING_TO_CALL = "{} has no function that takes no arguments, and no class or variable that could be a network."
RESTORED = "{} was open in the last session. Its code was not run again."


class ModuleController(QObject):
    """Opens one file at a time; a newer request replaces one that is not finished."""

    confirmationRequested = Signal(object, object)
    """The `ModuleSource` to open, and the names in its file that may make a network, for the user to agree."""
    started = Signal()
    """A file is being opened; an earlier `failed` no longer matters."""
    failed = Signal(str)

    def __init__(self, session: Session, engine: EngineClient) -> None:
        super().__init__()
        self._session, self._engine = session, engine

    def offer(self, source: ModuleSource) -> None:
        """Have the user asked whether the file should be run. Nothing runs before that."""
        self.started.emit()
        path = Path(source.path)
        try:
            names = makers(path)
        except ModuleError as error:
            self.failed.emit(f"{error}.")
            return
        if names:
            self.confirmationRequested.emit(source, names)
        else:
            self.failed.emit(NOTHING_TO_CALL.format(display_name(path)))

    def open(self, source: ModuleSource) -> None:
        """Run the file, as the user has agreed, and make its network the current one."""
        self.started.emit()
        self._engine.request(
            LANE, source, label=f"running {source.name}", on_result=self._session.set_architecture,
            on_error=self._on_error,
        )  # fmt: skip

    def _on_error(self, error: Exception) -> bool:
        if not isinstance(error, CanceledError):
            self.failed.emit(f"{message_of(error)}.")
        return True
