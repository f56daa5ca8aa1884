"""The photograph and the network's input, under a real mouse."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.input.view import NOTCH, InputView
from resnet_studio.inference.cropping import frame
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, Occluder
from resnet_studio.inference.values import Photograph, Preprocessing
from resnet_studio.networks.receptive_field import Box

RED, BLUE = (200, 20, 20), (20, 20, 200)
SQUARE = Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3)
"""The whole height of a photograph is seen."""
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def photograph(width: int = 600, height: int = 400) -> Photograph:
    return Photograph("china", np.full((height, width, 3), RED, np.uint8), "00")


class Shown:
    """An input view that is told the handles it wishes for, as the window does."""

    def __init__(self, qtbot: QtBot) -> None:
        self.view = InputView()
        qtbot.addWidget(self.view)
        self.view.resize(500, 260)
        self.view.show_photograph(photograph())
        self.view.show_seen(np.full((224, 224, 3), BLUE, np.uint8), SQUARE)
        self.wished: list[tuple[ImageTransforms, bool]] = []
        self.view.handles_wished.connect(lambda *one: self.wished.append(one))
        self.view.show()

    @property
    def handles(self) -> ImageTransforms:
        return self.wished[-1][0]

    def middle(self, which: int) -> QPoint:
        return self.view.boxes()[which].center().toPoint()

    def drag(self, begin: QPoint, *stops: QPoint) -> None:
        QTest.mousePress(self.view, LEFT, NONE, begin)
        for stop in stops:
            QTest.mouseMove(self.view, stop)
        QTest.mouseRelease(self.view, LEFT, NONE, stops[-1])

    def wheel(self, point: QPoint, notches: int) -> None:
        where, turn = QPointF(point), QPoint(0, 120 * notches)
        whole = self.view.mapToGlobal(where)
        phase = Qt.ScrollPhase.NoScrollPhase
        QApplication.sendEvent(
            self.view, QWheelEvent(where, whole, QPoint(), turn, Qt.MouseButton.NoButton, NONE, phase, False)
        )


@pytest.fixture
def shown(qtbot: QtBot) -> Shown:
    return Shown(qtbot)


def test_the_crop_is_drawn_on_the_photograph(shown: Shown) -> None:
    crop, whole = shown.view.crop().boundingRect(), shown.view.boxes()[0]
    assert crop.left() == pytest.approx(whole.width() / 6)
    assert crop.width() == pytest.approx(crop.height()) == pytest.approx(whole.height())
    image = shown.view.grab().toImage()
    inside, outside = image.pixelColor(crop.center().toPoint()), image.pixelColor(int(crop.left() / 2), 10)
    assert inside == QColor(*RED)
    assert outside.red() < 0.6 * RED[0]
    assert image.pixelColor(shown.middle(1)) == QColor(*BLUE)


def test_the_crop_follows_the_hand(shown: Shown) -> None:
    before = shown.view.crop().boundingRect().center()
    begin = shown.middle(0)
    shown.drag(begin, begin + QPoint(10, 0), begin + QPoint(30, 10))
    assert [moving for _, moving in shown.wished] == [True, True, False]
    way = shown.view.crop().boundingRect().center() - before
    assert (way.x(), way.y()) == pytest.approx((30, 10), abs=0.01)
    crop = frame(600, 400, SQUARE)
    assert shown.handles.x == pytest.approx(30 / shown.view.boxes()[0].width() * 600 / crop.width)


def test_a_zoomed_and_turned_crop_follows_the_hand_too(shown: Shown) -> None:
    shown.view.show_handles(ImageTransforms(zoom=3, rotation=40))
    before, begin = shown.view.crop().boundingRect().center(), shown.middle(0)
    shown.drag(begin, begin + QPoint(-25, 15))
    way = shown.view.crop().boundingRect().center() - before
    assert (way.x(), way.y()) == pytest.approx((-25, 15), abs=0.01)


def test_the_wheel_zooms_and_a_double_click_resets(shown: Shown) -> None:
    shown.wheel(shown.middle(0), 2)
    assert shown.handles.zoom == pytest.approx(NOTCH**2)
    shown.view.show_handles(ImageTransforms(zoom=2, x=0.3, rotation=10, blur=2, occluder=Occluder()))
    QTest.mouseDClick(shown.view, LEFT, NONE, shown.middle(0))
    assert shown.handles == ImageTransforms(blur=2, occluder=Occluder())


def test_an_occluder_is_laid_where_the_hand_is(shown: Shown) -> None:
    box = shown.view.boxes()[1]
    quarter = QPoint(round(box.left() + box.width() / 4), round(box.top() + box.height() / 2))
    shown.drag(shown.middle(1), quarter)
    placed = shown.handles.occluder
    assert placed is not None
    assert (placed.x, placed.y) == pytest.approx((0.25, 0.5), abs=0.01)
    assert shown.wished[0][1]  # while it is dragged
    assert not shown.wished[-1][1]
    assert shown.view.occluder_box().center().x() == pytest.approx(quarter.x(), abs=1)
    shown.wheel(quarter, 1)
    assert shown.handles.occluder is not None
    assert shown.handles.occluder.side == pytest.approx(placed.side * NOTCH)
    assert shown.handles.zoom == 1
    QTest.mouseDClick(shown.view, LEFT, NONE, quarter)
    assert shown.handles.occluder is None


def test_dragged_beyond_the_input_it_stays_at_its_edge(shown: Shown) -> None:
    shown.drag(shown.middle(1), QPoint(5000, -100))
    assert shown.handles.occluder == Occluder(1.0, 0.0)


def test_keys_do_what_the_mouse_does(qtbot: QtBot, shown: Shown) -> None:
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Plus):
        qtbot.keyClick(shown.view, key)
    assert (shown.handles.x, shown.handles.y) == (0.05, -0.05)
    assert shown.handles.zoom == pytest.approx(NOTCH)
    qtbot.keyClick(shown.view, Qt.Key.Key_0)
    assert shown.handles == IDENTITY


def test_without_a_look_there_is_nothing_to_take_hold_of(qtbot: QtBot) -> None:
    view = InputView()
    qtbot.addWidget(view)
    view.resize(500, 260)
    view.show_photograph(photograph())
    with qtbot.assertNotEmitted(view.handles_wished):
        QTest.mouseClick(view, LEFT, NONE, view.boxes()[0].center().toPoint())
        QTest.mouseClick(view, LEFT, NONE, view.boxes()[1].center().toPoint())


def test_a_reduced_photograph_has_its_own_size(shown: Shown) -> None:
    small = Photograph("big.jpg", np.full((100, 200, 3), RED, np.uint8), "00", reduced_from=(4000, 2000))
    shown.view.show_photograph(small)
    shown.view.show_seen(np.full((224, 224, 3), BLUE, np.uint8), SQUARE)
    crop, whole = shown.view.crop().boundingRect(), shown.view.boxes()[0]
    assert crop.left() == pytest.approx(whole.width() / 4)
    assert "4000×2000" in shown.view.accessibleDescription()


def lined(image: QImage, box: QRectF) -> list[bool]:
    """Whether the field's line runs through the middles of a rectangle's four sides."""
    middles = [(box.left(), box.center().y()), (box.right(), box.center().y()),
               (box.center().x(), box.top()), (box.center().x(), box.bottom())]  # fmt: skip
    return [image.pixelColor(round(x), round(y)) not in (QColor(*RED), QColor(*BLUE)) for x, y in middles]


def test_a_field_is_drawn_on_both_pictures(shown: Shown) -> None:
    """The photograph, 600×400, is seen from x = 100 to x = 500, so a pixel of the input is 400 / 224 of its own."""
    shown.view.show_field(Box(56, 84, 112, 168))
    whole, seen = shown.view.boxes()
    above, scale = seen.topLeft(), seen.width() / 224
    wanted = QRectF(above.x() + 56 * scale, above.y() + 84 * scale, 56 * scale, 84 * scale)
    photograph, on_input = (field.boundingRect() for field in shown.view.fields())
    assert on_input.getRect() == pytest.approx(wanted.getRect())
    crop = shown.view.crop().boundingRect()
    assert photograph.left() == pytest.approx(crop.left() + crop.width() / 4)
    assert photograph.width() == pytest.approx(crop.width() / 4)
    assert photograph.top() == pytest.approx(whole.top() + whole.height() * 84 / 224)
    image = shown.view.grab().toImage()
    assert lined(image, photograph) == lined(image, on_input) == [True] * 4
    shown.view.show_field(None)
    image = shown.view.grab().toImage()
    assert lined(image, photograph) == lined(image, on_input) == [False] * 4


def test_a_field_follows_a_turned_and_mirrored_crop(shown: Shown) -> None:
    shown.view.show_field(Box(0, 0, 112, 112))
    shown.view.show_handles(ImageTransforms(flipped=True))
    photograph, on_input = (field.boundingRect() for field in shown.view.fields())
    assert photograph.center().x() > shown.view.crop().boundingRect().center().x()
    assert on_input.center().x() < shown.view.boxes()[1].center().x()
    shown.view.show_handles(ImageTransforms(rotation=90))
    corner = shown.view.fields()[0][0]
    assert (corner.x(), corner.y()) == pytest.approx((shown.view.crop()[0].x(), shown.view.crop()[0].y()))


def test_what_reaches_beyond_the_input_ends_at_its_edge(shown: Shown) -> None:
    shown.view.show_field(Box(-100, -100, 500, 500))
    photograph, on_input = (field.boundingRect() for field in shown.view.fields())
    assert on_input.getRect() == pytest.approx(shown.view.boxes()[1].getRect())
    assert photograph.getRect() == pytest.approx(shown.view.crop().boundingRect().getRect())


def test_without_a_look_no_field_is_drawn(qtbot: QtBot) -> None:
    view = InputView()
    qtbot.addWidget(view)
    view.show_photograph(photograph())
    view.show_field(Box(0, 0, 7, 7))
    assert [field.isEmpty() for field in view.fields()] == [True, True]
    view.grab()
