"""Curves drawn into an image: positions, gaps and markers, and what is shown while zooming."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from pytestqt.qtbot import QtBot

from resnet_studio.gui.plots.curve_layer import CurveStroke, PlotFrame, draw
from resnet_studio.gui.plots.curve_plot import CurvePlot
from resnet_studio.gui.plots.downsampling import IdleScheduler
from resnet_studio.training.runs.curves import Curve

FRAME = PlotFrame(QRectF(0, 0, 100, 50), 200, 100)


def drawn(stroke: CurveStroke) -> np.ndarray:
    """The pixels that a stroke paints in a frame of 200 × 100 pixels."""
    image = QImage(200, 100, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    draw(painter, FRAME, stroke.curve, stroke)
    painter.end()
    return np.frombuffer(image.constBits(), np.uint32).reshape(100, 200) != 0


def line(*points: tuple[float, float]) -> Curve:
    x, y = zip(*points, strict=True)
    return Curve(np.array(x, float), np.array(y, float))


def test_frames_map_data_to_pixels() -> None:
    pixels = FRAME.to_pixels(line((0, 0), (100, 50), (25, 10)))
    assert (pixels.x.tolist(), pixels.y.tolist()) == ([0, 200, 50], [100, 0, 80])
    assert FRAME.map_rect(QRectF(50, 0, 50, 25)) == QRectF(100, 50, 100, 50)


def test_gaps_stay_gaps(qtbot: QtBot) -> None:
    ink = drawn(CurveStroke(line((0, 25), (30, 25), (40, np.nan), (60, 25), (100, 25)), "#000000", "raw"))
    columns = ink.any(axis=0)
    assert columns[2:58].all()
    assert not columns[64:116].any()
    assert columns[124:198].all()


def test_every_measurement_has_a_marker_if_there_is_space(qtbot: QtBot) -> None:
    curve = line((10, 10), (50, 10), (90, 10))
    dotted, exact = (drawn(CurveStroke(curve, "#000000", kind)).sum() for kind in ("dotted", "exact"))
    assert dotted > exact
    ink = drawn(CurveStroke(curve, "#000000", "dotted"))
    assert [int(ink[:, column].sum()) >= 4 for column in (20, 60, 100, 140, 180)] == [True, False, True, False, True]


def test_a_failure_above_the_plot_is_marked_at_the_top(qtbot: QtBot) -> None:
    ink = drawn(CurveStroke(line((50, 1e9)), "#000000", "failed", 2.0))
    rows, columns = np.nonzero(ink)
    assert rows.max() < 20
    assert 90 < columns.min() < columns.max() < 110


@pytest.fixture
def plot(qtbot: QtBot) -> CurvePlot:
    plot = CurvePlot("plot", "Plot", IdleScheduler(None), x_numbers=True)
    qtbot.addWidget(plot)
    plot.resize(400, 300)
    plot.show()
    plot.set_x_range(0, 10)
    plot.set_y_range(0, 10)
    return plot


def picture(plot: CurvePlot) -> np.ndarray:
    image = plot.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1) & 0xFFFFFF


def test_the_old_image_moves_at_once_and_a_sharp_one_follows(qtbot: QtBot, plot: CurvePlot) -> None:
    scheduler = plot.layer._scheduler
    plot.set_sources([lambda: CurveStroke(line((5, 0), (5, 10)), "#d55e00", "exact", 3.0)])
    qtbot.waitUntil(lambda: not scheduler.busy)
    before = np.nonzero(picture(plot) == 0xD55E00)[1]
    plot.set_x_range(2, 12)
    stretched = np.nonzero(picture(plot) == 0xD55E00)[1]
    qtbot.waitUntil(lambda: not scheduler.busy)
    sharp = np.nonzero(picture(plot) == 0xD55E00)[1]
    across = plot.box.width() * 0.2
    assert stretched.mean() - before.mean() == pytest.approx(-across, abs=2)
    assert sharp.mean() - before.mean() == pytest.approx(-across, abs=2)


def test_a_logarithmic_axis_leaves_out_what_is_not_positive(qtbot: QtBot, plot: CurvePlot) -> None:
    plot.set_logarithmic(True)
    plot.set_y_range(-2, 2)
    plot.set_sources(
        [lambda: CurveStroke(line((0, 1), (4, 1), (5, 0), (6, -1), (7, 1), (10, 1)), "#d55e00", "raw", 1.0)]
    )
    qtbot.waitUntil(lambda: not plot.layer._scheduler.busy)
    rows, columns = np.nonzero(picture(plot) == 0xD55E00)
    assert np.ptp(rows) <= 1
    box = plot.box.mapRectToScene(plot.box.rect())
    middle = (columns > box.left() + 0.45 * box.width()) & (columns < box.left() + 0.65 * box.width())
    assert not middle.any()
    assert abs(rows.mean() - box.center().y()) < 2  # 10^0 in the middle of 10^−2 … 10^2
