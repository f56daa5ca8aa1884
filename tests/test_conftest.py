"""The rules in conftest.py: each fault fails its own test and no other, and what is allowed passes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent

FAULTS = """
import logging, socket, subprocess, sys, tempfile, threading, time, warnings
from PySide6.QtCore import QObject, QThread, QThreadPool, QTimer, Signal, qWarning
from PySide6.QtWidgets import QWidget
import leftovers

kept = []
leftovers.TIMEOUT = 0.1

def test_python_warning():
    warnings.warn("old", DeprecationWarning)

def test_qt_warning():
    qWarning("said during the test")

def test_qt_warning_while_a_window_goes(qtbot):
    class Grumbling(QWidget):
        def closeEvent(self, event):
            qWarning("said in teardown")
    kept.append(Grumbling())
    qtbot.addWidget(kept[-1])
    kept[-1].show()

def test_log_record():
    logging.getLogger("stray").warning("nobody asked")

def test_log_record_of_a_logger_that_does_not_propagate():
    logger = logging.getLogger("apart")
    logger.propagate = False
    logger.error("nobody hears")

def test_exception_in_a_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()

def test_exception_in_a_slot(qtbot):
    class Source(QObject):
        told = Signal(bool)
    source = Source()
    source.told.connect(lambda value: 1 / 0)
    source.told.emit(True)

def test_exception_in_an_event(qtbot):
    class Broken(QWidget):
        def paintEvent(self, event):
            raise ValueError("not painted")
    widget = Broken()
    qtbot.addWidget(widget)
    widget.grab()

def test_exception_in_a_destructor():
    class Broken:
        def __del__(self):
            raise ValueError("not ended")
    Broken()

def test_thread():
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()

def test_window(qtbot):
    kept.append(QWidget())

def test_timer(qtbot):
    kept.append(QTimer())
    kept[-1].start(1000)

def test_timer_that_only_a_cycle_of_objects_knew(qtbot):
    class Owner(QObject):
        def __init__(self):
            super().__init__()
            self.timer = QTimer(self)
            self.timer.start(10)
    kept.append(Owner())

def test_qthread(qtbot):
    kept.append(QThread())
    kept[-1].start()

def test_task_in_the_thread_pool(qtbot):
    QThreadPool.globalInstance().start(lambda: time.sleep(1))

def test_child_process():
    kept.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))

def test_temporary_file():
    tempfile.mkstemp()

def test_connection():
    with socket.socket() as s:
        s.connect(("192.0.2.1", 80))

def test_datagram():
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.sendto(b"hello", ("192.0.2.1", 53))

def test_name_look_up_that_the_code_would_forgive():
    try:
        socket.create_connection(("example.invalid", 80))
    except Exception:
        pass

def test_end():
    for thread in kept:
        if isinstance(thread, QThread):
            thread.quit()
            thread.wait()
"""

ALLOWED = """
import logging, multiprocessing, os, socket, subprocess, sys, threading, time
from pathlib import Path
import psutil
import pytest
import pyqtgraph
from PySide6.QtCore import QSettings, QStandardPaths, QThread, QTimer, QThreadPool
from PySide6.QtWidgets import QApplication, QComboBox, QMainWindow, QWidget

homes = set()

def test_nothing_heavy_was_imported():
    assert not {"torch", "torchvision", "fvcore", "sklearn"} & set(sys.modules)

def test_offscreen(qapp):
    assert qapp.platformName() == "offscreen"

@pytest.mark.parametrize("turn", [1, 2])
def test_a_home_of_its_own(turn):
    settings = QSettings("House", "App")
    assert not settings.contains("key")
    settings.setValue("key", turn)
    settings.sync()
    places = [Path.home(), settings.fileName(), QStandardPaths.writableLocation(QStandardPaths.ConfigLocation)]
    assert all(str(place).startswith(os.environ["HOME"]) for place in places)
    assert os.environ["HOME"] not in homes
    homes.add(os.environ["HOME"])

def test_log_records_that_were_asked_for(caplog):
    logging.getLogger("known").warning("asked for")

def test_things_that_end(qtbot):
    threading.Thread(target=time.sleep, args=(0.3,)).start()
    QThreadPool.globalInstance().start(lambda: time.sleep(0.3))
    subprocess.Popen([sys.executable, "-c", "pass"]).wait()
    timer = QTimer()
    timer.setSingleShot(True)
    timer.start(300)
    widget = QWidget()
    widget.myself = widget

def test_a_window_with_plots(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    plot = pyqtgraph.PlotWidget()
    plot.plot([1, 2, 3])
    window.setCentralWidget(plot)
    view = pyqtgraph.ImageView(parent=window)
    QComboBox(window).addItems(["a", "b"])
    window.show()
    qtbot.waitExposed(window)

def test_a_spawned_process(qtbot):
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    process.start()
    process.join()

def test_a_running_thread_that_is_qts_own(qtbot):
    kept = QWidget().thread(), QThread.currentThread()
    assert all(thread.isRunning() for thread in kept)

def test_this_machine():
    with socket.create_server(("localhost", 0)) as server, socket.create_connection(server.getsockname()) as s:
        s.sendall(b"hello")

@pytest.fixture(scope="module")
def child():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()

def test_what_outlives_a_test_on_purpose(child):
    assert child.poll() is None
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """An empty suite under this suite's conftest and settings."""
    settings = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    del settings["testpaths"], settings["pythonpath"]
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]  # JSON's values are TOML's
    pytester.makepyprojecttoml("\n".join(["[tool.pytest.ini_options]", *lines]))
    for name in ("conftest", "helpers/leftovers"):
        path = HERE / f"{name}.py"
        pytester.makepyfile(**{path.stem: path.read_text()})
    return pytester


def test_each_fault_fails_its_own_test(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_faults=FAULTS)
    result = suite.runpytest_subprocess("-q")
    faults = {line.split("(")[0].removeprefix("def ") for line in FAULTS.splitlines() if line.startswith("def test_")}
    reported = [line.split()[:2] for line in result.outlines if line.startswith(("FAILED ", "ERROR "))]
    assert {name.split("::")[1] for _, name in reported} == faults - {"test_end"}


def test_what_is_allowed_passes(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_allowed=ALLOWED)
    result = suite.runpytest_subprocess("-q")
    assert result.ret == 0
    assert set(result.parseoutcomes()) == {"passed"}


def test_a_failed_test_is_reported_once(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_failing="""
        import threading, time
        def test_it():
            threading.Thread(target=time.sleep, args=(1,)).start()
            assert False
        """
    )
    suite.runpytest_subprocess("-q").assert_outcomes(failed=1)


def test_a_failed_test_leaves_no_process(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_failing="""
        import subprocess, sys
        from pathlib import Path
        def test_it():
            process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            Path("pid").write_text(str(process.pid))
            assert False
        """
    )
    suite.runpytest_subprocess("-q").assert_outcomes(failed=1)
    assert not psutil.pid_exists(int((suite.path / "pid").read_text()))
