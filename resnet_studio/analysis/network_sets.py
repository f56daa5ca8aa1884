"""Sets of networks to look at side by side, and the families that they belong to. Needs no torch."""

from __future__ import annotations

from typing import Literal

from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.baselines import NAMES
from resnet_studio.networks.presets import PRESETS

NetworkSet = Literal["all", "torchvision", "dozen"]
SET_TITLES: dict[NetworkSet, str] = {
    "torchvision": "torchvision's networks",
    "dozen": "A dozen for ImageNet",
    "all": "All presets",
}
TORCHVISION_RESIDUAL = (
    "resnet18", "resnet34", "resnet50-v1.5", "resnet101-v1.5", "resnet152-v1.5", "resnext50_32x4d",
    "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2",
)  # fmt: skip
"""The presets that are torchvision's residual networks."""
DOZEN = (
    "alexnet", "vgg16", "vgg19", "googlenet", "squeezenet1_1", "mobilenet_v2", "densenet121", "resnet18", "resnet34",
    "resnet50-v1.5", "resnet101-v1.5", "resnet152-v1.5",
)  # fmt: skip
"""A few well-known networks, which are soon measured."""
BASELINE_FAMILIES = {
    "alexnet": "AlexNet", "vgg": "VGG", "squeezenet": "SqueezeNet", "googlenet": "Inception", "inception": "Inception",
    "densenet": "DenseNet", "mobilenet": "MobileNet", "mnasnet": "MNASNet", "shufflenet": "ShuffleNet",
    "efficientnet": "EfficientNet", "regnet": "RegNet", "convnext": "ConvNeXt", "vit": "ViT", "swin": "Swin",
    "maxvit": "MaxViT",
}  # fmt: skip
"""The family of the baselines whose names begin like this."""
RESIDUAL_FAMILIES = (
    "ResNet", "Plain", "ResNet-D", "Pre-activation", "Wide ResNet", "ResNeXt", "SE-ResNet", "Article",
)  # fmt: skip
OWN = "Own module"
FAMILIES: tuple[str, ...] = (*RESIDUAL_FAMILIES, *dict.fromkeys(BASELINE_FAMILIES.values()), OWN)
"""Every family, in the order of a legend."""


def networks_of(name: NetworkSet) -> tuple[Architecture, ...]:
    """The networks of a set, in the order of the presets."""
    if name == "all":
        return tuple(PRESETS.values())
    names = DOZEN if name == "dozen" else (*TORCHVISION_RESIDUAL, *NAMES)
    return tuple(PRESETS[one] for one in names)


def family_of(architecture: Architecture) -> str:
    """The family that a network belongs to, one of `FAMILIES`."""
    if isinstance(architecture, Residual):
        return _residual_family(architecture)
    if not isinstance(architecture, Baseline):
        return OWN
    return next(title for start, title in BASELINE_FAMILIES.items() if architecture.name.startswith(start))


def _residual_family(architecture: Residual) -> str:
    values = architecture.values()
    if values["variant"] == "article":
        return "Article"
    if architecture.shortcut == "none":
        return "Plain"
    if architecture.se:
        return "SE-ResNet"
    if values.get("groups", 1) > 1:
        return "ResNeXt"
    if values.get("widen", 1) > 1 or values.get("width_per_group", 64) > 64:
        return "Wide ResNet"
    if values["variant"] != "paper":
        return "Pre-activation"
    return "ResNet-D" if architecture.shortcut == "D" else "ResNet"
