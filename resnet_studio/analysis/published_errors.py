"""The classification errors that papers and libraries publish, each with how it was measured. Needs no torch.

The errors themselves are data: `resources/published_errors.tsv`. Those of torchvision's networks are 100 % minus the
accuracies in the metadata of its weights; `analysis/compute/published_errors.py` writes these rows.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from resnet_studio.analysis.published import network
from resnet_studio.networks.architecture import Architecture
from resnet_studio.resources import resource

IMAGENET, CIFAR10 = "ImageNet", "CIFAR-10"
CENTER_CROP, TEN_CROP = "center crop", "10-crop"
"""How a protocol begins: one crop of each image, or the mean over ten."""
COLUMNS = ("subject", "data", "top1", "top5", "protocol", "weights", "more_data", "source")
"""The columns of the file, which are the fields of an error."""


@dataclass(frozen=True, slots=True)
class PublishedError:
    """An error that was published of a network, and how it was measured. Those of other protocols don't compare."""

    subject: str
    """A preset, which fields may follow: "resnet34 shortcut=C"."""
    data: str
    """The data set: "ImageNet" (the validation set of ILSVRC 2012) or "CIFAR-10" (its test set)."""
    top1: str
    """In percent, with the digits that were published."""
    top5: str
    """Empty where there is none."""
    protocol: str
    """How it was measured: "10-crop", "center crop 224 of 256"."""
    weights: str
    """The name of the weights, where a network has several: "IMAGENET1K_V2"."""
    more_data: str
    """What the network was trained with beyond the data set; mostly empty."""
    source: str

    @property
    def percent(self) -> float:
        """The top-1 error in percent."""
        return float(self.top1)

    @property
    def error(self) -> str:
        """The error alone: "24.52 % top-1, 7.46 % top-5", "6.97 %"."""
        if self.data != IMAGENET:
            return f"{self.top1} %"
        return ", ".join(f"{value} % {top}" for value, top in ((self.top1, "top-1"), (self.top5, "top-5")) if value)

    @property
    def conditions(self) -> str:
        """How it was measured, and what was measured: "ImageNet, center crop 224 of 256, IMAGENET1K_V1"."""
        return ", ".join(filter(None, (self.data, self.protocol, self.weights, self.more_data)))

    @property
    def short_source(self) -> str:
        """The source without its number: "He et al. 2015, Table 3"."""
        return re.sub(r" \(.*?\)", "", self.source)

    @property
    def text(self) -> str:
        """The whole statement in a line."""
        return f"{self.error} ({self.conditions}; {self.source})"

    def to_json(self) -> dict[str, Any]:
        """The error as plain JSON values, numbers as they were published."""
        return {name: getattr(self, name) for name in COLUMNS}


@cache
def published_errors() -> tuple[PublishedError, ...]:
    """Every published error, those of the papers first."""
    with resource("published_errors.tsv").open(encoding="utf-8", newline="") as lines:
        return tuple(PublishedError(**row) for row in csv.DictReader(lines, delimiter="\t"))


def errors_of(architecture: Architecture) -> tuple[PublishedError, ...]:
    """Every error that was published of this very network."""
    return _by_network().get(architecture, ())


def lowest_error(architecture: Architecture, data: str = "", protocol: str = "") -> PublishedError | None:
    """The lowest top-1 error of a network on a data set, measured by a protocol that begins like this; None if there
    is none. Weights that were trained with more data count only where there are no others."""
    found = (one for one in errors_of(architecture) if one.data.startswith(data) and one.protocol.startswith(protocol))
    return min(found, key=lambda error: (bool(error.more_data), error.percent), default=None)


@cache
def _by_network() -> Mapping[Architecture, tuple[PublishedError, ...]]:
    found: dict[Architecture, list[PublishedError]] = defaultdict(list)
    for error in published_errors():
        found[network(error.subject)].append(error)
    return {architecture: tuple(errors) for architecture, errors in found.items()}
