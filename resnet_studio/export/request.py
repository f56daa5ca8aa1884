"""What can be asked of every export format, and what comes back. Needs no torch."""

from __future__ import annotations

import sys
from collections.abc import Generator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeAlias

from resnet_studio.analysis.units import FlopUnit
from resnet_studio.inference.values import RandomWeights, WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.progress import Progress

RANDOM = RandomWeights()
OWN_DIALECT = "resnet-studio"
"""The dialect of this program's own names, which are torchvision's where torchvision has such a layer."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A file to make. What its format has no use for has no effect."""

    format: str
    """A key of `FORMATS`."""
    architectures: tuple[Architecture, ...]
    """The columns of Table 1; one for every other format."""
    weights: WeightsSource = RANDOM
    suffix: str = ""
    """The suffix of the file's name, where the format has several: ".safetensors" or ".pth"."""
    dialect: str = OWN_DIALECT
    """Whose names the weights get."""
    unit: FlopUnit = "flops"
    layers: bool = False
    """Whether a table lists every layer, not only blocks."""

    @property
    def architecture(self) -> Architecture:
        """The architecture of a format that takes one."""
        (architecture,) = self.architectures
        return architecture


def check_installed(what: str, *libraries: str) -> None:
    """Raise `LibraryMissingError` if one of these libraries is not installed."""
    if all(map(find_spec, libraries)):
        return
    raise LibraryMissingError(
        f"{what} needs {' and '.join(libraries)}, which are not all installed. Install them, then restart the program: "
        f"{sys.executable} -m pip install {' '.join(libraries)}"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """A file's bytes, and what the user should know about it."""

    data: bytes
    notes: tuple[str, ...] = ()


class ExportError(ValueError):
    """A network that a format can't hold; the message says why."""


class LibraryMissingError(ImportError):
    """Libraries of a format are not installed; the message has the command that installs them."""


ExportSteps: TypeAlias = Generator[Progress, None, Exported]
