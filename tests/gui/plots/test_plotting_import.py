"""PySide is imported by the main thread only, and pyqtgraph is imported in pieces while the window works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.lazy_tabs import LazyTabWidget

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
