"""Processes that have torch already: forked from one that has imported it, so that tests need not wait for seconds.

What runs in them is the command line itself, with signals, kills and exit codes of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds after which a test that waits gives up."""


@dataclass
class Child:
    """A command line that runs by itself."""

    pid: int
    log: Path
    nursery: Nursery
    code: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.code is None:
            self.code = self.nursery.ask(poll=self.pid)
        return self.code

    def wait(self) -> int:
        until(lambda: self.poll() is not None, self.said)
        assert self.code is not None
        return self.code

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


class Nursery:
    """Starts command lines. Use it as a context."""

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._children: list[Child] = []
        return self

    def __exit__(self, *error: object) -> None:
        for child in self._children:
            if child.poll() is None:
                child.send(signal.SIGKILL)
                child.wait()
        self._process.communicate()

    def start(
        self, log: Path, *arguments: str | Path, values: Mapping[str, int] | None = None, **environment: str
    ) -> Child:  # fmt: skip
        """`values` are constants of modules, by their whole names, that are others in that process."""
        pid = self.ask(
            arguments=list(map(str, arguments)), environment={**os.environ, **environment}, log=str(log),
            values=dict(values or {}),
        )  # fmt: skip
        self._children.append(Child(pid, log, self))
        return self._children[-1]

    def ask(self, **question: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def until(condition: Callable[[], bool], otherwise: Callable[[], object] = lambda: "nothing happened") -> None:
    """Wait for a condition."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, otherwise()
        time.sleep(0.01)


def _serve() -> None:

    for line in sys.stdin:
        question = json.loads(line)
        if "poll" in question:
            pid, status = os.waitpid(question["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                _become(**question)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _become(arguments: list[str], environment: dict[str, str], log: str, values: dict[str, int]) -> None:
    from resnet_studio.cli.main import main

    for name, value in values.items():
        module, _, constant = name.rpartition(".")
        setattr(import_module(module), constant, value)

    os.setsid()  # as a terminal starts it: a group of its own
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(target, stream)
    sys.argv = ["resnet-studio", *arguments]
    try:
        code = main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 70
    os._exit(code)


if __name__ == "__main__":
    _serve()
