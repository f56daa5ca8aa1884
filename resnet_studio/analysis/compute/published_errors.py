"""The errors in torchvision's metadata, as rows of `resources/published_errors.tsv`.

`python -m resnet_studio.analysis.compute.published_errors resources/published_errors.tsv` writes them into the file
again, as after an update of torchvision; rows of other sources stay.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator
from dataclasses import astuple
from decimal import Decimal
from pathlib import Path
from typing import Any

from torchvision import models

from resnet_studio.analysis.published_errors import CENTER_CROP, COLUMNS, IMAGENET, PublishedError
from resnet_studio.networks.baselines import NAMES, info
from resnet_studio.networks.presets import PRESETS

SOURCE = "torchvision, metadata of its weights (_metrics)"
SWAG = "pretrained on Instagram images (SWAG)"


def torchvision_errors() -> Iterator[PublishedError]:
    """The errors of all weights of torchvision's classification networks; features for another task have none."""
    for model in models.list_models(module=models):
        for weights in models.get_model_weights(model):
            metrics = weights.meta["_metrics"]["ImageNet-1K"]
            if not math.isnan(metrics["acc@1"]):
                yield _error(model, weights, metrics)


def _error(model: str, weights: Any, metrics: dict[str, float]) -> PublishedError:
    preprocessing = weights.transforms()
    (crop,), (resize,) = preprocessing.crop_size, preprocessing.resize_size
    return PublishedError(
        _subject(model, crop), IMAGENET, _percent(metrics["acc@1"]), _percent(metrics["acc@5"]),
        f"{CENTER_CROP} {crop} of {resize}", weights.name, SWAG if "SWAG" in weights.name else "", SOURCE,
    )  # fmt: skip


def _subject(model: str, image: int) -> str:
    """The preset that is torchvision's network, at the image size that the weights are used with."""
    name = f"{model}-v1.5" if f"{model}-v1.5" in PRESETS else model
    return f"{name} image={image}" if name in NAMES and image != info(name).image else name


def _percent(accuracy: float) -> str:
    """The error for an accuracy in percent, in the digits that the metadata have."""
    return str(Decimal("100.000") - Decimal(str(accuracy)))


def write(path: Path) -> None:
    """Replace torchvision's rows in the file."""
    with path.open(encoding="utf-8", newline="") as lines:
        others = [tuple(row.values()) for row in csv.DictReader(lines, delimiter="\t") if row["source"] != SOURCE]
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, delimiter="\t", lineterminator="\n")
        writer.writerows((COLUMNS, *others, *map(astuple, torchvision_errors())))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
