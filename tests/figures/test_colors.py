"""What boxes are colored by, and whether their text stays legible."""

from __future__ import annotations

import pytest

from resnet_studio.figures.coloring import Coloring, coloring, times
from resnet_studio.figures.drawing import ColorBar, Drawing
from resnet_studio.figures.figure import make_figure
from resnet_studio.figures.options import FigureOptions
from resnet_studio.figures.palette import DARK, KIND_COLORS, LIGHT, PALETTES, PRINT, contrast
from resnet_studio.gui import theme
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import called_layers
from resnet_studio.networks.presets import preset
from resnet_studio.stage_colors import STAGE_COLORS

UNFOLDED = FigureOptions(fold=False)


def total(coloring: Coloring, drawing: Drawing) -> float:
    """The sum over all boxes and skip connections."""
    parts = [box.names for box in drawing.boxes if box.names] + [arc.names for arc in drawing.arcs]
    return sum(coloring.value(0, names) or 0 for names in parts)


@pytest.mark.parametrize(("name", "macs", "parameters"), [
    ("resnet18", 1_814_073_344, 11_689_512),
    ("resnet34", 3_663_761_408, 21_797_672),
    ("vgg19", 19_632_062_464, 143_667_240),
])  # fmt: skip
def test_boxes_and_skip_connections_sum_to_the_whole(name: str, macs: int, parameters: int) -> None:
    """The parameters are torchvision's, the multiply-adds those of convolutions and linear layers by their formula."""
    drawing = make_figure([preset(name)], UNFOLDED)
    for key, expected in (("flops", macs), ("parameters", parameters)):
        colors = coloring(key, [preset(name)])
        assert colors is not None
        assert total(colors, drawing) == expected


def test_the_box_with_the_largest_number_ends_the_scale() -> None:
    """The third convolution of VGG-19 costs 56²·4 · 64·128·9 … the largest ones 224² · 64² · 9 multiply-adds."""
    drawing = make_figure([preset("vgg19")], UNFOLDED, coloring("flops", [preset("vgg19")]))
    fills = {box.layer: box.fill for box in drawing.boxes if box.names}
    assert fills["features.2"] == 1.0  # 224² · 64² · 9
    assert fills["features.0"] == pytest.approx(3 / 64)
    assert fills["features.4"] == 0.0  # a pool
    values = {box.layer: box.value for box in drawing.boxes}
    assert values["features.2"] == "1.85 G"
    assert [item for item in drawing.items if isinstance(item, ColorBar)]
    assert "1.85 G" in [label.text for label in drawing.labels()]


def test_a_unit_of_two_operations_doubles_the_numbers() -> None:
    drawing = make_figure([preset("vgg19")], UNFOLDED, coloring("flops", [preset("vgg19")], "operations"))
    assert {box.value for box in drawing.boxes if box.layer == "features.2"} == {"3.70 G"}
    assert "FLOPs (2 × MAC)" in [label.text for label in drawing.labels()]


def test_of_equal_blocks_the_mean_time_is_shown() -> None:
    """Blocks of layer3 take 1, 2, … 6 ms: the first is drawn alone, and one for the other five."""
    architecture = preset("resnet34")
    seconds = {f"layer3.{number}.conv1": (number + 1) / 1000 for number in range(6)}
    drawing = make_figure([architecture], FigureOptions(fold=True), times([seconds]))
    values = {box.layer: box.value for box in drawing.boxes if box.layer.endswith("conv1") and "layer3" in box.layer}
    assert values == {"layer3.0.conv1": "1.00 ms", "layer3.1.conv1": "4.00 ms"}
    unmeasured = [box for box in drawing.boxes if box.layer == "layer1.0.conv1"]
    assert [box.fill for box in unmeasured] == [None]


def test_receptive_fields_are_those_of_the_last_of_equal_blocks() -> None:
    """483 pixels behind the last block of ResNet-50 (Araujo et al. 2019).

    With the strides on the 3×3, the first of each later stage takes steps half as large: 8, 16 and 32 pixels less.
    """
    for name, expected in (("resnet50", 483), ("resnet50-v1.5", 483 - 8 - 16 - 32)):
        drawing = make_figure([preset(name)], FigureOptions(fold=True), coloring("receptive-field", [preset(name)]))
        boxes = [box for box in drawing.boxes if box.layer.startswith("layer4.1.")]
        assert boxes[-1].value == str(expected)


def test_gates_have_no_receptive_field_of_their_own() -> None:
    name = "seresnet50"
    drawing = make_figure([preset(name)], UNFOLDED, coloring("receptive-field", [preset(name)]))
    values = {box.layer: box.value for box in drawing.boxes}
    assert values["layer1.0.se.scale"] == values["layer1.0.conv3"]


def test_measured_times_are_asked_for() -> None:
    with pytest.raises(ValueError, match="need the times"):
        coloring("time", [preset("resnet18")])


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_texts_are_legible_on_every_fill(palette) -> None:
    fills = [*STAGE_COLORS, *KIND_COLORS, *(number / 20 for number in range(21)), None]
    for fill in fills:
        assert contrast(palette.text_on(fill), palette.fill(fill) or palette.background) >= 4.5, fill
    assert contrast(palette.muted, palette.background) >= 4.5
    assert contrast(palette.border("conv2_x"), palette.background) >= 3


def test_the_windows_palettes_are_those_of_its_themes() -> None:
    for palette, colors in ((LIGHT, theme.LIGHT), (DARK, theme.DARK)):
        assert (palette.background, palette.text, palette.muted) == (colors.window, colors.text, colors.muted)
    assert (PRINT.background, PRINT.text) == ("#ffffff", "#000000")


def test_stages_have_the_colors_of_the_layer_table() -> None:
    assert theme.stage_color("conv3_x").name() == STAGE_COLORS["conv3_x"]


def drawn_stages(architecture: Architecture) -> dict[str, str]:
    return {name: box.stage for box in make_figure([architecture], UNFOLDED).boxes for name in box.names}


def test_boxes_of_residual_networks_have_their_layers_stages() -> None:
    architecture = preset("resnet50-v1.5")
    stages = drawn_stages(architecture)
    assert all(stages.get(layer.name, layer.stage) == layer.stage for layer in called_layers(architecture))
