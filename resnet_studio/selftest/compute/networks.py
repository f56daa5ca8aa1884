"""Networks for the self-test, whose outputs are as sensitive to rounding as those of trained ones."""

from __future__ import annotations

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from resnet_studio.inference.compute import transforms
from resnet_studio.inference.images import references
from resnet_studio.inference.values import SAMPLES, ForwardSpec, WeightsFile
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.modules.calibration import calibrate
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset
from resnet_studio.selftest.compute.target import Target

PHOTOGRAPHS = SAMPLES[:2]
CALIBRATION_IMAGES = 16
RESIDUAL_GAIN = 0.25


def spec(target: Target, name: str, image: str = PHOTOGRAPHS[0]) -> ForwardSpec:
    """A photograph through the preset of that name, on the device under test."""
    architecture = preset(name)
    return ForwardSpec(image, architecture, weights_file(target, name, architecture), target.name)


def weights_file(target: Target, name: str, architecture: Architecture) -> WeightsFile:
    """A file with weights, which is created when it is first asked for.

    The program's own random weights are calibrated on two photographs. In ResNet-50's last blocks, where that is 98
    nearly equal values per channel, batch norm then amplifies rounding errors a hundredfold. So the last batch norm of
    each block is small here, as in trained networks, and its statistics come from various images.
    """
    path = target.folder / f"{name}.safetensors"
    if not path.exists():
        network = build(architecture)
        for block in network.modules():
            if last := getattr(block, "bn3", getattr(block, "bn2", None)):
                nn.init.constant_(last.weight, RESIDUAL_GAIN)
        calibrate(network, _calibration_images(architecture))
        save_file(network.state_dict(), path)
    return WeightsFile(path)


def random_images(architecture: Architecture, count: int) -> Tensor:
    """Normal noise, which is always the same: N×C×H×W."""
    shape = count, *architecture.input_shape
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def _calibration_images(architecture: Architecture) -> Tensor:
    """Photographs and noise: N×C×H×W."""
    preprocessing = transforms.imagenet(architecture.image)
    photographs = [
        transforms.preprocess(references.open_reference(name), preprocessing, architecture.channels)
        for name in PHOTOGRAPHS
    ]
    return torch.cat([*photographs, random_images(architecture, CALIBRATION_IMAGES - len(photographs))])
