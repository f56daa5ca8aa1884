"""Nothing is in the way of anything: no line crosses a text, and all texts have their place, in every form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from figure_geometry import faults
from resnet_studio.figures.coloring import coloring
from resnet_studio.figures.drawing import Label
from resnet_studio.figures.figure import make_figure
from resnet_studio.figures.options import FigureOptions, Form
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.plan import block_runs
from resnet_studio.networks.presets import GROUPS, PRESETS, preset

FORMS: tuple[Form, ...] = ("columns", "horizontal")
TOGETHER = (
    ("vgg19", "plain34", "resnet34"),
    ("seresnet50", "resnet50d", "resnext50_32x4d", "preresnet50"),
    ("resnet1202-cifar", "resnet152", "inception_v3"),
    ("mobilenet_v2", "densenet121", "vit_b_16", "maxvit_t", "squeezenet1_0"),
    ("resnet20-digits", "alexnet", "wrn-28-10", "article50"),
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("group", GROUPS)
def test_every_preset_is_drawn_without_faults(group: str, form: Form) -> None:
    for name in GROUPS[group]:
        assert faults(make_figure([preset(name)], FigureOptions(form))) == [], name
        assert faults(make_figure([preset(name)], FigureOptions(form, fold=True))) == [], name


@pytest.mark.parametrize("name", ["resnet110-cifar", "resnet101", "densenet121", "maxvit_t", "seresnext50_32x4d"])
@pytest.mark.parametrize("form", FORMS)
def test_unfolded_networks_are_drawn_without_faults(name: str, form: Form) -> None:
    assert faults(make_figure([preset(name)], FigureOptions(form, fold=False))) == []


@pytest.mark.parametrize("names", TOGETHER)
@pytest.mark.parametrize("form", FORMS)
def test_several_networks_are_drawn_without_faults(names: tuple[str, ...], form: Form) -> None:
    architectures = [preset(name) for name in names]
    assert faults(make_figure(architectures, FigureOptions(form))) == []
    assert faults(make_figure(architectures, FigureOptions(form), coloring("flops", architectures))) == []


@pytest.mark.parametrize("name", [name for name, value in PRESETS.items() if isinstance(value, Residual)])
def test_blocks_are_drawn_without_faults(name: str) -> None:
    architecture = preset(name)
    assert isinstance(architecture, Residual)
    for block, _ in block_runs(architecture):
        assert faults(make_figure([architecture], FigureOptions("block", block=block.name))) == [], block.name


@pytest.mark.parametrize("image", [(64, 640), (1024, 33)])
@pytest.mark.parametrize("form", FORMS)
def test_images_that_are_no_squares_have_both_sides(image: tuple[int, int], form: Form) -> None:
    drawing = make_figure([preset("resnet18").with_values({"image": image})], FigureOptions(form))
    assert faults(drawing) == []
    assert any(f"{image[0]}×{image[1]}" in label.text for label in drawing.labels())


@pytest.mark.parametrize("fields", [
    {"width": 2048, "blocks": (1, 1, 1, 1, 1, 1)},
    {"classes": 1_000_000, "se": 256, "shortcut": "D", "stem": "deep"},
    {"block": "bottleneck", "groups": 128, "width_per_group": 64, "dilated": 3, "stride_on": "3x3"},
])  # fmt: skip
def test_the_longest_texts_have_their_place(fields: dict[str, object]) -> None:
    architecture = preset("resnet18").with_values(fields)
    for form in (*FORMS, "block"):
        assert faults(make_figure([architecture], FigureOptions(form))) == []


def test_faults_are_found() -> None:
    """A drawing in which the skip connection's letter is moved onto it, and a text grows, has these faults."""
    drawing = make_figure([preset("resnet18")])
    (letter, *_) = (item for item in drawing.items if isinstance(item, Label) and item.text == "B")
    box = next(box for box in drawing.boxes if box.names)
    changed = {
        letter: replace(letter, x=letter.x - 5),
        box: replace(box, lines=("7×7 convolution, 64 channels, /2",)),
    }
    found = faults(replace(drawing, items=tuple(changed.get(item, item) for item in drawing.items)))
    assert [fault for fault in found if "crosses 'B'" in fault]
    assert [fault for fault in found if "leaves its box" in fault]
