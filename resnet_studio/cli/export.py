"""The command `export`: a network as Python, ONNX, weights in any dialect, or a table."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resnet_studio.analysis.units import FlopUnit
from resnet_studio.cli.parsing import check_output, resolve_architecture, with_settings
from resnet_studio.cli.terminal import echo, echo_json, run_with_progress
from resnet_studio.cli.usage_errors import reject_options
from resnet_studio.cli.weights import Head, NewHead, Prefix, Weights, read_run_weights, suggest_options, weights_source
from resnet_studio.formatting import memory
from resnet_studio.networks.presets import PRESETS

if TYPE_CHECKING:
    from resnet_studio.export.formats import Format
    from resnet_studio.export.request import ExportRequest
    from resnet_studio.inference.values import WeightsSource
    from resnet_studio.networks.architecture import Architecture

TABLE_ONE = "table-one-latex"
OF_SEVERAL = (TABLE_ONE, "figure-svg", "figure-tikz")
"""Formats that take several architectures."""
PARAMETERS = {
    "weights": ("weights", "prefix", "new_head", "head"),
    "dialect": ("dialect",),
    "unit": ("unit",),
    "layers": ("layers",),
}
"""The command's parameters for each option of a format."""

Name = Annotated[
    str,
    typer.Argument(
        metavar="ARCH",
        help="Preset name, architecture JSON file, or weights file. For Table 1 and figures several: A,B.",
    ),
]
FormatName = Annotated[
    str, typer.Option("--to", metavar="FORMAT", help="python, onnx, torch-export, weights, json, table-csv, …")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Default: text is printed, other formats get the network's name."),
]
Dialect = Annotated[
    str, typer.Option("--dialect", metavar="NAME", help="Whose names the weights get: torchvision, timm, …")
]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set an architecture field.")]
ImageSize = Annotated[str | None, typer.Option("--image-size", metavar="N", help="Same as --set image=N.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(export)


def export(
    context: typer.Context,
    name: Name,
    form: FormatName,
    output: Output = None,
    weights: Weights = None,
    prefix: Prefix = "",
    new_head: NewHead = False,
    head: Head = "",
    dialect: Dialect = "resnet-studio",
    unit: Annotated[FlopUnit, typer.Option(help="The unit of a table's FLOPs.")] = "flops",
    layers: Annotated[bool, typer.Option("--layers", help="List every layer in a table.")] = False,
    settings: Settings = None,
    image_size: ImageSize = None,
    as_json: Annotated[bool, typer.Option("--json", help="Describe the written file as JSON.")] = False,
) -> None:
    """Export a network: as Python source, ONNX, a PyTorch program, weights in any dialect, or a table.

    Given a weights file instead of an architecture, it exports the network that the file was made for.
    """
    from resnet_studio.export.formats import FORMATS, check_suffix
    from resnet_studio.export.request import ExportRequest

    if form not in FORMATS:
        raise ValueError(f"--to must be one of {', '.join(FORMATS)}, got {form!r}")
    found = FORMATS[form]
    unused = {parameter for option in PARAMETERS.keys() - found.options for parameter in PARAMETERS[option]}
    reject_options(context, unused, f"--to {form} has no use for some options")
    read_run_weights()
    fields = [*(settings or ()), *([] if image_size is None else [f"image={image_size}"])]
    given = weights_source_of(name, weights, prefix, head=not new_head, layer=head)
    architectures, source = _network(name, form, fields, given)
    suffix = found.suffixes[0]
    if output is not None:
        suffix = check_suffix(output, form)
        check_output(output, suffix)
    request = ExportRequest(form, architectures, source, suffix, dialect, unit, layers)
    with suggest_options(name, architectures[0], f"name the weights file instead of {name}"):
        _write(request, found, output, as_json=as_json)


def weights_source_of(
    name: str, weights: str | None, prefix: str, *, head: bool, layer: str
) -> WeightsSource | None:  # fmt: skip
    """The weights of the command line, which may stand in the architecture's place; None if it names none."""
    if not is_weights_file(name):
        return weights_source(weights, prefix, head=head, layer=layer)
    if weights is not None:
        raise ValueError(f"{name} is a weights file already. Remove --weights, or name an architecture instead")
    return weights_source(name, prefix, head=head, layer=layer)


def is_weights_file(name: str) -> bool:
    """Whether a name on the command line is that of a weights file, and not of an architecture."""
    from resnet_studio.inference.weights.file_kinds import OTHER_EXTENSIONS, WEIGHTS_EXTENSIONS

    by_name = name.lower().endswith((*WEIGHTS_EXTENSIONS, *OTHER_EXTENSIONS))
    return name not in PRESETS and not name.endswith(".json") and (by_name or os.path.isfile(name))


def _network(
    name: str, form: str, fields: Sequence[str], source: WeightsSource | None
) -> tuple[tuple[Architecture, ...], WeightsSource]:
    """The architectures to export, and the weights that they get."""
    from resnet_studio.inference.values import RandomWeights, WeightsFile
    from resnet_studio.inference.weights.bundled import bundled_weights

    if isinstance(source, WeightsFile) and is_weights_file(name):
        from resnet_studio.inference.compute.weights import architecture_of

        with suggest_options(None):
            return (with_settings(architecture_of(source), fields),), source
    names = name.split(",") if form in OF_SEVERAL and not os.path.exists(name) else [name]
    architectures = tuple(resolve_architecture(one.strip(), fields) for one in names)
    return architectures, source or bundled_weights(architectures[0]) or RandomWeights()


def _write(request: ExportRequest, form: Format, output: Path | None, *, as_json: bool) -> None:
    from resnet_studio.export.formats import export_steps, file_stem

    if output is None and form.is_text:
        if as_json:
            raise ValueError("--json describes a file: add --output FILE")
        exported = run_with_progress(form.steps(request), "exporting")
        sys.stdout.write(exported.data.decode())
        return
    path = output or Path(f"{file_stem(request)}{request.suffix}")
    if output is None and path.exists():
        raise ValueError(f"{path} already exists. Choose another name with --output")
    notes = run_with_progress(export_steps(request, path), "exporting")
    size = path.stat().st_size
    if as_json:
        echo_json({"file": str(path), "bytes": size, "notes": list(notes)})
        return
    echo(f"saved {path} ({memory(size)})")
    for note in notes:
        echo(note)
