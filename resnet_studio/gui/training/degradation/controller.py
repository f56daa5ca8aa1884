"""Connects the Degradation tab to the monitors and to starting experiments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_studio.causes import os_reason
from resnet_studio.gui.training.experiment_monitor import ExperimentMonitor
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.training.degradation import experiment as degradation
from resnet_studio.training.degradation.experiment import Experiment, ExperimentError
from resnet_studio.training.runs import run_folder

if TYPE_CHECKING:
    from resnet_studio.gui.training.degradation.view import DegradationView


def connect_degradation(
    view: DegradationView,
    monitor: RunMonitor,
    experiments: ExperimentMonitor,
    runs_folder: Path,
    launch: Callable[..., object],
) -> None:
    """Connect the view to the monitors. `launch` starts a command of the program with its log in a folder."""

    def begin(experiment: Experiment) -> None:
        if view.starting:
            return
        folder = runs_folder / degradation.free_name(runs_folder, experiment.recipe.data)
        try:
            degradation.create(folder, experiment)
        except ExperimentError as error:
            view.show_problem(f"{error}.")
            return
        resume(folder)

    def resume(folder: Path) -> None:
        try:
            experiment = degradation.read_experiment(folder)
            for request in (run_folder.STOP, run_folder.STOP_NOW):
                run_folder.withdraw_request(folder, request)
        except (ExperimentError, OSError) as error:
            view.show_problem(f"{error}.")
            return
        launch(folder, "experiment", "degradation", "--resume", str(folder))
        monitor.add_experiment(folder, experiment)

    def stop(folder: Path, request: str = run_folder.STOP) -> None:
        try:
            run_folder.make_request(folder, request)
        except OSError as error:
            view.show_problem(f"{folder.name} could not be stopped: {os_reason(error)}.")
        experiments.emit_changed(folder)

    experiments.experimentsChanged.connect(view.show_experiments)
    experiments.experimentChanged.connect(view.show_experiment)
    experiments.damagedChanged.connect(view.show_damaged)
    view.experimentRequested.connect(begin)
    view.resumeRequested.connect(resume)
    view.stopRequested.connect(stop)
    view.stopNowRequested.connect(lambda folder: stop(folder, run_folder.STOP_NOW))
    view.show_experiments(experiments.experiments())
    view.show_damaged(monitor.damaged_experiments())
