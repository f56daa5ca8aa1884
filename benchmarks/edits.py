"""Whether editing a deep network blocks the window: every tab, with the deepest networks that the limits allow."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from benchmarks.measure import Line
from benchmarks.window import EventLoopGaps, run_child
from resnet_studio.networks.architecture import MOST_BLOCKS, MOST_STAGES, Architecture, Residual, to_json
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.presets import preset

if TYPE_CHECKING:
    from resnet_studio.gui.main_window import MainWindow

DEEP: dict[str, Residual] = {
    "resnet1202-cifar": Residual(block=Basic(), blocks=(200, 200, 200), width=16, stem="cifar", image=32, classes=10),
    "999 blocks in a stage": Residual(blocks=(3, 999, 6, 3)),
    f"{MOST_STAGES} stages of {MOST_BLOCKS:,} bottlenecks": Residual(
        blocks=(MOST_BLOCKS,) * MOST_STAGES, shortcut="C", width=1
    ),
}
CHILD = "from benchmarks.edits import measure_edits; measure_edits({name!r})"
TIMEOUT_MS, SETTLE_MS = 120_000, 300
"""Milliseconds that an edit may take to be shown, and for what follows it."""


def measure() -> Iterator[Line]:
    """Set a deep network, edit it twice, undo, drop its file, and go back to ResNet-50, on each tab."""
    for name in DEEP:
        gaps: dict[str, float] = json.loads(run_child(CHILD.format(name=name)).splitlines()[-1])
        tab, longest = max(gaps.items(), key=lambda item: item[1])
        text = f"{longest:.1f} ms on {tab} ({min(gaps.values()):.1f} … on {len(gaps)} tabs)"
        yield Line(f"event loop, edits of {name}: longest gap ≤ 100 ms", text, longest, 100)


def measure_edits(name: str) -> None:
    """In a child process: print the longest gap of each tab in ms."""
    from PySide6.QtWidgets import QApplication

    from resnet_studio.gui import theme
    from resnet_studio.gui.activations.workspace import ActivationsWorkspace
    from resnet_studio.gui.main_window import MainWindow
    from resnet_studio.gui.session import SessionState
    from resnet_studio.gui.workspaces import WORKSPACES

    app = QApplication([])
    theme.apply(app, "light")
    window = MainWindow(SessionState(figure_networks=[None]))
    window.show()
    act_and_wait(window.workspaces.prepared.connect, window.start_engine)
    longest: dict[str, float] = {}
    for number, workspace in enumerate(WORKSPACES):
        window.workspaces.setCurrentIndex(number)
        if workspace is not ActivationsWorkspace:
            longest[workspace.title] = _longest_gap(window, DEEP[name])
            continue
        for index, title in enumerate(workspace.pages):
            cast("ActivationsWorkspace", window.findChild(ActivationsWorkspace)).open_page(index)
            longest[title] = _longest_gap(window, DEEP[name])
    window.close()
    print(json.dumps(longest))


def _longest_gap(window: MainWindow, deep: Residual) -> float:
    """The longest gap in ms while the network is edited."""
    session, changed = window.controller.session, window.controller.planChanged.connect

    def set_architecture(architecture: Architecture) -> None:
        act_and_wait(changed, lambda: session.set_architecture(architecture))

    gaps = EventLoopGaps()
    gaps.start()
    set_architecture(deep)
    set_architecture(replace(deep, classes=11))
    set_architecture(replace(deep, blocks=(*deep.blocks[:-1], deep.blocks[-1] - 1)))
    act_and_wait(changed, session.undo)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "dropped.json"
        file.write_text(json.dumps(to_json(deep)), encoding="utf-8")
        act_and_wait(changed, lambda: window.controller.open_paths([str(file)]))
    set_architecture(preset("resnet50"))
    gaps.stop()
    return max(gaps.milliseconds())


def act_and_wait(connect: Callable[[Callable[[], object]], object], action: Callable[[], object]) -> None:
    """Call `action`, and run the event loop until a signal reports that it is done, and `SETTLE_MS` longer."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    connect(lambda *_: QTimer.singleShot(SETTLE_MS, loop.quit))
    QTimer.singleShot(TIMEOUT_MS, loop.quit)
    QTimer.singleShot(0, action)
    loop.exec()
