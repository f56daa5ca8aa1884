"""The window's only connection with the engine: requests in, callbacks out, and a new engine when one dies."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from PySide6.QtCore import QObject, QSocketNotifier, QTimer, Signal

from resnet_studio.engine.process import JOBS, EngineProcess
from resnet_studio.engine.protocol import CanceledError, EngineDiedError, Reply
from resnet_studio.engine.request_queue import PendingRequest, RequestQueue
from resnet_studio.progress import Progress

READ_SLICE = 0.008
"""Seconds of reading replies before the window's other events are processed."""
CANCEL_TIMEOUT = 1500
"""Milliseconds that a canceled job has to reach a yield. Then its process is killed: gone within 2 s."""
MAX_STARTS = 3
"""How often an engine that never becomes ready is started."""

Callback: TypeAlias = Callable[[Any], object]
ErrorCallback: TypeAlias = Callable[[Exception], bool | None]


def _ignore(_: object) -> None:
    """For a caller that does not want to be called back."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who gets the replies to a lane's newest request."""

    on_result: Callback
    on_part: Callback
    on_progress: Callback
    on_error: ErrorCallback
    background: bool
    since: float


class EngineClient(QObject):
    """Sends requests to the engine and calls back whoever made the newest request of each lane.

    Requests may be made at any time and are queued until the engine is ready. When the engine dies, another one is
    started and gets the unanswered requests again; one that has killed two engines ends with an `EngineDiedError`.
    """

    ready = Signal(object)
    """The engine is ready: the versions of its libraries."""
    died = Signal(str)
    """The engine ended unexpectedly and is being restarted; a sentence for the message bar."""
    restarted = Signal()
    """After `died`: the new engine is ready."""
    failed = Signal(str)
    """No engine becomes ready; a sentence with the reason. `start` tries again."""
    stateChanged = Signal(str)
    """"off", "starting", "ready", "busy" or "failed"."""
    progressChanged = Signal(object)
    """`Progress` of any request that is not in the background."""
    requestAnswered = Signal(str)
    """The lane of a request that has been answered."""
    requestFailed = Signal(str, object)
    """The lane and the exception of a request whose caller does not show the error itself."""
    idle = Signal(object)
    """Nothing is running any more: the seconds that the last request took; None if it was canceled."""

    def __init__(self, jobs: str = JOBS, parent: QObject | None = None) -> None:
        """`jobs` names the engine's table of jobs, as "module:attribute"."""
        super().__init__(parent)
        self._jobs = jobs
        self._process: EngineProcess | None = None
        self._waker: QSocketNotifier | QTimer | None = None
        self._queue = RequestQueue()
        self._callers: dict[str, Caller] = {}
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

    def request(
        self, job: str, *arguments: object, lane: str = "", label: str = "", on_result: Callback = _ignore,
        on_part: Callback = _ignore, on_progress: Callback = _ignore, on_error: ErrorCallback = _ignore,
        background: bool = False,
    ) -> None:  # fmt: skip
        """Request a job in place of the lane's earlier request, whose callbacks are not called any more.

        `lane` is the job's name by default. `label` names the request in messages, such as "counting the FLOPs of
        ResNet-152". A request in the `background` is not shown as running, and `cancel_all` leaves it alone.

        `on_progress` gets each `Progress` that the job yields, `on_part` each other value; if the engine dies, both
        start again from the first. The last call is `on_result` with the answer, or `on_error` with an exception: a
        `CanceledError` if the request was canceled. Other errors are then reported by `requestFailed` as well, unless
        `on_error` returns True because it has shown the error.
        """
        lane = lane or job
        self._callers[lane] = Caller(on_result, on_part, on_progress, on_error, background, time.perf_counter())
        self._queue.add(lane, job, arguments, label or job)
        self._send()

    def cancel(self, lane: str) -> None:
        """Cancel the lane's request. A running job ends at its next yield, or soon after with its process."""
        self._queue.cancel(lane)
        if self._queue.canceling and not self._cancel_timer.isActive():
            self._cancel_timer.start()
        self._send()
        if caller := self._callers.pop(lane, None):
            caller.on_error(CanceledError())
            self._emit_idle(caller, None)

    def cancel_all(self) -> None:
        """Cancel everything that is shown as running."""
        for lane in [lane for lane, caller in self._callers.items() if not caller.background]:
            self.cancel(lane)

    def close(self) -> None:
        """End the engine at once, whatever it does. Nobody is called back any more; `start` starts a new one."""
        if self._process:
            self._detach(self._process)
        self._queue = RequestQueue()
        self._callers.clear()
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
        """Read replies for a slice of time, and call back whoever waits for them."""
        for reply in self._replies():
            try:
                match reply.kind:
                    case "failed":
                        self._reason = str(reply.value)
                    case "ready":
                        self._on_ready(reply.value)
                    case _ if not self._queue.handle_reply(reply):
                        pass
                    case "part" if isinstance(reply.value, Progress):
                        self._emit_progress(reply)
                    case "part":
                        self._callers[reply.lane].on_part(reply.value)
                    case "answer":
                        with self._end(reply.lane) as caller:
                            caller.on_result(reply.value)
                            self.requestAnswered.emit(reply.lane)
                    case "error":
                        self._fail(reply.lane, reply.value)
            finally:  # the other requests must not wait for one whose callback has raised
                self._send()

    def _replies(self) -> Iterator[Reply]:
        """What the engine has sent, for at most `READ_SLICE`; the rest waits for the event loop's next turn."""
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
                yield reply

    def _emit_progress(self, reply: Reply) -> None:
        caller = self._callers[reply.lane]
        if not caller.background:
            self.progressChanged.emit(reply.value)
        caller.on_progress(reply.value)

    def _fail(self, lane: str, error: Exception) -> None:
        with self._end(lane) as caller:
            if not caller.on_error(error):
                self.requestFailed.emit(lane, error)

    @contextmanager
    def _end(self, lane: str) -> Iterator[Caller]:
        """The caller of a request that has come to its end; when that is handled, emit `idle` if nothing else runs."""
        caller = self._callers.pop(lane)
        try:
            yield caller
        finally:
            self._emit_idle(caller, time.perf_counter() - caller.since)

    def _emit_idle(self, ended: Caller, seconds: float | None) -> None:
        if not ended.background and all(caller.background for caller in self._callers.values()):
            self.idle.emit(seconds)

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
            self._fail(culprit.request.lane, _died_error(culprit))

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


def _waker(process: EngineProcess, client: EngineClient) -> QSocketNotifier | QTimer:
    """Calls `_read` when the engine has sent something; on Windows a pipe can only be polled."""
    if sys.platform == "win32":
        timer = QTimer(client)
        timer.timeout.connect(client._read)
        timer.start(15)
        return timer
    notifier = QSocketNotifier(process.fileno(), QSocketNotifier.Type.Read, client)
    notifier.activated.connect(client._read)
    return notifier


def _died_error(request: PendingRequest) -> EngineDiedError:
    label = request.label[:1].upper() + request.label[1:]
    return EngineDiedError(
        f"{label} crashed the engine twice and will not be retried. It may need more memory than this machine has: "
        "try a smaller image or network. Everything else keeps working."
    )
