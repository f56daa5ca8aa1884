"""Image sizes: a number for a square, height and width for anything else, in text and in JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.networks.architecture import (
    Architecture,
    ArchitectureError,
    Baseline,
    Residual,
    from_json,
    to_json,
    with_text,
)
from resnet_studio.networks.baselines import smallest_image
from resnet_studio.networks.image_size import height_width, image_text, read_image_size, scaled
from resnet_studio.networks.presets import preset, title

sides = st.integers(1, 4096)


@given(sides, sides)
def test_a_size_comes_back_from_its_text_and_from_json(height: int, width: int) -> None:
    architecture = Residual(image=(height, width))
    assert architecture.image_size == (height, width)
    assert architecture.input_shape == (3, height, width)
    assert read_image_size(image_text(architecture.image)) == architecture.image
    again = from_json(json.dumps(to_json(architecture)))
    assert again == architecture
    assert hash(again) == hash(architecture)


@pytest.mark.parametrize("made", [Residual, Baseline])
def test_two_equal_sides_are_one_number(made: type[Architecture]) -> None:
    assert made(image=(96, 96)) == made(image=96)
    assert made(image=(96, 96)).image == 96
    assert to_json(made(image=(96, 96)))["image"] == 96
    assert to_json(made(image=(96, 64)))["image"] == [96, 64]
    assert from_json({"kind": to_json(made())["kind"], "image": [96, 96]}) == made(image=96)


@pytest.mark.parametrize("text", ["224x320", "224X320", "224×320", " 224 x 320 "])
@pytest.mark.parametrize("usual", [Residual(), Baseline()])
def test_text_gives_height_before_width(usual: Architecture, text: str) -> None:
    assert with_text(usual, "image", text) == replace(usual, image=(224, 320))
    assert with_text(usual, "image", "96x96") == with_text(usual, "image", "96") == replace(usual, image=96)


@pytest.mark.parametrize("text", ["224x", "x320", "224x320x3", "224, 320", "x", "224×-1", "0x8", "8x5000", "1.5x2"])
def test_text_that_is_no_size_is_refused_at_the_field(text: str) -> None:
    with pytest.raises(ArchitectureError) as error:
        with_text(Residual(), "image", text)
    assert error.value.field == "image"


@pytest.mark.parametrize(
    "image", [(), (224,), (224, 320, 3), (224, 320.0), (True, 224), ("224", 320), (0, 8), (8, 5000), {}]
)
def test_an_impossible_size_is_refused_at_the_field(image: object) -> None:
    for made in (Residual, Baseline):
        with pytest.raises(ArchitectureError) as error:
            made(image=image)  # type: ignore[arg-type]
        assert error.value.field == "image"


@pytest.mark.parametrize("name", ["vgg19", "alexnet"])
def test_each_side_of_a_baseline_has_to_be_large_enough(name: str) -> None:
    smallest = smallest_image(name)
    assert Baseline(name, (smallest, 300)).image_size == (smallest, 300)
    for image in ((smallest - 1, 300), (300, smallest - 1)):
        with pytest.raises(ArchitectureError, match=f"needs at least {smallest}, got {image[0]}×{image[1]}"):
            Baseline(name, image)


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_a_size_is_scaled_side_by_side(height: int, width: int) -> None:
    wanted = round(height * 256 / 224), round(width * 256 / 224)
    assert height_width(scaled((height, width), 256, 224)) == wanted


def test_titles_have_both_sides() -> None:
    assert title(replace(preset("resnet50"), image=(224, 320))) == "resnet50 at 224×320"
    assert title(replace(preset("vgg19"), image=(224, 320))) == "vgg19 at 224×320"
    assert title(replace(preset("resnet50"), image=64)) == "resnet50 at 64×64"
    assert "image 224×320" in title(replace(preset("resnet50"), blocks=(1, 1), image=(224, 320)))
