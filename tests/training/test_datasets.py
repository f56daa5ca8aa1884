"""Data sets by name, and an architecture fitted to data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_studio.networks.architecture import ArchitectureError
from resnet_studio.networks.presets import preset
from resnet_studio.training.datasets import DATASETS, DataError, data_title, fit_architecture, is_folder

PUBLISHED = {
    "digits": (1, 8, 10), "mnist": (1, 28, 10), "fashion-mnist": (1, 28, 10), "cifar10": (3, 32, 10),
    "cifar100": (3, 32, 100),
}  # fmt: skip
"""Channels, side and classes, as each set's own page says."""


def test_data_sets_have_their_published_sizes() -> None:
    sizes = {name: (dataset.channels, dataset.image, dataset.classes) for name, dataset in DATASETS.items()}
    assert sizes == PUBLISHED


def test_fitting_an_architecture_lists_its_changes() -> None:
    architecture = preset("resnet50")
    value, changes = fit_architecture(architecture, 1, 8, 10)
    assert value == replace(architecture, channels=1, image=8, classes=10)
    assert changes == ("channels 3 → 1", "image 224 → 8", "classes 1,000 → 10")


def test_a_fitting_architecture_is_unchanged() -> None:
    assert fit_architecture(preset("resnet20-cifar"), 3, 32, 10) == (preset("resnet20-cifar"), ())


def test_images_of_any_size_keep_the_architectures_image_size() -> None:
    value, changes = fit_architecture(preset("resnet18"), 3, None, 37)
    assert (value.image, changes) == (224, ("classes 1,000 → 37",))


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("network", ["resnet18", "resnet56-cifar", "plain34", "article18"])
def test_residual_networks_can_be_fitted_to_every_data_set(name: str, network: str) -> None:
    value, _ = fit_architecture(preset(network), *PUBLISHED[name])
    assert (value.channels, value.image, value.classes) == PUBLISHED[name]


def test_a_baseline_refuses_grayscale_and_too_small_images() -> None:
    with pytest.raises(DataError, match="vgg19 needs images with 3 channels; these have 1"):
        fit_architecture(preset("vgg19"), 1, 28, 10)
    with pytest.raises(ArchitectureError, match=r"^image: "):
        fit_architecture(preset("alexnet"), 3, 32, 10)
    value, changes = fit_architecture(preset("vgg19"), 3, 64, 10)
    assert (value.image, value.classes, len(changes)) == (64, 10, 2)


def test_data_without_a_known_name_are_a_folder() -> None:
    assert not any(map(is_folder, DATASETS))
    assert is_folder("/home/me/digits")
    assert [data_title(data) for data in ("cifar10", "/home/me/cats", "cats/", "/")] == [
        "CIFAR-10",
        "cats",
        "cats",
        "/",
    ]
