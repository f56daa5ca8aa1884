"""Whether the window survives its start: `python -m benchmarks.starts --starts 200 --core 1 [--busy 2] [PATH …]`.

Each start is the real program with settings of its own and its engine, pinned to one core, where threads interrupt
each other most often. It ends by itself once every workspace is there. Counted are ends by a signal or with a fault.
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

PATIENCE = 300
START = "from benchmarks.starts import start; start({paths!r})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how the starts ended; 1 if one did not end well."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.starts")
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--core", type=int, help="the only core that the window and its engine run on")
    parser.add_argument("--busy", type=int, default=0, help="busy loops on the same cores")
    parser.add_argument("paths", nargs="*", help="files and folders to open at start")
    asked = parser.parse_args(arguments)
    ends: Counter[str] = Counter()
    seconds: list[float] = []
    with ExitStack() as loops:
        for _ in range(asked.busy):
            loops.enter_context(_busy(asked.core))
        for number in range(asked.starts):
            began = time.perf_counter()
            how, said = _started([os.path.abspath(path) for path in asked.paths], asked.core)
            seconds.append(time.perf_counter() - began)
            ends[how] += 1
            if how != "well":
                print(f"start {number + 1}: {how}\n{said}", flush=True)
    print(f"{asked.starts} starts: {', '.join(f'{times} ended {how}' for how, times in ends.items())}; "
          f"{spread(seconds, 1.0)} each")  # fmt: skip
    return 0 if set(ends) <= {"well"} else 1


def start(paths: Sequence[str]) -> None:
    """In a process of its own: open the window, and close it once every workspace is there."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from resnet_studio.gui import app
    from resnet_studio.gui.main_window import MainWindow

    class Started(MainWindow):
        def start_engine(self) -> None:
            super().start_engine()
            self.workspaces.prepared.connect(lambda: QTimer.singleShot(300, QApplication.closeAllWindows))

    app.MainWindow = Started  # type: ignore[attr-defined]
    sys.exit(app.run(paths))


def _started(paths: Sequence[str], core: int | None) -> tuple[str, str]:
    """How one start ended, and what it said."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONFAULTHANDLER": "1"}
        environment |= {"XDG_CONFIG_HOME": f"{home}/config", "XDG_DATA_HOME": f"{home}/data"}
        command = [*_pinned(core), sys.executable, "-c", START.format(paths=list(paths))]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode < 0:
        return f"by signal {-done.returncode}", done.stderr
    return ("well" if done.returncode == 0 and not done.stderr else f"with code {done.returncode}"), done.stderr


def _pinned(core: int | None) -> list[str]:
    return [] if core is None else ["taskset", "-c", str(core)]


@contextmanager
def _busy(core: int | None) -> Iterator[None]:
    loop = subprocess.Popen([*_pinned(core), sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


if __name__ == "__main__":
    sys.exit(main())
