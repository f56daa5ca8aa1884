"""The weights' row, menu and desk: every source, what is kept, and what is offered where weights don't fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMenu, QPlainTextEdit, QPushButton, QSpinBox, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.weights.controller import WeightsController, called, read, written
from resnet_studio.gui.activations.weights.row import WeightsRow
from resnet_studio.gui.app_controller import ACTIVATIONS
from resnet_studio.gui.common.message_bar import MessageBar
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import DeviceError, WeightsError, WeightsMismatch
from resnet_studio.inference.values import (
    ForwardResult,
    Preprocessing,
    PublishedWeights,
    RandomWeights,
    WeightsFile,
    WeightsInfo,
    WeightsSource,
)
from resnet_studio.inference.weights.published import ENTRIES, cached
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset
from resnet_studio.training.runs.weights import RunWeights

PATIENCE = 120_000  # milliseconds for torch to be imported on a busy machine
LEFT = Qt.MouseButton.LeftButton
V1, V2 = (PublishedWeights("resnet50", f"IMAGENET1K_{name}") for name in ("V1", "V2"))
INFO = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",))
FILE = replace(INFO, source="net.pth", trained=True, sha256="ab" * 32)


class Asked(QObject):
    """Stands for the engine: notes what is asked, and answers when the test says so."""

    answered, failed, idle = Signal(str, object), Signal(str, object), Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[tuple[object, ...]] = []

    def ask(self, *question: object, label: str) -> None:
        self.questions.append((*question, label))


@pytest.fixture
def work() -> Asked:
    return Asked()


@pytest.fixture
def desk(work: Asked, tmp_path: Path) -> Iterator[WeightsController]:
    desk = WeightsController(SessionState(), work)  # type: ignore[arg-type]
    desk.runs = tmp_path / "runs"
    desk.follow(preset("resnet50-v1.5"))
    yield desk
    desk.stop()


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


def action(menu: QMenu, beginning: str) -> QAction:
    return next(one for one in menu.actions() if one.text().startswith(beginning))


def trigger(menu: QMenu, beginning: str) -> None:
    """Choose an entry as keys do: go to it, and press return."""
    menu.popup(menu.pos())
    menu.setActiveAction(action(menu, beginning))
    QTest.keyClick(menu, Qt.Key.Key_Return)


@pytest.mark.parametrize(
    "weights",
    [
        RandomWeights(),
        RandomWeights(17),
        WeightsFile(Path("/nets/a ü {1}.pth")),
        WeightsFile(Path("/nets/a.pth"), head=False),
        WeightsFile(Path("/nets/a.pth"), prefix="backbone."),
        V2,
    ],
)
def test_every_source_is_kept(weights: WeightsSource) -> None:
    if isinstance(weights, PublishedWeights):
        cached(weights).parent.mkdir(parents=True)
        cached(weights).touch()
    assert read(written(weights)) == weights


@pytest.mark.parametrize(
    "kept",
    [
        "{", "{}", '{"seed": "7"}', '{"seed": -1}', '{"seed": 1e400}', '{"model": "resnet50", "name": "V9"}',
        '{"path": ""}', '{"path": "/a", "head": 1, "prefix": ""}', "{" * 10_000, written(V1),
    ],
)  # fmt: skip
def test_what_is_no_source_gives_random_weights(kept: str) -> None:
    """The last is one that would have to be fetched: a start asks nobody for anything."""
    assert read(kept) == RandomWeights()


def test_random_weights_have_a_seed(qtbot: QtBot, row: WeightsRow) -> None:
    wished: list[WeightsSource] = []
    row.weights_wished.connect(wished.append)
    row.show_weights(replace(INFO, source="random, seed 5"), RandomWeights(5))
    seed = row.findChild(QSpinBox, "weightsSeed")
    assert (text(row, "weightsSource"), seed.value(), text(row, "weightsState")) == ("random, seed", 5, "untrained")
    assert wished == []
    seed.setFocus()
    seed.selectAll()
    qtbot.keyClicks(seed, "42")
    qtbot.keyClick(seed, Qt.Key.Key_Return)
    assert wished == [RandomWeights(42)]
    qtbot.keyClick(seed, Qt.Key.Key_Up)
    assert wished[-1] == RandomWeights(43)
    row.show_weights(FILE, WeightsFile(Path("/nets/net.pth")))
    assert not seed.isVisible()
    trigger(row.menu, "Random weights, seed 43")
    assert wished[-1] == RandomWeights(43)


def test_notes_are_quiet_and_doubts_are_not(row: WeightsRow) -> None:
    doubt = "fc is random, the rest is the file's: the predictions mean nothing"
    info = replace(FILE, notes=("float16 converted to float32", doubt), doubts=(doubt,), trained=False)
    row.show_weights(info, WeightsFile(Path("/nets/net.pth")))
    assert text(row, "weightsNotes") == "float16 converted to float32"
    assert row.findChild(QLabel, "weightsNotes").property("quiet")
    assert text(row, "weightsDoubts") == doubt
    assert row.findChild(QLabel, "weightsDoubts").property("warning")
    assert text(row, "weightsState") == "not all trained"
    assert "ab" * 32 in row.findChild(QLabel, "weightsSource").toolTip()
    row.show_weights(FILE, WeightsFile(Path("/nets/net.pth")))
    assert (text(row, "weightsNotes"), text(row, "weightsDoubts")) == ("", "")
    assert (text(row, "weightsSource"), text(row, "weightsState")) == ("net.pth", "trained")


def test_a_name_is_whole_where_there_is_room_and_loses_its_middle_elsewhere(qtbot: QtBot, row: WeightsRow) -> None:
    name = "resnet20-cifar-digits-1, step 330"
    row.show_weights(INFO, RandomWeights())
    row.show_weights(replace(FILE, source=name), WeightsFile(Path("/nets/net.pth")))
    source = row.findChild(QLabel, "weightsSource")
    qtbot.waitUntil(lambda: source.text() == name)
    row.show_weights(replace(FILE, source=3 * name), WeightsFile(Path("/nets/net.pth")))
    qtbot.waitUntil(lambda: "…" in source.text())
    qtbot.waitUntil(lambda: source.text().startswith("resnet20") and source.text().endswith("step 330"))


def test_buttons_go_below_where_there_is_no_room(qtbot: QtBot) -> None:
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


def test_published_weights_that_fit_are_on_offer_and_others_say_why_not(
    row: WeightsRow, desk: WeightsController
) -> None:
    row.opens.connect(desk.look_around)
    desk.published_told.connect(row.menu.show_published)
    row.weights_wished.connect(desk.wish)
    cached(V1).parent.mkdir(parents=True)
    cached(V1).touch()
    row.menu.popup(row.pos())
    published = row.menu.findChild(QMenu, "publishedMenu")
    assert action(published, "resnet50, IMAGENET1K_V1").text().endswith("\ton this machine")
    assert action(published, "resnet50, IMAGENET1K_V2").text().endswith("\t98 MB")
    assert [one.text().partition("\t")[0] for one in published.actions() if one.isEnabled()] == [
        "resnet50, IMAGENET1K_V1",
        "resnet50, IMAGENET1K_V2",
    ]
    assert action(published, "vgg19").text() == "vgg19, IMAGENET1K_V1\tfor vgg19"
    assert len(published.actions()) == len(ENTRIES)
    row.menu.hide()
    trigger(published, "resnet50, IMAGENET1K_V1")
    assert desk.weights == V1
    desk.follow(preset("resnet50"))
    desk.look_around()
    assert action(published, "resnet50, IMAGENET1K_V2").text().endswith("\t98 MB, made for resnet50-v1.5")
    desk.follow(preset("plain18"))
    desk.look_around()
    assert not any(one.isEnabled() for one in published.actions())


def test_checkpoints_of_runs_are_on_offer(qtbot: QtBot, row: WeightsRow, desk: WeightsController) -> None:
    wished: list[WeightsSource] = []
    row.weights_wished.connect(wished.append)
    runs = row.menu.findChild(QMenu, "runWeightsMenu")
    assert [one.text() for one in runs.actions()] == ["Looking for runs…"]
    desk.runs_found.connect(row.menu.show_runs)
    with qtbot.waitSignal(desk.runs_found):
        desk.look_around()
    assert [one.isEnabled() for one in runs.actions()] == [False]
    assert "Start one under Training" in runs.actions()[0].text()
    path = Path("/runs/digits & co/checkpoints/step-0000330/weights.safetensors")
    row.menu.show_runs([RunWeights(WeightsFile(path), "digits & co", 1330, "digits", preset("resnet20-digits"))])
    assert runs.actions()[0].text() == "digits && co, step 1,330\tresnet20-digits"
    trigger(runs, "digits")
    assert wished == [WeightsFile(path)]
    assert called(wished[0]) == "step-0000330 of digits & co"


def test_weights_that_are_not_here_are_fetched_while_the_old_ones_stay(desk: WeightsController, work: Asked) -> None:
    desk.take(RandomWeights(3))
    desk.wish(V2)
    assert work.questions == [("weights", "fetch weights", V2, "downloading torchvision's resnet50, IMAGENET1K_V2")]
    assert desk.weights == RandomWeights(3)
    work.answered.emit("look", None)
    assert desk.weights == RandomWeights(3)
    work.answered.emit("weights", None)
    assert desk.weights == V2


@pytest.mark.parametrize("withdrawn", ["another choice", "another network", "cancel", "failure"])
def test_a_download_that_nobody_waits_for_changes_nothing(desk: WeightsController, work: Asked, withdrawn: str) -> None:
    desk.wish(V2)
    {
        "another choice": lambda: desk.wish(RandomWeights(9)),
        "another network": lambda: desk.follow(preset("resnet18")),
        "cancel": lambda: work.idle.emit(None),
        "failure": lambda: work.failed.emit("weights", WeightsError("a.pth", "could not be downloaded")),
    }[withdrawn]()
    before = desk.weights
    work.answered.emit("weights", None)
    assert desk.weights == before


def test_each_remedy_is_an_offer(desk: WeightsController, tmp_path: Path) -> None:
    state = build(preset("resnet32-cifar")).state_dict()
    inside = {f"encoder_{which}.{name}": tensor for which in "qk" for name, tensor in state.items()}
    torch.save(inside, tmp_path / "moco.pth")
    torch.save(build(replace(preset("resnet32-cifar"), classes=7)).state_dict(), tmp_path / "seven.pth")
    switched: list[object] = []
    problems: list[tuple[str, str, tuple[tuple[str, Callable[[], None]], ...]]] = []
    desk.architecture_wished.connect(switched.append)
    desk.problem.connect(lambda *told: problems.append(told))

    def refused(name: str, architecture: str) -> tuple[tuple[str, Callable[[], None]], ...]:
        desk.take(WeightsFile(tmp_path / name))
        with pytest.raises(WeightsMismatch) as error:
            load(preset(architecture), WeightsFile(tmp_path / name))
        desk.give_up(error.value)
        assert desk.weights == RandomWeights()
        assert problems[-1][0].endswith("In use: random weights.")
        return problems[-1][2]

    (what, accept), (other, _) = refused("moco.pth", "resnet32-cifar")
    assert (what, other) == ("Use what is under encoder_q", "Use what is under encoder_k")
    accept()
    assert desk.weights == WeightsFile(tmp_path / "moco.pth", prefix="encoder_q.")
    assert switched == [preset("resnet32-cifar")]
    (what, accept), _ = refused("moco.pth", "resnet20-cifar")
    assert what == "Switch to resnet32-cifar, under encoder_q"
    assert "holds 2 networks, under encoder_q and encoder_k" in problems[-1][0]
    accept()
    assert switched[-1] == preset("resnet32-cifar")
    switch, head = refused("seven.pth", "resnet32-cifar")
    assert (head[0], switch[0]) == ("Load all but the head", "Switch to resnet32-cifar, 7 classes")
    head[1]()
    assert desk.weights == WeightsFile(tmp_path / "seven.pth", head=False)
    switch[1]()
    assert switched[-1] == replace(preset("resnet32-cifar"), classes=7)
    for remedy_weights, architecture in (
        (WeightsFile(tmp_path / "moco.pth", prefix="encoder_k."), preset("resnet32-cifar")),
        (WeightsFile(tmp_path / "seven.pth"), replace(preset("resnet32-cifar"), classes=7)),
    ):
        assert load(architecture, remedy_weights)[1].trained


def test_a_banner_has_a_button_for_each_offer(qtbot: QtBot) -> None:
    banner, taken = MessageBar(), []
    qtbot.addWidget(banner)
    banner.offer_taken.connect(taken.append)
    banner.tell("<b>net.pth</b> does not fit.", "a table", ("Load all but the head", "Switch to a & b", "Third"))
    buttons = [banner.findChild(QPushButton, name) for name in ("bannerOffer", "bannerOffer1", "bannerOffer2")]
    assert [button.text() for button in buttons] == ["Load all but the head", "Switch to a && b", "Third"]
    assert banner.findChild(QPushButton, "bannerOffer3").isHidden()
    label = next(one for one in banner.findChildren(QLabel) if "net.pth" in one.text())
    assert label.textFormat() == Qt.TextFormat.PlainText
    qtbot.mouseClick(banner.findChild(QPushButton, "bannerMore"), LEFT)
    assert banner.findChild(QPlainTextEdit, "bannerDetails").isVisible()
    qtbot.mouseClick(buttons[1], LEFT)
    assert taken == [1]
    assert banner.isHidden()
    banner.tell("Nothing to be done.")
    assert all(button.isHidden() for button in buttons)


def test_a_switch_takes_the_network_in_hand_and_then_its_weights(qtbot: QtBot, tmp_path: Path) -> None:
    """In the whole window with a real engine; a device that fails is left the same way."""
    file = tmp_path / "inside.pth"
    inside = {f"backbone.{name}": tensor for name, tensor in build(preset("resnet20-cifar")).state_dict().items()}
    torch.save(inside, file)
    window = MainWindow(SessionState(architecture=to_json(preset("resnet32-cifar")), workspace=ACTIVATIONS))
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    looks: list[ForwardResult] = []
    window.work.looked.connect(looks.append)
    qtbot.waitUntil(lambda: bool(looks), timeout=PATIENCE)
    with qtbot.waitSignal(window.studio.problem, timeout=PATIENCE):
        window.studio.open_paths([str(file)])
    offer = window.banner.findChild(QPushButton, "bannerOffer")
    assert offer.text() == "Switch to resnet20-cifar"
    assert window.studio.session.architecture == preset("resnet32-cifar")
    qtbot.waitUntil(lambda: window.link.state == "ready", timeout=PATIENCE)
    assert looks[-1].subject == looks[0].subject
    qtbot.mouseClick(offer, LEFT)
    assert window.studio.session.architecture == preset("resnet20-cifar")
    qtbot.waitUntil(lambda: looks[-1].weights.trained, timeout=PATIENCE)
    assert looks[-1].subject.weights == read(window.kept().weights) == WeightsFile(file)
    assert window.banner.isHidden()
    window.studio.session.kept.device = "cuda:0 half"
    window.work.failed.emit("look", DeviceError("cuda:0 half failed (CUDA out of memory). Its memory was freed"))
    assert offer.text() == "Run on the CPU"
    qtbot.mouseClick(offer, LEFT)
    assert window.studio.subject.subject.device == "cpu"
    window.close()


def test_a_click_moves_the_stride_to_where_most_weights_have_it(qtbot: QtBot, tmp_path: Path) -> None:
    """In the whole window with a real engine: nothing but the network in hand changes."""
    on_1x1 = replace(preset("resnet50"), width=4, image=32, blocks=(1, 1, 1, 1))
    on_3x3 = replace(on_1x1, stride_on="3x3")
    file = tmp_path / "fine_tuned.pth"
    torch.save(build(on_3x3, 1).state_dict(), file)
    weights = written(WeightsFile(file))
    window = MainWindow(SessionState(architecture=to_json(on_1x1), workspace=ACTIVATIONS, weights=weights))
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    looks: list[ForwardResult] = []
    window.work.looked.connect(looks.append)
    qtbot.waitUntil(lambda: bool(looks), timeout=PATIENCE)
    button, doubts = (window.findChild(kind, name) for kind, name in
                      ((QPushButton, "moveStride"), (QLabel, "weightsDoubts")))  # fmt: skip
    assert button.isVisible()
    assert "most files need it on the 3×3" in doubts.text()
    qtbot.mouseClick(button, LEFT)
    assert window.studio.session.architecture == on_3x3
    qtbot.waitUntil(lambda: looks[-1].subject.architecture == on_3x3, timeout=PATIENCE)
    assert looks[-1].subject.weights == WeightsFile(file)
    assert button.isHidden()
    assert looks[-1].weights.doubts == ()
    window.close()
