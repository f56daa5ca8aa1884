"""Importing pyqtgraph a few milliseconds at a time, on the window's own thread.

PySide makes its classes when they are first asked for, and is not safe against two threads that ask: with the import
in a thread of its own, one start in eight on one core ended by SIGSEGV while the window painted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages

from PySide6 import QtCore, QtGui, QtWidgets

from resnet_studio import gui

PACKAGE = "pyqtgraph"
PIECES = (
    "numpy", "PySide6.QtSvg", "PySide6.QtOpenGLWidgets", "PySide6.QtTest", "subprocess", "multiprocessing.connection",
    "xml.etree.ElementTree", "pydoc", "decimal", "cProfile", "importlib.resources", "colorama", "numpy.typing",
    "numpy.ma", "cuda.pathfinder", "cuda.bindings.driver", "cuda.bindings.runtime",
)  # fmt: skip
"""What pyqtgraph imports first, of what is installed: imported one by one, no piece takes long."""


def import_steps() -> Iterator[None]:
    """Import pyqtgraph; each yield is a place to see to the window's events."""
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            getattr(module, name)  # pyqtgraph copies every class, which makes them all
            yield
    for name in PIECES:
        with suppress(ImportError):
            import_module(name)
        yield
    import_module(PACKAGE)
    yield
    for found in walk_packages(gui.__path__, f"{gui.__name__}."):
        import_module(found.name)
        yield
