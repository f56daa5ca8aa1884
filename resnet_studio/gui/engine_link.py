"""The window's only connection with the engine: questions in, signals out, and a new engine when one dies."""

from __future__ import annotations

import sys
import time

from PySide6.QtCore import QObject, QSocketNotifier, QTimer, Signal

from resnet_studio.engine.messages import EngineDiedError, Reply
from resnet_studio.engine.process import JOBS, EngineProcess
from resnet_studio.engine.wishes import Wish, Wishes

AT_ONCE = 0.008
"""Seconds of reading after which the window's other events get their turn."""
PATIENCE = 1500
"""Milliseconds that a cancelled job has to come to a yield. Then its process is ended: gone within 2 s."""
STARTS = 3
"""Times that an engine is started which never gets ready."""


class EngineLink(QObject):
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
        self._wishes = Wishes()
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
        self._wishes = Wishes()
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


def _waker(process: EngineProcess, link: EngineLink) -> QSocketNotifier | QTimer:
    """What calls the link when the engine has said something: on Windows a pipe can only be asked."""
    if sys.platform == "win32":
        timer = QTimer(link)
        timer.timeout.connect(link._read)
        timer.start(15)
        return timer
    notifier = QSocketNotifier(process.fileno(), QSocketNotifier.Type.Read, link)
    notifier.activated.connect(link._read)
    return notifier


def _refusal(wish: Wish) -> EngineDiedError:
    label = wish.label[:1].upper() + wish.label[1:]
    return EngineDiedError(
        f"{label} ended the engine twice, so it is not tried again. It may need more memory than this machine has: "
        "a smaller image or network may work. Everything else goes on."
    )
