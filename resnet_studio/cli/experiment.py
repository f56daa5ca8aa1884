"""The command `experiment degradation`. What is slow to import is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resnet_studio.cli.train import AsJson, Changes, Download, Runs

if TYPE_CHECKING:
    from resnet_studio.training.degradation.experiment import Experiment

GOING_ON = {"resume", "runs_folder", "download", "as_json"}
"""What says something of an experiment that is there already."""

experiment = typer.Typer(help="Train several networks that together show something.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Give the command line its experiments."""
    app.add_typer(experiment, name="experiment")


@experiment.callback()
def _experiment() -> None:
    """Train several networks that together show something."""  # it also keeps `degradation` a command of its own


@experiment.command()
def degradation(
    context: typer.Context,
    data: Annotated[
        str, typer.Option("--data", metavar="DATA", help="digits, cifar10, …, or a folder of class folders.")
    ] = "digits",
    depths: Annotated[
        str, typer.Option("--depths", metavar="N,N", help="6n + 2 layers; for large images 18,34.")
    ] = "20,56",
    epochs: Annotated[int | None, typer.Option("--epochs", metavar="N", min=1, help="The recipe has 10.")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The first seed.")] = 0,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="Repeat it with so many seeds.")] = 1,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME|FILE", help="How all are trained.")
    ] = "digits-degradation",
    changes: Changes = None,
    runs_folder: Runs = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The experiment's name.")] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="NAME", help="Do what an experiment has not finished.")
    ] = None,
    download: Download = False,
    as_json: AsJson = False,
) -> None:
    """Train plain networks and their residual twins alike: does the deeper plain one end with the higher error?

    All runs go one after another in this process. Ctrl+C stops the whole; --resume keeps what is finished.
    """
    from resnet_studio.cli.experiment_runs import finished, shown_progress, train_all
    from resnet_studio.training.degradation import experiment as experiments
    from resnet_studio.training.runs import run_folder

    where = runs_folder or run_folder.runs_folder()
    if resume is not None:
        _refuse_at_resume(context)
        folder = where / resume if (where / resume / experiments.EXPERIMENT).exists() else Path(resume)
        value = experiments.read(folder)
    else:
        value = asked_for(data, depths, epochs, range(seed, seed + seeds), recipe, changes or [])
        folder = run_folder.place(where, experiments.free_name(where, data) if name is None else name)
        experiments.make(folder, value)
    with shown_progress(folder, value) as progress:
        done = train_all(folder, value, progress, download=download)
    finished(folder, value, done, as_json=as_json)


def _refuse_at_resume(context: typer.Context) -> None:
    """An experiment is gone on with as it was begun: its runs are to be compared. `ValueError` for any other option."""
    given = {name for name in context.params if str(context.get_parameter_source(name)).endswith("COMMANDLINE")}
    options = {"changes": "--change"} | {name: f"--{name}" for name in given - {"changes"}}
    if others := given - GOING_ON:
        left_out = ", ".join(sorted(options[name] for name in others))
        raise ValueError(f"--resume goes on with an experiment as it was begun: leave {left_out} out")


def asked_for(
    data: str, depths: str, epochs: int | None, seeds: range, recipe: str, changes: list[str]
) -> Experiment:  # fmt: skip
    """The experiment of a command line."""
    from resnet_studio.cli.train import settled, the_recipe
    from resnet_studio.training.degradation.experiment import Experiment, ExperimentError, NetworkSpec

    try:
        chosen = tuple(int(depth) for depth in depths.split(","))
    except ValueError:
        raise ExperimentError(f"depths: whole numbers such as 20,56 are needed, got {depths!r}") from None
    any_network = NetworkSpec(20, residual=True).architecture
    shared = settled(the_recipe(any_network, data, recipe, {"length": epochs}, changes))
    return Experiment(shared, chosen, tuple(seeds))
