"""Copy as command line: what is copied in each workspace is a command, and names what the window shows."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from resnet_studio.cli.main import main
from resnet_studio.cli.parsing import resolve_architecture
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.training.workspace import DEGRADATION, NEW, RUNS, TrainingWorkspace
from resnet_studio.inference.feature_maps import MapStyle
from resnet_studio.inference.parsing import forward_arguments, parse_map_style, parse_weights, style_arguments
from resnet_studio.inference.transforms import ImageTransforms, Occluder, parse_transforms, transform_texts
from resnet_studio.inference.values import ForwardSpec, PublishedWeights, RandomWeights, WeightsFile
from resnet_studio.networks.presets import preset
from small import TINY
from workspace_numbers import LAYERS

STYLES = [
    MapStyle(), MapStyle("layer", "magma", None, "mean"), MapStyle("fixed", "diverging", (-1.5, 1.5), "variance"),
]  # fmt: skip


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    window = MainWindow(SessionState(architecture=TINY), runs=tmp_path)
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    yield window
    window.close()


def copied(qtbot: QtBot, window: MainWindow) -> list[str]:
    """What Ctrl+Shift+C copies, as a shell splits it, without the program's name."""
    QGuiApplication.clipboard().clear()
    qtbot.keyClick(window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    text = QGuiApplication.clipboard().text()
    assert text in window.message_bar.text
    program, *arguments = shlex.split(text)
    assert program == "resnet-studio"
    return arguments


def test_layers_copies_the_table_of_the_current_network(
    qtbot: QtBot, window: MainWindow, capsys: pytest.CaptureFixture[str]
) -> None:
    window.workspaces.setCurrentIndex(LAYERS)
    command, network = copied(qtbot, window)
    assert (command, resolve_architecture(network)) == ("table", TINY)
    window.controller.session.set_flop_unit("operations")
    assert main(copied(qtbot, window)) == 0
    assert "2 × MAC" in capsys.readouterr().out


def test_every_workspace_copies_a_command_that_exists(qtbot: QtBot, window: MainWindow) -> None:
    commands = []
    for number in range(window.workspaces.count()):
        window.workspaces.setCurrentIndex(number)
        commands.append(copied(qtbot, window)[0])
    assert len(set(commands)) == window.workspaces.count()
    for command in commands:
        assert main([command, "--help"]) == 0


def test_training_copies_what_each_page_would_do(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    training = window.findChild(TrainingWorkspace)
    for page, words in ((NEW, ["train"]), (RUNS, ["runs"]), (DEGRADATION, ["experiment", "degradation"])):
        training.open_page(page)
        line = copied(qtbot, window)
        assert line[: len(words)] == words
        assert line[-2:] == ["--runs", str(tmp_path)]


@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_read_back(style: MapStyle) -> None:
    words = style_arguments(style)
    given = dict(zip(words[::2], words[1::2], strict=True))
    read = parse_map_style(
        given.get("--contrast", "channel"), given.get("--colormap", "viridis"), given.get("--sort", "index")
    )
    assert read == style


@pytest.mark.parametrize(
    "transforms",
    [
        ImageTransforms(),
        ImageTransforms(zoom=1.3, rotation=-30, flipped=True),
        ImageTransforms(occluder=Occluder(0.25, 0.5, 0.125), noise=0.1),
    ],
)
def test_transforms_are_read_back(transforms: ImageTransforms) -> None:
    assert parse_transforms(transform_texts(transforms)) == transforms


@pytest.mark.parametrize(
    "weights",
    [RandomWeights(3), PublishedWeights("resnet50", "IMAGENET1K_V2"), WeightsFile(Path("/a b/net.pth"))],
)
def test_weights_are_read_back(weights: RandomWeights | PublishedWeights | WeightsFile) -> None:
    words = forward_arguments(ForwardSpec("sample:china", preset("resnet50"), weights))
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert parse_weights(given["--weights"]) == weights
    assert given["--architecture"] == "resnet50"


def test_choices_within_a_weights_file_are_options() -> None:
    file = WeightsFile(Path("net.pth"), head=False, prefix="encoder_q.")
    words = forward_arguments(ForwardSpec("sample:china", TINY, file))
    assert words[-1] == "--new-head"
    assert words[words.index("--prefix") + 1] == "encoder_q"
