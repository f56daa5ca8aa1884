"""Importing pyqtgraph a few milliseconds at a time, on the window's own thread.

PySide creates its classes on first access and is not thread-safe in that: with the import in a thread of its own, one
start in eight on one core ended by SIGSEGV while the window painted.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.abc import InspectLoader
from importlib.util import find_spec, module_from_spec
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


_statements: Iterator[None] = iter(())
"""The import of the package that has begun and not ended; empty before and after."""


def import_steps() -> Iterator[None]:
    """Import pyqtgraph and every module of the window; the window may process events at each yield."""
    global _statements
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            getattr(module, name)  # pyqtgraph copies every class, which would create them all in one go
            yield
    for name in MODULES:
        with suppress(ImportError):
            import_module(name)
        yield
    if PACKAGE not in sys.modules:
        _statements = statement_steps(PACKAGE)
    for _ in _statements:  # not `yield from`, by which a window that closes would end it halfway
        yield
    for module_info in walk_packages(gui.__path__, f"{gui.__name__}."):
        import_module(module_info.name)
        yield


def finish_import() -> None:
    """Run what is left of pyqtgraph's import, if it has begun: something else may import it from now on."""
    for _ in _statements:
        pass


def statement_steps(package: str) -> Iterator[None]:
    """Import a package, one statement of its `__init__` a step: most of them import a module of the package.

    Between the steps the package is incomplete, as it is for modules that it imports itself.
    """
    spec = find_spec(package)
    source = spec.loader.get_source(package) if spec and isinstance(spec.loader, InspectLoader) else None
    if spec is None or source is None:
        import_module(package)
        return
    module = sys.modules[package] = module_from_spec(spec)
    try:
        for statement in ast.parse(source).body:
            exec(compile(ast.Module([statement], []), spec.origin or package, "exec", dont_inherit=True), vars(module))
            yield
    except Exception:
        del sys.modules[package]
        raise
