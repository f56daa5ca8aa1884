"""Numbers that a paper, a library's documentation or an article prints, and when a measured one agrees. Needs no torch.

The figures themselves are data: `resources/published.tsv`.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cache
from typing import Literal, cast

from resnet_studio.analysis.quantities import CountingRule, Quantity
from resnet_studio.analysis.units import PREFIXES, exact
from resnet_studio.networks.architecture import Architecture, Residual, differing, with_text
from resnet_studio.networks.presets import field_text, preset, preset_name, title
from resnet_studio.resources import resource

PAPER = "He et al. 2015"


@dataclass(frozen=True, slots=True)
class PublishedFigure:
    """One printed number and the network that it is held against."""

    subject: str
    """What is measured: a preset, which fields may follow ("seresnet50 stride_on=1x1"), or an architecture's title."""
    about: str
    """The network that the number is true of. Where it is not the subject, the two are only compared."""
    quantity: Quantity
    printed: str
    """The digits as they stand in print: "1.8"."""
    scale: int
    """What they are multiples of: 10⁹ for "1.8 billion FLOPs"."""
    unit: str
    source: str
    beyond: tuple[str, ...] = ()
    """Kinds of layers whose FLOPs the source counts beyond those of convolutions and linear layers."""

    @property
    def name(self) -> str:
        """The subject in words: "seresnet50, stride on 1×1"."""
        return in_words(self.subject)

    @property
    def value(self) -> int:
        return int(Decimal(self.printed) * self.scale)

    @property
    def text(self) -> str:
        """As printed, with its prefix: "1.8 G", "25,557,032"."""
        if self.scale == 1:
            return exact(self.value)
        return f"{self.printed} {PREFIXES[(len(str(self.scale)) - 1) // 3]}"

    @property
    def counting(self) -> CountingRule:
        """What the source counts."""
        return CountingRule(self.quantity, self.beyond)

    @property
    def of_paper(self) -> bool:
        """Whether the paper prints this number of this very network."""
        return self.source.startswith(PAPER) and self.about == self.subject

    @property
    def publisher(self) -> str:
        """Who prints it, in a word or a few: "paper", "timm", "Xie et al. 2017"."""
        return "paper" if self.source.startswith(PAPER) else self.source.partition(" (")[0].partition(",")[0]


@dataclass(frozen=True, slots=True)
class VerifiedFigure:
    """A published figure with the value measured for its subject."""

    figure: PublishedFigure
    architecture: Architecture
    measured: int
    """FLOPs as fvcore counts them, parameters as torchinfo does, or activations."""
    holds: bool
    reason: str

    @property
    def subject(self) -> str:
        return self.figure.subject

    @property
    def quantity(self) -> Quantity:
        return self.figure.quantity

    @property
    def published(self) -> int:
        return self.figure.value

    @property
    def source(self) -> str:
        return self.figure.source

    @property
    def verdict(self) -> Literal["holds", "differs"]:
        return "holds" if self.holds else "differs"

    def to_json(self) -> dict[str, str | int]:
        names = ("subject", "quantity", "published", "source", "measured", "verdict", "reason")
        return {name: getattr(self, name) for name in names}


@cache
def published() -> tuple[PublishedFigure, ...]:
    """Every published figure, in the order in which `verify` lists them."""
    with resource("published.tsv").open(encoding="utf-8", newline="") as lines:
        return tuple(_figure(row) for row in csv.DictReader(lines, delimiter="\t"))


def _figure(row: dict[str, str]) -> PublishedFigure:
    beyond = tuple(filter(None, row["beyond"].split(", ")))
    return PublishedFigure(
        row["subject"], row["about"], cast("Quantity", row["quantity"]), row["printed"], int(row["scale"]),
        row["unit"], row["source"], beyond,
    )  # fmt: skip


@cache
def network(subject: str) -> Architecture:
    """The architecture of a preset's name, or with other values of the fields behind it: "seresnet50 stride_on=1x1"."""
    name, *settings = subject.split(" ")
    architecture = preset(name)
    for setting in settings:
        field, _, text = setting.partition("=")
        architecture = with_text(architecture, field, text)
    return architecture


def in_words(subject: str) -> str:
    """A subject as it is shown: "seresnet50, stride on 1×1"."""
    return re.sub(r" (\w+)=(\S+)", lambda found: f", {field_text(found[1], found[2])}", subject)


def holds(figure: PublishedFigure, measured: int) -> bool:
    """Whether the measured number, truncated or rounded (half up) to the printed digits, is the printed one.

    The paper does both: it prints 3.664 as 3.6 and 7.570 as 7.6. Whole numbers must be equal.
    """
    return Decimal(figure.printed) in (truncated(figure, measured), rounded(figure, measured))


def truncated(figure: PublishedFigure, measured: int) -> Decimal:
    return (Decimal(measured) / figure.scale).quantize(Decimal(figure.printed), ROUND_DOWN)


def rounded(figure: PublishedFigure, measured: int) -> Decimal:
    return (Decimal(measured) / figure.scale).quantize(Decimal(figure.printed), ROUND_HALF_UP)


def figures_of(name: str) -> tuple[PublishedFigure, ...]:
    """What is published of the preset of that name."""
    return tuple(figure for figure in published() if figure.subject == name)


def paper_figure(architecture: Architecture) -> PublishedFigure | None:
    """What the paper prints of a network of this depth: of several, of the one that differs in the fewest fields.

    None also for what came after the paper, whatever the depth.
    """
    if isinstance(architecture, Residual) and not architecture.claims_paper_values:
        return None
    of_depth = [f for f in published() if f.of_paper and _same_depth(network(f.about), architecture)]
    if not of_depth:
        return None
    nearest = min(of_depth, key=lambda figure: len(differing(network(figure.about), architecture)))
    return replace(nearest, subject=title(architecture))


def nearest_figure(architecture: Architecture) -> PublishedFigure | None:
    """The FLOPs that the network is held against: the first that are published of it, or else the paper's."""
    own = (figure for figure in figures_of(preset_name(architecture) or "") if figure.quantity == "macs")
    return next(own, None) or paper_figure(architecture)


def _same_depth(reference: Architecture, architecture: Architecture) -> bool:
    return type(reference) is type(architecture) and reference.depth == architecture.depth
