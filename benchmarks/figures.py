"""How soon figures are laid out, and ResNet-152's appears; whether it blocks the window, and how smoothly it moves."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator
from statistics import median
from typing import TYPE_CHECKING, Any, cast

from benchmarks.edits import act_and_wait
from benchmarks.measure import Line, in_turns, ratio, spread
from benchmarks.tables import clear_caches
from benchmarks.window import EventLoopGaps, run_child
from resnet_studio.analysis.table import plan_table
from resnet_studio.figures.coloring import flops
from resnet_studio.figures.figure import make_figure
from resnet_studio.figures.options import FigureOptions
from resnet_studio.networks.architecture import MOST_BLOCKS, MOST_STAGES, Residual
from resnet_studio.networks.presets import preset

if TYPE_CHECKING:
    from resnet_studio.gui.figure.workspace import FigureWorkspace
    from resnet_studio.gui.main_window import MainWindow

ROUNDS, FRAMES = 9, 200
CHILD = "from benchmarks.figures import measure_window; measure_window({repeated!r})"
FRAME = 1000 / 60
"""Milliseconds of a frame of a usual screen."""
PAN = 15
"""Pixels a frame: 900 a second."""
TITLES = {"auto": "folded", "all": "with all of its 50 blocks"}


def measure() -> Iterator[Line]:
    """Lay figures out; with the Figure workspace open, switch from ResNet-50 to ResNet-152 and back, and move it."""
    yield from _layouts()
    for repeated, what in TITLES.items():
        found: dict[str, list[float]] = json.loads(run_child(CHILD.format(repeated=repeated)).splitlines()[-1])
        shown, frame = (1e3 * median(found[key]) for key in ("shown", "frames"))
        gap = max(found["gaps"])
        name = f"the figure of ResNet-152, {what}"
        yield Line(f"{name}: on the screen ≤ 100 ms after the click", spread(found["shown"]), shown, 100)
        yield Line(f"{name}: longest gap of the event loop ≤ 100 ms", f"{gap:.1f} ms", gap, 100)
        yield Line(f"{name}: a frame while it is moved ≤ {FRAME:.1f} ms", spread(found["frames"]), frame, FRAME)


def _layouts() -> Iterator[Line]:
    """The layout alone, as the command line does it, against the layer table that the window shows before."""
    whole, deep = FigureOptions(fold=False), Residual(blocks=(MOST_BLOCKS,) * MOST_STAGES, image=256)
    colors = flops([deep])
    seconds = in_turns(
        {
            "table": lambda: plan_table(preset("resnet152")).totals.parameters,
            "figure": lambda: make_figure([preset("resnet152")], whole),
            "deep": lambda: make_figure([deep]),
            "deep, by FLOPs": lambda: make_figure([deep], FigureOptions(), colors),
        },
        ROUNDS,
        before={"table": clear_caches},
    )
    name = "ResNet-152's figure, laid out with all of its 50 blocks"
    yield ratio(name, seconds["figure"], seconds["table"], 3.0, "its layer table from the plan")
    for key in ("figure", "deep", "deep, by FLOPs"):
        what = name if key == "figure" else f"the figure of {key.replace('deep', '6,000 blocks')}, laid out"
        yield Line(f"{what} ≤ 100 ms", spread(seconds[key]), 1e3 * median(seconds[key]), 100)


def measure_window(repeated: str) -> None:
    """In a child process: print the seconds until the figure is painted and of frames, and the gaps in milliseconds."""
    from PySide6.QtWidgets import QApplication

    from resnet_studio.gui import theme
    from resnet_studio.gui.figure.workspace import FigureWorkspace
    from resnet_studio.gui.main_window import MainWindow
    from resnet_studio.gui.session import SessionState
    from resnet_studio.gui.workspaces import WORKSPACES

    app = QApplication([])
    theme.apply(app, "light")
    state: dict[str, Any] = {"figure_networks": [None], "figure_repeated": repeated}
    window = MainWindow(SessionState(workspace=WORKSPACES.index(FigureWorkspace), **state))
    window.show()
    act_and_wait(window.workspaces.prepared.connect, window.start_engine)
    workspace = cast("FigureWorkspace", window.findChild(FigureWorkspace))
    gc.freeze()  # as the program does
    gaps = EventLoopGaps()
    gaps.start()
    shown = [_switch(window, workspace) for _ in range(ROUNDS)]
    gaps.stop()
    frames = list(_pan(workspace))
    window.close()
    print(json.dumps({"shown": shown, "gaps": gaps.milliseconds(), "frames": frames}))


def _switch(window: MainWindow, workspace: FigureWorkspace) -> float:
    """Seconds from the edit until ResNet-152 is painted."""
    session, changed = window.controller.session, workspace.controller.figureChanged.connect
    act_and_wait(changed, lambda: session.set_architecture(preset("resnet50")))

    taken = 0.0

    def show() -> None:
        nonlocal taken
        began = time.perf_counter()
        session.set_architecture(preset("resnet152"))
        workspace.view.canvas.viewport().repaint()
        taken = time.perf_counter() - began

    act_and_wait(changed, show)
    return taken


def _pan(workspace: FigureWorkspace) -> Iterator[float]:
    """Seconds of each frame while the figure is moved at 100 %, down and up again."""
    canvas = workspace.view.canvas
    canvas.set_zoom(1.0)
    bar = canvas.verticalScrollBar()
    step = PAN
    for _ in range(FRAMES):
        if not bar.minimum() < bar.value() + step < bar.maximum():
            step = -step
        began = time.perf_counter()
        bar.setValue(bar.value() + step)
        canvas.viewport().repaint()
        yield time.perf_counter() - began
