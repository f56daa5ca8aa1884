"""The controller of the window: turns requests of the views into values to show and requests to the engine.

The main window connects the views to it; it knows no widget.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from resnet_studio import causes
from resnet_studio.analysis.preset_figures import published_comparison
from resnet_studio.analysis.table import LayerTable, plan_table, table_steps
from resnet_studio.engine.protocol import CanceledError
from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.activations.images.controller import ImageController
from resnet_studio.gui.activations.images.files import FoundFiles
from resnet_studio.gui.activations.images.player import Player
from resnet_studio.gui.activations.images.sources import ImageSources
from resnet_studio.gui.activations.weights.card_controller import WeightsCardController
from resnet_studio.gui.activations.weights.controller import Offer, WeightsController
from resnet_studio.gui.engine_client import EngineClient, ErrorCallback
from resnet_studio.gui.export_controller import ExportController
from resnet_studio.gui.measurements import MeasurementController
from resnet_studio.gui.module_controller import ModuleController
from resnet_studio.gui.opened_files import kind_by_name
from resnet_studio.gui.plots.downsampling import IdleScheduler
from resnet_studio.gui.session import Session, SessionState
from resnet_studio.inference.attribution import layer_titles, layers_with_maps
from resnet_studio.inference.errors import DeviceError, WeightsError
from resnet_studio.inference.values import WeightsFile, WeightsSource
from resnet_studio.inference.weights.bundled import DIGIT_SAMPLE, DIGITS, bundled_weights
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.block_tensors import all_block_tensors
from resnet_studio.networks.figure_parts import figure_parts
from resnet_studio.networks.own_module import ModuleSource
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.plan import called_layers, channels_by_name, plan_steps
from resnet_studio.networks.presets import preset, title
from resnet_studio.training.runs import run_folder

NO_RESULT = "No result for this image and network."
MAX_CACHED_TABLES = 100
"""Tables that are cached here; the engine recounts an older one quickly from its own trace."""
DEEP = 200
"""Above this many blocks an edit takes more than 50 ms to process, so it is done in time slices."""


class AppController(QObject):
    """The current architecture with its table; `activations` holds the current forward pass."""

    planChanged = Signal(object)
    """The plan of the current architecture has been computed: at once after the session's `architectureChanged`, but
    later for a deep one. Signals of everything derived from it are emitted after this."""
    tableChanged = Signal(object)
    paperComparisonChanged = Signal(str, bool)
    """Text of the comparison with the paper's figure, and whether they match."""
    weightsOpened = Signal()
    """A weight file was opened."""
    news = Signal(str)
    """Something was done, as a sentence, such as a file that was saved."""
    errorOccurred = Signal(str, str, object)
    """A message for the user, its details, and the labels of the actions that `accept_offer` runs."""
    errorResolved = Signal(str)
    """The error with this message no longer applies."""
    forwardFailed = Signal(str)
    """The forward pass failed: the text that pages without a result show."""
    countFailed = Signal(str)
    """`count_error`."""
    trainingRequested = Signal(object)
    """Architectures to train, from another workspace."""
    devicesFound = Signal(object)
    """The devices of this machine."""

    def __init__(self, state: SessionState, engine: EngineClient, runs: Path | None = None) -> None:
        """`runs` is the folder of runs if not the default one."""
        super().__init__()
        self.session = Session(state)
        self.runs_folder = runs or run_folder.runs_folder()
        self.engine = engine
        self.images, self.weights = ImageController(self.session, engine), WeightsController(self.session, engine)
        self.weights.runs = self.runs_folder
        self.cards = WeightsCardController(engine, self.weights)
        self.activations = ActivationsController(self.session, engine, self.images, self.weights)
        self.image_sources = ImageSources(self.session, self.images, engine)
        self.player = Player(self.images, self.activations)
        self.exports = ExportController(self.session, self.weights, engine)
        self.modules = ModuleController(self.session, engine)
        self.measurements = MeasurementController(self.session, engine)
        self._scheduler = IdleScheduler(self)
        """Runs the work for deep architectures; a newer edit replaces the work of an older one."""
        self._offered: tuple[Offer, ...] = ()
        self.followers: list[Callable[[LayerTable], Iterator[None]]] = []
        """What else follows a table that has changed; each yields between steps, for a deep network takes long."""
        self._reported: dict[str, str] = {}
        """The last message shown for each lane, and for "weights" and "files", until it is resolved."""
        self._tables: dict[Architecture, LayerTable] = {}
        """fvcore's tables, the newest last."""
        self._uncounted: tuple[Architecture, str] | None = None
        """The architecture that fvcore could not count, and why."""
        self.session.architectureChanged.connect(self._on_architecture_changed)
        engine.requestFailed.connect(self._on_request_failed)
        engine.requestAnswered.connect(self._resolve)
        self.activations.failed.connect(self._on_forward_failed)
        self.activations.forwardFinished.connect(lambda _: self._resolve("forward"))
        self.activations.forwardFinished.connect(lambda result: self._on_weights_used(result.spec.weights))
        self.activations.specChanged.connect(lambda _: self._resolve("forward"))
        self.weights.failed.connect(partial(self._report, "weights"))
        self.weights.weightsRequested.connect(lambda: self._resolve("weights"))
        self.weights.architectureRequested.connect(self.session.set_architecture)
        self.cards.architectureRequested.connect(self.session.set_architecture)
        self.cards.metadataChanged.connect(self._on_metadata_changed)
        self.cards.failed.connect(partial(self._report, "weights"))
        self.image_sources.failed.connect(partial(self._report, "files"))
        self.image_sources.otherFilesFound.connect(self._on_files_found)
        self.player.failed.connect(partial(self._report, "forward"))
        self.exports.started.connect(lambda: self._resolve("export"))
        self.exports.failed.connect(partial(self._report, "export"))
        self.exports.exported.connect(self.news)
        self.modules.started.connect(lambda: self._resolve("files"))
        self.modules.failed.connect(partial(self._report, "files"))
        self.measurements.started.connect(lambda: self._resolve("measurements"))
        self.measurements.failed.connect(partial(self._report, "measurements"))
        self.activations.deviceChanged.connect(lambda _: self.measurements.changed.emit())
        self.devicesFound.connect(self.measurements.set_devices)
        self.image_sources.imagesOpened.connect(lambda: self._resolve("files"))

    @property
    def table(self) -> LayerTable:
        """The layer table of the current architecture: fvcore's if it has been counted, else the plan's."""
        return self.table_of(self.session.architecture)

    @property
    def count_error(self) -> str:
        """Why fvcore could not count the current architecture; empty if it did, or may still do so."""
        architecture, reason = self._uncounted or (None, "")
        return reason if architecture == self.session.architecture else ""

    def table_of(self, architecture: Architecture) -> LayerTable:
        """An architecture's layer table: fvcore's if it has been counted, else the plan's."""
        return self._tables.get(architecture) or plan_table(architecture)

    def request_table(self, architecture: Architecture, on_error: ErrorCallback, lane: str = "table") -> None:
        """Have fvcore count an architecture. Its table is then shown, and passed to `followers`."""
        self.engine.request(
            "table", architecture, lane=lane, label=f"counting the FLOPs of {title(architecture)}",
            on_result=self._on_table_counted, on_error=on_error,
        )  # fmt: skip

    def request_devices(self) -> None:
        """Have the engine look for devices."""
        self.engine.request("devices", label="looking for devices", on_result=self.devicesFound.emit)

    @property
    def updating(self) -> bool:
        """Whether an edit of a deep network is still being processed; `followers` follow at its end."""
        return self._scheduler.busy

    def start(self) -> None:
        """Emit the initial values; they come from the plan until the engine answers."""
        for _ in self._update_steps(self.session.architecture):
            pass

    def cancel(self) -> None:
        """Cancel everything that is running."""
        self.player.pause()
        self.engine.cancel_all()

    def close(self) -> None:
        """Stop all activity before the window closes."""
        self._scheduler.stop()
        self.player.pause()
        self.image_sources.stop()
        self.weights.stop()
        self.measurements.stop()

    def open_digits_example(self) -> None:
        """Switch to the bundled trained network and an image for it."""
        self.activations.reset_transforms()
        self.images.select(DIGIT_SAMPLE)
        self.session.set_architecture(preset(DIGITS))
        weights = bundled_weights(self.session.architecture)
        assert weights is not None
        self.weights.set_weights(weights)

    def open_paths(self, paths: Sequence[str]) -> None:
        """Open architectures, weight files, images, and folders of images or of runs; offer to run a Python file."""
        self._resolve("files")
        absolute = [str(Path(path).absolute()) for path in paths]  # the session may be reopened from another folder
        kinds = {path: None if os.path.isdir(path) else kind_by_name(path) for path in absolute}
        for path in absolute:
            if kinds[path] == "architecture":
                self._open_architecture(Path(path))
            elif kinds[path] == "weights":
                self._open_weights(Path(path))
            elif kinds[path] == "module":
                self.modules.offer(ModuleSource(path))
        if others := [path for path in absolute if kinds[path] in ("image", None)]:
            self.image_sources.open_paths(others)

    def set_offers(self, offers: Sequence[Offer]) -> None:
        """Set the actions that the shown message offers."""
        self._offered = tuple(offers)

    def accept_offer(self, number: int) -> None:
        """Run one of the actions that the last message offered."""
        self._offered[number][1]()

    def _on_files_found(self, found: FoundFiles) -> None:
        """Open files whose kind was found by their content."""
        for path in found.architectures:
            self._open_architecture(Path(path))
        for path in found.weights:
            self._open_weights(Path(path))
        for path in found.modules:
            self.modules.offer(ModuleSource(path))

    def _open_architecture(self, path: Path) -> None:
        try:
            self.session.set_architecture(read_architecture(path))
        except ValueError as error:
            self._report("files", str(error))

    def _open_weights(self, path: Path) -> None:
        source = WeightsFile(path)
        in_use = source == self.weights.weights
        self.weights.request(source)
        self.weightsOpened.emit()
        self.cards.identify(source, opened=not in_use)

    def _on_weights_used(self, weights: WeightsSource) -> None:
        """Show the card of a file that was opened and fits."""
        if weights == self.weights.weights and isinstance(weights, WeightsFile):
            self.cards.show_held()

    def _on_metadata_changed(self) -> None:
        """Run again what depends on the classes and the preprocessing of the weights."""
        self.activations.invalidate()
        self.weights.set_weights(self.weights.weights)

    def _on_architecture_changed(self, architecture: Architecture) -> None:
        """Update everything derived from the architecture: at once, or in time slices for a deep one."""
        steps = self._update_steps(architecture)
        if not is_deep(architecture):
            for _ in steps:
                pass
        self._scheduler.start(self, steps)  # replaces those of the edit before

    def _update_steps(self, architecture: Architecture) -> Iterator[None]:
        """Update everything derived from the architecture; the window may process events at each yield."""
        with gc_paused() if is_deep(architecture) else nullcontext():
            yield from prepare_steps(architecture)
            table = self.table_of(architecture)
            yield from table_steps(table)
            self._resolve("weights", "forward")
            self.weights.follow_architecture(architecture)
            self.planChanged.emit(architecture)
            yield
            self.tableChanged.emit(table)
            yield
            self._emit_paper_comparison(table)
            self.activations.follow_architecture()
            yield
            if not table.counted:
                self.request_table(architecture, partial(self._on_count_failed, architecture))
            yield from self._follow_steps(table)

    def _follow_steps(self, table: LayerTable) -> Iterator[None]:
        for follow in self.followers:
            yield from follow(table)

    def _on_table_counted(self, table: LayerTable) -> None:
        self._tables[table.architecture] = table
        if len(self._tables) > MAX_CACHED_TABLES:
            del self._tables[next(iter(self._tables))]
        steps = self._table_counted_steps(table)
        if is_deep(table.architecture):
            self._scheduler.start(table.architecture, steps)
        else:
            for _ in steps:
                pass

    def _table_counted_steps(self, table: LayerTable) -> Iterator[None]:
        yield from prepare_steps(table.architecture)
        yield from table_steps(table)
        if table.architecture == self.session.architecture:
            self.tableChanged.emit(table)
            yield
            self._emit_paper_comparison(table)
        yield from self._follow_steps(table)

    def _on_count_failed(self, architecture: Architecture, error: Exception) -> bool:
        if not isinstance(error, CanceledError):
            self._uncounted = architecture, causes.message_of(error)
            self.countFailed.emit(self.count_error)
        return True

    def _on_forward_failed(self, error: Exception) -> None:
        if self.player.skip(error):
            return
        self.forwardFailed.emit(NO_RESULT)
        if isinstance(error, WeightsError):
            self.weights.revert(error, self.cards.offers_instead(error))
        else:
            self.cards.show_held()
            self._on_request_failed("forward", error)

    def _on_request_failed(self, lane: str, error: Exception) -> None:
        sentence = causes.message_of(error)
        if isinstance(error, DeviceError):
            self._report(lane, sentence, offers=(("Run on CPU", lambda: self.activations.set_device("cpu")),))
        elif not (isinstance(error, MemoryError) and self._too_large()):  # which the architecture panel already says
            self._report(lane, sentence, "\n".join(getattr(error, "__notes__", ())))

    def _report(self, topic: str, sentence: str, details: str = "", offers: tuple[Offer, ...] = ()) -> None:
        self._offered = offers
        self._reported[topic] = sentence
        self.errorOccurred.emit(sentence, details, tuple(what for what, _ in offers))

    def _resolve(self, *topics: str) -> None:
        """Withdraw the messages about these lanes, "weights" or "files"."""
        for topic in topics:
            if sentence := self._reported.pop(topic, ""):
                self.errorResolved.emit(sentence)

    def _too_large(self) -> str:
        architecture = self.session.architecture
        return memory.too_large(architecture, memory.to_run(architecture), "to run")

    def _emit_paper_comparison(self, table: LayerTable) -> None:
        self.paperComparisonChanged.emit(*published_comparison(table.architecture))


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
