"""How the boxes of a figure are filled, and a figure in words. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from resnet_studio.figures.coloring import Coloring
from resnet_studio.figures.drawing import Fill
from resnet_studio.figures.elements import Element, Figure
from resnet_studio.formatting import counted

ELEMENTS_A_STEP = 500


@dataclass(slots=True)
class Shades:
    """The fill of every element: its stage's, or where a coloring has numbers that of its number."""

    coloring: Coloring | None
    drawn: Sequence[Sequence[Element]]
    """For each network the elements that have a box."""
    largest: float = 0.0
    """The largest number, which has the end of the color scale."""
    numbers: list[dict[tuple[str, ...], float | None]] = field(default_factory=list)
    """For each network the number of each element, by the names of its layers."""

    @property
    def stages(self) -> Iterable[str]:
        """The keys of all elements."""
        return (element.stage for row in self.drawn for element in row)

    def of(self, column: int, element: Element) -> tuple[Fill, str]:
        """The fill of an element, and its number as text."""
        if not self.coloring:
            return element.stage, ""
        number = self.numbers[column][element.names]
        if number is None:
            return None, ""
        return (number / self.largest if self.largest else 0.0), self.coloring.text(number)


def shades_steps(
    coloring: Coloring | None, figures: Sequence[Figure], drawn: Sequence[Sequence[Element]]
) -> Generator[None, None, Shades]:
    """The fills of these elements, with a yield now and then: one may stand for a thousand blocks."""
    shades = Shades(coloring, drawn)
    for column, (figure, elements) in enumerate(zip(figures, drawn, strict=True)):
        if not coloring:
            break
        equal = _equal_blocks(figure, coloring)
        shades.numbers.append({})
        for number, element in enumerate(elements):
            shades.numbers[column][element.names] = _number(coloring, column, element, equal)
            if equal or number % ELEMENTS_A_STEP == 0:
                yield
    known = (number for row in shades.numbers for number in row.values() if number is not None)
    shades.largest = max(known, default=0.0)
    return shades


def _equal_blocks(figure: Figure, coloring: Coloring) -> dict[str, list[str]]:
    """The names that are not drawn, by those that are drawn for them, where their numbers are others: all of them for
    a mean, and the last for the largest."""
    found: dict[str, list[str]] = {}
    if coloring.of_equal_blocks == "equal":
        return found
    for hidden, name in figure.folded.items():
        if coloring.of_equal_blocks == "growing":
            found[name] = [hidden]
        else:
            found.setdefault(name, []).append(hidden)
    return found


def _number(coloring: Coloring, column: int, element: Element, equal: dict[str, list[str]]) -> float | None:
    """The number of an element; of one that stands for others their mean, or the largest number."""
    numbers = [coloring.value(column, names) for names in _all_names(element, equal)]
    known = [number for number in numbers if number is not None]
    if not known:
        return None
    return max(known) if coloring.of_equal_blocks == "growing" else sum(known) / len(known)


def _all_names(element: Element, equal: dict[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """The names of an element's layers, and those of the layers that it stands for."""
    names = element.names
    yield names
    block = names[0] if names else ""
    while block and block not in equal:
        block = block.rpartition(".")[0]
    start = len(block)
    for hidden in equal.get(block, ()):
        yield tuple([hidden + name[start:] for name in names])


def description(names: Sequence[str], figures: Sequence[Figure]) -> str:
    """The figure for those who can't see it: what each network has."""
    return " ".join(_sentence(name, figure) for name, figure in zip(names, figures, strict=True))


def _sentence(name: str, figure: Figure) -> str:
    times = {number: repeat.times for repeat in figure.repeats for number in range(repeat.first, repeat.last + 1)}
    boxes = skips = changing = 0
    for number, group in enumerate(figure.groups):
        count = times.get(number, 1)
        boxes += count * len(group.elements)
        skips += count * len(group.skips)
        changing += count * sum(skip.changes_shape for skip in group.skips)
    around = f" and {counted(skips, 'skip connection')}" if skips else ""
    shape = f", of which {changing:,} change the shape" if changing else ""
    return f"{name}: {boxes:,} boxes{around}{shape}."
