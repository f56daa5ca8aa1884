"""Writing the fingerprints of torchvision's networks: `python -m resnet_studio.inference.compute.fingerprints FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from resnet_studio.inference.errors import Shape
from resnet_studio.inference.weights.fingerprints import Fingerprint, digest
from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Baseline
from resnet_studio.networks.modules.network import empty
from resnet_studio.networks.plan import head_layer


def fingerprint(name: str) -> Fingerprint:
    """What identifies torchvision's network of that name, at its usual image size."""
    shapes, other = state_shapes(name, 1000), state_shapes(name, 10)
    heads = dict.fromkeys(one.rpartition(".")[0] for one, shape in shapes.items() if other[one] != shape)
    own = head_layer(Baseline(name, baselines.info(name).image)).name
    ordered = (*(head for head in heads if head != own), own)
    return Fingerprint(name, next(iter(shapes)), ordered, digest(shapes, ordered))


def state_shapes(name: str, classes: int) -> dict[str, Shape]:
    """Names and shapes of the weights in the network's state_dict, without Swin's tables of indices."""
    network = empty(Baseline(name, baselines.info(name).image, classes))
    state = network.state_dict()
    return {tensor: tuple(value.shape) for tensor, value in state.items() if value.is_floating_point()}


def main(path: Path) -> None:
    """Write those of every baseline."""
    found = [fingerprint(name) for name in baselines.NAMES]
    lines = ["\t".join((one.name, one.first, ",".join(one.heads), one.digest)) for one in found]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
