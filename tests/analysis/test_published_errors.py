"""Published errors: those of He et al. 2015 by hand, each of a network that the program knows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_studio.analysis.network_quantities import QUANTITIES, NetworkFigures
from resnet_studio.analysis.published import network
from resnet_studio.analysis.published_errors import errors_of, lowest_error, published_errors
from resnet_studio.networks.presets import PRESETS, preset

TABLE_3 = {
    "plain34": ("28.54", "10.02"), "resnet34 shortcut=A": ("25.03", "7.76"), "resnet34": ("24.52", "7.46"),
    "resnet34 shortcut=C": ("24.19", "7.40"), "resnet50": ("22.85", "6.71"), "resnet101": ("21.75", "6.05"),
    "resnet152": ("21.43", "5.71"), "vgg16": ("28.07", "9.33"),
}  # fmt: skip
TABLE_6 = {20: "8.75", 32: "7.51", 44: "7.17", 56: "6.97", 110: "6.43", 1202: "7.93"}


def of_table(number: int) -> dict[str, tuple[str, str]]:
    source = f"He et al. 2015 (arXiv 1512.03385), Table {number}"
    return {error.subject: (error.top1, error.top5) for error in published_errors() if error.source == source}


def test_the_errors_of_the_paper() -> None:
    assert of_table(2) == {"resnet18 shortcut=A": ("27.88", ""), "plain18": ("27.94", "")}
    assert of_table(3) == TABLE_3
    assert of_table(4)["resnet152"] == ("19.38", "4.49")
    assert of_table(6) == {f"resnet{depth}-cifar": (error, "") for depth, error in TABLE_6.items()}


def test_every_error_is_of_a_preset_and_has_its_protocol() -> None:
    for error in published_errors():
        name = error.subject.partition(" ")[0]
        assert name in PRESETS
        assert error in errors_of(network(error.subject))
        assert error.data in ("ImageNet", "CIFAR-10")
        assert error.protocol
        assert error.source
        assert 0 < float(error.top5 or 0.01) < error.percent < 100


def test_no_error_stands_twice() -> None:
    assert len(set(published_errors())) == len(published_errors())


def test_the_data_are_those_that_the_network_is_for() -> None:
    for error in published_errors():
        assert network(error.subject).classes == {"ImageNet": 1000, "CIFAR-10": 10}[error.data]


def test_the_lowest_error_of_one_protocol() -> None:
    resnet34 = preset("resnet34")
    assert (error := lowest_error(resnet34)) is not None
    assert error.top1 == "21.84"
    assert (error := lowest_error(resnet34, "ImageNet", "10-crop")) is not None
    assert error.top1 == "24.52"
    assert lowest_error(resnet34, "CIFAR-10") is None
    assert lowest_error(replace(resnet34, classes=10)) is None


def test_weights_that_have_seen_more_data_don_t_compare() -> None:
    vit = preset("vit_b_16")
    assert any(error.more_data for error in errors_of(vit))
    assert (error := lowest_error(vit, "ImageNet", "center crop")) is not None
    assert not error.more_data
    only_more = preset("vit_h_14")
    assert lowest_error(only_more) is not None
    assert QUANTITIES["published_error"].of(NetworkFigures(only_more)) is None


def test_an_error_in_words() -> None:
    found = next(error for error in errors_of(preset("resnet50")) if error.protocol == "10-crop")
    assert found.text == "22.85 % top-1, 6.71 % top-5 (ImageNet, 10-crop; He et al. 2015 (arXiv 1512.03385), Table 3)"
    cifar = errors_of(preset("resnet110-cifar"))[0]
    assert cifar.text.startswith("6.43 % (CIFAR-10, test set, best of 5 runs; ")


@pytest.mark.parametrize(
    ("name", "key"), [("resnet50", "published_error_10_crop"), ("resnet20-cifar", "published_error_cifar10")]
)
def test_each_protocol_is_a_quantity_of_its_own(name: str, key: str) -> None:
    figures = NetworkFigures(preset(name))
    assert QUANTITIES["published_error"].of(figures) is None
    assert QUANTITIES[key].of(figures) in (22.85, 8.75)
