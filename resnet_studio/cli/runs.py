"""The commands that look: `runs` lists them, `curves` writes theirs out, `data` shows what a training would see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resnet_studio.analysis.grids import Grid
from resnet_studio.analysis.units import DASH
from resnet_studio.cli.parsing import check_target
from resnet_studio.cli.terminal import complain, follow, say, say_json, show
from resnet_studio.cli.train import AsJson, Download, Runs, with_changes
from resnet_studio.training.recipes import recipe, usual_recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.run_folder import RunError

if TYPE_CHECKING:
    from resnet_studio.training.runs.summary import Summary

USUAL_SIDE = 224


def add_to(app: typer.Typer) -> None:
    """Give the command line these commands."""
    app.command(name="runs")(list_runs)
    app.command()(curves)
    app.command()(data)


def list_runs(runs_folder: Runs = None, as_json: AsJson = False) -> None:
    """List the runs that are kept, with what became of each.

    A run or an experiment that is damaged is listed with the reason.
    """
    from resnet_studio.training.runs.summary import listed, listed_experiments

    where = runs_folder or run_folder.runs_folder()
    if where.exists() and not where.is_dir():
        raise RunError(f"{where} is a file, not a folder of runs")
    found = sorted([*map(listed, run_folder.find(where)), *listed_experiments(where)], key=lambda one: one.folder)
    if as_json:
        say_json([summary.to_json() for summary in found])
    elif found:
        header = ("run", "architecture", "data", "state", "steps", "best test error", "training time")
        show(Grid(header, tuple(_row(summary, where) for summary in found), frozenset({4, 5, 6})))
        for broken in (summary for summary in found if summary.how in ("damaged", "newer")):
            say(broken.why)
    else:
        say(f"there are no runs in {where}; `train` makes one")


def curves(
    names: Annotated[list[str], typer.Argument(metavar="RUN", help="Names of runs, or paths of their folders.")],
    output: Annotated[Path, typer.Option("--output", metavar="FILE.csv", help="Where the table goes.")],
    runs_folder: Runs = None,
) -> None:
    """Write the curves of runs as one table: every step, and every measurement on a whole set."""
    from resnet_studio.training.runs.summary import curve_table, curves_of, write_csv

    check_target(output, ".csv")
    folders = [_named(name, runs_folder or run_folder.runs_folder()) for name in names]
    write_csv(output, [curve_table(folder.name, curves_of(folder)) for folder in folders])


def data(
    name: Annotated[str, typer.Argument(metavar="DATA", help="A data set's name, or a folder of class folders.")],
    changes: Annotated[
        list[str] | None, typer.Option("--change", metavar="FIELD=VALUE", help="Of the recipe: holdout=100.")
    ] = None,
    image_size: Annotated[
        int, typer.Option("--image-size", metavar="N", help="Side that a folder's images get.")
    ] = USUAL_SIDE,
    download: Download = False,
    as_json: AsJson = False,
) -> None:
    """Show what a training would see: classes, counts, the split, mean and deviation."""
    chosen = with_changes(recipe(usual_recipe(name, 0)), name, {}, changes or ())
    from resnet_studio.training.compute.preview import data_view_steps

    view = follow(data_view_steps(chosen, image_size, run_folder.data_folder(), download=download))
    if as_json:
        say_json(_view_json(view))
        return
    rows = tuple(
        (label, f"{training:,}", f"{test:,}")
        for label, training, test in zip(view.classes, view.training_counts, view.test_counts, strict=True)
    )
    total = ("total", f"{sum(view.training_counts):,}", f"{sum(view.test_counts):,}")
    show(Grid(("class", "training", "test"), (*rows, total), frozenset({1, 2}), frozenset({len(rows) - 1})))
    means, deviations = (", ".join(f"{one:.4f}" for one in values) for values in (view.mean, view.deviation))
    say(f"\ninput {'×'.join(map(str, view.size))}, mean {means}, deviation {deviations} (values 0 … 1)")
    say("\n".join([f"test: {view.test_of}", f"held {view.held}", *view.notes]))


def _named(name: str, where: Path) -> Path:
    """The folder of a run. Its curves are in its events, so one whose manifest is damaged is said to be, and taken."""
    try:
        return run_folder.named(name, where)
    except RunError as error:
        folder = where / name if run_folder.is_run(where / name) else Path(name)
        if not run_folder.is_run(folder):
            raise
        complain(str(error))
        return folder


def _row(summary: Summary, where: Path) -> tuple[str, ...]:
    from resnet_studio.formatting import percent

    best = DASH if summary.best_error is None else percent(summary.best_error)
    name = Path(summary.folder).relative_to(where)
    return (str(name), summary.architecture or DASH, summary.data or DASH, summary.how, f"{summary.steps:,}", best,
            f"{summary.seconds:.1f} s")  # fmt: skip


def _view_json(view: Any) -> dict[str, Any]:
    names = "name classes training_counts test_counts test_of size mean deviation held notes"
    return {name: getattr(view, name) for name in names.split()}
