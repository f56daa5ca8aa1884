"""The image list's item model, under Qt's own tester."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from resnet_studio.gui import theme
from resnet_studio.gui.activations.images.list import MAX_TILES, REFERENCE_ROLE, ImageModel, ImageTile

FATAL = QAbstractItemModelTester.FailureReportingMode.Fatal
MANY = [f"/pictures/{number:05}.png" for number in range(10_000)]


def icon() -> QIcon:
    return QIcon(QPixmap(4, 4))


def test_the_model_passes_qts_model_tester(qtbot: QtBot) -> None:
    model = ImageModel()
    tester = QAbstractItemModelTester(model, FATAL)
    for images in ([], MANY, ["sample:china", *MANY[:3]], []):
        model.set_images(images)
        model.set_tile("sample:china", ImageTile("china", icon()))
        model.set_tile(MANY[1], ImageTile("00001.png", None, "00001.png is damaged."))
        model.set_placeholders(icon(), icon())
    tester.deleteLater()


def test_rows_have_titles_and_tooltips(qtbot: QtBot) -> None:
    model = ImageModel()
    model.set_images(["sample:digit-3", "data:digits:test:17", "/pictures/a holiday.jpg", "data:/sets/birds:test:4"])
    titles = [model.index(row).data() for row in range(model.rowCount())]
    assert titles == ["digit 3", "digits test 17", "a holiday.jpg", "birds test 4"]
    assert model.index(2).data(Qt.ItemDataRole.ToolTipRole) == "/pictures/a holiday.jpg"
    model.set_tile("data:digits:test:17", ImageTile("digits test 17: 5", icon()))
    assert model.index(1).data() == "digits test 17: 5"
    model.set_tile("/pictures/a holiday.jpg", ImageTile("a holiday.jpg", None, "a holiday.jpg is damaged."))
    assert model.index(2).data(Qt.ItemDataRole.ToolTipRole) == "a holiday.jpg is damaged."
    assert model.index(2).data(Qt.ItemDataRole.ForegroundRole) == QColor(theme.current().muted)


def test_references_are_found_and_unknown_ones_are_not(qtbot: QtBot) -> None:
    model = ImageModel()
    model.set_images(MANY)
    assert model.index_of(MANY[7_321]).row() == 7_321
    assert model.index_of(MANY[7_321]).data(REFERENCE_ROLE) == MANY[7_321]
    assert model.index_of("/elsewhere.png") == QModelIndex()
    assert (model.reference(9_999), model.reference(10_000), model.reference(-1)) == (MANY[-1], "", "")


def test_tiles_are_bounded_and_visible_ones_are_kept(qtbot: QtBot) -> None:
    model = ImageModel()
    model.set_images(MANY)
    assert model.missing(-4, 5) == tuple(MANY[:6])
    for reference in MANY[:MAX_TILES]:
        model.set_tile(reference, ImageTile(reference, icon()))
    assert model.missing(0, 5) == ()  # recently visible
    for reference in MANY[MAX_TILES : MAX_TILES + 10]:
        model.set_tile(reference, ImageTile(reference, icon()))
    assert model.missing(0, MAX_TILES + 9) == tuple(MANY[6:16])
