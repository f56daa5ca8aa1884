"""The option `--module`: a network that a function of a Python file returns. The file is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from resnet_studio.cli.parsing import resolve_architecture
from resnet_studio.cli.terminal import run_with_progress
from resnet_studio.networks.image_size import height_width, read_image_size

if TYPE_CHECKING:
    from resnet_studio.networks.architecture import Architecture
    from resnet_studio.networks.own_module import OwnModule

HELP = "Run a Python file and take the network that its function returns, as in net.py:make."
Module = Annotated[str | None, typer.Option("--module", metavar="FILE.py:FUNCTION", help=HELP)]
Modules = Annotated[
    list[str] | None, typer.Option("--module", metavar="FILE.py:FUNCTION", help=f"{HELP} Repeatable.")
]  # fmt: skip
Channels = Annotated[
    int | None, typer.Option("--channels", metavar="N", help="Channels of the images that --module takes. Default: 3.")
]
CHANNELS = 3
MISSING = "ARCH is missing: name an architecture, as in `table resnet50`, or give --module FILE.py:FUNCTION"


def open_module(text: str, image_size: str | None = None, channels: int | None = None) -> OwnModule:
    """Run the file of "FILE.py:FUNCTION" and follow an image through its network; `ModuleError` says why that failed.

    `ValueError` for an image that no network takes.
    """
    from resnet_studio.networks.own_module import ModuleSource, named_function

    path, function = named_function(text)
    try:
        height, width = height_width(read_image_size(image_size or "224"))
    except ValueError:
        raise ValueError(f"--image-size {image_size}: must be an integer, or height and width as in 224x320") from None
    source = ModuleSource(str(path), function, height, width, CHANNELS if channels is None else channels)
    from resnet_studio.networks.modules.own_module import open_steps

    return run_with_progress(open_steps(source))


def chosen_architecture(
    name: str | None, module: str | None, settings: Sequence[str] | None, image_size: str | None, channels: int | None
) -> Architecture:  # fmt: skip
    """The network of a name or file, or of `--module`; `ValueError` if there are both or neither."""
    check_module_options([module] if module else [], settings, channels)
    if module and name:
        raise ValueError(f"--module {module} and {name} exclude each other: both are the network")
    if module:
        return open_module(module, image_size, channels)
    if not name:
        raise ValueError(MISSING)
    return resolve_architecture(name, settings, image_size)


def check_module_options(modules: Sequence[str], settings: Sequence[str] | None, channels: int | None) -> None:
    """Refuse options that have no effect on networks of one's own, or on any others."""
    if modules and settings:
        raise ValueError("--set can't change the network of --module: change its code")
    if channels is not None and not modules:
        raise ValueError("--channels is for --module. For other networks, use --set channels=N")
