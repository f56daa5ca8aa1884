"""Data sets by name, and an architecture fitted to data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_studio.networks.architecture import ArchitectureError
from resnet_studio.networks.presets import preset
from resnet_studio.training.datasets import SOURCES, DataError, data_title, fitted, is_folder

PUBLISHED = {
    "digits": (1, 8, 10), "mnist": (1, 28, 10), "fashion-mnist": (1, 28, 10), "cifar10": (3, 32, 10),
    "cifar100": (3, 32, 100),
}  # fmt: skip
"""Channels, side and classes, as each set's own page says."""


def test_the_sets_are_what_their_pages_say() -> None:
    sizes = {name: (source.channels, source.image, source.classes) for name, source in SOURCES.items()}
    assert sizes == PUBLISHED


def test_fitting_changes_what_differs_and_says_so() -> None:
    architecture = preset("resnet50")
    value, changes = fitted(architecture, 1, 8, 10)
    assert value == replace(architecture, channels=1, image=8, classes=10)
    assert changes == ("channels 3 → 1", "image 224 → 8", "classes 1,000 → 10")


def test_what_fits_stays_as_it_is() -> None:
    assert fitted(preset("resnet20-cifar"), 3, 32, 10) == (preset("resnet20-cifar"), ())


def test_images_of_any_size_take_the_architectures() -> None:
    value, changes = fitted(preset("resnet18"), 3, None, 37)
    assert (value.image, changes) == (224, ("classes 1,000 → 37",))


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("network", ["resnet18", "resnet56-cifar", "plain34", "article18"])
def test_residual_networks_take_every_set(name: str, network: str) -> None:
    value, _ = fitted(preset(network), *PUBLISHED[name])
    assert (value.channels, value.image, value.classes) == PUBLISHED[name]


def test_a_baseline_takes_no_grey_images_and_none_too_small() -> None:
    with pytest.raises(DataError, match="vgg19 takes images of 3 channels; these have 1"):
        fitted(preset("vgg19"), 1, 28, 10)
    with pytest.raises(ArchitectureError, match=r"^image: "):
        fitted(preset("alexnet"), 3, 32, 10)
    value, changes = fitted(preset("vgg19"), 3, 64, 10)
    assert (value.image, value.classes, len(changes)) == (64, 10, 2)


def test_what_has_no_known_name_is_a_folder() -> None:
    assert not any(map(is_folder, SOURCES))
    assert is_folder("/home/me/digits")
    assert [data_title(data) for data in ("cifar10", "/home/me/cats", "cats/", "/")] == [
        "CIFAR-10",
        "cats",
        "cats",
        "/",
    ]
