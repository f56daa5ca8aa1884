"""PySide is imported by the main thread only, and pyqtgraph is imported in pieces while the window works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.lazy_tabs import LazyTabWidget
from resnet_studio.gui.plots import importing

START = """
import json, sys, threading

class Witness:
    '''Meta path finder that records imports of Qt modules by other threads.'''
    def find_spec(self, name, path=None, target=None):
        main = threading.current_thread() is threading.main_thread()
        if not main and name.partition(".")[0] in ("PySide6", "shiboken6", "pyqtgraph"):
            seen.append(name)

seen = []
sys.meta_path.insert(0, Witness())
from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication
from resnet_studio.gui import app
from resnet_studio.gui.main_window import MainWindow

class Watched(MainWindow):
    def start_engine(self):
        super().start_engine()
        self.workspaces.prepared.connect(self.paste)

    def paste(self):
        picture = QImage(8, 8, QImage.Format.Format_RGB32)
        picture.fill(QColor("red"))
        QGuiApplication.clipboard().setImage(picture)
        self.controller.image_sources.imagesOpened.connect(QApplication.closeAllWindows)
        self.controller.image_sources.paste(QGuiApplication.clipboard().mimeData())

app.MainWindow = Watched
code = app.run(sys.argv[1:])
print(json.dumps({"code": code, "off the main thread": seen, "plots": "pyqtgraph" in sys.modules}))
"""


@pytest.mark.parametrize("opens", ["nothing", "an image and a folder"])
def test_only_the_main_thread_imports_qt(tmp_path: Path, opens: str) -> None:
    paths: list[str] = []
    if opens != "nothing":
        (tmp_path / "folder").mkdir()
        for folder in (tmp_path, tmp_path / "folder"):
            Image.new("RGB", (8, 8), (9, 9, 9)).save(folder / "gray.png")
        paths = [str(tmp_path / "gray.png"), str(tmp_path / "folder")]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    environment |= {"XDG_DATA_HOME": str(tmp_path / "data")}
    completed = subprocess.run(
        [sys.executable, "-c", START, *paths], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert completed.returncode == 0, completed.stderr
    assert json.loads(completed.stdout) == {"code": 0, "off the main thread": [], "plots": True}
    (pasted,) = (tmp_path / "data" / "resnet-studio" / "pasted").iterdir()
    with Image.open(pasted) as picture:
        assert picture.size == (8, 8)
        assert picture.convert("RGB").getpixel((3, 3)) == (255, 0, 0)


def test_a_tab_opened_while_pyqtgraph_is_imported_is_created_at_once(qtbot: QtBot) -> None:
    created: list[str] = []

    def create(name: str) -> QWidget:
        created.append(name)
        return QLabel(name)

    pages = LazyTabWidget([(name, partial(create, name)) for name in ("first", "second", "third")])
    qtbot.addWidget(pages)
    with qtbot.waitSignal(pages.prepared):
        pages.prepare()
        pages.setCurrentIndex(2)
        assert created == ["third"]
        assert pages.currentWidget().findChild(QLabel).text() == "third"
    assert created == ["third", "first", "second"]
    assert [pages.widget(number).findChild(QLabel).text() for number in range(3)] == ["first", "second", "third"]


def test_tabs_that_are_stopped_create_nothing_more(qtbot: QtBot) -> None:
    pages = LazyTabWidget([("first", QLabel), ("second", QLabel)])
    qtbot.addWidget(pages)
    with qtbot.assertNotEmitted(pages.prepared, wait=100):
        pages.prepare()
        pages.stop()
    assert pages.findChildren(QLabel) == []


PACKAGE = {
    "__init__.py": "from . import first\nOPTION = {}\ndef option():\n    return OPTION\nfrom .second import seen\n",
    "first.py": "VALUE = 1\n",
    "second.py": "from . import option\nfrom .first import VALUE\nseen = option(), VALUE\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a package whose modules import from it while it is imported, as pyqtgraph's do."""
    name = "imported_in_steps"
    (tmp_path / name).mkdir()
    for file, text in PACKAGE.items():
        (tmp_path / name / file).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[module]


def test_a_package_imported_in_steps_is_as_if_it_had_been_imported(package: str) -> None:
    steps = list(importing.statement_steps(package))
    module = sys.modules[package]
    assert len(steps) == 4
    assert import_module(package) is module
    assert module.seen == (module.OPTION, 1)
    assert module.second.seen[0] is module.OPTION
    assert module.__file__ == module.__spec__.origin


def test_a_package_whose_import_fails_is_not_there(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "second.py").write_text("raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        list(importing.statement_steps(package))
    assert package not in sys.modules


def test_what_is_left_of_an_import_is_run_when_a_tab_is_opened_or_the_window_closes(
    qtbot: QtBot, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for end in (lambda pages: pages.setCurrentIndex(1), LazyTabWidget.stop):
        steps = importing.statement_steps(package)
        monkeypatch.setattr(importing, "_statements", steps)
        next(steps)
        assert not hasattr(sys.modules[package], "seen")
        pages = LazyTabWidget([("first", QLabel), ("second", QLabel)])
        qtbot.addWidget(pages)
        end(pages)
        assert sys.modules[package].seen == ({}, 1)
        del sys.modules[package]
