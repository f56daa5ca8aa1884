"""The read-only commands: `runs` lists runs, `curves` exports their curves, `data` shows what training would see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resnet_studio.analysis.grids import Grid
from resnet_studio.analysis.units import DASH
from resnet_studio.cli.parsing import check_output
from resnet_studio.cli.terminal import echo, echo_json, print_error, print_grid, run_with_progress
from resnet_studio.cli.train import AsJson, Download, Runs, with_changes
from resnet_studio.formatting import dimensions
from resnet_studio.networks.architecture import Residual, with_text
from resnet_studio.training.recipes import default_recipe, load_recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.run_folder import RunError

if TYPE_CHECKING:
    from resnet_studio.training.runs.summary import Summary

DEFAULT_IMAGE_SIZE = 224


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(name="runs")(list_runs)
    app.command()(curves)
    app.command()(data)


def list_runs(runs_folder: Runs = None, as_json: AsJson = False) -> None:
    """List runs with their status.

    Damaged runs and experiments are listed with the reason.
    """
    from resnet_studio.training.runs.summary import summarize_any, unreadable_experiments

    where = runs_folder or run_folder.runs_folder()
    if where.exists() and not where.is_dir():
        raise RunError(f"{where} is a file, not a directory of runs")
    summaries = sorted(
        [*map(summarize_any, run_folder.find_runs(where)), *unreadable_experiments(where)],
        key=lambda summary: summary.folder,
    )
    if as_json:
        echo_json([summary.to_json() for summary in summaries])
    elif summaries:
        header = ("run", "architecture", "data", "state", "steps", "best test error", "training time")
        print_grid(Grid(header, tuple(_row(summary, where) for summary in summaries), frozenset({4, 5, 6})))
        for broken in (summary for summary in summaries if summary.how in ("damaged", "newer")):
            echo(broken.why)
    else:
        echo(f"no runs in {where}; use `train` to create one")


def curves(
    names: Annotated[list[str], typer.Argument(metavar="RUN", help="Run names or directories.")],
    output: Annotated[Path, typer.Option("--output", metavar="FILE.csv", help="Output file.")],
    runs_folder: Runs = None,
) -> None:
    """Write the curves of runs to one table: every step, and every evaluation on a whole split."""
    from resnet_studio.training.runs.curves import read_run_curves
    from resnet_studio.training.runs.summary import curve_table, write_csv

    check_output(output, ".csv")
    folders = [_resolve_run(name, runs_folder or run_folder.runs_folder()) for name in names]
    write_csv(output, [curve_table(folder.name, read_run_curves(folder)) for folder in folders])


def data(
    name: Annotated[str, typer.Argument(metavar="DATA", help="Data set name or directory of class folders.")],
    changes: Annotated[
        list[str] | None, typer.Option("--change", metavar="FIELD=VALUE", help="Set a recipe field: holdout=100.")
    ] = None,
    image_size: Annotated[
        str, typer.Option("--image-size", metavar="N|HxW", help="Image size for a directory of class folders.")
    ] = str(DEFAULT_IMAGE_SIZE),
    download: Download = False,
    as_json: AsJson = False,
) -> None:
    """Show the data that training would use: classes, counts, split, mean and std."""
    recipe = with_changes(load_recipe(default_recipe(name, 0)), name, {}, changes or ())
    from resnet_studio.training.compute.preview import data_view_steps

    image = with_text(Residual(), "image", image_size).image
    view = run_with_progress(data_view_steps(recipe, image, run_folder.data_folder(), download=download))
    if as_json:
        echo_json(_view_json(view))
        return
    rows = tuple(
        (label, f"{training:,}", f"{test:,}")
        for label, training, test in zip(view.classes, view.training_counts, view.test_counts, strict=True)
    )
    total = ("total", f"{sum(view.training_counts):,}", f"{sum(view.test_counts):,}")
    print_grid(Grid(("class", "training", "test"), (*rows, total), frozenset({1, 2}), frozenset({len(rows) - 1})))
    means, deviations = (", ".join(f"{value:.4f}" for value in values) for values in (view.mean, view.deviation))
    echo(f"\ninput {dimensions(view.size)}, mean {means}, std {deviations} (values 0 … 1)")
    echo("\n".join([f"test: {view.test_of}", f"stored {view.held}", *view.notes]))


def _resolve_run(name: str, where: Path) -> Path:
    """The folder of a run. Its curves are in its events, so a damaged manifest is reported but accepted."""
    try:
        return run_folder.resolve(name, where)
    except RunError as error:
        folder = where / name if run_folder.is_run(where / name) else Path(name)
        if not run_folder.is_run(folder):
            raise
        print_error(str(error))
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
