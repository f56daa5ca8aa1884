"""The weights' row, menu and controller: every source, the saved session, and fixes for weights that don't fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMenu, QPlainTextEdit, QPushButton, QSpinBox, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from opened_windows import OpenedWithMaps
from resnet_studio.gui.activations.weights.controller import WeightsController
from resnet_studio.gui.activations.weights.row import WeightsRow
from resnet_studio.gui.common.message_bar import MessageBar
from resnet_studio.gui.session import Session, SessionState
from resnet_studio.gui.session_file import decode
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import DeviceError, WeightsError, WeightsMismatch
from resnet_studio.inference.values import (
    Preprocessing,
    PublishedWeights,
    RandomWeights,
    WeightsFile,
    WeightsInfo,
    WeightsSource,
    weights_title,
)
from resnet_studio.inference.weights.published import ENTRIES, cache_path
from resnet_studio.inference.weights.sources import weights_to_text
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress
from resnet_studio.training.runs.weights import RunWeights

LEFT = Qt.MouseButton.LeftButton
V1, V2 = (PublishedWeights("resnet50", f"IMAGENET1K_{name}") for name in ("V1", "V2"))
INFO = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",))
FILE = replace(INFO, source="net.pth", trained=True, sha256="ab" * 32)


@pytest.fixture
def controller(weights: WeightsController) -> WeightsController:
    weights.follow_architecture(preset("resnet50-v1.5"))
    return weights


@pytest.fixture
def row(qtbot: QtBot) -> WeightsRow:
    row = WeightsRow()
    qtbot.addWidget(row)
    row.resize(700, 80)
    row.show()
    return row


def text(widget: QWidget, name: str) -> str:
    label = widget.findChild(QLabel, name)
    return "" if label.isHidden() else label.text()


def find_action(menu: QMenu, beginning: str) -> QAction:
    return next(entry for entry in menu.actions() if entry.text().startswith(beginning))


def trigger(menu: QMenu, beginning: str) -> None:
    """Trigger an entry by keyboard: highlight it, and press return."""
    menu.popup(menu.pos())
    menu.setActiveAction(find_action(menu, beginning))
    QTest.keyClick(menu, Qt.Key.Key_Return)


def restored(saved: str) -> WeightsSource:
    """The current weights after a start with this entry in the session."""
    state, _ = decode({"weights": saved})
    return WeightsController(Session(state), FakeEngine()).weights  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "weights",
    [
        RandomWeights(),
        RandomWeights(17),
        WeightsFile(Path("/nets/a ü {1}.pth")),
        WeightsFile(Path("/nets/a.pth"), head=False),
        WeightsFile(Path("/nets/a.pth"), head_layer="fc.2"),
        WeightsFile(Path("/nets/a.pth"), prefix="backbone."),
        V2,
    ],
)
def test_every_source_survives_a_round_trip(weights: WeightsSource) -> None:
    if isinstance(weights, PublishedWeights):
        cache_path(weights).parent.mkdir(parents=True)
        cache_path(weights).touch()
    assert restored(weights_to_text(weights)) == weights


@pytest.mark.parametrize(
    "saved",
    [
        "{", "{}", '{"seed": "7"}', '{"seed": -1}', '{"seed": 1e400}', '{"model": "resnet50", "name": "V9"}',
        '{"path": ""}', '{"path": "/a", "head": 1, "prefix": ""}', "{" * 10_000, weights_to_text(V1),
    ],
)  # fmt: skip
def test_invalid_saved_weights_become_random_weights(saved: str) -> None:
    """The last would have to be downloaded, which a start never does."""
    assert restored(saved) == RandomWeights()


def test_random_weights_have_a_seed(qtbot: QtBot, row: WeightsRow) -> None:
    emitted: list[WeightsSource] = []
    row.weightsRequested.connect(emitted.append)
    row.show_weights(replace(INFO, source="random, seed 5"), RandomWeights(5))
    seed = row.findChild(QSpinBox, "weightsSeed")
    assert (text(row, "weightsSource"), seed.value(), text(row, "weightsState")) == ("random, seed", 5, "untrained")
    assert emitted == []
    seed.setFocus()
    seed.selectAll()
    qtbot.keyClicks(seed, "42")
    qtbot.keyClick(seed, Qt.Key.Key_Return)
    assert emitted == [RandomWeights(42)]
    qtbot.keyClick(seed, Qt.Key.Key_Up)
    assert emitted[-1] == RandomWeights(43)
    row.show_weights(FILE, WeightsFile(Path("/nets/net.pth")))
    assert not seed.isVisible()
    trigger(row.menu, "Random weights, seed 43")
    assert emitted[-1] == RandomWeights(43)


def test_notes_are_quiet_and_caveats_are_warnings(row: WeightsRow) -> None:
    doubt = "fc is random, the rest is from the file: predictions are meaningless"
    info = replace(FILE, notes=("float16 converted to float32", doubt), caveats=(doubt,), trained=False)
    row.show_weights(info, WeightsFile(Path("/nets/net.pth")))
    assert text(row, "weightsNotes") == "float16 converted to float32"
    assert row.findChild(QLabel, "weightsNotes").property("quiet")
    assert text(row, "weightsDoubts") == doubt
    assert row.findChild(QLabel, "weightsDoubts").property("warning")
    assert text(row, "weightsState") == "partly trained"
    assert "ab" * 32 in row.findChild(QLabel, "weightsSource").toolTip()
    row.show_weights(FILE, WeightsFile(Path("/nets/net.pth")))
    assert (text(row, "weightsNotes"), text(row, "weightsDoubts")) == ("", "")
    assert (text(row, "weightsSource"), text(row, "weightsState")) == ("net.pth", "trained")


def test_a_long_name_is_elided_in_its_middle(qtbot: QtBot, row: WeightsRow) -> None:
    name = "resnet20-cifar-digits-1, step 330"
    row.show_weights(INFO, RandomWeights())
    row.show_weights(replace(FILE, source=name), WeightsFile(Path("/nets/net.pth")))
    source = row.findChild(QLabel, "weightsSource")
    qtbot.waitUntil(lambda: source.text() == name)
    row.show_weights(replace(FILE, source=3 * name), WeightsFile(Path("/nets/net.pth")))
    qtbot.waitUntil(lambda: "…" in source.text())
    qtbot.waitUntil(lambda: source.text().startswith("resnet20") and source.text().endswith("step 330"))


def test_buttons_wrap_below_in_a_narrow_row(qtbot: QtBot) -> None:
    outside, row = QWidget(), WeightsRow()
    qtbot.addWidget(outside)
    row.setParent(outside)
    outside.resize(700, 120)
    outside.show()
    row.resize(700, 40)
    row.show()
    digits, source = row.findChild(QPushButton, "digitsNetwork"), row.findChild(QLabel, "weightsSource")
    assert abs(digits.geometry().center().y() - source.geometry().center().y()) <= 2
    row.resize(row.minimumSizeHint().width(), 120)
    assert row.width() < 300
    qtbot.waitUntil(lambda: digits.geometry().top() > source.geometry().bottom())
    assert row.findChild(QToolButton, "weightsSources").geometry().right() < row.width()


def test_published_weights_that_fit_are_enabled_and_others_say_why_not(
    row: WeightsRow, controller: WeightsController
) -> None:
    row.menuAboutToShow.connect(controller.refresh_available)
    controller.publishedChanged.connect(row.menu.show_published)
    row.weightsRequested.connect(controller.request)
    cache_path(V1).parent.mkdir(parents=True)
    cache_path(V1).touch()
    row.menu.popup(row.pos())
    published = row.menu.findChild(QMenu, "publishedMenu")
    assert find_action(published, "resnet50, IMAGENET1K_V1").text().endswith("\tdownloaded")
    assert find_action(published, "resnet50, IMAGENET1K_V2").text().endswith("\t98 MB")
    listed = [entry for entry in published.actions() if not entry.menu() and not entry.isSeparator()]
    assert [entry.text().partition("\t")[0] for entry in listed] == [
        "resnet50, IMAGENET1K_V1",
        "resnet50, IMAGENET1K_V2",
    ]
    families = [entry.menu() for entry in published.actions() if entry.menu()]
    assert sum(len(family.actions()) for family in families) == len(ENTRIES)
    row.menu.hide()
    trigger(published, "resnet50, IMAGENET1K_V1")
    assert controller.weights == V1
    controller.follow_architecture(preset("resnet50"))
    controller.refresh_available()
    assert find_action(published, "resnet50, IMAGENET1K_V2").text().endswith("\t98 MB, for resnet50-v1.5")
    controller.follow_architecture(preset("plain18"))
    controller.refresh_available()
    assert not find_action(published, "None for this network").isEnabled()


def test_published_weights_of_another_network_come_with_it(row: WeightsRow, controller: WeightsController) -> None:
    requested: list[object] = []
    row.architectureRequested.connect(requested.append)
    row.weightsRequested.connect(requested.append)
    controller.publishedChanged.connect(row.menu.show_published)
    controller.refresh_available()
    published = row.menu.findChild(QMenu, "publishedMenu")
    swin = find_action(published, "Swin").menu()
    assert find_action(swin, "swin_t").text() == "swin_t, IMAGENET1K_V1\t108 MB"
    trigger(swin, "swin_t, IMAGENET1K_V1")
    assert requested == [preset("swin_t"), PublishedWeights("swin_t", "IMAGENET1K_V1")]


def test_checkpoints_of_runs_are_listed(qtbot: QtBot, row: WeightsRow, controller: WeightsController) -> None:
    emitted: list[WeightsSource] = []
    row.weightsRequested.connect(emitted.append)
    runs = row.menu.findChild(QMenu, "runWeightsMenu")
    assert [entry.text() for entry in runs.actions()] == ["Looking for runs…"]
    controller.runsFound.connect(row.menu.show_runs)
    with qtbot.waitSignal(controller.runsFound):
        controller.refresh_available()
    assert [entry.isEnabled() for entry in runs.actions()] == [False]
    assert "Start a run in Training" in runs.actions()[0].text()
    path = Path("/runs/digits & co/checkpoints/step-0000330/weights.safetensors")
    row.menu.show_runs([RunWeights(WeightsFile(path), "digits & co", 1330, "digits", preset("resnet20-digits"))])
    assert runs.actions()[0].text() == "digits && co, step 1,330\tresnet20-digits"
    trigger(runs, "digits")
    assert emitted == [WeightsFile(path)]
    assert weights_title(emitted[0]) == "step-0000330 of digits & co"


def test_missing_weights_are_downloaded_while_the_current_ones_stay(
    controller: WeightsController, engine: FakeEngine
) -> None:
    controller.set_weights(RandomWeights(3))
    controller.request(V2)
    assert engine.requests == [("fetch_weights", "fetch_weights", V2)]
    assert controller.weights == RandomWeights(3)
    engine.part("fetch_weights", Progress(1, 2, "downloading"))
    assert controller.weights == RandomWeights(3)
    engine.answer("fetch_weights", None)
    assert controller.weights == V2


@pytest.mark.parametrize("withdrawn", ["another choice", "another network"])
def test_a_withdrawn_download_changes_nothing(
    controller: WeightsController, engine: FakeEngine, withdrawn: str
) -> None:
    controller.request(V2)
    {
        "another choice": lambda: controller.request(RandomWeights(9)),
        "another network": lambda: controller.follow_architecture(preset("resnet18")),
    }[withdrawn]()
    before = controller.weights
    engine.answer("fetch_weights", None)
    assert controller.weights == before


@pytest.mark.parametrize("end", ["cancel", "failure"])
def test_a_download_that_ends_without_an_answer_changes_nothing_and_can_be_repeated(
    controller: WeightsController, engine: FakeEngine, end: str
) -> None:
    before = controller.weights
    controller.request(V2)
    if end == "cancel":
        engine.cancel_all()
    else:
        engine.fail("fetch_weights", WeightsError("a.pth", "could not be downloaded"))
    assert controller.weights == before
    controller.request(V2)
    engine.answer("fetch_weights", None)
    assert controller.weights == V2


def test_each_suggested_fix_is_an_offer(controller: WeightsController, tmp_path: Path) -> None:
    state = build(preset("resnet32-cifar")).state_dict()
    state_dict = {f"encoder_{which}.{name}": tensor for which in "qk" for name, tensor in state.items()}
    torch.save(state_dict, tmp_path / "moco.pth")
    torch.save(build(replace(preset("resnet32-cifar"), classes=7)).state_dict(), tmp_path / "seven.pth")
    switched: list[object] = []
    problems: list[tuple[str, str, tuple[tuple[str, Callable[[], None]], ...]]] = []
    controller.architectureRequested.connect(switched.append)
    controller.failed.connect(lambda *arguments: problems.append(arguments))

    def offers_after(name: str, architecture: str) -> tuple[tuple[str, Callable[[], None]], ...]:
        controller.set_weights(WeightsFile(tmp_path / name))
        with pytest.raises(WeightsMismatch) as error:
            load(preset(architecture), WeightsFile(tmp_path / name))
        controller.revert(error.value)
        assert controller.weights == RandomWeights()
        assert problems[-1][0].endswith("Still using random weights.")
        return problems[-1][2]

    (what, accept), (other, _) = offers_after("moco.pth", "resnet32-cifar")
    assert (what, other) == ("Load encoder_q", "Load encoder_k (momentum copy)")
    accept()
    assert controller.weights == WeightsFile(tmp_path / "moco.pth", prefix="encoder_q.")
    assert switched == [preset("resnet32-cifar")]
    (what, accept), _ = offers_after("moco.pth", "resnet20-cifar")
    assert what == "Switch to resnet32-cifar, under encoder_q"
    assert "contains 2 networks, under encoder_q and encoder_k" in problems[-1][0]
    accept()
    assert switched[-1] == preset("resnet32-cifar")
    switch, head = offers_after("seven.pth", "resnet32-cifar")
    assert (head[0], switch[0]) == ("Load all but the head", "Switch to resnet32-cifar, 7 classes")
    head[1]()
    assert controller.weights == WeightsFile(tmp_path / "seven.pth", head=False)
    switch[1]()
    assert switched[-1] == replace(preset("resnet32-cifar"), classes=7)
    for fixed_weights, architecture in (
        (WeightsFile(tmp_path / "moco.pth", prefix="encoder_k."), preset("resnet32-cifar")),
        (WeightsFile(tmp_path / "seven.pth"), replace(preset("resnet32-cifar"), classes=7)),
    ):
        assert load(architecture, fixed_weights)[1].trained


def test_the_message_bar_has_a_button_for_each_offer(qtbot: QtBot) -> None:
    bar, selected = MessageBar(), []
    qtbot.addWidget(bar)
    bar.offerSelected.connect(selected.append)
    bar.show_message("<b>net.pth</b> does not fit.", "a table", ("Load all but the head", "Switch to a & b", "Third"))
    buttons = [bar.findChild(QPushButton, name) for name in ("bannerOffer", "bannerOffer1", "bannerOffer2")]
    assert [button.text() for button in buttons] == ["Load all but the head", "Switch to a && b", "Third"]
    assert bar.findChild(QPushButton, "bannerOffer3").isHidden()
    label = next(entry for entry in bar.findChildren(QLabel) if "net.pth" in entry.text())
    assert label.textFormat() == Qt.TextFormat.PlainText
    qtbot.mouseClick(bar.findChild(QPushButton, "bannerMore"), LEFT)
    assert bar.findChild(QPlainTextEdit, "bannerDetails").isVisible()
    qtbot.mouseClick(buttons[1], LEFT)
    assert selected == [1]
    assert bar.isHidden()
    bar.show_message("Nothing to be done.")
    assert all(button.isHidden() for button in buttons)


def test_a_switch_changes_the_architecture_and_then_the_weights(
    qtbot: QtBot, tmp_path: Path, opened_with_maps: OpenedWithMaps
) -> None:
    """In the whole window with a real engine; the offer for a failed device works the same way."""
    file = tmp_path / "inside.pth"
    state_dict = {f"backbone.{name}": tensor for name, tensor in build(preset("resnet20-cifar")).state_dict().items()}
    torch.save(state_dict, file)
    window, results = opened_with_maps(SessionState(architecture=preset("resnet32-cifar")))
    with qtbot.waitSignal(window.controller.errorOccurred):
        window.controller.open_paths([str(file)])
    offer = window.message_bar.findChild(QPushButton, "bannerOffer")
    assert offer.text() == "Switch to resnet20-cifar"
    assert window.controller.session.architecture == preset("resnet32-cifar")
    qtbot.waitUntil(lambda: window.engine.state == "ready")
    assert results[-1].spec == results[0].spec
    qtbot.mouseClick(offer, LEFT)
    assert window.controller.session.architecture == preset("resnet20-cifar")
    qtbot.waitUntil(lambda: results[-1].weights.trained)
    assert results[-1].spec.weights == window.session_state().weights == WeightsFile(file)
    assert window.message_bar.isHidden()
    window.controller.session.update(device="cuda:0 half")
    error = DeviceError("cuda:0 half failed (CUDA out of memory). Its memory was freed")
    window.controller.activations.failed.emit(error)
    assert offer.text() == "Run on CPU"
    qtbot.mouseClick(offer, LEFT)
    assert window.controller.activations.spec.device == "cpu"


def test_a_click_moves_the_stride_to_the_3x3(qtbot: QtBot, tmp_path: Path, opened_with_maps: OpenedWithMaps) -> None:
    """In the whole window with a real engine: only the architecture changes."""
    on_1x1 = replace(preset("resnet50"), width=4, image=32, blocks=(1, 1, 1, 1))
    on_3x3 = replace(on_1x1, block=Bottleneck("3x3"))
    file = tmp_path / "fine_tuned.pth"
    torch.save(build(on_3x3, 1).state_dict(), file)
    window, results = opened_with_maps(SessionState(architecture=on_1x1, weights=WeightsFile(file)))
    button, doubts = (window.findChild(kind, name) for kind, name in
                      ((QPushButton, "moveStride"), (QLabel, "weightsDoubts")))  # fmt: skip
    assert button.isVisible()
    assert "most files need it on the 3×3" in doubts.text()
    qtbot.mouseClick(button, LEFT)
    assert window.controller.session.architecture == on_3x3
    qtbot.waitUntil(lambda: results[-1].spec.architecture == on_3x3)
    assert results[-1].spec.weights == WeightsFile(file)
    assert button.isHidden()
    assert results[-1].weights.caveats == ()
