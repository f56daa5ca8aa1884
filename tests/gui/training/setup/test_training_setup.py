"""The New run tab, with mouse and keys."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSize, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from resnet_studio.gui import theme
from resnet_studio.gui.common.inputs import ComboBox, SegmentedControl
from resnet_studio.gui.training.setup.class_table import (
    IMAGES_ROLE,
    SAMPLES,
    SPACING,
    TEST,
    TRAINING,
    ClassTable,
    sample_size,
)
from resnet_studio.gui.training.setup.data_preview import AugmentedView, DataPreview
from resnet_studio.gui.training.setup.estimate import memory_range, memory_warning, seconds_text
from resnet_studio.gui.training.setup.lr_plot import sampled_steps
from resnet_studio.gui.training.setup.view import SetupView
from resnet_studio.inference.values import Device
from resnet_studio.training.datasets import DataError
from resnet_studio.training.folders.class_folders import read_class_folders
from resnet_studio.training.recipe import Recipe, learning_rate
from resnet_studio.training.recipes import RECIPES
from themed import themed
from training_values import data_view, estimate

QUICK, PAPER = RECIPES["digits-quick"], RECIPES["paper-cifar"]


@pytest.fixture
def view(qtbot: QtBot) -> SetupView:
    view = SetupView()
    qtbot.addWidget(view)
    view.resize(1120, 760)
    view.show_recipe(QUICK)
    view.show_data(data_view())
    view.show_name("resnet20-cifar-digits-1")
    view.show()
    return view


def requests_of(view: SetupView) -> list[Recipe]:
    requests: list[Recipe] = []
    view.recipeRequested.connect(requests.append)
    view.recipeRequested.connect(view.show_recipe)
    return requests


def line(view: SetupView, field: str) -> QLineEdit:
    return view.findChild(QLineEdit, field)


def type_into(qtbot: QtBot, view: SetupView, field: str, text: str) -> None:
    edit = line(view, field)
    edit.setFocus()
    edit.selectAll()
    qtbot.keyClicks(edit, text) if text else qtbot.keyClick(edit, Qt.Key.Key_Delete)
    qtbot.keyClick(edit, Qt.Key.Key_Return)


def choose(qtbot: QtBot, view: SetupView, field: str, value: str) -> None:
    """Select a value of a list with the keys."""
    choice = view.findChild(ComboBox, field)
    choice.setFocus()
    choice.showPopup()
    row = choice.findData(value)
    qtbot.keyClick(choice.view(), Qt.Key.Key_Home)
    for _ in range(row):
        qtbot.keyClick(choice.view(), Qt.Key.Key_Down)
    qtbot.keyClick(choice.view(), Qt.Key.Key_Return)


def press(qtbot: QtBot, view: SetupView, field: str, value: str) -> None:
    qtbot.mouseClick(view.findChild(SegmentedControl, field).button(value), Qt.MouseButton.LeftButton)


def problem(view: SetupView, field: str) -> str:
    label = view.findChild(QLabel, f"{field}Problem")
    return label.text() if label.isVisible() else ""


def start(view: SetupView) -> QPushButton:
    return view.findChild(QPushButton, "startTraining")


def more(qtbot: QtBot, view: SetupView) -> None:
    qtbot.mouseClick(view.findChild(QToolButton, "moreFields"), Qt.MouseButton.LeftButton)


def words(view: SetupView, name: str) -> str:
    return view.findChild(QLabel, name).text()


def test_every_field_of_a_recipe_can_be_seen_and_has_a_name(qtbot: QtBot, view: SetupView) -> None:
    more(qtbot, view)
    view.show_recipe(replace(PAPER, warmup=300, warmup_lr=0.01))
    shown = {
        "recipe": "custom", "data": "cifar10", "augmentation": "crop-flip", "unit": "steps", "optimizer": "sgd",
        "schedule": "steps", "normalise": "pixel", "precision": "fp32", "measure_training": "false", "damaged": "fail",
        "zero_init_residual": "false", "device": "cpu",
    }  # fmt: skip
    for field, value in shown.items():
        choice = view.findChild(QWidget, field)
        assert choice.isVisible()
        assert choice.accessibleName()
        assert choice.value() == value
    texts = {
        "length": "64000", "batch_size": "128", "lr": "0.1", "milestones": "32000, 48000", "warmup": "300",
        "warmup_lr": "0.01", "momentum": "0.9", "weight_decay": "0.0001", "label_smoothing": "0", "holdout": "0",
        "stochastic_depth": "0", "seed": "0",
    }  # fmt: skip
    for field, text in texts.items():
        assert line(view, field).isVisible()
        assert line(view, field).text() == text
        assert line(view, field).toolTip()


def test_a_named_recipe_replaces_all_fields(qtbot: QtBot, view: SetupView) -> None:
    view.show_recipe(replace(QUICK, seed=7))
    requests = requests_of(view)
    choose(qtbot, view, "recipe", "paper-cifar")
    assert requests == [replace(PAPER, seed=7)]
    assert view.findChild(ComboBox, "recipe").value() == "paper-cifar"
    type_into(qtbot, view, "batch_size", "64")
    assert requests[-1] == replace(PAPER, seed=7, batch_size=64)
    assert view.findChild(ComboBox, "recipe").currentText() == "custom"


def test_an_invalid_value_is_reported_under_its_field(qtbot: QtBot, view: SetupView) -> None:
    requests = requests_of(view)
    type_into(qtbot, view, "lr", "fast")
    assert problem(view, "lr") == "must be a number from 0 to 1000, got 'fast'"
    assert not requests
    assert not start(view).isEnabled()
    type_into(qtbot, view, "batch_size", "64")
    assert requests[-1] == replace(QUICK, batch_size=64)
    assert problem(view, "lr"), "another field's edit leaves it as it is"
    assert line(view, "lr").text() == "fast"
    type_into(qtbot, view, "lr", "0.2")
    assert problem(view, "lr") == ""
    assert requests[-1] == replace(QUICK, batch_size=64, lr=0.2)
    assert start(view).isEnabled()


def test_another_recipe_clears_the_errors(qtbot: QtBot, view: SetupView) -> None:
    type_into(qtbot, view, "lr", "fast")
    view.show_recipe(PAPER)
    assert problem(view, "lr") == ""
    assert line(view, "lr").text() == "0.1"


def test_a_shorter_run_waits_for_its_milestones(qtbot: QtBot, view: SetupView) -> None:
    view.show_recipe(PAPER)
    requests = requests_of(view)
    type_into(qtbot, view, "length", "640")
    assert "less than the length" in problem(view, "milestones")
    type_into(qtbot, view, "milestones", "320, 480")
    assert (requests[-1].length, requests[-1].milestones) == (640, (320, 480))
    assert problem(view, "milestones") == ""


def test_typed_texts_stay_as_they_were_typed(qtbot: QtBot, view: SetupView) -> None:
    requests = requests_of(view)
    type_into(qtbot, view, "lr", "1e-2")
    assert requests[-1].lr == 0.01
    assert line(view, "lr").text() == "1e-2"
    view.show_recipe(replace(QUICK, lr=0.05))
    assert line(view, "lr").text() == "0.05"


def test_fields_without_effect_are_hidden(qtbot: QtBot, view: SetupView) -> None:
    requests = requests_of(view)
    assert not line(view, "milestones").isVisible()
    assert not line(view, "momentum").isVisible(), "it is under More"
    more(qtbot, view)
    assert line(view, "momentum").isVisible()
    assert not line(view, "warmup_lr").isVisible()
    press(qtbot, view, "optimizer", "adamw")
    assert not line(view, "momentum").isVisible()
    type_into(qtbot, view, "warmup", "2")
    assert line(view, "warmup_lr").isVisible()
    choose(qtbot, view, "schedule", "steps")
    assert requests[-1].milestones == (15, 22)
    assert line(view, "milestones").isVisible()
    more(qtbot, view)
    assert not line(view, "warmup").isVisible()


def test_a_wrong_field_under_more_opens_it(qtbot: QtBot, view: SetupView) -> None:
    edit = line(view, "seed")
    assert not edit.isVisible()
    edit.setText("x")
    edit.textEdited.emit("x")  # as a script or a screen reader may do
    qtbot.waitUntil(edit.isVisible)
    assert problem(view, "seed").startswith("must be an integer")


def test_changing_the_unit_converts_the_length(qtbot: QtBot, view: SetupView) -> None:
    """The ten classes have 140 to 149 images: 1,445 make 11 whole batches of 128."""
    requests = requests_of(view)
    press(qtbot, view, "unit", "steps")
    assert requests[-1].length == 330
    press(qtbot, view, "unit", "epochs")
    assert requests[-1] == QUICK


def test_a_data_set_selects_its_recipe(qtbot: QtBot, view: SetupView) -> None:
    requests = requests_of(view)
    view.show_architecture("resnet110-cifar", (), depth=110)
    choose(qtbot, view, "data", "cifar10")
    assert requests == [RECIPES["paper-cifar-110"]]
    assert view.findChild(DataPreview).currentIndex() == 0
    assert words(view, "dataWords") == "Loading CIFAR-10…"
    assert not start(view).isEnabled()


def test_names_of_data_sets_show_their_download_size(view: SetupView) -> None:
    choice = view.findChild(ComboBox, "data")
    texts = [choice.itemText(row) for row in range(choice.count())]
    assert "CIFAR-10 · 170 MB" in texts
    assert texts[0] == "Digits (scikit-learn)"
    view.show_recipe(PAPER)
    view.show_data(data_view("cifar10"))
    assert choice.currentText() == "CIFAR-10"


def choose_folder(qtbot: QtBot, view: SetupView, folder: Path) -> None:
    dialog = view.findChild(QFileDialog, "dataFolderDialog")
    qtbot.waitUntil(dialog.isVisible)
    dialog.selectFile(str(folder))
    dialog.accept()
    qtbot.waitUntil(lambda: not view.findChildren(QFileDialog))


def test_a_folder_is_selected(qtbot: QtBot, view: SetupView, tmp_path: Path) -> None:
    requests = requests_of(view)
    choose(qtbot, view, "data", "folder…")
    choose_folder(qtbot, view, tmp_path)
    assert requests == [replace(RECIPES["folder-quick"], data=str(tmp_path))]
    choice = view.findChild(ComboBox, "data")
    assert choice.currentText() == tmp_path.name
    assert choice.itemData(choice.currentIndex(), Qt.ItemDataRole.ToolTipRole) == str(tmp_path)


def test_a_recipe_for_folders_asks_for_one(qtbot: QtBot, view: SetupView, tmp_path: Path) -> None:
    requests = requests_of(view)
    choose(qtbot, view, "recipe", "paper-imagenet")
    assert not requests
    assert view.findChild(ComboBox, "recipe").value() == "digits-quick"
    choose_folder(qtbot, view, tmp_path)
    assert requests == [replace(RECIPES["paper-imagenet"], data=str(tmp_path))]


def drop(view: SetupView, path: Path) -> bool:
    """Drop a path on the view as the desktop does; return whether it was accepted."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    how = Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(40, 40), *how)
    enter.ignore()
    QGuiApplication.sendEvent(view, enter)
    if enter.isAccepted():
        QGuiApplication.sendEvent(view, QDropEvent(QPointF(40, 40), *how))
    return enter.isAccepted()


def test_a_folder_is_dropped(view: SetupView, tmp_path: Path) -> None:
    requests = requests_of(view)
    (tmp_path / "photos").mkdir()
    (tmp_path / "run").mkdir()
    for path in (tmp_path / "run" / "run.json", tmp_path / "image.png"):
        path.touch()
    assert drop(view, tmp_path / "photos")
    assert requests[-1].data == str(tmp_path / "photos")
    assert not drop(view, tmp_path / "run"), "a run is not data"
    assert not drop(view, tmp_path / "image.png")


def test_devices_are_offered(qtbot: QtBot, view: SetupView) -> None:
    view.show_devices((Device("cpu", "CPU"), Device("cuda:0", "NVIDIA A100")))
    requests = requests_of(view)
    choose(qtbot, view, "device", "cuda:0")
    assert requests == [replace(QUICK, device="cuda:0")]
    assert view.findChild(ComboBox, "device").currentText() == "NVIDIA A100"
    assert view.findChild(ComboBox, "recipe").value() == "digits-quick", "where it runs does not make it another recipe"


def test_start_emits_the_name(qtbot: QtBot, view: SetupView) -> None:
    with qtbot.waitSignal(view.startRequested) as signal:
        qtbot.mouseClick(start(view), Qt.MouseButton.LeftButton)
    assert signal.args == ["resnet20-cifar-digits-1"]
    type_into(qtbot, view, "runName", "  my run ")
    with qtbot.waitSignal(view.startRequested) as signal:
        qtbot.keyClick(line(view, "runName"), Qt.Key.Key_Return)
    assert signal.args == ["my run"]
    view.show_starting("my run")
    assert line(view, "runName").text() == ""


def test_a_starting_run_is_shown_and_no_second_one_starts(qtbot: QtBot, view: SetupView) -> None:
    view.show_starting("mine")
    assert (start(view).text(), start(view).isEnabled()) == ("Starting…", False)
    assert "mine is starting" in start(view).toolTip()
    with qtbot.assertNotEmitted(view.startRequested):
        qtbot.mouseClick(start(view), Qt.MouseButton.LeftButton)
        qtbot.keyClick(line(view, "runName"), Qt.Key.Key_Return)
        qtbot.keyClick(view, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    view.show_starting("")
    assert (start(view).text(), start(view).isEnabled()) == ("Start training", True)
    with qtbot.waitSignal(view.startRequested):
        qtbot.keyClick(line(view, "lr"), Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def test_an_obstacle_is_shown_and_nothing_starts(qtbot: QtBot, view: SetupView) -> None:
    view.show_obstacle("vgg19 needs images with 3 channels; these have 1")
    assert problem(view, "start") == "vgg19 needs images with 3 channels; these have 1"
    with qtbot.assertNotEmitted(view.startRequested):
        qtbot.mouseClick(start(view), Qt.MouseButton.LeftButton)
        qtbot.keyClick(line(view, "runName"), Qt.Key.Key_Return)
    view.show_obstacle("")
    assert start(view).isEnabled()


def test_missing_data_can_be_downloaded(qtbot: QtBot, view: SetupView) -> None:
    view.show_recipe(PAPER)
    view.show_data_problem("CIFAR-10 is not on this machine yet.", True)
    button = view.findChild(QPushButton, "downloadData")
    assert button.text() == "Download (170 MB)"
    with qtbot.waitSignal(view.downloadRequested) as signal:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert signal.args == ["cifar10"]
    view.show_loading("cifar10", "downloading CIFAR-10, 43 of 170 MB", 43 / 170)
    assert not button.isVisible()
    assert words(view, "dataWords") == "downloading CIFAR-10, 43 of 170 MB"
    view.show_data_problem("The folder is gone", False)
    assert not button.isVisible()
    assert not start(view).isEnabled()


def test_data_of_a_previous_recipe_are_ignored(view: SetupView) -> None:
    view.show_recipe(PAPER)
    view.show_data(data_view("digits"))
    assert view.findChild(DataPreview).currentIndex() == 0
    assert not start(view).isEnabled()


def test_shown_data_stay_while_the_same_are_opened_again(view: SetupView) -> None:
    view.show_loading("digits")
    assert view.findChild(DataPreview).currentIndex() == 1


def test_the_classes_are_counted_and_shown(view: SetupView) -> None:
    model = view.findChild(ClassTable).model()
    assert [model.index(row, TRAINING).data() for row in range(10)] == [str(140 + row) for row in range(10)]
    assert {model.index(row, TEST).data() for row in range(10)} == {"36"}
    assert model.index(3, TRAINING).data(Qt.ItemDataRole.ToolTipRole) == "143 of 1,445 training images"
    for row in range(10):
        images = model.index(row, SAMPLES).data(IMAGES_ROLE)
        assert len(images) == 8
        assert images[0].pixelColor(0, 0).red() == 20 * row
    texts = [label.text() for label in view.findChild(DataPreview).findChildren(QLabel)]
    assert "1,445 images in 10 classes, stored on the device as uint8" in texts
    assert "360 images held out, stratified by class" in texts
    assert "1×8×8 · mean 0.305 · std 0.376" in texts


def test_samples_are_painted_where_their_class_is(view: SetupView) -> None:
    table = view.findChild(ClassTable)
    QApplication.processEvents()
    picture = table.viewport().grab().toImage()
    for row in (1, 5, 9):
        x, y = table.columnViewportPosition(SAMPLES) + 12, table.rowViewportPosition(row) + table.rowHeight(row) // 2
        assert picture.pixelColor(x, y).red() == 20 * row


@pytest.mark.parametrize(
    ("size", "on_screen"),
    [((8, 8), (32, 32)), ((8, 12), (24, 16)), ((224, 320), (32, 22)), ((320, 160), (16, 32)), ((16, 64), (32, 8))],
)
def test_images_are_shown_whole_and_in_their_shape(
    view: SetupView, size: tuple[int, int], on_screen: tuple[int, int]
) -> None:
    """At most 32 pixels long; small ones are enlarged by a whole factor. `on_screen` is width and height."""
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[:, -max(1, size[1] // 8) :] = 200  # a bright right edge
    few = data_view()
    augmented = tuple((pixels,) * 6 for _ in few.augmented)
    view.show_data(replace(few, size=(3, *size), samples=(pixels,) * len(few.samples), augmented=augmented))
    assert sample_size(replace(few, size=(3, *size))) == QSize(*on_screen)
    QApplication.processEvents()
    table, (width, height) = view.findChild(ClassTable), on_screen
    picture, left = table.viewport().grab().toImage(), table.columnViewportPosition(SAMPLES) + 4
    middle = table.rowViewportPosition(0) + table.rowHeight(0) // 2
    assert picture.pixelColor(left, middle).red() == 0
    assert 100 < picture.pixelColor(left + width - 1, middle).red() <= 200  # the background is lighter
    assert view.findChild(AugmentedView).sizeHint().height() == len(augmented) * (height + 2 * SPACING)


def test_augmented_images_are_shown_only_where_there_are_some(view: SetupView) -> None:
    augmented = view.findChild(AugmentedView)
    assert augmented.isVisible()
    picture = augmented.grab().toImage()
    assert picture.pixelColor(4, augmented.height() - 16).red() == 180  # the last image is of class 9
    view.show_data(data_view(augmented=False))
    assert not augmented.isVisible()


@pytest.mark.parametrize("classes", [1, 3, 100, 1000])
def test_any_number_of_classes(view: SetupView, classes: int) -> None:
    few = data_view(classes=min(classes, 10))
    names = tuple(f"a class with a name, {number}" for number in range(classes))
    counts = (5,) * classes
    view.show_data(replace(few, classes=names, training_counts=counts, test_counts=counts))
    assert view.findChild(ClassTable).model().rowCount() == classes
    view.grab()


def test_the_narrowest_window_is_enough(qtbot: QtBot, view: SetupView) -> None:
    """The right of a window of 1,100 pixels has 796 of them."""
    view.show_estimate(estimate(needed=20_000_000_000))
    more(qtbot, view)
    view.show_recipe(replace(PAPER, data="digits", warmup=1))
    view.resize(796, 560)
    QApplication.processEvents()
    assert view.width() == 796
    form = view.findChild(QWidget, "recipeForm")
    assert form.width() <= form.parentWidget().width()


def test_the_estimate_is_shown(view: SetupView) -> None:
    view.show_estimate(None)
    assert words(view, "wholeEstimate") == "…"
    view.show_estimate(estimate())
    assert words(view, "stepsEstimate") == "330"
    assert words(view, "stepsPerEpochEstimate") == "11"
    assert words(view, "epochEstimate") == "0.44 s"  # 11 steps of 0.04 s
    assert words(view, "wholeEstimate") == "13.2 s"
    assert words(view, "memoryEstimate") == "210 MB + 700 MB process"
    assert words(view, "deviceMemoryEstimate") == "16 GB"
    assert "within 15%" in view.findChild(QLabel, "memoryEstimate").toolTip()
    assert not view.findChild(QLabel, "estimateWarning").isVisible()


def test_too_much_memory_shows_a_warning(view: SetupView) -> None:
    view.show_devices((Device("cpu", "CPU"), Device("cuda:0", "NVIDIA A100")))
    view.show_recipe(replace(QUICK, device="cuda:0"))
    view.show_estimate(estimate(seconds=math.nan, needed=20_000_000_000))
    warning = view.findChild(QLabel, "estimateWarning")
    assert warning.isVisible()
    assert warning.text().startswith("A step needs 18–24 GB, more than NVIDIA A100 has free.")
    assert words(view, "wholeEstimate") == "–"
    assert memory_warning(estimate(needed=20_000_000_000, available=None), "CPU") == ""
    assert memory_warning(estimate(needed=11_000_000_000), "CPU").startswith(
        "A step may need 10–13 GB, more than this machine"
    )
    assert memory_warning(estimate(needed=10_000_000_000), "CPU") == ""


def test_the_largest_batch_that_fits_is_taken_by_a_click(qtbot: QtBot, view: SetupView) -> None:
    view.show_recipe(QUICK)
    assert not view.findChild(QPushButton, "useLargestBatch").isVisible()
    view.show_estimate(replace(estimate(), largest_batch=412))
    assert words(view, "largestBatchEstimate") == "412"
    with qtbot.waitSignal(view.recipeRequested) as asked:
        qtbot.mouseClick(view.findChild(QPushButton, "useLargestBatch"), Qt.MouseButton.LeftButton)
    assert asked.args == [replace(QUICK, batch_size=412)]
    view.show_estimate(estimate())
    assert words(view, "largestBatchEstimate") == "–"
    assert not view.findChild(QPushButton, "useLargestBatch").isVisible()


@pytest.mark.parametrize(
    ("least", "most", "written"),
    [
        (147_000_000, 441_000_000, "150–440 MB"), (700_000_000, 2_100_000_000, "0.70–2.1 GB"),
        (999_999, 3_000_000, "1.0–3.0 MB"),
        (994_900, 2_984_700, "0.99–3.0 MB"), (70_000_000_000, 210_000_000_000, "70–210 GB"),
    ],
)  # fmt: skip
def test_bounds_of_memory_have_two_digits_and_one_unit(least: int, most: int, written: str) -> None:
    assert memory_range(least, most) == written


def test_times_have_units() -> None:
    assert [seconds_text(seconds) for seconds in (0.4213, 12.5, 75, 8768)] == [
        "0.421 s",
        "12.5 s",
        "1:15 min",
        "2:26:08 h",
    ]


def test_changes_by_fitting_are_shown(view: SetupView) -> None:
    view.show_architecture("resnet20-cifar", ("channels 3 → 1", "image 32 → 8"))
    assert words(view, "fittedNetwork") == "resnet20-cifar: channels 3 → 1, image 32 → 8"


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("per_epoch", [1, 11, 390])
def test_the_drawn_rates_have_both_sides_of_every_jump(name: str, per_epoch: int) -> None:
    recipe = RECIPES[name]
    total = recipe.in_steps(recipe.length, per_epoch)
    steps = sampled_steps(recipe, per_epoch).tolist()
    assert steps[0] == 0
    assert steps[-1] == total - 1
    jumps = [recipe.in_steps(at, per_epoch) for at in recipe.milestones]
    assert all({at - 1, at} <= set(steps) for at in jumps)
    assert len(steps) <= 410


def test_the_learning_rate_is_shown_and_read_at_the_mouse(qtbot: QtBot, view: SetupView) -> None:
    view.show_recipe(PAPER)
    assert words(view, "rateWords") == "Learning rate 0.1 → 0.001"
    view.show_recipe(QUICK)
    view.show_data(data_view())
    assert words(view, "rateWords") == "Learning rate 0.004 → 0.1 → ~0"
    plot = view.findChild(QWidget, "ratePlot")
    box = plot._plot.getViewBox()
    at = plot._view.mapFromScene(box.mapViewToScene(QPointF(15.0, 0.05)))
    qtbot.mouseMove(plot._view.viewport(), at + QPoint(1, 0))
    qtbot.mouseMove(plot._view.viewport(), at)
    text = words(view, "rateWords")
    assert text.startswith("Learning rate ")
    epoch, rate = float(text.split()[-1]), float(text.split()[2])
    assert epoch == pytest.approx(15, abs=0.2)
    assert rate == pytest.approx(learning_rate(QUICK, int(epoch * 11), 11), rel=0.02)


@pytest.mark.parametrize(("name", "colors"), [("dark", theme.DARK), ("light", theme.LIGHT)])
def test_both_themes(view: SetupView, name: theme.ThemeName, colors: theme.Theme) -> None:
    with themed(name):
        plot = view.findChild(QWidget, "ratePlot")
        assert plot._view.backgroundBrush().color().name() == colors.window
        assert view.grab().toImage().pixelColor(2, view.height() - 2).name() == colors.window


def test_the_form_fits_with_the_style_sheet(qtbot: QtBot, view: SetupView) -> None:
    with themed("light"):
        more(qtbot, view)
        view.show_recipe(replace(PAPER, data="digits", warmup=1))
        view.resize(796, 560)
        QApplication.processEvents()
        assert view.width() == 796
        form = view.findChild(QWidget, "recipeForm")
        assert form.minimumSizeHint().width() <= form.parentWidget().width()


def test_a_rejected_folder_shows_its_tree_with_indentation(qtbot: QtBot, tmp_path: Path) -> None:
    """In the smallest space it gets, the rest is scrolled to, and names are not parsed as HTML."""
    for name in ("<b>cat", "dog"):
        for kind in ("images", "masks"):
            (tmp_path / name / kind).mkdir(parents=True)
            (tmp_path / name / kind / "1.jpg").touch()
    with pytest.raises(DataError) as refused:
        read_class_folders(tmp_path)
    preview = DataPreview()
    qtbot.addWidget(preview)
    preview.resize(360, 120)
    preview.show()
    preview.show_problem(str(tmp_path), str(refused.value), downloadable=False)
    words, page = preview.findChild(QLabel, "dataWords"), preview.currentWidget()
    assert words is not None
    assert isinstance(page, QScrollArea)
    assert words.textFormat() == Qt.TextFormat.PlainText
    assert words.alignment() & Qt.AlignmentFlag.AlignLeft
    assert "    <b>cat/" in words.text().splitlines()
    qtbot.waitUntil(lambda: page.verticalScrollBar().maximum() > 0)
    assert words.height() >= words.heightForWidth(words.width())
