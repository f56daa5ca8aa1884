"""What can go wrong with weights and devices, as errors that cross to the window whole. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

Shape: TypeAlias = tuple[int, ...]


class WeightsError(ValueError):
    """A weights file that can't be used. The message names the file and the cause."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(name, cause)
        self.name, self.cause = name, cause

    def __str__(self) -> str:
        return f"{self.name}: {self.cause}"


class WeightsMismatch(WeightsError):
    """A sound weights file for another network. Nothing of it was loaded."""

    def __init__(
        self,
        name: str,
        missing: tuple[str, ...],
        unexpected: tuple[str, ...],
        shapes: tuple[tuple[str, Shape, Shape], ...],
        head: str,
    ) -> None:
        super().__init__(name, _difference(missing, unexpected, shapes, head))
        self.args = (name, missing, unexpected, shapes, head)
        self.missing = missing
        """Tensors of the network that the file lacks."""
        self.unexpected = unexpected
        """Tensors of the file that the network lacks."""
        self.shapes = shapes
        """Name, shape in the file and shape in the network of each tensor that differs in shape."""
        self.head = head
        """Name of the layer that gives the classes."""

    @property
    def only_head(self) -> bool:
        """Whether everything but the last layer fits, so that `WeightsFile(path, head=False)` would load."""
        differing = (*self.missing, *self.unexpected, *(name for name, _, _ in self.shapes))
        return all(name.startswith(f"{self.head}.") for name in differing)


class DeviceError(RuntimeError):
    """A device that isn't there, ran out of memory or failed midway. The message says what still works."""


def shown(path: Path) -> str:
    """The file's name for a message, also where its bytes are no valid text."""
    return (path.name or str(path)).encode("utf-8", "replace").decode()


def listed(names: tuple[str, ...], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _difference(
    missing: tuple[str, ...], unexpected: tuple[str, ...], shapes: tuple[tuple[str, Shape, Shape], ...], head: str
) -> str:
    """The difference in words, the number of classes first as it is the commonest."""
    parts = [
        f"made for {theirs[0]:,} classes, this network has {ours[0]:,}"
        for name, theirs, ours in shapes
        if name == f"{head}.weight" and theirs[1:] == ours[1:]
    ]
    others = tuple(
        f"{name} is {_by(theirs)} instead of {_by(ours)}"
        for name, theirs, ours in shapes
        if not (parts and name.startswith(f"{head}."))
    )
    if missing:
        parts.append(f"it lacks {_tensors(missing)} of this network ({listed(missing)})")
    if unexpected:
        parts.append(f"it has {_tensors(unexpected)} that this network lacks ({listed(unexpected)})")
    if others:
        parts.append(listed(others))
    return "does not fit this network: " + "; ".join(parts)


def _tensors(names: tuple[str, ...]) -> str:
    return f"{len(names)} tensor" + ("s" if len(names) > 1 else "")


def _by(shape: Shape) -> str:
    return "×".join(map(str, shape)) or "a single number"
