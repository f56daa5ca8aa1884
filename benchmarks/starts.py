"""How often a start of the window fails: `python -m benchmarks.starts --starts 200 --core 1 [--busy 2] [PATH …]`.

Each start is the real program with its engine and its own settings, pinned to one core, where threads interrupt each
other most often. It exits once every workspace is made. Exits by a signal or with an error are counted.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from benchmarks.measure import spread

TIMEOUT = 300
CHILD = "from benchmarks.starts import run_window; run_window({paths!r})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how the starts ended; return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.starts")
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--core", type=int, help="the only core that the window and its engine run on")
    parser.add_argument("--busy", type=int, default=0, help="busy loops on the same cores")
    parser.add_argument("paths", nargs="*", help="files and folders to open at start")
    options = parser.parse_args(arguments)
    outcomes: Counter[str] = Counter()
    seconds: list[float] = []
    with ExitStack() as loops:
        for _ in range(options.busy):
            loops.enter_context(_busy_loop(options.core))
        for number in range(options.starts):
            began = time.perf_counter()
            outcome, stderr = _run_start([os.path.abspath(path) for path in options.paths], options.core)
            seconds.append(time.perf_counter() - began)
            outcomes[outcome] += 1
            if outcome != "normally":
                print(f"start {number + 1}: {outcome}\n{stderr}", flush=True)
    print(f"{options.starts} starts: {', '.join(f'{times} ended {outcome}' for outcome, times in outcomes.items())}; "
          f"{spread(seconds, 1.0)} each")  # fmt: skip
    return 0 if set(outcomes) <= {"normally"} else 1


def run_window(paths: Sequence[str]) -> None:
    """In a child process: open the window, and close it once every workspace is made."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from resnet_studio.gui import app
    from resnet_studio.gui.main_window import MainWindow

    class ClosingWindow(MainWindow):
        def start_engine(self) -> None:
            super().start_engine()
            self.workspaces.prepared.connect(lambda: QTimer.singleShot(300, QApplication.closeAllWindows))

    app.MainWindow = ClosingWindow  # type: ignore[attr-defined]
    sys.exit(app.run(paths))


def _run_start(paths: Sequence[str], core: int | None) -> tuple[str, str]:
    """How one start ended, and its standard error."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONFAULTHANDLER": "1"}
        environment |= {"XDG_CONFIG_HOME": f"{home}/config", "XDG_DATA_HOME": f"{home}/data"}
        command = [*_taskset(core), sys.executable, "-c", CHILD.format(paths=list(paths))]
        process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if process.returncode < 0:
        return f"by signal {-process.returncode}", process.stderr
    return (
        "normally" if process.returncode == 0 and not process.stderr else f"with code {process.returncode}"
    ), process.stderr


def _taskset(core: int | None) -> list[str]:
    return [] if core is None else ["taskset", "-c", str(core)]


@contextmanager
def _busy_loop(core: int | None) -> Iterator[None]:
    loop = subprocess.Popen([*_taskset(core), sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


if __name__ == "__main__":
    sys.exit(main())
