"""The controller of the window: turns requests of the views into values to show and requests to the engine.

The main window connects the views to it; it knows no widget.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from resnet_studio import causes
from resnet_studio.analysis.comparison import Comparison, compare_steps
from resnet_studio.analysis.published import PublishedFigure, holds, paper_figure
from resnet_studio.analysis.table import LayerTable, plan_table, table_steps
from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.activations.images.controller import ImageController
from resnet_studio.gui.activations.images.files import FoundFiles
from resnet_studio.gui.activations.images.player import Player
from resnet_studio.gui.activations.images.sources import ImageSources
from resnet_studio.gui.activations.weights.controller import Offer, WeightsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.opened_files import kind_by_name
from resnet_studio.gui.plots.downsampling import IdleScheduler
from resnet_studio.gui.session import Session, SessionState
from resnet_studio.inference.attribution import layer_titles, layers_with_maps
from resnet_studio.inference.errors import DeviceError, WeightsError
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights.bundled import DIGIT_SAMPLE, DIGITS, bundled_weights
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Architecture, Residual, from_json, to_json
from resnet_studio.networks.block_tensors import all_block_tensors
from resnet_studio.networks.figure_parts import figure_parts
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.plan import called_layers, channels_by_name, plan_steps
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

LAYERS, VERIFY, ACTIVATIONS, COMPARE, TRAINING = range(5)
"""The workspaces in the order of their tabs."""
ACTIVATION_PAGES = ("Maps", "Block", "Stats", "Kernels", "A/B", "Attribution")
SHOWN_ON_PAGE = ("side_b", "data")
"""Kinds of requests whose failure is shown on their own page."""
OTHER_TABLE = "table of another"
"""The kind of a compared network's table, which stays the plan's if there is not enough memory to count it."""
NO_RESULT = "No result for this image and network."


DEEP = 200
"""Above this many blocks an edit takes more than 50 ms to process, so it is done in time slices."""


class AppController(QObject):
    """The current architecture with its table and comparison; `activations` holds the current forward pass."""

    architectureEdited = Signal(object)
    """The current architecture was replaced. For a deep one, `architectureChanged` follows later."""
    architectureChanged = Signal(object)
    """The current architecture was replaced. Signals of everything derived from it are emitted after this."""
    tableChanged = Signal(object)
    paperComparisonChanged = Signal(str, bool)
    """Text of the comparison with the paper's figure, and whether they match."""
    comparisonChanged = Signal(object)
    workspaceRequested = Signal(int)
    runsOpened = Signal(object)
    """A folder that is a run or contains runs."""
    errorOccurred = Signal(str, str, object)
    """A message for the user, its details, and the labels of the actions that `accept_offer` runs."""
    errorResolved = Signal(str)
    """The error with this message no longer applies."""
    forwardFailed = Signal(str)
    """The forward pass failed: the text that pages without a result show."""
    countFailed = Signal(str)
    """Why fvcore could not count the current architecture."""
    summaryFailed = Signal(str)

    def __init__(self, state: SessionState, engine: EngineClient) -> None:
        super().__init__()
        self.session = Session(state)
        self.engine = engine
        self.images, self.weights = ImageController(state, engine), WeightsController(state, engine)
        self.activations = ActivationsController(self.session, engine, self.images, self.weights)
        self.image_sources = ImageSources(state, self.images, engine)
        self.player = Player(self.images, self.activations, engine)
        self._scheduler = IdleScheduler(self)
        """Runs the work for deep architectures; a newer edit replaces the work of an older one."""
        self._workspace = state.workspace
        self._offered: tuple[Offer, ...] = ()
        self._verified: tuple[Architecture, ...] = ()
        self._verifying = False
        self._reported: dict[str, str] = {}
        """The last message shown for each kind of request, until it is resolved."""
        self._uncounted: tuple[Architecture, str] | None = None
        """The architecture that fvcore could not count, and why."""
        self.session.architectureChanged.connect(self._on_architecture_changed)
        engine.tableCounted.connect(self._on_table_counted)
        engine.failed.connect(self._on_failed)
        engine.answerReceived.connect(lambda lane, _: self._resolve(lane, lane.split(" ")[0]))
        self.activations.specChanged.connect(lambda _: self._resolve("forward", "photograph"))
        self.weights.failed.connect(partial(self._report, "weights"))
        self.weights.weightsRequested.connect(lambda: self._resolve("weights"))
        self.weights.architectureRequested.connect(self.session.set_architecture)
        self.image_sources.failed.connect(partial(self._report, "files"))
        self.image_sources.otherFilesFound.connect(self._on_files_found)
        self.player.failed.connect(partial(self._report, "photograph"))
        self.image_sources.imagesOpened.connect(lambda: self._resolve("files"))
        self.image_sources.imagesOpened.connect(lambda: self.workspaceRequested.emit(ACTIVATIONS))
        self.image_sources.runsFound.connect(self._on_runs_found)

    @property
    def table(self) -> LayerTable:
        """The layer table of the current architecture: fvcore's if it has been counted, else the plan's."""
        return self._table(self.session.architecture)

    @property
    def count_error(self) -> str:
        """Why fvcore could not count the current architecture; empty if it did, or may still do so."""
        architecture, reason = self._uncounted or (None, "")
        return reason if architecture == self.session.architecture else ""

    def start(self) -> None:
        """Emit the initial values; they come from the plan until the engine answers."""
        self.architectureEdited.emit(self.session.architecture)
        finish(self._update_steps(self.session.architecture))
        self.enter(self._workspace)

    def comparison(self) -> Comparison:
        """The networks that are compared."""
        return finish(self._comparison_steps())

    def enter(self, workspace: int) -> None:
        """Set the visible workspace and request what it shows."""
        self._workspace = self.session.state.workspace = workspace
        self.activations.set_visible(workspace == ACTIVATIONS)
        if not self._scheduler.busy:  # otherwise the running update requests it at its end
            self._request_workspace()

    def rerun(self) -> None:
        """Compute again what is on the screen (F5)."""
        self._verifying = False
        self.activations.invalidate()
        self.enter(self._workspace)

    def cancel(self) -> None:
        """Cancel everything that is running."""
        self._verifying = False
        self.player.pause()
        self.activations.invalidate()
        self.engine.cancel()

    def close(self) -> None:
        """Stop all activity before the window closes."""
        self._scheduler.stop()
        self.player.pause()
        self.image_sources.stop()
        self.weights.stop()

    def compare_with(self, architectures: Sequence[Architecture | None]) -> None:
        """Compare these; None stands for the current architecture and follows its edits."""
        self.session.state.compared = [to_json(other) if other else None for other in architectures]
        self._request_workspace()

    def open_digits_example(self) -> None:
        """Switch to the bundled trained network and an image for it."""
        self.activations.reset_transforms()
        self.images.select(DIGIT_SAMPLE)
        self.session.set_architecture(preset(DIGITS))
        weights = bundled_weights(self.session.architecture)
        assert weights is not None
        self.weights.set_weights(weights)

    def verify_with(self, extra: tuple[Architecture, ...]) -> None:
        """Verify these in addition to the published figures."""
        self._resolve("verify")
        self._verified, self._verifying = extra, True
        self.engine.request_verification(extra)

    def open_paths(self, paths: Sequence[str]) -> None:
        """Open architectures, weight files, images, and folders of images or of runs."""
        self._resolve("files")
        absolute = [str(Path(path).absolute()) for path in paths]  # the session may be reopened from another folder
        kinds = {path: None if os.path.isdir(path) else kind_by_name(path) for path in absolute}
        for path in absolute:
            if kinds[path] == "architecture":
                self._open_architecture(Path(path))
            elif kinds[path] == "weights":
                self._open_weights(Path(path))
        if others := [path for path in absolute if kinds[path] in ("image", None)]:
            self.image_sources.open_paths(others)

    def set_offers(self, offers: Sequence[Offer]) -> None:
        """Set the actions that the shown message offers."""
        self._offered = tuple(offers)

    def accept_offer(self, number: int) -> None:
        """Run one of the actions that the last message offered."""
        self._offered[number][1]()

    def _on_runs_found(self, folder: Path) -> None:
        self.workspaceRequested.emit(TRAINING)
        self.runsOpened.emit(folder)

    def _on_files_found(self, found: FoundFiles) -> None:
        """Open files whose kind was found by their content."""
        for path in found.architectures:
            self._open_architecture(Path(path))
        for path in found.weights:
            self._open_weights(Path(path))

    def _open_architecture(self, path: Path) -> None:
        try:
            self.session.set_architecture(read_architecture(path))
        except ValueError as error:
            self._report("files", str(error))

    def _open_weights(self, path: Path) -> None:
        self.weights.request(WeightsFile(path))
        self.workspaceRequested.emit(ACTIVATIONS)

    def _on_architecture_changed(self, architecture: Architecture) -> None:
        """Update everything derived from the architecture: at once, or in time slices for a deep one."""
        self.architectureEdited.emit(architecture)
        steps = self._update_steps(architecture)
        if not is_deep(architecture):
            finish(steps)
        self._scheduler.start(self, steps)  # replaces those of the edit before

    def _update_steps(self, architecture: Architecture) -> Generator[None, None, None]:
        """Update everything derived from the architecture; the window may process events at each yield."""
        with gc_paused() if is_deep(architecture) else nullcontext():
            yield from self._emit_changes(architecture)

    def _emit_changes(self, architecture: Architecture) -> Iterator[None]:
        yield from prepare_steps(architecture)
        table = self._table(architecture)
        yield from table_steps(table)
        self._resolve("weights", "forward", "photograph")
        self.weights.follow_architecture(architecture)
        self.architectureChanged.emit(architecture)
        yield
        self.tableChanged.emit(table)
        yield
        self._emit_paper_comparison(table)
        self.activations.follow_architecture()
        yield
        if not table.counted:
            self.engine.request_table(architecture)
        yield from self._request_workspace_steps()

    def _request_workspace(self) -> None:
        finish(self._request_workspace_steps())

    def _request_workspace_steps(self) -> Generator[None, None, None]:
        """Request what Verify and Compare show; `activations` requests what Activations shows."""
        if self._workspace == VERIFY and not self._verifying:
            self.verify_with(self._verified)
        elif self._workspace == COMPARE:
            yield from self._compare_steps()
            for architecture in self._compared():
                self.engine.request_compared_table(architecture)

    def _on_table_counted(self, table: LayerTable) -> None:
        steps = self._table_counted_steps(table)
        if is_deep(table.architecture):
            self._scheduler.start(table.architecture, steps)
        else:
            finish(steps)

    def _table_counted_steps(self, table: LayerTable) -> Generator[None, None, None]:
        yield from prepare_steps(table.architecture)
        yield from table_steps(table)
        if table.architecture == self.session.architecture:
            self.tableChanged.emit(table)
            yield
            self._emit_paper_comparison(table)
        if table.architecture in self._compared():
            yield from self._compare_steps()

    def _on_failed(self, kind: str, error: Exception) -> None:
        if self.player.handle_failure(kind, error):
            return
        sentence = causes.message_of(error)
        if kind in ("forward", "photograph"):
            self.forwardFailed.emit(NO_RESULT)
        elif kind == "table":
            self._uncounted = self.session.architecture, sentence
            self.countFailed.emit(sentence)
        elif kind == "summary":
            self.summaryFailed.emit(sentence)
        if kind in ("table", "summary", *SHOWN_ON_PAGE) or (kind == OTHER_TABLE and isinstance(error, MemoryError)):
            return
        if isinstance(error, WeightsError) and kind == "forward":
            self.weights.revert(error)
        elif isinstance(error, DeviceError):
            self._report(kind, sentence, offers=(("Run on CPU", lambda: self.activations.set_device("cpu")),))
        elif not (isinstance(error, MemoryError) and self._too_large()):  # which the architecture panel already says
            self._report(kind, sentence, "\n".join(getattr(error, "__notes__", ())))

    def _report(self, kind: str, sentence: str, details: str = "", offers: tuple[Offer, ...] = ()) -> None:
        self._offered = offers
        self._reported[kind] = sentence
        self.errorOccurred.emit(sentence, details, tuple(what for what, _ in offers))

    def _resolve(self, *kinds: str) -> None:
        """Withdraw the messages about these kinds of requests."""
        for kind in kinds:
            if sentence := self._reported.pop(kind, ""):
                self.errorResolved.emit(sentence)

    def _too_large(self) -> str:
        architecture = self.session.architecture
        return memory.too_large(architecture, memory.to_run(architecture), "to run")

    def _emit_paper_comparison(self, table: LayerTable) -> None:
        figure = paper_figure(table.architecture)
        if figure is None:
            self.paperComparisonChanged.emit("no published value in the paper", False)
            return
        measured = table.totals.macs if figure.quantity == "macs" else table.totals.parameters
        good = holds(figure, measured)
        self.paperComparisonChanged.emit(_paper_comparison(figure, good), good)

    def _compare_steps(self) -> Generator[None, None, None]:
        if self._workspace == COMPARE:
            comparison = yield from self._comparison_steps()
            self.comparisonChanged.emit(comparison)

    def _comparison_steps(self) -> Generator[None, None, Comparison]:
        return compare_steps([self._table(architecture) for architecture in self._compared()])

    def _compared(self) -> list[Architecture]:
        return [from_json(value) if value else self.session.architecture for value in self.session.state.compared]

    def _table(self, architecture: Architecture) -> LayerTable:
        return self.engine.cached_table(architecture) or plan_table(architecture)


def is_deep(architecture: Architecture) -> bool:
    return isinstance(architecture, Residual) and sum(architecture.blocks) > DEEP


def prepare_steps(architecture: Architecture) -> Iterator[None]:
    """Compute and cache what the views will ask for."""
    yield from plan_steps(architecture)
    for compute in (
        called_layers, channels_by_name, figure_parts, layers_with_maps, layer_titles, all_block_tensors, memory.to_run,
        plan_table,
    ):  # fmt: skip
        compute(architecture)
        yield


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause garbage collection, which takes up to 0.1 s at a time, and freeze what was allocated meanwhile."""
    gc.collect(1)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _paper_comparison(figure: PublishedFigure, good: bool) -> str:
    of = "" if figure.quantity == "macs" else " parameters"
    return f"paper {figure.text}{of} ✓" if good else f"paper {figure.text}{of}: doesn't match, see Verify"
