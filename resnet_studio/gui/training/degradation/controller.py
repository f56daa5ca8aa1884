"""The page of the degradation experiment, what it follows and what it can do, joined together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_studio.causes import why
from resnet_studio.gui.training.experiment_monitor import ExperimentMonitor
from resnet_studio.training.degradation import experiment as degradation
from resnet_studio.training.degradation.experiment import Experiment, ExperimentError
from resnet_studio.training.runs import run_folder

if TYPE_CHECKING:
    from resnet_studio.gui.training.degradation.view import DegradationView


def connect_degradation(
    view: DegradationView, watch: ExperimentMonitor, where: Path, launch: Callable[[Path, Sequence[str]], object]
) -> None:
    """Show what is followed, and do what is wished; `launch` starts a command whose output is kept in a folder."""

    def begin(experiment: Experiment) -> None:
        if view.starting:
            return
        folder = where / degradation.free_name(where, experiment.recipe.data)
        try:
            degradation.make(folder, experiment)
        except ExperimentError as error:
            view.show_problem(f"{error}.")
            return
        go_on(folder)

    def go_on(folder: Path) -> None:
        try:
            experiment = degradation.read(folder)
            for what in (run_folder.STOP, run_folder.STOP_NOW):
                run_folder.withdraw(folder, what)
        except (ExperimentError, OSError) as error:
            view.show_problem(f"{error}.")
            return
        launch(folder, command(folder))
        watch.begin(folder, experiment)

    def stop(folder: Path, what: str = run_folder.STOP) -> None:
        try:
            run_folder.request(folder, what)
        except OSError as error:
            view.show_problem(f"{folder.name} can't be asked to stop: {why(error)}.")
        watch.note_request(folder)

    watch.experiments_changed.connect(view.show_experiments)
    watch.experiment_changed.connect(view.show_experiment)
    watch.damaged_changed.connect(view.show_damaged)
    view.experiment_wished.connect(begin)
    view.resume_wished.connect(go_on)
    view.stop_wished.connect(stop)
    view.stop_now_wished.connect(lambda folder: stop(folder, run_folder.STOP_NOW))
    view.show_experiments(watch.experiments())
    view.show_damaged(watch.damaged())


def command(folder: Path) -> tuple[str, ...]:
    """What trains all of an experiment that is not finished, as arguments of the program."""
    return ("experiment", "degradation", "--resume", str(folder))
