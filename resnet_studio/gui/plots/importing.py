"""Importing pyqtgraph a few milliseconds at a time, on the window's own thread.

PySide creates its classes on first access and is not thread-safe in that: with the import in a thread of its own, one
start in eight on one core ended by SIGSEGV while the window painted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages

from PySide6 import QtCore, QtGui, QtWidgets

from resnet_studio import gui

PACKAGE = "pyqtgraph"
MODULES = (
    "numpy", "mmap", "PySide6.QtSvg", "PySide6.QtOpenGL", "PySide6.QtOpenGLWidgets", "PySide6.QtTest", "subprocess",
    "multiprocessing.connection", "xml.etree.ElementTree", "pydoc", "decimal", "cProfile", "importlib.resources",
    "colorama", "numpy.typing", "numpy.ma", "cuda.pathfinder", "cuda.bindings.driver", "cuda.bindings.runtime",
)  # fmt: skip
"""Dependencies of pyqtgraph, as far as installed; imported one by one, none takes long."""


def import_steps() -> Iterator[None]:
    """Import pyqtgraph; the window may process events at each yield."""
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            getattr(module, name)  # pyqtgraph copies every class, which would create them all in one go
            yield
    for name in MODULES:
        with suppress(ImportError):
            import_module(name)
        yield
    import_module(PACKAGE)
    yield
    for module_info in walk_packages(gui.__path__, f"{gui.__name__}."):
        import_module(module_info.name)
        yield
