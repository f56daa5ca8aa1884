"""Every format that a network can be exported in: a title, the file's suffixes, and the function that makes its bytes.

Each format has a file of its own beside this one; those that need torch are in `compute` and imported on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_studio.atomic import write_file
from resnet_studio.export import architecture, layer_tables, network_figure, python_source, table_one
from resnet_studio.export.request import OWN_DIALECT, ExportRequest, ExportSteps
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import title
from resnet_studio.plain import plain
from resnet_studio.progress import Progress

STARTING = Progress(0, 1, "loading PyTorch")


def _onnx(request: ExportRequest) -> ExportSteps:
    yield STARTING
    from resnet_studio.export.compute import onnx_model

    return (yield from onnx_model.export_steps(request))


def _torch_export(request: ExportRequest) -> ExportSteps:
    yield STARTING
    from resnet_studio.export.compute import exported_program

    return (yield from exported_program.export_steps(request))


def _weights(request: ExportRequest) -> ExportSteps:
    yield STARTING
    from resnet_studio.export.compute import weights_file

    return (yield from weights_file.export_steps(request))


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a network."""

    title: str
    """What the file is, in a menu and in a dialog's list of types."""
    suffixes: tuple[str, ...]
    """Of the file's name, the usual one first."""
    steps: Callable[[ExportRequest], ExportSteps]
    options: frozenset[str] = frozenset()
    """Fields of a request that make a difference, beside the architecture."""
    is_text: bool = True


OF_A_TABLE = frozenset({"unit", "layers"})
FORMATS: Mapping[str, Format] = {
    "python": Format("Python source", (".py",), python_source.export_steps),
    "onnx": Format("ONNX model", (".onnx",), _onnx, frozenset({"weights"}), is_text=False),
    "torch-export": Format("PyTorch exported program", (".pt2",), _torch_export, frozenset({"weights"}), is_text=False),
    "weights": Format(
        "Weights", (".safetensors", ".pth"), _weights, frozenset({"weights", "dialect"}), is_text=False
    ),
    "json": Format("Architecture", (".json",), architecture.export_steps),
    "table-csv": Format("Layer table (CSV)", (".csv",), layer_tables.export_steps, frozenset({"unit"})),
    "table-json": Format("Layer table (JSON)", (".json",), layer_tables.export_steps),
    "table-markdown": Format("Layer table (Markdown)", (".md",), layer_tables.export_steps, OF_A_TABLE),
    "table-latex": Format("Layer table (LaTeX)", (".tex",), layer_tables.export_steps, OF_A_TABLE),
    "table-html": Format("Layer table (HTML)", (".html",), layer_tables.export_steps, OF_A_TABLE),
    "table-one-latex": Format("Table 1 (LaTeX)", (".tex",), table_one.export_steps),
    "figure-svg": Format("Figure (SVG)", (".svg",), network_figure.export_steps, frozenset({"unit"})),
    "figure-tikz": Format("Figure (TikZ)", (".tex",), network_figure.export_steps, frozenset({"unit"})),
}  # fmt: skip
"""By the names that the command line has for them."""
MOST_NAMES = 3
"""Networks of Table 1 that its suggested file name lists."""


def file_stem(request: ExportRequest) -> str:
    """A suggested name for the file, without its suffix: "resnet50", "resnet20-cifar-timm"."""
    stem = networks_stem(request.architectures, "table-1")
    return f"{stem}-{request.dialect}" if request.dialect != OWN_DIALECT else stem


def networks_stem(architectures: Sequence[Architecture], many: str) -> str:
    """A file's name for a few networks: "vgg19-plain34-resnet34"; `many` if their names are too many for that."""
    names = [_short_name(one) for one in architectures]
    return "-".join(names) if len(names) <= MOST_NAMES else many


def _short_name(architecture: Architecture) -> str:
    """The title up to its first comma, in characters that any file system takes."""
    name = title(architecture).partition(",")[0].replace("×", "x").replace(" ", "-")
    return plain("".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name))


def check_suffix(path: Path, name: str) -> str:
    """The suffix of a file to export to; `ValueError` if the format of that name has no such files."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS[name].suffixes:
        raise ValueError(f"{path}: the file name must end in {' or '.join(FORMATS[name].suffixes)}")
    return suffix


def export_steps(request: ExportRequest, path: Path) -> Generator[Progress, None, tuple[str, ...]]:
    """Write the file, and return what the user should know about it.

    Raises `OSError` if it can't be written, in which case an existing file stays, and the errors of its format.
    """
    exported = yield from FORMATS[request.format].steps(request)
    yield Progress(0, 1, f"writing {path.name}")
    write_file(path, exported.data)
    return exported.notes
