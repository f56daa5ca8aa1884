"""The command line: everything that the window can show, for terminals, pipes and scripts.

What is slow to import (torch, Qt, rich's tables) is imported by the commands that need it.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from resnet_studio.analysis.units import FlopUnit
from resnet_studio.causes import DETAILS, cause
from resnet_studio.cli import experiment, maps, runs, train
from resnet_studio.cli.parsing import named
from resnet_studio.cli.terminal import PROGRAM, complain, follow, quiet_libraries, say, say_json, show
from resnet_studio.cli.usage_errors import explanation
from resnet_studio.cores import bound_spinning
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import PRESETS

WRONG_USE, FAULT, ENDED_BY_CTRL_C, PIPE_CLOSED = 2, 70, 130, 141

app = typer.Typer(
    name=PROGRAM,
    help="A desktop workbench for residual networks. Without a command it opens the window.",
    epilog="ARCH is the name of a preset or an architecture's JSON file.",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)

Name = Annotated[str, typer.Argument(metavar="ARCH", help="A preset's name or an architecture's JSON file.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Change a field: shortcut=C, blocks=3,4,6,3, … Repeatable."),
]
ImageSize = Annotated[str | None, typer.Option("--image-size", metavar="N", help="Short for --set image=N.")]
Unit = Annotated[FlopUnit, typer.Option(help="FLOPs are multiply-adds; an operation is half of one. JSON has FLOPs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Theme = Literal["light", "dark", "system"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; whatever a user can cause is one line on stderr and code 2."""
    bound_spinning()
    with quiet_libraries():
        try:
            code = app(arguments, prog_name=PROGRAM, standalone_mode=False)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python's own flush is quiet too
            return PIPE_CLOSED
        except (KeyboardInterrupt, typer.Abort):
            return ENDED_BY_CTRL_C
        except typer.TyperException as error:
            complain(explanation(error))
            return WRONG_USE
        except (ValueError, OSError, MemoryError, RuntimeError, ImportError) as error:
            complain(cause(error))
            return WRONG_USE
        except Exception as error:  # a fault of the program: one line all the same
            complain(cause(error))
            if os.environ.get(DETAILS):
                traceback.print_exc()
            return FAULT
    return int(code or 0)


@app.callback()
def studio(
    context: typer.Context,
    theme: Annotated[Theme | None, typer.Option(help="How the window looks.")] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    context.obj = theme
    if version:
        import resnet_studio

        say(f"{PROGRAM} {resnet_studio.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        _window([], theme)


@app.command(name="open")
def open_paths(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Images, weights, architectures, folders.")],
    theme: Annotated[Theme | None, typer.Option(help="How the window looks.")] = None,
) -> None:
    """Open the window with files in it."""
    _window(paths, theme or context.obj)


@app.command()
def presets(as_json: AsJson = False) -> None:
    """List the named architectures."""
    if as_json:
        say_json({name: to_json(architecture) for name, architecture in PRESETS.items()})
        return
    from resnet_studio.analysis.grids import preset_grid

    show(preset_grid(PRESETS))


@app.command()
def table(
    name: Name,
    settings: Settings = None,
    image_size: ImageSize = None,
    unit: Unit = "flops",
    form: Annotated[Literal["text", "json", "csv", "markdown"], typer.Option("--format")] = "text",
    summary: Annotated[bool, typer.Option("--summary", help="Print torchinfo's own summary instead.")] = False,
    layers: Annotated[bool, typer.Option("--layers", help="List every layer, as CSV and JSON do.")] = False,
) -> None:
    """Print the layer table of an architecture."""
    architecture = named(name, settings, image_size)
    from resnet_studio.analysis import text
    from resnet_studio.analysis.compute import counting
    from resnet_studio.analysis.grids import layer_grid

    if summary:
        say(counting.summary(architecture))
        return
    counted = follow(counting.layer_table_steps(architecture))
    if form == "json":
        say_json(counted.to_json())
    elif form != "text":
        sys.stdout.write(text.table(counted, form, unit, layers=layers))
    else:
        show(layer_grid(counted, unit, layers=layers))
        say("\n".join(["", *text.notes(counted, unit)]))


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Measure what the paper, torchvision and the article print. Exit code 1 if a number of the paper doesn't hold."""
    from resnet_studio.analysis.article import ARTICLE, ARTICLE_SLIPS
    from resnet_studio.analysis.compute.verification import paper_holds, verify_steps
    from resnet_studio.analysis.grids import verification_grids

    results = follow(verify_steps())
    good = paper_holds(results)
    if as_json:
        say_json([result.to_json() for result in results])
        raise typer.Exit(0 if good else 1)
    for source, grid in verification_grids(results):
        say(source)
        show(grid)
        say()
    say(f"What else {ARTICLE} says, and what is so:")
    for slip in ARTICLE_SLIPS:
        say(f"  ✗ {slip.says}\n    {slip.true} ({slip.source})")
    verdict = "Every number of the paper holds" if good else "Not every number of the paper holds"
    say(f"\n{verdict} with the paper's own networks.")
    raise typer.Exit(0 if good else 1)


@app.command()
def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="ARCH", help="Two or more presets or JSON files; the first leads.")
    ],
    settings: Settings = None,
    image_size: ImageSize = None,
    unit: Unit = "flops",
    as_json: AsJson = False,
) -> None:
    """Put architectures beside each other, stage by stage."""
    if len(names) < 2:
        raise ValueError("compare needs two architectures or more, as in `compare resnet50 plain34`")
    architectures = [named(name, settings, image_size) for name in names]
    from resnet_studio.analysis.comparison import compare as compared
    from resnet_studio.analysis.compute.counting import layer_table_steps
    from resnet_studio.analysis.grids import comparison_grid

    comparison = compared([follow(layer_table_steps(architecture)) for architecture in architectures])
    if as_json:
        say_json(comparison.to_json())
    else:
        show(comparison_grid(comparison, unit))


maps.add_to(app)
train.add_to(app)
experiment.add_to(app)
runs.add_to(app)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what this machine has and lacks."""
    from resnet_studio.cli.doctor import report

    if as_json:
        say_json(dict(report()))
        return
    for name, found in report():
        say(f"{name + ':':<20}{found}")


def _window(paths: Sequence[str], theme: Theme | None) -> None:
    from resnet_studio.cli.doctor import check_display

    trouble = check_display()
    if trouble:
        raise OSError(trouble)
    from resnet_studio.gui.app import run

    raise typer.Exit(run(paths, theme))
