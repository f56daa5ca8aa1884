"""The command `figure`: networks drawn as in papers, from their architectures alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from resnet_studio.analysis.units import FlopUnit
from resnet_studio.cli.module import Channels, Modules, check_module_options, open_module
from resnet_studio.cli.parsing import check_output, resolve_architecture
from resnet_studio.cli.terminal import echo, echo_json
from resnet_studio.figures.coloring import Coloring, ColorKey
from resnet_studio.figures.options import Form
from resnet_studio.formatting import memory

if TYPE_CHECKING:
    from resnet_studio.export.provenance import NetworkProvenance
    from resnet_studio.figures.drawing import Drawing
    from resnet_studio.figures.palette import Palette
    from resnet_studio.networks.architecture import Architecture

SUFFIXES = (".svg", ".pdf", ".png", ".tex")

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ARCH", help='Preset names, with fields as in "resnet50 se=16", or architecture JSON files.'
    ),
]
Output = Annotated[
    Path, typer.Option("--output", metavar="FILE", help="A .svg, .pdf or .png file, or .tex with the figure in TikZ.")
]
FormName = Annotated[
    Form,
    typer.Option(
        "--form",
        help="columns: layer by layer from top to bottom; horizontal: blocks by size and channels; block: one inside.",
    ),
]
BlockName = Annotated[
    str, typer.Option("--block", metavar="NAME", help="The block to draw from inside: layer2.0. Default: an identity.")
]
Fold = Annotated[
    bool | None,
    typer.Option("--fold/--no-fold", help="Draw equal blocks in a row once. Default: where there are many."),
]
ColorBy = Annotated[
    ColorKey, typer.Option("--color-by", help="What colors the boxes; time is what `measure` has measured before.")
]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="Whose measured times color the boxes.")]
Colors = Annotated[Literal["print", "light", "dark"], typer.Option("--colors", help="For print, or as in the window.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set a field of every network.")
]
ImageSize = Annotated[str | None, typer.Option("--image-size", metavar="N|HxW", help="Same as --set image=…")]
Unit = Annotated[FlopUnit, typer.Option(help="flops: FLOPs (MAC); operations: FLOPs (2 × MAC).")]
AsJson = Annotated[bool, typer.Option("--json", help="Describe the written file as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(figure)


def figure(
    output: Output,
    names: Names = None,
    modules: Modules = None,
    form: FormName = "columns",
    block: BlockName = "",
    fold: Fold = None,
    color_by: ColorBy = "stage",
    device: Device = "cpu",
    colors: Colors = "print",
    settings: Settings = None,
    image_size: ImageSize = None,
    channels: Channels = None,
    unit: Unit = "flops",
    as_json: AsJson = False,
) -> None:
    """Draw networks as in papers: next to each other, from left to right, or one block from inside.

    `figure vgg19 plain34 resnet34 --output f.svg` is Figure 3 of He et al. 2015.
    """
    if block and form != "block":
        raise ValueError(f"--block is for --form block, not for --form {form}")
    if fold is not None and form == "block":
        raise ValueError("--form block has nothing to fold")
    if device != "cpu" and color_by != "time":
        raise ValueError("--device is for --color-by time")
    if output.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{output}: the file name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    check_output(output, output.suffix.lower())
    check_module_options(modules or (), settings, channels)
    if not names and not modules:
        raise ValueError(
            "name an architecture, as in `figure resnet50 --output f.svg`, or give --module FILE.py:FUNCTION"
        )
    architectures = (
        *(resolve_architecture(name, settings, image_size) for name in names or ()),
        *(open_module(module, image_size, channels) for module in modules or ()),
    )
    from resnet_studio.export.provenance import NetworkProvenance
    from resnet_studio.figures.figure import make_figure
    from resnet_studio.figures.options import FigureOptions
    from resnet_studio.figures.palette import PALETTES

    options = FigureOptions(form, fold, block, unit)
    drawing = make_figure(architectures, options, _coloring(color_by, architectures, unit, device))
    provenance = NetworkProvenance(architectures)
    _write(output, drawing, PALETTES[colors], provenance)
    if as_json:
        echo_json(_description(output, drawing, form, color_by, colors, provenance))
    else:
        echo(f"saved {output} ({memory(output.stat().st_size)})")


def _coloring(
    key: ColorKey, architectures: Sequence[Architecture], unit: FlopUnit, device: str
) -> Coloring | None:  # fmt: skip
    from resnet_studio.figures.coloring import coloring, times

    if key != "time":
        return coloring(key, architectures, unit)
    from resnet_studio.analysis.measurement_cache import MeasurementCache
    from resnet_studio.networks.presets import title

    found = {
        one.spec.architecture: one.layers
        for one in MeasurementCache().load()
        if (one.spec.device, one.spec.batch, one.spec.mode) == (device, 1, "forward")
    }
    if missing := [title(one) for one in architectures if one not in found]:
        raise ValueError(
            f"{missing[0]} has not been measured on {device}: run `resnet-studio measure {missing[0]}` first"
        )
    return times([found[one] for one in architectures])


def _write(path: Path, drawing: Drawing, palette: Palette, provenance: NetworkProvenance) -> None:
    """Write the file; Qt is needed, and imported, for PDF and PNG alone."""
    from resnet_studio.atomic import write_file
    from resnet_studio.export.network_figure import TEXT_SUFFIXES, figure_text

    suffix = path.suffix.lower()
    if suffix in TEXT_SUFFIXES:
        write_file(path, figure_text(suffix, drawing, palette, provenance).encode())
        return
    from resnet_studio.cli.doctor import check_display

    if problem := check_display({"QT_QPA_PLATFORM": "offscreen"}):
        raise OSError(problem)
    from resnet_studio.gui.figure.files import start_painting, write_drawing

    app = start_painting()
    write_drawing(path, drawing, palette, provenance)
    del app


def _description(
    path: Path, drawing: Drawing, form: Form, color_by: ColorKey, colors: str, provenance: NetworkProvenance
) -> dict[str, Any]:
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "form": form,
        "color_by": color_by,
        "colors": colors,
        "width": round(drawing.width, 2),
        "height": round(drawing.height, 2),
        "folded": any(drawing.folded),
        "boxes": sum(bool(box.names) for box in drawing.boxes),
        "skip_connections": sum(1 for _ in drawing.arcs),
        "title": drawing.title,
        "description": drawing.description,
        "stamp": provenance.to_json(),
    }
