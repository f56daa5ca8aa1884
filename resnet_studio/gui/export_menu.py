"""The entries of the File menu that open, save, and export the current network."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from resnet_studio.export.formats import FORMATS
from resnet_studio.export.request import OWN_DIALECT
from resnet_studio.gui.common.actions import add_action
from resnet_studio.gui.common.file_dialogs import open_dialog, save_dialog
from resnet_studio.gui.export_controller import TABLE_ONE
from resnet_studio.gui.opened_files import ARCHITECTURES_FILTER, MODULES_FILTER
from resnet_studio.inference.weights.dialects import DIALECTS
from resnet_studio.networks.own_module import ModuleSource

if TYPE_CHECKING:
    from resnet_studio.gui.main_window import MainWindow

MODELS = ("python", "onnx", "torch-export")
TABLES = ("table-csv", "table-json", "table-markdown", "table-latex", "table-html")
FIGURES = ("figure-svg", "figure-tikz")
FILTERS = {".safetensors": "safetensors (*.safetensors)", ".pth": "PyTorch (*.pth)"}
"""The types of weights files in a dialog."""


def fill_export_menu(menu: QMenu, window: MainWindow) -> None:
    """Add an entry for each format; weights have one for each dialect, and tables one for each kind of file."""
    for name in MODELS:
        add_action(menu, f"{FORMATS[name].title}…", partial(_export, window, name))
    weights = menu.addMenu("Weights named as in")
    for dialect in (OWN_DIALECT, *(key for key in DIALECTS if key != OWN_DIALECT)):
        add_action(weights, f"{DIALECTS[dialect].title}…", partial(_export, window, "weights", dialect))
    tables = menu.addMenu("Layer table")
    for name in TABLES:
        add_action(tables, f"{_kind(name)}…", partial(_export, window, name))
    figures = menu.addMenu("Figure of the current network")
    for name in FIGURES:
        add_action(figures, f"{_kind(name)}…", partial(_export, window, name))
    add_action(menu, "Table 1 of the compared networks (LaTeX)…", partial(_export, window, TABLE_ONE))


def open_architecture(window: MainWindow) -> None:
    """Let the user select an architecture's file, and open it."""
    dialog = open_dialog(window, "openArchitectureDialog", "Open architecture", ARCHITECTURES_FILTER)
    dialog.fileSelected.connect(lambda path: window.controller.open_paths([path]))


def open_module(window: MainWindow) -> None:
    """Let the user select a Python file; another dialog asks before it is run."""
    dialog = open_dialog(window, "openModuleDialog", "Open Python module", MODULES_FILTER)
    dialog.fileSelected.connect(lambda path: window.controller.modules.offer(ModuleSource(path)))


def save_architecture(window: MainWindow) -> None:
    """Let the user select where to save the current architecture."""
    _export(window, "json")


def _export(window: MainWindow, name: str, dialect: str = OWN_DIALECT) -> None:
    """Let the user select a file, and export the network as it is now."""
    exports = window.controller.exports
    request = exports.request(name, dialect)
    title = "Save architecture" if name == "json" else f"Export {FORMATS[name].title}"
    filters = {suffix: FILTERS.get(suffix, f"{FORMATS[name].title} (*{suffix})") for suffix in FORMATS[name].suffixes}
    dialog = save_dialog(window, title, exports.suggested_name(request), ";;".join(filters.values()))
    suffixes = {text: suffix for suffix, text in filters.items()}
    dialog.filterSelected.connect(lambda text: dialog.setDefaultSuffix(suffixes[text]))
    dialog.fileSelected.connect(lambda path: exports.export(request, Path(path)))


def _kind(name: str) -> str:
    """ "CSV", "Markdown": what stands in brackets in a table's title."""
    return FORMATS[name].title.partition("(")[2].rstrip(")")
