"""The identity card in the window: what it shows, and what its buttons do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from opened_windows import OpenedWithMaps
from resnet_studio.gui.activations.weights.card import WeightsCard
from resnet_studio.gui.activations.weights.card_controller import WeightsCardController
from resnet_studio.gui.activations.weights.controller import WeightsController
from resnet_studio.gui.activations.weights.menu import WeightsMenu
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights.identity import IdentityCard, identify
from resnet_studio.inference.weights.metadata import WeightsMetadata
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset

LEFT = Qt.MouseButton.LeftButton
SMALL = Residual(Bottleneck("3x3"), (1, 1, 1), width=8, image=32, stem="cifar", classes=3)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    torch.save(build(SMALL, 0).state_dict(), tmp_path / "resnet110.pth")
    return tmp_path / "resnet110.pth"


@pytest.fixture
def card(qtbot: QtBot) -> WeightsCard:
    card = WeightsCard()
    qtbot.addWidget(card)
    return card


@pytest.fixture
def controller(engine: FakeEngine, weights: WeightsController) -> WeightsCardController:
    return WeightsCardController(engine, weights)


def text(card: WeightsCard, name: str) -> str:
    label = card.findChild(QLabel, name)
    assert label is not None, name
    return label.text()


def press(card: WeightsCard, name: str) -> None:
    button = card.findChild(QPushButton, name)
    assert button is not None, name
    QTest.mouseClick(button, LEFT)


def test_the_card_shows_what_the_file_is(card: WeightsCard, file: Path) -> None:
    card.show_card(identify(file), preset("resnet50"))
    assert card.isVisible()
    assert text(card, "cardTitle") == "resnet110.pth"
    assert text(card, "card-head") == "fc, 3 classes"
    assert text(card, "cardDoubts") == "Named resnet110, but it has 11 layers"
    assert "on the 3×3" in text(card, "assumedStride")
    press(card, "copyCard")
    assert "SHA-256" in QApplication.clipboard().text()


def test_another_card_replaces_the_first(card: WeightsCard, file: Path, qtbot: QtBot) -> None:
    card.show_card(identify(file), preset("resnet50"))
    card.show_card(identify(file, answers={"stride_on": "1x1"}), preset("resnet50"))
    qtbot.waitUntil(lambda: len(card.findChildren(QLabel, "cardTitle")) == 1)
    assert "on the 1×1" in text(card, "assumedStride")


def test_each_other_answer_has_a_button(card: WeightsCard, file: Path, qtbot: QtBot) -> None:
    shown = identify(file)
    card.show_card(shown, preset("resnet50"))
    for assumption in shown.assumptions:
        for alternative in assumption.alternatives:
            with qtbot.waitSignal(card.answerRequested) as asked:
                press(card, f"answer-{alternative.field}-{alternative.value}")
            assert asked.args == [alternative]


def test_the_network_is_offered_unless_it_is_in_use(card: WeightsCard, file: Path, qtbot: QtBot) -> None:
    card.show_card(identify(file), preset("resnet50"))
    with qtbot.waitSignal(card.networkRequested):
        press(card, "useIdentified")
    card.show_current(SMALL)
    button = card.findChild(QPushButton, "useIdentified")
    assert button is not None
    assert not button.isEnabled()
    card.show_current(preset("resnet18"))
    assert button.isEnabled()


def test_class_names_are_chosen_in_a_dialog(card: WeightsCard, file: Path, qtbot: QtBot) -> None:
    card.show_card(identify(file), preset("resnet50"))
    press(card, "cardLabels")
    dialog = card.findChild(QFileDialog)
    assert dialog is not None
    with qtbot.waitSignal(card.labelsRequested) as asked:
        dialog.fileSelected.emit("/labels.txt")
    assert asked.args == [Path("/labels.txt")]
    dialog.close()


def answered(controller: WeightsCardController, engine: FakeEngine, file: Path) -> IdentityCard:
    """Let the engine answer the newest request for a card."""
    job, path, prefix, answers = engine.pending["identify"]
    assert (job, path) == ("identify", file)
    engine.answer("identify", identify(path, prefix, answers))
    assert controller.card is not None
    return controller.card


def test_an_answer_identifies_again_and_uses_the_network(
    controller: WeightsCardController, weights: WeightsController, engine: FakeEngine, file: Path, qtbot: QtBot
) -> None:
    controller.identify(WeightsFile(file))
    card = answered(controller, engine, file)
    stride = card.assumptions[0].alternatives[0]
    controller.answer(stride)
    with qtbot.waitSignal(controller.architectureRequested) as asked:
        answered(controller, engine, file)
    assert asked.args == [SMALL.with_values({"stride_on": "1x1"})]
    assert weights.weights == WeightsFile(file)
    controller.identify(WeightsFile(file))  # answers belong to the file that they were given for
    assert engine.pending["identify"][3] == {}


def test_another_network_of_the_file_can_be_chosen(
    controller: WeightsCardController, engine: FakeEngine, weights: WeightsController, tmp_path: Path
) -> None:
    file = tmp_path / "both.pth"
    torch.save({"model": build(SMALL, 0).state_dict(), "model_ema": build(SMALL, 1).state_dict()}, file)
    controller.identify(WeightsFile(file))
    card = answered(controller, engine, file)
    controller.use_network()
    assert weights.weights == WeightsFile(file, prefix="model.")
    controller.answer(card.assumptions[0].alternatives[0])
    answered(controller, engine, file)
    controller.use_network()
    assert weights.weights == WeightsFile(file, prefix="model_ema.")


def test_a_normalization_is_kept_with_the_weights(
    controller: WeightsCardController, engine: FakeEngine, file: Path, qtbot: QtBot
) -> None:
    controller.identify(WeightsFile(file))
    card = answered(controller, engine, file)
    (normalization,) = [one for one in card.assumptions if one.what == "Normalization"]
    controller.answer(normalization.alternatives[0])
    job, sha256, metadata, labels = engine.pending["identify"]
    assert (job, sha256, labels) == ("keep_metadata", card.sha256, None)
    assert isinstance(metadata, WeightsMetadata)
    assert metadata.mean == (0.4914, 0.4822, 0.4465)
    with qtbot.waitSignal(controller.metadataChanged):
        engine.answer("identify", None)
    assert engine.pending["identify"][0] == "identify"


def test_errors_are_reported_once(
    controller: WeightsCardController, engine: FakeEngine, file: Path, qtbot: QtBot
) -> None:
    controller.identify(WeightsFile(file))
    with qtbot.assertNotEmitted(controller.failed):  # loading the same file says why
        engine.fail("identify", WeightsError("net.pth", "is damaged"))
    controller.identify(WeightsFile(file))
    answered(controller, engine, file)
    controller.read_labels(Path("/missing.txt"))
    with qtbot.waitSignal(controller.failed):
        engine.fail("identify", ValueError("/missing.txt: does not exist"))


def test_a_dropped_file_shows_its_card_and_the_card_switches_the_network(
    file: Path, qtbot: QtBot, opened_with_maps: OpenedWithMaps
) -> None:
    """In the whole window with a real engine."""
    window, results = opened_with_maps(SessionState(architecture=preset("resnet20-cifar")))
    window.controller.open_paths([str(file)])
    qtbot.waitUntil(lambda: "resnet110.pth doesn't match this network" in window.message_bar.text)
    assert window.findChild(WeightsCard) is None  # the message says it, and offers the card
    (about,) = (one for one in window.message_bar.findChildren(QPushButton) if one.text() == "About these weights…")
    with qtbot.waitSignal(window.controller.cards.cardChanged):
        QTest.mouseClick(about, LEFT)
    card = window.findChild(WeightsCard)
    assert card is not None
    qtbot.waitUntil(card.isVisible)
    press(card, "useIdentified")
    assert window.controller.session.architecture == SMALL
    qtbot.waitUntil(lambda: results[-1].weights.trained)
    assert results[-1].spec.weights == WeightsFile(file)
    (normalization,) = [one for one in window.controller.cards.card.assumptions if one.what == "Normalization"]
    before = results[-1].weights.preprocessing
    press(card, f"answer-normalization-{normalization.alternatives[0].value}")
    qtbot.waitUntil(lambda: results[-1].weights.preprocessing != before)
    assert results[-1].weights.preprocessing.mean == (0.4914, 0.4822, 0.4465)
    card.close()


def test_the_menu_tells_about_the_weights_in_use(file: Path, qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    menu = WeightsMenu(parent)
    (about,) = [action for action in menu.actions() if action.text().startswith("About")]
    assert not about.isEnabled()
    menu.show_about(WeightsFile(file))
    with qtbot.waitSignal(menu.aboutRequested) as asked:
        about.trigger()
    assert asked.args == [WeightsFile(file)]
    menu.show_about(None)
    assert not about.isEnabled()
