"""How the boxes of a figure are filled, and a figure in words. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from resnet_studio.figures.coloring import Coloring
from resnet_studio.figures.drawing import Fill
from resnet_studio.figures.elements import Element, Figure
from resnet_studio.formatting import counted


@dataclass(slots=True)
class Shades:
    """The fill of every element: its stage's, or where a coloring has numbers that of its number."""

    coloring: Coloring | None
    figures: Sequence[Figure]
    drawn: Sequence[Sequence[Element]]
    """For each network the elements that have a box."""
    largest: float = 0.0
    """The largest number, which has the end of the color scale."""
    _repeated: list[dict[str, list[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.coloring:
            return
        for figure in self.figures:
            shown: dict[str, list[str]] = {}
            for hidden, name in figure.folded.items():
                shown.setdefault(name, []).append(hidden)
            self._repeated.append(shown)
        numbers = (self._number(column, element) for column, row in enumerate(self.drawn) for element in row)
        self.largest = max((number for number in numbers if number is not None), default=0.0)

    @property
    def stages(self) -> Iterable[str]:
        """The keys of all elements."""
        return (element.stage for row in self.drawn for element in row)

    def of(self, column: int, element: Element) -> tuple[Fill, str]:
        """The fill of an element, and its number as text."""
        if not self.coloring:
            return element.stage, ""
        number = self._number(column, element)
        if number is None:
            return None, ""
        return (number / self.largest if self.largest else 0.0), self.coloring.text(number)

    def _number(self, column: int, element: Element) -> float | None:
        """The number of an element: of one that stands for others the mean of sums, or the largest number of all."""
        assert self.coloring
        numbers = [self.coloring.value(column, names) for names in self._all_names(column, element)]
        known = [number for number in numbers if number is not None]
        if not known:
            return None
        return sum(known) / len(known) if self.coloring.is_sum else max(known)

    def _all_names(self, column: int, element: Element) -> list[tuple[str, ...]]:
        """The names of an element's layers, and those of the layers that it stands for."""
        repeated, names = self._repeated[column], element.names
        block = names[0] if names else ""
        while block and block not in repeated:
            block = block.rpartition(".")[0]
        start = len(block)
        others = [tuple([hidden + name[start:] for name in names]) for hidden in repeated.get(block, ())]
        return [names, *others]


def description(names: Sequence[str], figures: Sequence[Figure]) -> str:
    """The figure for those who can't see it: what each network has."""
    return " ".join(_sentence(name, figure) for name, figure in zip(names, figures, strict=True))


def _sentence(name: str, figure: Figure) -> str:
    times = {number: repeat.count for repeat in figure.repeats for number in range(repeat.first, repeat.last + 1)}
    boxes = skips = changing = 0
    for number, group in enumerate(figure.groups):
        count = times.get(number, 1)
        boxes += count * len(group.elements)
        skips += count * len(group.skips)
        changing += count * sum(skip.changes_shape for skip in group.skips)
    around = f" and {counted(skips, 'skip connection')}" if skips else ""
    shape = f", of which {changing} change the shape" if changing else ""
    return f"{name}: {counted(boxes, 'layer')} and pools{around}{shape}."
