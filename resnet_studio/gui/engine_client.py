"""The window's only connection with the engine: questions in, signals out, and a new engine when one dies."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QSocketNotifier, QTimer, Signal

from resnet_studio.analysis.table import LayerTable
from resnet_studio.engine.process import JOBS, EngineProcess
from resnet_studio.engine.protocol import EngineDiedError, Reply
from resnet_studio.engine.request_queue import PendingRequest, RequestQueue
from resnet_studio.inference.values import ForwardSpec, image_title
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress
from resnet_studio.training.datasets import data_title
from resnet_studio.training.recipe import Recipe

AT_ONCE = 0.008
"""Seconds of reading after which the window's other events get their turn."""
PATIENCE = 1500
"""Milliseconds that a cancelled job has to come to a yield. Then its process is ended: gone within 2 s."""
STARTS = 3
"""Times that an engine is started which never gets ready."""


class EngineConnection(QObject):
    """Asks the engine, and tells what it answers to the newest question of each lane.

    Questions may be asked at any time and are kept until the engine is ready. When the engine dies, another
    is started and asked again what has no answer yet, so a lane's parts then come again from the first.
    """

    ready = Signal(object)
    """An engine can work: the versions of its libraries."""
    started = Signal(str, int)
    """Lane and number of what the engine is working on now."""
    part = Signal(str, int, object)
    """Lane, number and what a job yields."""
    answer = Signal(str, int, object)
    error = Signal(str, int, object)
    """Lane, number and the exception that a job raised, or an `EngineDiedError`."""
    died = Signal(str)
    """The engine ended unasked, and is being started again; a sentence for the banner."""
    restarted = Signal()
    """After `died`: the new engine is ready."""
    failed = Signal(str)
    """No engine gets ready; a sentence with the reason. `start` tries again."""
    state_changed = Signal(str)
    """"off", "starting", "ready", "busy" or "failed"."""

    def __init__(self, jobs: str = JOBS, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._process: EngineProcess | None = None
        self._waker: QSocketNotifier | QTimer | None = None
        self._wishes = RequestQueue()
        self._state = "off"
        self._starts = 0
        self._reason = ""
        self._overdue = False
        self._told_of_death = False
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE)
        self._patience.timeout.connect(self._end_what_is_stuck)

    @property
    def state(self) -> str:
        """The word of the last `state_changed`."""
        return self._state

    @property
    def pid(self) -> int:
        """The engine's process; 0 if there is none."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the engine, if it is not there."""
        if self._process is None:
            self._starts = 0
            self._start()

    def ask(self, lane: str, job: str, *arguments: object, label: str = "") -> int:
        """Ask for a job in place of what the lane asked for before, and return the question's number.

        `label` is what to call it in a sentence, such as "ResNet-152 at 4096×4096".
        """
        number = self._wishes.add(lane, job, arguments, label or job)
        self._send()
        return number

    def cancel(self, lane: str) -> None:
        """Want nothing of this lane any more. What runs is ended at its next yield, or soon with the engine."""
        self._wishes.cancel(lane)
        if self._wishes.ending and not self._patience.isActive():
            self._patience.start()
        self._send()

    def close(self) -> None:
        """End the engine at once, whatever it does. Nothing is told any more; `start` begins anew."""
        if self._process:
            self._let_go(self._process)
        self._wishes = RequestQueue()
        self._set_state("off")

    def _start(self) -> None:
        self._starts += 1
        self._reason = ""
        self._overdue = False
        self._process = EngineProcess(self._jobs)
        self._waker = _waker(self._process, self)
        self._set_state("starting")

    def _let_go(self, process: EngineProcess) -> str:
        """Stop listening to a process, end it if it lives, and return how it ended."""
        self._patience.stop()
        if isinstance(self._waker, QTimer):
            self._waker.stop()
        elif self._waker:
            self._waker.setEnabled(False)
        if self._waker:
            self._waker.deleteLater()
        self._process = self._waker = None
        return process.stop()

    def _send(self) -> None:
        if self._process and self._state in ("ready", "busy"):
            try:
                for request in self._wishes.to_send():
                    self._process.send(request)
            except OSError:
                return  # it has just died: that will be read next, and everything is sent again
            self._set_state("busy" if self._wishes.busy else "ready")

    def _read(self) -> None:
        """Take what has come; what takes longer than `AT_ONCE` waits for the event loop's next turn."""
        process, until = self._process, time.perf_counter() + AT_ONCE
        while process and process is self._process and time.perf_counter() < until:
            try:
                if not process.poll():
                    return
                reply = process.receive()
            except (EOFError, OSError):
                self._begin_anew(process)
                return
            if reply:
                self._take(reply)

    def _take(self, reply: Reply) -> None:
        if reply.kind == "failed":
            self._reason = str(reply.value)
        elif reply.kind == "ready":
            self._welcome(reply.value)
        elif self._wishes.take(reply):
            match reply.kind:
                case "started":
                    self.started.emit(reply.lane, reply.number)
                case "part":
                    self.part.emit(reply.lane, reply.number, reply.value)
                case "answer":
                    self.answer.emit(reply.lane, reply.number, reply.value)
                case "error":
                    self.error.emit(reply.lane, reply.number, reply.value)
        self._send()

    def _welcome(self, versions: dict[str, str]) -> None:
        self._starts = 0
        self._set_state("ready")
        self.ready.emit(versions)
        if self._told_of_death:
            self._told_of_death = False
            self.restarted.emit()

    def _begin_anew(self, dead: EngineProcess) -> None:
        """Put another engine in the place of one that has ended, and refuse what has now ended two."""
        how = self._let_go(dead)
        at_work, ended_here = self._state != "starting", self._overdue
        culprit = self._wishes.engine_died()
        if self._starts >= STARTS:
            self._set_state("failed")
            self.failed.emit(f"The engine does not start: {self._reason or how}. `resnet-studio doctor` says more.")
            return
        self._start()
        if at_work and not ended_here:
            self._told_of_death = True
            doing = f" while it worked on {culprit.label}" if culprit else ""
            self.died.emit(f"The engine ended{doing}: {how}. Another one is starting.")
        if culprit and culprit.deaths > 1:
            self.error.emit(culprit.request.lane, culprit.request.number, _refusal(culprit))

    def _end_what_is_stuck(self) -> None:
        if self._wishes.stuck and self._process:
            self._overdue = True
            self._process.kill()
        elif self._wishes.ending:
            self._patience.start()

    def _set_state(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)


def _waker(process: EngineProcess, link: EngineConnection) -> QSocketNotifier | QTimer:
    """What calls the link when the engine has said something: on Windows a pipe can only be asked."""
    if sys.platform == "win32":
        timer = QTimer(link)
        timer.timeout.connect(link._read)
        timer.start(15)
        return timer
    notifier = QSocketNotifier(process.fileno(), QSocketNotifier.Type.Read, link)
    notifier.activated.connect(link._read)
    return notifier


def _refusal(wish: PendingRequest) -> EngineDiedError:
    label = wish.label[:1].upper() + wish.label[1:]
    return EngineDiedError(
        f"{label} ended the engine twice, so it is not tried again. It may need more memory than this machine has: "
        "a smaller image or network may work. Everything else goes on."
    )


MOST_TABLES = 100
"""Tables that are remembered; the engine counts an older one again from what it has traced."""


class EngineClient(QObject):
    """One method a question, one signal an answer. Of several questions of one kind only the newest is answered."""

    table_counted = Signal(object)
    summary_made = Signal(str)
    verified = Signal(object)
    """The rows verified so far."""
    photograph_opened = Signal(object)
    thumbnail_made = Signal(object)
    """A `Photograph` of a few pixels."""
    looked = Signal(object)
    devices_found = Signal(object)
    data_opening = Signal(object)
    """`Progress` of that alone."""
    data_viewed = Signal(object)
    """A `DataView`."""
    estimated = Signal(object)
    """An `Estimate`."""
    progressed = Signal(object)
    idle = Signal(object)
    """Nothing is running any more: seconds that the last answer took, or None after a cancel."""
    failed = Signal(str, object)
    """The kind of question and the exception that answered it."""
    told = Signal(str, object)
    """Lane, and what a job has yielded beside its progress."""
    answered = Signal(str, object)
    """Lane and answer of any question."""

    def __init__(self, link: EngineConnection) -> None:
        super().__init__()
        self._link = link
        self._running: dict[str, float] = {}
        self._tables: dict[Architecture, LayerTable] = {}
        self._results: list[Any] = []
        self._answers: dict[str, Callable[[Any], None]] = {
            "table": self._keep_table,
            "summary": self.summary_made.emit,
            "verify": self._tell_verified,
            "photograph": self.photograph_opened.emit,
            "thumbnails": lambda _: None,
            "look": self.looked.emit,
            "devices": self.devices_found.emit,
            "data": self.data_viewed.emit,
            "estimate": self.estimated.emit,
        }
        link.part.connect(self._part)
        link.answer.connect(self._answer)
        link.error.connect(self._error)
        link.state_changed.connect(self._forget_parts)

    def known_table(self, architecture: Architecture) -> LayerTable | None:
        """fvcore's table of that architecture, if it has been asked for before."""
        return self._tables.get(architecture)

    def count(self, architecture: Architecture) -> None:
        """Ask for fvcore's table of the architecture in hand."""
        self.ask("table", "table", architecture, label=f"the layer table of {title(architecture)}")

    def count_compared(self, architecture: Architecture) -> None:
        """Ask for the table of a network that is compared; each has a lane of its own."""
        if architecture not in self._tables:
            label = f"the layer table of {title(architecture)}"
            self.ask(f"table {title(architecture)}", "table", architecture, label=label)

    def sum_up(self, architecture: Architecture) -> None:
        """Ask for torchinfo's summary."""
        self.ask("summary", "summary", architecture, label=f"torchinfo's summary of {title(architecture)}")

    def verify(self, extra: tuple[Architecture, ...]) -> None:
        """Ask for every published figure, and for those of the extra architectures."""
        self._results = []
        self.ask("verify", "verify", extra, label="the verification")

    def open_photograph(self, reference: str) -> None:
        """Ask for an image's pixels."""
        self.ask("photograph", "photograph", reference, label=f"opening {image_title(reference)}")

    def make_thumbnails(self, references: tuple[str, ...]) -> None:
        """Ask for small copies of images. Nobody waits for them, so they are not said to be running."""
        self._link.ask("thumbnails", "thumbnails", references, label="thumbnails")

    def look(self, subject: ForwardSpec, layers: tuple[str, ...], brief: int | None = None) -> None:
        """Ask for what the network makes of an image; one of many while a hand moves has a `brief` lane's number."""
        label = f"{image_title(subject.image)} through {title(subject.architecture)}"
        lane = "look" if brief is None else f"look {brief}"
        self.ask(lane, "look", subject, layers, brief is not None, label=label)

    def find_devices(self) -> None:
        """Ask where networks can run."""
        self.ask("devices", "devices", label="looking for devices")

    def view_data(self, recipe: Recipe, image: int, download: bool) -> None:
        """Ask for what a training would see; a data set is fetched only where `download` says so."""
        self.ask("data", "data view", recipe, image, download, label=f"opening {data_title(recipe.data)}")

    def estimate(self, recipe: Recipe, architecture: Architecture, training_images: int) -> None:
        """Ask what a training of a fitted architecture would cost."""
        label = f"timing a step of {title(architecture)}"
        self.ask("estimate", "estimate", recipe, architecture, training_images, label=label)

    def cancel(self) -> None:
        """End everything that is running."""
        for lane in list(self._running):
            self._link.cancel(lane)
        self._running.clear()
        self.idle.emit(None)

    def drop(self, lane: str) -> None:
        """End what runs in that lane alone."""
        self._link.cancel(lane)
        if self._running.pop(lane, None) is not None and not self._running:
            self.idle.emit(None)

    def ask(self, lane: str, job: str, *arguments: object, label: str) -> None:
        """Ask for a job; `answered`, `told` and `failed` speak of its lane."""
        self._running[lane] = time.perf_counter()
        self._link.ask(lane, job, *arguments, label=label)

    def _forget_parts(self, state: str) -> None:
        """A new engine tells the parts of what it is asked again from the first."""
        if state == "starting":
            self._results = []

    def _part(self, lane: str, _number: int, value: object) -> None:
        if lane == "thumbnails":
            if not isinstance(value, Progress):
                self.thumbnail_made.emit(value)
        elif isinstance(value, Progress):
            self.progressed.emit(value)
            if lane == "data":
                self.data_opening.emit(value)
        elif lane == "verify":
            self._results.append(value)
            self.verified.emit(tuple(self._results))
        else:
            self.told.emit(lane, value)

    def _answer(self, lane: str, _number: int, value: object) -> None:
        known = self._answers.get(lane.split(" ")[0])
        if known:
            known(value)
        self.answered.emit(lane, value)
        self._end(lane)

    def _error(self, lane: str, _number: int, error: BaseException) -> None:
        kind = lane.split(" ")[0]
        self.failed.emit("table of another" if kind == "table" != lane else kind, error)
        self._end(lane)

    def _end(self, lane: str) -> None:
        if lane in self._running:
            took = time.perf_counter() - self._running.pop(lane)
            if not self._running:
                self.idle.emit(took)

    def _keep_table(self, table: LayerTable) -> None:
        self._tables[table.architecture] = table
        if len(self._tables) > MOST_TABLES:
            del self._tables[next(iter(self._tables))]
        self.table_counted.emit(table)

    def _tell_verified(self, results: object) -> None:
        self.verified.emit(results)
