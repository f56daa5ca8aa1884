"""The Figure workspace at the width of the smallest window, with the widest values: every text around the drawing can
be read. The drawing's own are tested in `tests/figures`."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pytestqt.qtbot import QtBot

from resnet_studio.figures.figure import make_figure
from resnet_studio.figures.options import FigureOptions
from resnet_studio.gui.figure.block_choices import block_choices
from resnet_studio.gui.figure.controller import ShownFigure
from resnet_studio.gui.figure.drawing_index import index_steps
from resnet_studio.gui.figure.layer_facts import LayerFacts
from resnet_studio.gui.figure.network_tabs import NetworkTab
from resnet_studio.gui.figure.view import FigureView
from resnet_studio.networks.architecture import MOST_BLOCKS, MOST_STAGES, Architecture, Residual
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish
from widest import WORKSPACE, cut, everything, shown

pytestmark = pytest.mark.usefixtures("window_fonts")
DEEPEST = Residual(blocks=(MOST_BLOCKS,) * MOST_STAGES, shortcut="C", width=1, image=999)
WIDEST = LayerFacts(
    "layer6.999.downsample.0", "1×1, 65536, /2", (65536, 1024, 1024), 8_589_934_592, 999 * 10**12, 0.0999,
    (99_999, 99_999), 123.4, 999,
)  # fmt: skip


@pytest.fixture
def view(qtbot: QtBot) -> FigureView:
    view = FigureView()
    view.show_palette("theme")
    shown(qtbot, view, WORKSPACE, 560)
    return view


def show(view: FigureView, architectures: Sequence[Architecture], options: FigureOptions) -> None:
    index = finish(index_steps(make_figure(architectures, options)))
    view.show_figure(ShownFigure(index, tuple(architectures), "stage", fresh=True))
    view.canvas.fit()


@pytest.mark.parametrize("form", ["columns", "horizontal", "block"])
def test_the_controls(view: FigureView, form: str) -> None:
    show(view, [preset("plain34"), preset("resnet152")], FigureOptions(form))  # type: ignore[arg-type]
    view.networks.tabs.show_networks([NetworkTab("resnet152 (current)", True), NetworkTab("plain34", False)], 0)
    view.tools.show_choices(form, "auto", "receptive-field")
    view.tools.show_blocks(block_choices(DEEPEST), "layer6.1")
    view.note.show_note("Not measured on this device yet: resnet152, resnet1202-cifar, resnext101_32x8d", "Measure")
    for part in (view.networks, view.tools, view.info, view.note):
        assert cut(part) == []


def test_the_row_of_a_layer(view: FigureView) -> None:
    view.info.set_unit("operations")
    view.info.show_facts(WIDEST, "resnet152, 4096×4096")
    elided = ("figureInfoName", "figureInfoDetail")  # the tooltips have all of it
    assert [line for line in cut(view.info) if not line.startswith(elided)] == []
    assert {"65536×1024×1024", "8,589,934,592", "99999×99999", "123 s"} <= set(everything(view.info))


def test_many_matches(view: FigureView) -> None:
    show(view, [preset("resnet1202-cifar")], FigureOptions(fold=False))
    view.tools.search.setText("conv")
    assert view.tools.search.accessibleDescription() == "1 of 1,201"
    assert cut(view.tools.search) == []


def test_a_reason(view: FigureView) -> None:
    view.show_refusal("the figure would have 18,004 boxes, and may have 4,000: fold repeated blocks")
    assert cut(view._empty) == []
