"""A fork server for test processes: children are forked after torch's import, which saves seconds for each.

Each child runs the command line, so that tests can send it signals, kill it and check its exit code.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from waiting import wait_until

PRELOADED = ("sklearn.datasets", "torchvision.transforms.v2", "resnet_studio.training.compute.run", "frozen")
"""What a child need not import again, which takes seconds."""


@dataclass
class Child:
    """A command line that runs in a child process."""

    pid: int
    log: Path
    server: ForkServer
    exit_code: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.exit_code is None:
            self.exit_code = self.server.request(poll=self.pid)
        return self.exit_code

    def wait(self) -> int:
        wait_until(lambda: self.poll() is not None, self.output)
        assert self.exit_code is not None
        return self.exit_code

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def output(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


class ForkServer:
    """Starts command lines in child processes. Use it as a context manager."""

    def __enter__(self) -> ForkServer:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "import fork_server; fork_server.serve()"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        )  # fmt: skip
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
        """Run a command line. `values` overrides module constants in that process, by full name."""
        pid = self.request(
            arguments=list(map(str, arguments)), environment={**os.environ, **environment}, log=str(log),
            values=dict(values or {}),
        )  # fmt: skip
        self._children.append(Child(pid, log, self))
        return self._children[-1]

    def request(self, **message: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def serve() -> None:
    """The server's side: fork a child for each command line, and answer whether a child has ended."""
    for name in PRELOADED:
        import_module(name)
    for line in sys.stdin:
        message = json.loads(line)
        if "poll" in message:
            pid, status = os.waitpid(message["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                _run_command(**message)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _run_command(arguments: list[str], environment: dict[str, str], log: str, values: dict[str, int]) -> None:
    import resnet_studio

    resnet_studio.STARTED = time.time()  # this process's start, as for any other
    from resnet_studio.cli.main import main

    for name, value in values.items():
        module, _, constant = name.rpartition(".")
        setattr(import_module(module), constant, value)

    os.setsid()  # its own process group, as in a terminal
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
