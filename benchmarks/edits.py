"""Whether an edit of a deep network holds the window up: every page, at the deepest networks that the limits allow."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Line
from benchmarks.window import Gaps, run_child
from resnet_studio.networks.architecture import MOST_BLOCKS, MOST_STAGES, Architecture, Residual, to_json
from resnet_studio.networks.presets import preset

if TYPE_CHECKING:
    from resnet_studio.gui.main_window import MainWindow

DEEP: dict[str, Residual] = {
    "resnet1202-cifar": Residual(block="basic", blocks=(200, 200, 200), width=16, stem="cifar", image=32, classes=10),
    "999 blocks in a stage": Residual(blocks=(3, 999, 6, 3)),
    f"{MOST_STAGES} stages of {MOST_BLOCKS:,} bottlenecks": Residual(
        blocks=(MOST_BLOCKS,) * MOST_STAGES, shortcut="C", width=1
    ),
}
EDIT = "from benchmarks.edits import edit; edit({name!r})"
PATIENCE, SETTLING = 120_000, 300
"""Milliseconds that an edit may take to be shown, and for what comes after that."""


def measure() -> Iterator[Line]:
    """To a deep network, two edits of it, undo, a drop of it, and back to ResNet-50, with each page in front."""
    for name in DEEP:
        gaps: dict[str, float] = json.loads(run_child(EDIT.format(name=name)).splitlines()[-1])
        page, longest = max(gaps.items(), key=lambda item: item[1])
        text = f"{longest:.1f} ms on {page} ({min(gaps.values()):.1f} … on {len(gaps)} pages)"
        yield Line(f"event loop, edits of {name}: longest gap ≤ 100 ms", text, longest, 100)


def edit(name: str) -> None:
    """In a process of its own: print the longest gap of each page in ms."""
    from PySide6.QtWidgets import QApplication

    from resnet_studio.gui import theme
    from resnet_studio.gui.app_controller import ACTIVATION_PAGES
    from resnet_studio.gui.main_window import WORKSPACES, MainWindow
    from resnet_studio.gui.session import SessionState

    app = QApplication([])
    theme.apply(app, "light")
    window = MainWindow(SessionState())
    window.show()
    _awaited(window.workspaces.prepared.connect, window.start_engine)
    assert window.activations is not None
    longest: dict[str, float] = {}
    for number, page in enumerate(WORKSPACES):
        window.workspaces.setCurrentIndex(number)
        if page != "Activations":
            longest[page] = _edited(window, DEEP[name])
            continue
        for inner, title in enumerate(ACTIVATION_PAGES):
            window.activations.pages.setCurrentIndex(inner)
            longest[title] = _edited(window, DEEP[name])
    window.close()
    print(json.dumps(longest))


def _edited(window: MainWindow, deep: Residual) -> float:
    """The longest gap in ms while the network is edited."""
    session, told = window.studio.session, window.studio.architecture_changed.connect

    def take(architecture: Architecture) -> None:
        _awaited(told, lambda: session.take(architecture))

    gaps = Gaps()
    gaps.start()
    take(deep)
    take(replace(deep, classes=11))
    take(replace(deep, blocks=(*deep.blocks[:-1], deep.blocks[-1] - 1)))
    _awaited(told, session.undo)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "dropped.json"
        file.write_text(json.dumps(to_json(deep)), encoding="utf-8")
        _awaited(told, lambda: window.studio.open_paths([str(file)]))
    take(preset("resnet50"))
    gaps.stop()
    return max(gaps.milliseconds())


def _awaited(connect: Callable[[Callable[[], object]], object], act: Callable[[], object]) -> None:
    """Do something, and see to the window until a signal has told that it is done, and what follows is, too."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    connect(lambda *_: QTimer.singleShot(SETTLING, loop.quit))
    QTimer.singleShot(PATIENCE, loop.quit)
    QTimer.singleShot(0, act)
    loop.exec()
