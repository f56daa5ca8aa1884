"""The files that the plans of baselines are made from, written from torchvision's networks and their metadata.

`python -m resnet_studio.networks.modules.baseline_files resources/plans` writes them again, as after an update of
torchvision.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torchvision import models
from torchvision.models._api import WeightsEnum

from resnet_studio.networks.modules.stages import with_stages
from resnet_studio.networks.modules.trace import meta_network, trace
from resnet_studio.networks.traced_row import CLASSES, TracedRow, write_row

OF_ONE = ("alexnet",)
"""Networks in which every convolution is a stage of its own."""
OTHER_FILES = ("googlenet", "inception_v3")
"""Networks that torchvision gives another normalization with its weights."""
LARGEST_MINIMUM = 256
OTHER_CLASSES = 1001


def with_classes(rows: list[TracedRow], others: list[TracedRow]) -> list[TracedRow]:
    """The rows with `CLASSES` where two traces for different numbers of classes differ."""
    pairs = zip(rows, others, strict=True)
    return [row if row.channels == other.channels else row._replace(channels=CLASSES) for row, other in pairs]


def with_position_embedding(rows: list[TracedRow]) -> list[TracedRow]:
    """The rows with a position embedding that has the size of the patches' convolution."""
    patches = next((number for number, row in enumerate(rows) if row.kind == "conv"), 0)
    return [
        row._replace(inputs=(patches - number,), parameters=0, per_position=True, layout="tokens")
        if row.name.endswith("pos_embedding") else row
        for number, row in enumerate(rows)
    ]  # fmt: skip


def smallest_image(name: str) -> int:
    """The smallest side of an image that the network takes."""
    low, high = 0, LARGEST_MINIMUM
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _takes(name, middle) else (middle, high)
    return high


def _takes(name: str, side: int) -> bool:
    try:
        with torch.no_grad():
            meta_network(name, side, 10)(torch.empty(2, 3, side, side, device="meta"))
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True


def published(name: str) -> list[tuple[str, int, str, int]]:
    """What the metadata of a network's weights say: the enum's member, the image's side, giga-multiply-adds and
    parameters; once for each image size, of the first weights that have it."""
    enum = models.get_model_weights(name)
    found: dict[tuple[int, str, int], str] = {}
    for weights in cast(Iterable[WeightsEnum], enum):
        side = cast(partial[Any], weights.transforms).keywords["crop_size"]
        figures = side, f"{weights.meta['_ops']:.3f}", weights.meta["num_params"]
        found.setdefault(figures, f"{enum.__name__}.{weights.name}")
    return [(member, *figures) for figures, member in found.items()]


def files(name: str) -> list[tuple[str, str, int]]:
    """The files of a network's weights that load as they are: the enum's member, file and size in 1024² bytes.

    The position embedding of a vision transformer fits one size of image, that of the default weights.
    """
    if name in OTHER_FILES:
        return []
    found = []
    for weights in cast(Iterable[Any], models.get_model_weights(name)):
        fits = not name.startswith("vit_") or weights.transforms.keywords["crop_size"] == default_image(name)
        if fits and weights.meta["categories"]:  # a VGG-16 has none, whose classifier is not trained
            found.append((weights.name, weights.url.rpartition("/")[2], round(weights.meta["_file_size"])))
    return found


def default_image(name: str) -> int:
    """The side that the default weights of a network are used with."""
    weights = cast(Any, models.get_model_weights(name)).DEFAULT
    return int(weights.transforms.keywords["crop_size"])


def names() -> list[str]:
    """torchvision's classification networks but its ResNets."""
    return [name for name in models.list_models(module=models) if "resne" not in name]


def rows(name: str) -> list[TracedRow]:
    """The rows of a network's file."""
    image = default_image(name)
    found = with_classes(trace(name, image, 1000), trace(name, image, OTHER_CLASSES))
    return with_stages(with_position_embedding(found), of_one=name in OF_ONE)


def entry(name: str) -> dict[str, Any]:
    """A network's entry in the index but for its depth."""
    image = default_image(name)
    network = meta_network(name, image, 1000)
    fixed = {"patch": getattr(network, "patch_size", 0), "window": getattr(network, "partition_size", 0)}
    smallest = fixed["patch"] or smallest_image(name)
    known = {"image": image, "smallest": smallest, "published": published(name), "files": files(name)}
    return known | {key: value for key, value in fixed.items() if value}


def depth(found: Iterable[TracedRow]) -> int:
    """Layers with weights. Attention has two: to queries, keys and values, and back."""
    return sum(row.called * {"conv": 1, "linear": 1, "attention": 2}.get(row.kind, 0) for row in found)


def file_text(found: Sequence[TracedRow]) -> str:
    """The rows as lines, under a line for each stage."""
    lines: list[str] = []
    for row, before in zip(found, (None, *found), strict=False):
        if before is None or row.stage != before.stage:
            lines.append(row.stage)
        lines.append(write_row(row))
    return "\n".join(lines) + "\n"


def main(folder: Path, report: Callable[[str], object] = print) -> None:
    """Write the files of every baseline into a folder."""
    index: dict[str, Any] = {}
    for name in names():
        report(name)
        found = rows(name)
        index[name] = entry(name) | {"depth": depth(found)}
        (folder / f"{name}.tsv").write_text(file_text(found), encoding="utf-8")
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in index.items())
    (folder / "index.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
