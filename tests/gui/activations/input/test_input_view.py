"""The photograph and the network's input, under a real mouse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.input.view import ZOOM_PER_NOTCH, InputView
from resnet_studio.inference.cropping import frame
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, Occluder
from resnet_studio.inference.values import Photograph, Preprocessing
from resnet_studio.networks.receptive_field import Box

RED, BLUE = (200, 20, 20), (20, 20, 200)
SQUARE = Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3)
"""Its crop has the whole height of a photograph."""
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def photograph(width: int = 600, height: int = 400) -> Photograph:
    return Photograph("china", np.full((height, width, 3), RED, np.uint8), "00")


class Shown:
    """An input view that records the transforms it requests."""

    def __init__(self, qtbot: QtBot) -> None:
        self.view = InputView()
        qtbot.addWidget(self.view)
        self.view.resize(500, 260)
        self.view.show_photograph(photograph())
        self.view.show_model_input(np.full((224, 224, 3), BLUE, np.uint8), SQUARE)
        self.emitted: list[tuple[ImageTransforms, bool]] = []
        self.view.transformsRequested.connect(lambda *arguments: self.emitted.append(arguments))
        self.view.show()

    @property
    def transforms(self) -> ImageTransforms:
        return self.emitted[-1][0]

    def middle(self, which: int) -> QPoint:
        return self.view.picture_geometry.boxes[which].center().toPoint()

    def drag(self, begin: QPoint, *stops: QPoint) -> None:
        QTest.mousePress(self.view, LEFT, NONE, begin)
        for stop in stops:
            QTest.mouseMove(self.view, stop)
        QTest.mouseRelease(self.view, LEFT, NONE, stops[-1])

    def wheel(self, point: QPoint, notches: int) -> None:
        where, delta = QPointF(point), QPoint(0, 120 * notches)
        photograph_box = self.view.mapToGlobal(where)
        phase = Qt.ScrollPhase.NoScrollPhase
        QApplication.sendEvent(
            self.view, QWheelEvent(where, photograph_box, QPoint(), delta, Qt.MouseButton.NoButton, NONE, phase, False)
        )


@pytest.fixture
def shown(qtbot: QtBot) -> Shown:
    return Shown(qtbot)


def test_the_crop_is_drawn_on_the_photograph(shown: Shown) -> None:
    crop, photograph_box = shown.view.picture_geometry.crop.boundingRect(), shown.view.picture_geometry.boxes[0]
    assert crop.left() == pytest.approx(photograph_box.width() / 6)
    assert crop.width() == pytest.approx(crop.height()) == pytest.approx(photograph_box.height())
    image = shown.view.grab().toImage()
    inside, outside = image.pixelColor(crop.center().toPoint()), image.pixelColor(int(crop.left() / 2), 10)
    assert inside == QColor(*RED)
    assert outside.red() < 0.6 * RED[0]
    assert image.pixelColor(shown.middle(1)) == QColor(*BLUE)


def test_the_crop_follows_a_drag(shown: Shown) -> None:
    before = shown.view.picture_geometry.crop.boundingRect().center()
    begin = shown.middle(0)
    shown.drag(begin, begin + QPoint(10, 0), begin + QPoint(30, 10))
    assert [moving for _, moving in shown.emitted] == [True, True, False]
    offset = shown.view.picture_geometry.crop.boundingRect().center() - before
    assert (offset.x(), offset.y()) == pytest.approx((30, 10), abs=0.01)
    crop = frame(600, 400, SQUARE)
    assert shown.transforms.x == pytest.approx(30 / shown.view.picture_geometry.boxes[0].width() * 600 / crop.width)


def test_a_zoomed_and_rotated_crop_follows_a_drag(shown: Shown) -> None:
    shown.view.show_transforms(ImageTransforms(zoom=3, rotation=40))
    before, begin = shown.view.picture_geometry.crop.boundingRect().center(), shown.middle(0)
    shown.drag(begin, begin + QPoint(-25, 15))
    offset = shown.view.picture_geometry.crop.boundingRect().center() - before
    assert (offset.x(), offset.y()) == pytest.approx((-25, 15), abs=0.01)


def test_the_wheel_zooms_and_a_double_click_resets(shown: Shown) -> None:
    shown.wheel(shown.middle(0), 2)
    assert shown.transforms.zoom == pytest.approx(ZOOM_PER_NOTCH**2)
    shown.view.show_transforms(ImageTransforms(zoom=2, x=0.3, rotation=10, blur=2, occluder=Occluder()))
    QTest.mouseDClick(shown.view, LEFT, NONE, shown.middle(0))
    assert shown.transforms == ImageTransforms(blur=2, occluder=Occluder())


def test_an_occluder_is_placed_under_the_mouse(shown: Shown) -> None:
    box = shown.view.picture_geometry.boxes[1]
    quarter = QPoint(round(box.left() + box.width() / 4), round(box.top() + box.height() / 2))
    shown.drag(shown.middle(1), quarter)
    placed = shown.transforms.occluder
    assert placed is not None
    assert (placed.x, placed.y) == pytest.approx((0.25, 0.5), abs=0.01)
    assert shown.emitted[0][1]  # while it is dragged
    assert not shown.emitted[-1][1]
    assert shown.view.picture_geometry.occluder.center().x() == pytest.approx(quarter.x(), abs=1)
    shown.wheel(quarter, 1)
    assert shown.transforms.occluder is not None
    assert shown.transforms.occluder.side == pytest.approx(placed.side * ZOOM_PER_NOTCH)
    assert shown.transforms.zoom == 1
    QTest.mouseDClick(shown.view, LEFT, NONE, quarter)
    assert shown.transforms.occluder is None


def test_an_occluder_dragged_beyond_the_input_stays_at_its_edge(shown: Shown) -> None:
    shown.drag(shown.middle(1), QPoint(5000, -100))
    assert shown.transforms.occluder == Occluder(1.0, 0.0)


def test_keys_do_what_the_mouse_does(qtbot: QtBot, shown: Shown) -> None:
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Plus):
        qtbot.keyClick(shown.view, key)
    assert (shown.transforms.x, shown.transforms.y) == (0.05, -0.05)
    assert shown.transforms.zoom == pytest.approx(ZOOM_PER_NOTCH)
    qtbot.keyClick(shown.view, Qt.Key.Key_0)
    assert shown.transforms == IDENTITY


def test_without_a_result_nothing_can_be_dragged(qtbot: QtBot) -> None:
    view = InputView()
    qtbot.addWidget(view)
    view.resize(500, 260)
    view.show_photograph(photograph())
    with qtbot.assertNotEmitted(view.transformsRequested):
        QTest.mouseClick(view, LEFT, NONE, view.picture_geometry.boxes[0].center().toPoint())
        QTest.mouseClick(view, LEFT, NONE, view.picture_geometry.boxes[1].center().toPoint())


def test_a_reduced_photograph_is_described_by_its_original_size(shown: Shown) -> None:
    small = Photograph("big.jpg", np.full((100, 200, 3), RED, np.uint8), "00", reduced_from=(4000, 2000))
    shown.view.show_photograph(small)
    shown.view.show_model_input(np.full((224, 224, 3), BLUE, np.uint8), SQUARE)
    crop, photograph_box = shown.view.picture_geometry.crop.boundingRect(), shown.view.picture_geometry.boxes[0]
    assert crop.left() == pytest.approx(photograph_box.width() / 4)
    assert "4000×2000" in shown.view.accessibleDescription()


def has_line(image: QImage, box: QRectF) -> list[bool]:
    """Whether the outline of a receptive field passes the middles of a rectangle's four sides."""
    middles = [(box.left(), box.center().y()), (box.right(), box.center().y()),
               (box.center().x(), box.top()), (box.center().x(), box.bottom())]  # fmt: skip
    return [image.pixelColor(round(x), round(y)) not in (QColor(*RED), QColor(*BLUE)) for x, y in middles]


def test_a_receptive_field_is_drawn_on_both_pictures(shown: Shown) -> None:
    """The crop of the 600×400 photograph is x = 100 to x = 500, so an input pixel is 400 / 224 photograph pixels."""
    shown.view.show_receptive_field(Box(56, 84, 112, 168))
    photograph_box, input_box = shown.view.picture_geometry.boxes
    above, scale = input_box.topLeft(), input_box.width() / 224
    expected = QRectF(above.x() + 56 * scale, above.y() + 84 * scale, 56 * scale, 84 * scale)
    photograph, on_input = (field.boundingRect() for field in shown.view.picture_geometry.receptive_field_polygons)
    assert on_input.getRect() == pytest.approx(expected.getRect())
    crop = shown.view.picture_geometry.crop.boundingRect()
    assert photograph.left() == pytest.approx(crop.left() + crop.width() / 4)
    assert photograph.width() == pytest.approx(crop.width() / 4)
    assert photograph.top() == pytest.approx(photograph_box.top() + photograph_box.height() * 84 / 224)
    image = shown.view.grab().toImage()
    assert has_line(image, photograph) == has_line(image, on_input) == [True] * 4
    shown.view.show_receptive_field(None)
    image = shown.view.grab().toImage()
    assert has_line(image, photograph) == has_line(image, on_input) == [False] * 4


def test_a_receptive_field_follows_a_rotated_and_flipped_crop(shown: Shown) -> None:
    shown.view.show_receptive_field(Box(0, 0, 112, 112))
    shown.view.show_transforms(ImageTransforms(flipped=True))
    photograph, on_input = (field.boundingRect() for field in shown.view.picture_geometry.receptive_field_polygons)
    assert photograph.center().x() > shown.view.picture_geometry.crop.boundingRect().center().x()
    assert on_input.center().x() < shown.view.picture_geometry.boxes[1].center().x()
    shown.view.show_transforms(ImageTransforms(rotation=90))
    corner = shown.view.picture_geometry.receptive_field_polygons[0][0]
    assert (corner.x(), corner.y()) == pytest.approx(
        (shown.view.picture_geometry.crop[0].x(), shown.view.picture_geometry.crop[0].y())
    )


def test_a_receptive_field_is_clipped_to_the_input(shown: Shown) -> None:
    shown.view.show_receptive_field(Box(-100, -100, 500, 500))
    photograph, on_input = (field.boundingRect() for field in shown.view.picture_geometry.receptive_field_polygons)
    assert on_input.getRect() == pytest.approx(shown.view.picture_geometry.boxes[1].getRect())
    assert photograph.getRect() == pytest.approx(shown.view.picture_geometry.crop.boundingRect().getRect())


@pytest.mark.parametrize("size", [(64, 96), (96, 64)])
def test_an_input_that_is_not_square_has_its_shape_on_the_screen(shown: Shown, size: tuple[int, int]) -> None:
    """Its crop covers as much of a photograph of 600×400 as has its shape, and a square occluder stays one."""
    height, width = size
    view = shown.view
    preprocessing = Preprocessing(size, size, (0.5,) * 3, (0.2,) * 3)
    view.show_model_input(np.full((height, width, 3), BLUE, np.uint8), preprocessing)
    photograph_box, input_box = view.picture_geometry.boxes
    assert input_box.width() / input_box.height() == pytest.approx(width / height)
    assert input_box.height() == photograph_box.height()
    assert input_box.right() <= view.width()
    crop = view.picture_geometry.crop.boundingRect()
    assert crop.height() == pytest.approx(photograph_box.height(), rel=0.01)
    assert crop.width() == pytest.approx(photograph_box.height() * width / height, rel=0.02)
    assert view.captions() == ("image\n600×400", f"network input\n{height}×{width} (h×w)")
    view.show_transforms(replace(IDENTITY, occluder=Occluder(0.5, 0.5, 0.5)))
    occluder = view.picture_geometry.occluder
    assert occluder.width() == pytest.approx(occluder.height())
    assert occluder.width() == pytest.approx(min(input_box.width(), input_box.height()) / 2)
    view.show_receptive_field(Box(width // 2, 0, width + 5, height // 2))
    on_input = view.picture_geometry.receptive_field_polygons[1].boundingRect()
    assert on_input.topLeft() == QPointF(input_box.center().x(), input_box.top())
    assert on_input.bottomRight() == QPointF(input_box.right(), input_box.center().y())


def test_the_place_of_the_input_stays_while_the_next_image_is_opened(shown: Shown) -> None:
    preprocessing = Preprocessing((64, 96), (64, 96), (0.5,) * 3, (0.2,) * 3)
    shown.view.show_model_input(np.full((64, 96, 3), BLUE, np.uint8), preprocessing)
    before = shown.view.picture_geometry.boxes
    shown.view.show_photograph(photograph())
    assert shown.view.picture_geometry.boxes == before


def test_without_a_result_no_receptive_field_is_drawn(qtbot: QtBot) -> None:
    view = InputView()
    qtbot.addWidget(view)
    view.show_photograph(photograph())
    view.show_receptive_field(Box(0, 0, 7, 7))
    assert [field.isEmpty() for field in view.picture_geometry.receptive_field_polygons] == [True, True]
    view.grab()
