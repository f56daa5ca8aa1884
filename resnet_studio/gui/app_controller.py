"""What follows from each wish: which values the views are to show, and what the engine is to be asked.

The window connects views to this and this to views; it knows no widget.
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
from resnet_studio.inference.attribution import layers_on_offer, layers_with_maps
from resnet_studio.inference.errors import DeviceError, WeightsError
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights.bundled import A_DIGIT, DIGITS, shipped_weights
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Architecture, Residual, from_json, to_json
from resnet_studio.networks.block_tensors import all_blocks
from resnet_studio.networks.figure_parts import parts
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.plan import called_layers, channels_by_name, plan_steps
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

LAYERS, VERIFY, ACTIVATIONS, COMPARE, TRAINING = range(5)
"""The workspaces in the order of their tabs."""
ACTIVATION_PAGES = ("Maps", "Block", "Statistics", "Kernels", "A/B", "Why")
ON_THEIR_PAGE = ("beside", "data")
"""Questions whose failure is told where their answer would be."""
TABLE = "table of another"
"""A table of a network that is compared: it is the plan's where there is not the memory to count it."""
NO_LOOK = "There is nothing to show of this image in this network."


DEEP = 200
"""Blocks from which on an architecture is prepared in slices: what follows from an edit then takes more than 50 ms."""


class AppController(QObject):
    """The values in hand: an architecture, what it is compared with, and by `subject` what is looked at."""

    edited = Signal(object)
    """The architecture in hand is another; what follows from it comes a little later where it is a deep one."""
    architecture_changed = Signal(object)
    """The architecture in hand is another. All that follows from it is told after this."""
    table_changed = Signal(object)
    standing_changed = Signal(str, bool)
    """How the architecture stands to the paper's figure, and whether that is well."""
    comparison_changed = Signal(object)
    workspace_wished = Signal(int)
    runs_dropped = Signal(object)
    """A folder that is a run, or has runs in it."""
    problem = Signal(str, str, object)
    """Something that the user has to know: a sentence, details, and all that `accept_offer` would do about it."""
    problem_over = Signal(str)
    """What that sentence spoke of is over."""
    look_refused = Signal(str)
    """The image could not be pushed through the network: what a page says that has nothing to show."""
    count_refused = Signal(str)
    """Why fvcore has not counted the architecture in hand."""
    summary_refused = Signal(str)

    def __init__(self, kept: SessionState, work: EngineClient) -> None:
        super().__init__()
        self.session = Session(kept)
        self.work = work
        self.images, self.weights = ImageController(kept, work), WeightsController(kept, work)
        self.subject = ActivationsController(self.session, work, self.images, self.weights)
        self.sources, self.player = ImageSources(kept, self.images, work), Player(self.images, self.subject, work)
        self._slices = IdleScheduler(self)
        """What is done for a deep architecture, one edit's in the place of another's."""
        self._workspace = kept.workspace
        self._offered: tuple[Offer, ...] = ()
        self._verified: tuple[Architecture, ...] = ()
        self._verifying = False
        self._told: dict[str, str] = {}
        """The sentence that was told last of each kind of question, until it is over."""
        self._uncounted: tuple[Architecture, str] | None = None
        """What fvcore has not counted, and why."""
        self.session.architecture_changed.connect(self._follow)
        work.table_counted.connect(self._take_table)
        work.failed.connect(self._take_failure)
        work.answered.connect(lambda lane, _: self._end(lane, lane.split(" ")[0]))
        self.subject.subject_changed.connect(lambda _: self._end("look", "photograph"))
        self.weights.problem.connect(partial(self._tell, "weights"))
        self.weights.wished.connect(lambda: self._end("weights"))
        self.weights.architecture_wished.connect(self.session.take)
        self.sources.problem.connect(partial(self._tell, "files"))
        self.sources.others_found.connect(self._open_found)
        self.player.problem.connect(partial(self._tell, "photograph"))
        self.sources.opened.connect(lambda: self._end("files"))
        self.sources.opened.connect(lambda: self.workspace_wished.emit(ACTIVATIONS))
        self.sources.runs_found.connect(self._show_runs)

    @property
    def table(self) -> LayerTable:
        """The layer table of the architecture in hand: fvcore's if it has been counted, else the plan's."""
        return self._table(self.session.architecture)

    @property
    def count_refusal(self) -> str:
        """Why fvcore has not counted the architecture in hand; empty where it has, or still may."""
        architecture, why = self._uncounted or (None, "")
        return why if architecture == self.session.architecture else ""

    def begin(self) -> None:
        """Tell what there is, from the plan alone where the engine has not been asked."""
        self.edited.emit(self.session.architecture)
        finish(self._follow_steps(self.session.architecture))
        self.enter(self._workspace)

    def comparison(self) -> Comparison:
        """The networks that are compared."""
        return finish(self._comparison_steps())

    def enter(self, workspace: int) -> None:
        """A workspace comes to the front: ask now for what it shows."""
        self._workspace = self.session.kept.workspace = workspace
        self.subject.enter(workspace == ACTIVATIONS)
        if not self._slices.busy:  # else it is asked for in the end
            self._ask_workspace()

    def repeat(self) -> None:
        """Ask again for what is on the screen (F5)."""
        self._verifying = False
        self.subject.repeat()
        self.enter(self._workspace)

    def cancel(self) -> None:
        """End what is running."""
        self._verifying = False
        self.player.pause()
        self.subject.repeat()
        self.work.cancel()

    def close(self) -> None:
        """The window goes: nothing is played or looked for any more."""
        self._slices.stop()
        self.player.pause()
        self.sources.stop()
        self.weights.stop()

    def compare_with(self, wished: Sequence[Architecture | None]) -> None:
        """Compare these; None stands for the architecture in hand, wherever it goes."""
        self.session.kept.compared = [to_json(one) if one else None for one in wished]
        self._ask_workspace()

    def look_at_digits(self) -> None:
        """Take the trained network that comes with the program in hand, with an image for it."""
        self.subject.let_go()
        self.images.choose(A_DIGIT)
        self.session.take(preset(DIGITS))
        shipped = shipped_weights(self.session.architecture)
        assert shipped is not None
        self.weights.take(shipped)

    def verify_with(self, extra: tuple[Architecture, ...]) -> None:
        """Verify these beside the published figures."""
        self._end("verify")
        self._verified, self._verifying = extra, True
        self.work.verify(extra)

    def open_paths(self, paths: Sequence[str]) -> None:
        """Take architectures, weight files, images, and folders of images or of runs, from paths."""
        self._end("files")
        whole = [str(Path(path).absolute()) for path in paths]  # the session may be opened from another folder
        kinds = {path: None if os.path.isdir(path) else kind_by_name(path) for path in whole}
        for path in whole:
            if kinds[path] == "architecture":
                self._open_architecture(Path(path))
            elif kinds[path] == "weights":
                self._open_weights(Path(path))
        if others := [path for path in whole if kinds[path] in ("image", None)]:
            self.sources.open_paths(others)

    def take_offers(self, offers: Sequence[Offer]) -> None:
        """What a message in the window offers from now on."""
        self._offered = tuple(offers)

    def accept_offer(self, number: int) -> None:
        """Do one of the things that the last problem offered."""
        self._offered[number][1]()

    def _show_runs(self, folder: Path) -> None:
        self.workspace_wished.emit(TRAINING)
        self.runs_dropped.emit(folder)

    def _open_found(self, found: FoundFiles) -> None:
        """Files whose content says what their names did not."""
        for path in found.architectures:
            self._open_architecture(Path(path))
        for path in found.weights:
            self._open_weights(Path(path))

    def _open_architecture(self, path: Path) -> None:
        try:
            self.session.take(read_architecture(path))
        except ValueError as error:
            self._tell("files", str(error))

    def _open_weights(self, path: Path) -> None:
        self.weights.wish(WeightsFile(path))
        self.workspace_wished.emit(ACTIVATIONS)

    def _follow(self, architecture: Architecture) -> None:
        """The architecture in hand is another: everything that hangs on it follows, at once where it is no deep one."""
        self.edited.emit(architecture)
        steps = self._follow_steps(architecture)
        if not is_deep(architecture):
            finish(steps)
        self._slices.start(self, steps)  # in the place of those of the edit before

    def _follow_steps(self, architecture: Architecture) -> Generator[None, None, None]:
        """Yields are places where the window may see to its events."""
        with garbage_let_be() if is_deep(architecture) else nullcontext():
            yield from self._changes(architecture)

    def _changes(self, architecture: Architecture) -> Iterator[None]:
        yield from preparing(architecture)
        table = self._table(architecture)
        yield from table_steps(table)
        self._end("weights", "look", "photograph")
        self.weights.follow(architecture)
        self.architecture_changed.emit(architecture)
        yield
        self.table_changed.emit(table)
        yield
        self._tell_standing(table)
        self.subject.follow_architecture()
        yield
        if not table.counted:
            self.work.count(architecture)
        yield from self._ask_workspace_steps()

    def _ask_workspace(self) -> None:
        finish(self._ask_workspace_steps())

    def _ask_workspace_steps(self) -> Generator[None, None, None]:
        """Ask for what Verify and Compare show; what Activations shows is asked by `subject`."""
        if self._workspace == VERIFY and not self._verifying:
            self.verify_with(self._verified)
        elif self._workspace == COMPARE:
            yield from self._compare_steps()
            for one in self._compared():
                self.work.count_compared(one)

    def _take_table(self, table: LayerTable) -> None:
        steps = self._take_table_steps(table)
        if is_deep(table.architecture):
            self._slices.start(table.architecture, steps)
        else:
            finish(steps)

    def _take_table_steps(self, table: LayerTable) -> Generator[None, None, None]:
        yield from preparing(table.architecture)
        yield from table_steps(table)
        if table.architecture == self.session.architecture:
            self.table_changed.emit(table)
            yield
            self._tell_standing(table)
        if table.architecture in self._compared():
            yield from self._compare_steps()

    def _take_failure(self, kind: str, error: Exception) -> None:
        if self.player.passes_over(kind, error):
            return
        sentence = causes.sentence(error)
        if kind in ("look", "photograph"):
            self.look_refused.emit(NO_LOOK)
        elif kind == "table":
            self._uncounted = self.session.architecture, sentence
            self.count_refused.emit(sentence)
        elif kind == "summary":
            self.summary_refused.emit(sentence)
        if kind in ("table", "summary", *ON_THEIR_PAGE) or (kind == TABLE and isinstance(error, MemoryError)):
            return
        if isinstance(error, WeightsError) and kind == "look":
            self.weights.give_up(error)
        elif isinstance(error, DeviceError):
            self._tell(kind, sentence, offers=(("Run on the CPU", lambda: self.subject.choose_device("cpu")),))
        elif not (isinstance(error, MemoryError) and self._too_large()):  # which stands beside the architecture
            self._tell(kind, sentence, "\n".join(getattr(error, "__notes__", ())))

    def _tell(self, kind: str, sentence: str, details: str = "", offers: tuple[Offer, ...] = ()) -> None:
        self._offered = offers
        self._told[kind] = sentence
        self.problem.emit(sentence, details, tuple(what for what, _ in offers))

    def _end(self, *kinds: str) -> None:
        """What was told of these kinds of questions is over."""
        for kind in kinds:
            if sentence := self._told.pop(kind, ""):
                self.problem_over.emit(sentence)

    def _too_large(self) -> str:
        architecture = self.session.architecture
        return memory.too_large(architecture, memory.to_run(architecture), "to run")

    def _tell_standing(self, table: LayerTable) -> None:
        figure = paper_figure(table.architecture)
        if figure is None:
            self.standing_changed.emit("no figure in the paper", False)
            return
        measured = table.totals.macs if figure.quantity == "macs" else table.totals.parameters
        good = holds(figure, measured)
        self.standing_changed.emit(_standing(figure, good), good)

    def _compare_steps(self) -> Generator[None, None, None]:
        if self._workspace == COMPARE:
            comparison = yield from self._comparison_steps()
            self.comparison_changed.emit(comparison)

    def _comparison_steps(self) -> Generator[None, None, Comparison]:
        return compare_steps([self._table(one) for one in self._compared()])

    def _compared(self) -> list[Architecture]:
        return [from_json(one) if one else self.session.architecture for one in self.session.kept.compared]

    def _table(self, architecture: Architecture) -> LayerTable:
        return self.work.known_table(architecture) or plan_table(architecture)


def is_deep(architecture: Architecture) -> bool:
    return isinstance(architecture, Residual) and sum(architecture.blocks) > DEEP


def preparing(architecture: Architecture) -> Iterator[None]:
    """Work out what the views will ask for, which is remembered then."""
    yield from plan_steps(architecture)
    for work_out in (
        called_layers, channels_by_name, parts, layers_with_maps, layers_on_offer, all_blocks, memory.to_run, plan_table
    ):  # fmt: skip
        work_out(architecture)
        yield


@contextmanager
def garbage_let_be() -> Iterator[None]:
    """Nothing is looked through for garbage meanwhile, nor what was made after that: it takes up to 0.1 s at a time."""
    gc.collect(1)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _standing(figure: PublishedFigure, good: bool) -> str:
    of = "" if figure.quantity == "macs" else " parameters"
    return f"paper {figure.text}{of} ✓" if good else f"paper {figure.text}{of}: differs, see Verify"
