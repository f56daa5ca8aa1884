"""The window's only connection with the engine: requests in, signals out, and a new engine when one dies."""

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

READ_SLICE = 0.008
"""Seconds of reading replies before the window's other events are processed."""
CANCEL_TIMEOUT = 1500
"""Milliseconds that a canceled job has to reach a yield. Then its process is killed: gone within 2 s."""
MAX_STARTS = 3
"""How often an engine that never becomes ready is started."""


class EngineConnection(QObject):
    """Sends requests to the engine and emits its replies to the newest request of each lane.

    Requests may be made at any time and are queued until the engine is ready. When the engine dies, another one is
    started and gets the unanswered requests again, so the parts of a lane then restart from the first.
    """

    ready = Signal(object)
    """The engine is ready: the versions of its libraries."""
    started = Signal(str, int)
    """Lane and number of the request that the engine has started."""
    partReceived = Signal(str, int, object)
    """Lane, number and a value that the job yielded."""
    answerReceived = Signal(str, int, object)
    errorReceived = Signal(str, int, object)
    """Lane, number and the exception that a job raised, or an `EngineDiedError`."""
    died = Signal(str)
    """The engine ended unexpectedly and is being restarted; a sentence for the message bar."""
    restarted = Signal()
    """After `died`: the new engine is ready."""
    failed = Signal(str)
    """No engine becomes ready; a sentence with the reason. `start` tries again."""
    stateChanged = Signal(str)
    """"off", "starting", "ready", "busy" or "failed"."""

    def __init__(self, jobs: str = JOBS, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._process: EngineProcess | None = None
        self._waker: QSocketNotifier | QTimer | None = None
        self._queue = RequestQueue()
        self._state = "off"
        self._starts = 0
        self._reason = ""
        self._overdue = False
        self._death_reported = False
        self._cancel_timer = QTimer(self)
        self._cancel_timer.setSingleShot(True)
        self._cancel_timer.setInterval(CANCEL_TIMEOUT)
        self._cancel_timer.timeout.connect(self._kill_if_stuck)

    @property
    def state(self) -> str:
        """The state last emitted by `stateChanged`."""
        return self._state

    @property
    def pid(self) -> int:
        """The engine's process id; 0 if there is none."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the engine, unless it is running."""
        if self._process is None:
            self._starts = 0
            self._start()

    def request(self, lane: str, job: str, *arguments: object, label: str = "") -> int:
        """Request a job in place of the lane's earlier request, and return the request's number.

        `label` names it in messages, such as "ResNet-152 at 4096×4096".
        """
        number = self._queue.add(lane, job, arguments, label or job)
        self._send()
        return number

    def cancel(self, lane: str) -> None:
        """Cancel the lane's request. A running job ends at its next yield, or soon after with its process."""
        self._queue.cancel(lane)
        if self._queue.canceling and not self._cancel_timer.isActive():
            self._cancel_timer.start()
        self._send()

    def close(self) -> None:
        """End the engine at once, whatever it does. No more replies are emitted; `start` starts a new one."""
        if self._process:
            self._detach(self._process)
        self._queue = RequestQueue()
        self._set_state("off")

    def _start(self) -> None:
        self._starts += 1
        self._reason = ""
        self._overdue = False
        self._process = EngineProcess(self._jobs)
        self._waker = _waker(self._process, self)
        self._set_state("starting")

    def _detach(self, process: EngineProcess) -> str:
        """Stop listening to a process, end it if it is alive, and return how it ended."""
        self._cancel_timer.stop()
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
                for request in self._queue.to_send():
                    self._process.send(request)
            except OSError:
                return  # it has just died: `_read` notices that next, and everything is sent again
            self._set_state("busy" if self._queue.busy else "ready")

    def _read(self) -> None:
        """Read replies for at most `READ_SLICE`; the rest waits for the event loop's next turn."""
        process, until = self._process, time.perf_counter() + READ_SLICE
        while process and process is self._process and time.perf_counter() < until:
            try:
                if not process.poll():
                    return
                reply = process.receive()
            except (EOFError, OSError):
                self._restart(process)
                return
            if reply:
                self._on_reply(reply)

    def _on_reply(self, reply: Reply) -> None:
        if reply.kind == "failed":
            self._reason = str(reply.value)
        elif reply.kind == "ready":
            self._on_ready(reply.value)
        elif self._queue.handle_reply(reply):
            match reply.kind:
                case "started":
                    self.started.emit(reply.lane, reply.number)
                case "part":
                    self.partReceived.emit(reply.lane, reply.number, reply.value)
                case "answer":
                    self.answerReceived.emit(reply.lane, reply.number, reply.value)
                case "error":
                    self.errorReceived.emit(reply.lane, reply.number, reply.value)
        self._send()

    def _on_ready(self, versions: dict[str, str]) -> None:
        self._starts = 0
        self._set_state("ready")
        self.ready.emit(versions)
        if self._death_reported:
            self._death_reported = False
            self.restarted.emit()

    def _restart(self, dead: EngineProcess) -> None:
        """Replace an engine that has ended, and refuse a request that has now ended two."""
        exit_text = self._detach(dead)
        was_ready, killed_here = self._state != "starting", self._overdue
        culprit = self._queue.engine_died()
        if self._starts >= MAX_STARTS:
            self._set_state("failed")
            self.failed.emit(
                f"The engine can't start: {self._reason or exit_text}. Run `resnet-studio doctor` for details."
            )
            return
        self._start()
        if was_ready and not killed_here:
            self._death_reported = True
            doing = f" ({culprit.label})" if culprit else ""
            self.died.emit(f"The engine stopped unexpectedly{doing}: {exit_text}. It is restarting.")
        if culprit and culprit.deaths > 1:
            self.errorReceived.emit(culprit.request.lane, culprit.request.number, _died_error(culprit))

    def _kill_if_stuck(self) -> None:
        if self._queue.stuck and self._process:
            self._overdue = True
            self._process.kill()
        elif self._queue.canceling:
            self._cancel_timer.start()

    def _set_state(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self.stateChanged.emit(state)


def _waker(process: EngineProcess, connection: EngineConnection) -> QSocketNotifier | QTimer:
    """Calls `_read` when the engine has sent something; on Windows a pipe can only be polled."""
    if sys.platform == "win32":
        timer = QTimer(connection)
        timer.timeout.connect(connection._read)
        timer.start(15)
        return timer
    notifier = QSocketNotifier(process.fileno(), QSocketNotifier.Type.Read, connection)
    notifier.activated.connect(connection._read)
    return notifier


def _died_error(request: PendingRequest) -> EngineDiedError:
    label = request.label[:1].upper() + request.label[1:]
    return EngineDiedError(
        f"{label} crashed the engine twice and will not be retried. It may need more memory than this machine has: "
        "try a smaller image or network. Everything else keeps working."
    )


MAX_CACHED_TABLES = 100
"""Tables that are cached here; the engine recounts an older one quickly from its own trace."""


class EngineClient(QObject):
    """One method per request, one signal per answer. Of several requests of one kind only the newest is answered."""

    tableCounted = Signal(object)
    summaryReady = Signal(str)
    verified = Signal(object)
    """The rows verified so far."""
    imageOpened = Signal(object)
    thumbnailReady = Signal(object)
    """A `Photograph` of a few pixels."""
    forwardFinished = Signal(object)
    devicesFound = Signal(object)
    dataProgressChanged = Signal(object)
    """`Progress` of opening a data set."""
    dataViewReady = Signal(object)
    """A `DataView`."""
    estimateReady = Signal(object)
    """An `Estimate`."""
    progressChanged = Signal(object)
    idle = Signal(object)
    """Nothing is running any more: the seconds that the last answer took, or None after a cancel."""
    failed = Signal(str, object)
    """The kind of request and its exception."""
    partReceived = Signal(str, object)
    """Lane and a value that a job has yielded, other than progress."""
    answerReceived = Signal(str, object)
    """Lane and answer of any request."""

    def __init__(self, connection: EngineConnection) -> None:
        super().__init__()
        self._connection = connection
        self._running: dict[str, float] = {}
        self._tables: dict[Architecture, LayerTable] = {}
        self._results: list[Any] = []
        self._answers: dict[str, Callable[[Any], None]] = {
            "table": self._on_table,
            "summary": self.summaryReady.emit,
            "verify": self._on_verified,
            "photograph": self.imageOpened.emit,
            "thumbnails": lambda _: None,
            "forward": self.forwardFinished.emit,
            "devices": self.devicesFound.emit,
            "data": self.dataViewReady.emit,
            "estimate": self.estimateReady.emit,
        }
        connection.partReceived.connect(self._on_part)
        connection.answerReceived.connect(self._on_answer)
        connection.errorReceived.connect(self._on_error)
        connection.stateChanged.connect(self._on_state_changed)

    def cached_table(self, architecture: Architecture) -> LayerTable | None:
        """fvcore's table of that architecture, if it was counted before."""
        return self._tables.get(architecture)

    def request_table(self, architecture: Architecture) -> None:
        """Request fvcore's table of the current architecture."""
        self.request("table", "table", architecture, label=f"counting the FLOPs of {title(architecture)}")

    def request_compared_table(self, architecture: Architecture) -> None:
        """Request the table of a compared network; each has its own lane."""
        if architecture not in self._tables:
            label = f"counting the FLOPs of {title(architecture)}"
            self.request(f"table {title(architecture)}", "table", architecture, label=label)

    def request_summary(self, architecture: Architecture) -> None:
        """Request torchinfo's summary."""
        self.request("summary", "summary", architecture, label=f"summarizing {title(architecture)}")

    def request_verification(self, extra: tuple[Architecture, ...]) -> None:
        """Request the verification of every published figure, and of those of the extra architectures."""
        self._results = []
        self.request("verify", "verify", extra, label="verifying published values")

    def request_image(self, reference: str) -> None:
        """Request an image's pixels."""
        self.request("photograph", "photograph", reference, label=f"opening {image_title(reference)}")

    def request_thumbnails(self, references: tuple[str, ...]) -> None:
        """Request thumbnails. Nobody waits for them, so they are not shown as running."""
        self._connection.request("thumbnails", "thumbnails", references, label="loading thumbnails")

    def request_forward(self, spec: ForwardSpec, layers: tuple[str, ...], preview: int | None = None) -> None:
        """Request a forward pass; while a control is dragged, `preview` numbers the lane of one of many."""
        label = f"running {title(spec.architecture)} on {image_title(spec.image)}"
        lane = "forward" if preview is None else f"forward {preview}"
        self.request(lane, "forward", spec, layers, preview is not None, label=label)

    def request_devices(self) -> None:
        """Request the list of devices."""
        self.request("devices", "devices", label="looking for devices")

    def request_data_view(self, recipe: Recipe, image: int, download: bool) -> None:
        """Request what a training would see; a data set is downloaded only if `download` is set."""
        self.request("data", "data_view", recipe, image, download, label=f"opening {data_title(recipe.data)}")

    def request_estimate(self, recipe: Recipe, architecture: Architecture, training_images: int) -> None:
        """Request what training an architecture that fits the data would cost."""
        label = f"timing a step of {title(architecture)}"
        self.request("estimate", "estimate", recipe, architecture, training_images, label=label)

    def cancel(self) -> None:
        """Cancel everything that is running."""
        for lane in list(self._running):
            self._connection.cancel(lane)
        self._running.clear()
        self.idle.emit(None)

    def cancel_lane(self, lane: str) -> None:
        """Cancel what runs in that lane only."""
        self._connection.cancel(lane)
        if self._running.pop(lane, None) is not None and not self._running:
            self.idle.emit(None)

    def request(self, lane: str, job: str, *arguments: object, label: str) -> None:
        """Request a job; `answerReceived`, `partReceived` and `failed` carry its lane."""
        self._running[lane] = time.perf_counter()
        self._connection.request(lane, job, *arguments, label=label)

    def _on_state_changed(self, state: str) -> None:
        """Forget the partial results: a new engine sends them again from the first."""
        if state == "starting":
            self._results = []

    def _on_part(self, lane: str, _number: int, value: object) -> None:
        if lane == "thumbnails":
            if not isinstance(value, Progress):
                self.thumbnailReady.emit(value)
        elif isinstance(value, Progress):
            self.progressChanged.emit(value)
            if lane == "data":
                self.dataProgressChanged.emit(value)
        elif lane == "verify":
            self._results.append(value)
            self.verified.emit(tuple(self._results))
        else:
            self.partReceived.emit(lane, value)

    def _on_answer(self, lane: str, _number: int, value: object) -> None:
        handler = self._answers.get(lane.split(" ")[0])
        if handler:
            handler(value)
        self.answerReceived.emit(lane, value)
        self._finish_lane(lane)

    def _on_error(self, lane: str, _number: int, error: BaseException) -> None:
        kind = lane.split(" ")[0]
        self.failed.emit("table of another" if kind == "table" != lane else kind, error)
        self._finish_lane(lane)

    def _finish_lane(self, lane: str) -> None:
        if lane in self._running:
            seconds = time.perf_counter() - self._running.pop(lane)
            if not self._running:
                self.idle.emit(seconds)

    def _on_table(self, table: LayerTable) -> None:
        self._tables[table.architecture] = table
        if len(self._tables) > MAX_CACHED_TABLES:
            del self._tables[next(iter(self._tables))]
        self.tableCounted.emit(table)

    def _on_verified(self, results: object) -> None:
        self.verified.emit(results)
