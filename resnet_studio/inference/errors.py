"""Errors of images, weights and devices. They can be pickled, so the window gets them whole. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from resnet_studio.formatting import dimensions, join_names
from resnet_studio.inference.values import WeightsFile
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import title

Shape: TypeAlias = tuple[int, ...]


class ImageError(ValueError):
    """An image that can't be opened. The message names the file, the cause and what to do."""


class WeightsError(ValueError):
    """A weights file that can't be used. `cause` completes a sentence that begins with the file's name."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(name, cause)
        self.name, self.cause = name, cause

    def __str__(self) -> str:
        return f"{self.name} {self.cause}"


@dataclass(frozen=True, slots=True)
class SuggestedFix:
    """A fix for weights that don't fit: its title, and the weights and architecture that it leads to."""

    title: str
    weights: WeightsFile
    architecture: Architecture


class WeightsMismatch(WeightsError):  # noqa: N818  (the base class says that it is an error)
    """A valid weights file of another network. Nothing of it was loaded."""

    def __init__(
        self,
        name: str,
        missing: tuple[str, ...],
        unexpected: tuple[str, ...],
        shapes: tuple[tuple[str, Shape, Shape], ...],
        head: str,
        recognized: Architecture | None = None,
        fixes: tuple[SuggestedFix, ...] = (),
        prefixes: tuple[str, ...] = (),
    ) -> None:
        self.missing = missing
        """Tensors of the network that are not in the file."""
        self.unexpected = unexpected
        """Tensors of the file that are not in the network."""
        self.shapes = shapes
        """Name, shape in the file and shape in the network of each tensor whose shape differs."""
        self.head = head
        """Name of the classification layer."""
        self.recognized = recognized
        """The network that the tensors were made for, if it can be inferred."""
        self.fixes = fixes
        self.prefixes = prefixes
        """The prefix of each network's tensors, if there are several networks and none was chosen."""
        super().__init__(name, self._cause())
        self.args = (name, missing, unexpected, shapes, head, recognized, fixes, prefixes)

    def table(self) -> str:
        """The differences, one tensor per line: its name, its shape in the file, its shape in the network."""
        rows = [("tensor", "in the file", "in the network")]
        rows += [(name, _shape_text(in_file), _shape_text(in_network)) for name, in_file, in_network in self.shapes]
        rows += [(name, "missing", "present") for name in self.missing]
        rows += [(name, "present", "missing") for name in self.unexpected]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        return "\n".join(
            f"{name:<{widths[0]}}  {in_file:<{widths[1]}}  {in_network}" for name, in_file, in_network in rows
        )

    def _cause(self) -> str:
        if self.prefixes:
            places = " and ".join(name.removesuffix(".") for name in self.prefixes)
            return f"contains {len(self.prefixes)} networks, under {places}. Choose one"
        made_for = f". It was made for {title(self.recognized)}" if self.recognized else ""
        return "doesn't match this network: " + "; ".join(self._differences()) + made_for

    def _differences(self) -> list[str]:
        """The differences in words, the number of classes first as it is the most common."""
        parts = [
            f"it was made for {in_file[0]:,} classes, this network has {in_network[0]:,}"
            for name, in_file, in_network in self.shapes
            if name == f"{self.head}.weight" and in_file[1:] == in_network[1:]
        ]
        mentioned = f"{self.head}." if parts else "\n"  # no name starts with a line break
        others = [
            f"{name} is {_shape_text(in_file)} instead of {_shape_text(in_network)}"
            for name, in_file, in_network in self.shapes
            if not name.startswith(mentioned)
        ]
        if self.missing:
            parts.append(f"it lacks {len(self.missing)} of this network's tensors ({join_names(self.missing)})")
        if self.unexpected:
            unexpected = join_names(self.unexpected)
            parts.append(f"it has {len(self.unexpected)} tensors that are not in this network ({unexpected})")
        return parts + ([join_names(others)] if others else [])


class DeviceError(RuntimeError):
    """A device that doesn't exist, is out of memory or failed. The message says what still works."""


def _shape_text(shape: Shape) -> str:
    return dimensions(shape) or "scalar"
