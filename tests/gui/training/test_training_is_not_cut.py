"""The pages of Training that `test_nothing_is_cut.py` leaves out, at the width of the smallest window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from experiment_curves import curves
from resnet_studio.gui.training.degradation.view import DegradationView
from resnet_studio.gui.training.experiment_state import ExperimentState
from resnet_studio.gui.training.run_picker import RunPicker
from resnet_studio.gui.training.snapshots.view import SnapshotsView
from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs.run_folder import STOP
from training_values import probe
from widest import WORKSPACE, cut, shown

pytestmark = pytest.mark.usefixtures("window_fonts")

STAGES = ("conv1", "conv2_x", "conv3_x", "conv4_x", "fc")
NAME = "degradation-imagenet-of-2012-with-a-long-name-999"


def experiment_state(how: str | None, **more: object) -> ExperimentState:
    """An experiment of 1,000 seeds, of which the first four runs are there."""
    experiment = Experiment(replace(RECIPES["digits-degradation"], length=4), (20, 110), tuple(range(1000)))
    norms = [dict.fromkeys(STAGES, 1.23e-7), dict.fromkeys(STAGES, 98_765.4)]
    made = {part.name: curves(part, [1.0, 0.999, 0.5, 0.999], [1.0, 0.999, 0.5, 0.999], norms, how=how)
            for part in experiment.runs[:4]}  # fmt: skip
    return ExperimentState(Path("/runs", NAME), experiment, made, **more)


@pytest.mark.parametrize("width", [WORKSPACE, 1136])
def test_an_experiment(qtbot: QtBot, width: int) -> None:
    view = DegradationView()
    shown(qtbot, view, width, 816)
    assert cut(view) == []
    view.show_data("/data/imagenet-of-2012")
    for state in (experiment_state("finished"), experiment_state(None, requests=frozenset([STOP]), step_left=8888.8)):
        view.show_experiments([state])
        view.show_experiment(state)
        assert [line for line in cut(view) if "'epoch '" not in line] == []  # whose last character is a space
    view.show_damaged([f"{NAME}: experiment.json is damaged (nested too deeply)"] * 9)
    view.show_problem("The experiment could not be started: /runs is on a read-only file system.")
    assert cut(view) == []


def test_maps_of_a_training(qtbot: QtBot) -> None:
    view = SnapshotsView()
    shown(qtbot, view, WORKSPACE, 560)
    assert cut(view) == []
    name = "a class with a long name, class 999999"
    values = probe(50_044_995)
    top = tuple(tuple((name, share) for share in (1.0, 0.9999, 0.0951, 0.01, 0.0001)) for _ in values.top)
    view.show_run("resnet152-imagenet-of-2012-1", [0, 50_044_000, 50_044_995])
    view.show_probe(replace(values, top=top, truth=(name,) * len(values.truth)))
    assert cut(view) == []
    view.show_problem(50_044_995, "probes/step-50044995.npz is damaged: it ends after 1,234,567 of 9,999,999 bytes")
    assert cut(view) == []


def test_a_choice_of_runs(qtbot: QtBot) -> None:
    picker = RunPicker()
    shown(qtbot, picker, WORKSPACE, 40)
    folders = {
        Path("/runs", str(number)): f"resnet152-imagenet-of-2012-with-a-long-name-{number}" for number in range(9)
    }
    picker.show_runs(folders, Path("/runs/8"))
    assert cut(picker) == []
