"""What can be wrong with images, weights and devices, as errors that cross to the window whole. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from resnet_studio.formatting import listed
from resnet_studio.inference.values import WeightsFile
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import title

Shape: TypeAlias = tuple[int, ...]


class ImageError(ValueError):
    """Why an image is not opened: names the file and the cause, and says what to do."""


class WeightsError(ValueError):
    """A weights file that can't be used. `cause` is the rest of a sentence that begins with the file's name."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(name, cause)
        self.name, self.cause = name, cause

    def __str__(self) -> str:
        return f"{self.name} {self.cause}"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What can be done about weights that don't fit: what it is called, and what is then in hand."""

    what: str
    weights: WeightsFile
    architecture: Architecture


class WeightsMismatch(WeightsError):  # noqa: N818  (the base class says that it is an error)
    """A sound weights file of another network. Nothing of it was loaded."""

    def __init__(
        self,
        name: str,
        missing: tuple[str, ...],
        unexpected: tuple[str, ...],
        shapes: tuple[tuple[str, Shape, Shape], ...],
        head: str,
        recognised: Architecture | None = None,
        remedies: tuple[Remedy, ...] = (),
        networks: tuple[str, ...] = (),
    ) -> None:
        self.missing = missing
        """Tensors of the network that the file lacks."""
        self.unexpected = unexpected
        """Tensors of the file that the network lacks."""
        self.shapes = shapes
        """Name, shape in the file and shape in the network of each tensor whose shape differs."""
        self.head = head
        """Name of the layer that gives the classes."""
        self.recognised = recognised
        """The network that the tensors were made for, where they tell."""
        self.remedies = remedies
        self.networks = networks
        """What the names of each network's tensors begin with, where there are several and none was chosen."""
        super().__init__(name, self._cause())
        self.args = (name, missing, unexpected, shapes, head, recognised, remedies, networks)

    def table(self) -> str:
        """What differs, a tensor a line: its name, its shape in the file, its shape in the network."""
        rows = [("tensor", "in the file", "in the network")]
        rows += [(name, _by(theirs), _by(ours)) for name, theirs, ours in self.shapes]
        rows += [(name, "missing", "there") for name in self.missing]
        rows += [(name, "there", "unknown") for name in self.unexpected]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        return "\n".join(f"{name:<{widths[0]}}  {theirs:<{widths[1]}}  {ours}" for name, theirs, ours in rows)

    def _cause(self) -> str:
        if self.networks:
            places = " and ".join(name.removesuffix(".") for name in self.networks)
            return f"holds {len(self.networks)} networks, under {places}. Choose one"
        made_for = f". It was made for {title(self.recognised)}" if self.recognised else ""
        return "does not fit this network: " + "; ".join(self._differences()) + made_for

    def _differences(self) -> list[str]:
        """What differs in words, the number of classes first as that is commonest."""
        parts = [
            f"it was made for {theirs[0]:,} classes, this network has {ours[0]:,}"
            for name, theirs, ours in self.shapes
            if name == f"{self.head}.weight" and theirs[1:] == ours[1:]
        ]
        said = f"{self.head}." if parts else "\n"  # no name begins with a line break
        others = [
            f"{name} is {_by(theirs)} instead of {_by(ours)}"
            for name, theirs, ours in self.shapes
            if not name.startswith(said)
        ]
        if self.missing:
            parts.append(f"it lacks {len(self.missing)} of this network's tensors ({listed(self.missing)})")
        if self.unexpected:
            parts.append(f"it has {len(self.unexpected)} tensors that this network lacks ({listed(self.unexpected)})")
        return parts + ([listed(others)] if others else [])


class DeviceError(RuntimeError):
    """A device that isn't there, is out of memory or failed midway. The message says what still works."""


def _by(shape: Shape) -> str:
    return "×".join(map(str, shape)) or "a single number"
