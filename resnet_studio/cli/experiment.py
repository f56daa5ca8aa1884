"""The command `experiment degradation`. Slow imports happen when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resnet_studio.cli.train import AsJson, Changes, Download, Runs
from resnet_studio.cli.usage_errors import reject_options

if TYPE_CHECKING:
    from resnet_studio.training.degradation.experiment import Experiment

RESUME_OPTIONS = {"resume", "runs_folder", "download", "as_json"}
"""Parameters that are allowed with --resume: the runs of an experiment must stay comparable."""

experiment = typer.Typer(help="Run an experiment of several training runs.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.add_typer(experiment, name="experiment")


@experiment.callback()
def _experiment() -> None:
    """Run an experiment of several training runs."""
    # Without a callback, typer would make `degradation` the command `experiment` itself.


@experiment.command()
def degradation(
    context: typer.Context,
    data: Annotated[
        str, typer.Option("--data", metavar="DATA", help="digits, cifar10, …, or a directory of class folders.")
    ] = "digits",
    depths: Annotated[
        str, typer.Option("--depths", metavar="N,N", help="Depths of 6n + 2 layers; for large images, 18,34.")
    ] = "20,56",
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", min=1, help="Default: 10, as in the recipe.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="First seed.")] = 0,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="Number of seeds.")] = 1,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME|FILE", help="Recipe for all runs.")
    ] = "digits-degradation",
    changes: Changes = None,
    runs_folder: Runs = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Experiment name.")] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="NAME", help="Resume an unfinished experiment.")
    ] = None,
    download: Download = False,
    as_json: AsJson = False,
) -> None:
    """Train plain networks and their residual counterparts: does the deeper plain network end with a higher error?

    Runs are trained one after another in this process. Ctrl+C stops the experiment; --resume keeps finished runs.
    """
    from resnet_studio.cli.experiment_runs import print_results, progress_listeners, train_all
    from resnet_studio.training.degradation import experiment as experiments
    from resnet_studio.training.runs import run_folder

    where = runs_folder or run_folder.runs_folder()
    if resume is not None:
        reject_options(
            context,
            context.params.keys() - RESUME_OPTIONS,
            "--resume continues an experiment with its original settings",
        )
        folder = where / resume if (where / resume / experiments.EXPERIMENT).exists() else Path(resume)
        configuration = experiments.read_experiment(folder)
    else:
        configuration = experiment_from_options(data, depths, epochs, range(seed, seed + seeds), recipe, changes or [])
        folder = run_folder.new_folder(where, experiments.free_name(where, data) if name is None else name)
        experiments.create(folder, configuration)
    with progress_listeners(folder, configuration) as make_listener:
        summaries = train_all(folder, configuration, make_listener, download=download)
    print_results(folder, configuration, summaries, as_json=as_json)


def experiment_from_options(
    data: str, depths: str, epochs: int | None, seeds: range, recipe: str, changes: list[str]
) -> Experiment:  # fmt: skip
    """The experiment of a command line."""
    from resnet_studio.cli.train import build_recipe
    from resnet_studio.training.degradation.experiment import Experiment, ExperimentError, NetworkSpec
    from resnet_studio.training.recipe_edits import with_absolute_data

    try:
        numbers = tuple(int(depth) for depth in depths.split(","))
    except ValueError:
        raise ExperimentError(f"depths: must be integers such as 20,56, got {depths!r}") from None
    any_network = NetworkSpec(20, residual=True).architecture
    shared = with_absolute_data(build_recipe(any_network, data, recipe, {"length": epochs}, changes))
    return Experiment(shared, numbers, tuple(seeds))
