"""What can be chosen about a figure, and what its networks are called in it. Needs neither torch nor Qt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from resnet_studio.analysis.layer_sums import totals
from resnet_studio.analysis.units import NAMES, FlopUnit, in_unit, short
from resnet_studio.figures.elements import element_count
from resnet_studio.formatting import dimensions
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.presets import GROUPS, preset_name, title
from resnet_studio.plain import plain

Form = Literal["columns", "horizontal", "block"]
FORM_TITLES: dict[Form, str] = {"columns": "Columns", "horizontal": "Horizontal", "block": "Block"}
MOST_UNFOLDED = 72
"""Elements of a network up to which nothing is folded unless asked: ResNet-50 has 52, and 70 with gates and a deep
stem."""
MOST_ELEMENTS = 4000
"""Elements of a figure that nothing is folded in: more could neither be read nor opened elsewhere."""
OF_THE_PAPER = (*GROUPS["ResNet"], *GROUPS["Plain"])


@dataclass(frozen=True, slots=True)
class FigureOptions:
    """How a figure is drawn."""

    form: Form = "columns"
    """Boxes from top to bottom as in the paper's Figure 3, boxes by size and channels from left to right, or the inside
    of one block."""
    fold: bool | None = None
    """Whether equal blocks in a row are drawn once; None for where there are many."""
    block: str = ""
    """The block that is drawn from inside, "layer2.0"; by default the first that changes nothing, as in Figure 5."""
    unit: FlopUnit = "flops"

    def folds(self, architectures: Sequence[Architecture]) -> bool:
        """Whether these networks are folded. `ValueError` if they may not be and are too many boxes for that."""
        counts = [element_count(architecture) for architecture in architectures]
        if self.fold is not False:
            return self.fold or max(counts, default=0) > MOST_UNFOLDED
        if sum(counts) > MOST_ELEMENTS:
            raise ValueError(
                f"the figure would have {sum(counts):,} boxes, and may have {MOST_ELEMENTS:,}: fold repeated blocks"
            )
        return False


def headings(architectures: Sequence[Architecture]) -> tuple[str, ...]:
    """What to call the networks of a figure: as the paper does, "34-layer residual", where it has all of them."""
    paper = [_in_the_paper(architecture) for architecture in architectures]
    return tuple(paper) if all(paper) else tuple(plain(title(architecture)) for architecture in architectures)


def _in_the_paper(architecture: Architecture) -> str:
    name = preset_name(architecture) or ""
    if isinstance(architecture, Residual):
        kind = "plain" if architecture.shortcut == "none" else "residual"
        return f"{architecture.depth}-layer {kind}" if name in OF_THE_PAPER else ""
    found = re.fullmatch(r"vgg(\d+)", name)
    return f"VGG-{found[1]}" if found else ""


def costs(architecture: Architecture, unit: FlopUnit) -> Iterator[str]:
    """The lines under a network's heading: its FLOPs and its parameters."""
    found = totals(architecture)
    yield f"{short(in_unit(found.macs, unit))} {NAMES[unit]}"
    yield f"{short(found.parameters)} parameters"


def size_text(size: tuple[int, int]) -> str:
    """A map's size: "56", or "56×80" where it is no square."""
    return str(size[0]) if size[0] == size[1] else dimensions(size)
