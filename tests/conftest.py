"""Rules for all tests: a test leaves nothing behind, logs nothing unexpected, and does not use the network.

pyproject.toml turns Python's warnings into errors and fails a test on Qt's; this file adds what pytest and pytest-qt
don't check. Torch is imported by the tests that need it, never by this file.
"""

from __future__ import annotations

import gc
import ipaddress
import logging
import os
import re
import socket
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before anything imports Qt
if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores; before anything imports torch
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest
from PySide6.QtCore import QSettings, QtMsgType, qInstallMessageHandler

import resnet_studio
from leftovers import kill_new_processes, leftovers, present

FAILED = pytest.StashKey[bool]()
LOCAL_HOSTS = {None, "", "localhost", socket.gethostname()}

hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("suite")


def pytest_report_header() -> str:
    return f"resnet_studio: {Path(resnet_studio.__file__).parent}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = report.failed or item.stash.get(FAILED, False)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Fail on Qt's warnings during teardown; pytest-qt captures them only until the end of the test function."""
    messages: list[str] = []
    ignored = item.config.getini("qt_log_ignore")

    def note(kind: QtMsgType, context: object, message: str) -> None:
        serious = kind not in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg)
        if serious and not any(re.search(pattern, message) for pattern in ignored):
            messages.append(message)

    before = qInstallMessageHandler(note)
    try:
        yield
    finally:
        qInstallMessageHandler(before)
    if messages and not item.stash.get(FAILED, False):
        pytest.fail("Qt messages while the test was torn down:\n" + "\n".join(messages), pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def suite_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Home and temporary folder of the whole session, for fixtures with a wider scope than a test."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "tmp").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder / "tmp"))
        patch.setattr(tempfile, "tempdir", str(folder / "tmp"))
        # A child process started in the source tree imports what is installed, as this process does.
        patch.setenv("PYTHONSAFEPATH", "1")
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(folder / "torch"))  # created when torch imports some of its modules
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            patch.setenv(name, "http://127.0.0.1:9")  # no server there: a download in a child process fails at once
        patch.setenv("no_proxy", "localhost,127.0.0.1")
        use_home(folder / "home", patch)
        yield folder


@pytest.fixture(scope="session")
def fork_server(suite_folder: Path) -> Iterator[Any]:
    """Starts command lines in processes that need not import torch."""
    from fork_server import ForkServer

    with ForkServer() as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def short_collections() -> None:
    """Exempt what earlier modules have imported and cached, a million objects, from the collections of this one."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def discipline(request: pytest.FixtureRequest, suite_folder: Path) -> Iterator[None]:
    """Give a test its own home folder, and fail it for log records and for anything that it leaves behind."""
    with (
        tempfile.TemporaryDirectory(dir=suite_folder, ignore_cleanup_errors=True) as home,
        pytest.MonkeyPatch.context() as patch,
        collect_log_records() as records,
    ):
        use_home(Path(home), patch)
        before = present()
        yield
        if request.node.stash.get(FAILED, False):
            kill_new_processes(before)
            return  # the traceback keeps other things alive, and one report is enough
        faults = [f"left behind: {thing}" for thing in leftovers(before)]
    if "caplog" not in request.fixturenames:
        faults += [f"logged: {record.name}: {record.getMessage()}" for record in records]
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)


def use_home(home: Path, patch: pytest.MonkeyPatch) -> None:
    """Put all settings, caches and user files below `home`, including Qt's."""
    home.mkdir(exist_ok=True)
    patch.setenv("HOME", str(home))
    for name in ("CONFIG_HOME", "DATA_HOME", "CACHE_HOME", "STATE_HOME", "RUNTIME_DIR"):
        folder = home / name.partition("_")[0].lower()
        folder.mkdir(mode=0o700)  # Qt refuses a runtime folder that others may read
        patch.setenv(f"XDG_{name}", str(folder))
    for form in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
        QSettings.setPath(form, QSettings.Scope.UserScope, str(home / "config"))


@contextmanager
def collect_log_records() -> Iterator[list[logging.LogRecord]]:
    """The log records of level WARNING and above that any logger creates inside the block."""
    make = logging.getLogRecordFactory()
    noted: list[logging.LogRecord] = []

    def note(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = make(*arguments, **named)
        if record.levelno >= logging.WARNING:
            noted.append(record)
        return record

    logging.setLogRecordFactory(note)
    try:
        yield noted
    finally:
        logging.setLogRecordFactory(make)


def block_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook that fails a test before it connects to another machine."""
    if event in ("socket.connect", "socket.sendto"):
        host = arguments[1][0] if isinstance(arguments[1], tuple) else None  # a path is a socket of this machine
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not is_local(host.decode() if isinstance(host, bytes) else host):
        pytest.fail(f"a test asked the network for {host}")


def is_local(host: str | None) -> bool:
    if host in LOCAL_HOSTS:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


sys.addaudithook(block_network)
