"""The forms of a figure: from left to right, one block from inside, and deep networks in each."""

from __future__ import annotations

import math

import pytest

from resnet_studio.figures.drawing import Arc, Box, Drawing
from resnet_studio.figures.figure import figure_steps, make_figure
from resnet_studio.figures.options import FigureOptions
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.presets import preset


def named_boxes(drawing: Drawing) -> list[Box]:
    return [box for box in drawing.boxes if box.names]


def texts(drawing: Drawing) -> list[str]:
    return [label.text for label in drawing.labels()]


# From left to right.


def test_a_box_is_as_high_as_its_maps_are_large_and_as_wide_as_it_has_channels() -> None:
    drawing = make_figure([preset("resnet50")], FigureOptions("horizontal", fold=False))
    blocks = [box for box in named_boxes(drawing) if box.layer.startswith("layer")]
    assert len(blocks) == 16
    assert [box.rect.x for box in blocks] == sorted(box.rect.x for box in blocks)
    stages = [next(box for box in blocks if box.layer.startswith(f"layer{stage}.")) for stage in range(1, 5)]
    heights, widths = [box.rect.height for box in stages], [box.rect.width for box in stages]
    assert heights == sorted(heights, reverse=True)
    assert widths == sorted(widths)
    assert (widths[3] - widths[1]) / (widths[1] - widths[0]) == pytest.approx(  # 2048, 512 and 256 channels
        (math.sqrt(2048) - math.sqrt(512)) / (math.sqrt(512) - math.sqrt(256))
    )


def test_labels_have_channels_and_sizes() -> None:
    """Those of Table 1 of the paper."""
    found = texts(make_figure([preset("resnet50")], FigureOptions("horizontal")))
    assert {"64@112×112", "256@56×56", "512@28×28", "1024@14×14", "2048@7×7", "1000"} <= set(found)


def test_networks_stand_below_one_another() -> None:
    drawing = make_figure([preset("vgg16"), preset("resnet18")], FigureOptions("horizontal"))
    rows = [[box.rect.y for box in drawing.boxes if box.column == column] for column in (0, 1)]
    assert max(rows[0]) < min(rows[1])
    assert sum(1 for _ in drawing.arcs) == 8


def test_extruded_boxes_have_their_whole_area_in_the_drawing() -> None:
    drawing = make_figure([preset("vgg16")], FigureOptions("horizontal"))
    assert all(box.rect.y - box.extrusion > 0 for box in drawing.boxes)
    assert all(box.extrusion > 0 for box in named_boxes(drawing))


# One block from inside.


def block(name: str, block: str = "", **fields: object) -> Drawing:
    return make_figure([preset(name).with_values(fields)], FigureOptions("block", block=block))


def layers(drawing: Drawing) -> list[str]:
    """The texts of the boxes in the order of the main path, then of the branches."""
    return [box.lines[0] for box in named_boxes(drawing)]


def test_the_two_blocks_of_figure_5_are_what_is_drawn_without_a_name() -> None:
    """Left a basic block with 64 channels, right a bottleneck with 64 and 256, both with identity shortcuts."""
    drawing = make_figure([preset("resnet34"), preset("resnet50")], FigureOptions("block"))
    columns = [[box.lines[0] for box in drawing.boxes if box.column == number] for number in (0, 1)]
    norm, relu = "batch norm", "ReLU"
    assert columns[0] == ["3×3 conv, 64", norm, relu, "3×3 conv, 64", norm, "+", relu]
    assert columns[1] == ["1×1 conv, 64", norm, relu, "3×3 conv, 64", norm, relu, "1×1 conv, 256", norm, "+", relu]
    assert texts(drawing).count("identity") == 2
    assert {"x", "F(x)", "F(x) + x"} <= set(texts(drawing))
    assert not any(arc.dotted for arc in drawing.arcs)


def test_a_projection_has_its_boxes_on_a_dotted_way() -> None:
    drawing = block("resnet50", "layer2.0")
    assert layers(drawing)[-2:] == ["1×1 conv, 512, /2", "batch norm"]
    assert all(arc.dotted for arc in drawing.arcs)
    assert "F(x) + Wx" in texts(drawing)
    assert "option B" in texts(drawing)


def test_zero_padding_and_pooled_projections_are_what_they_are() -> None:
    assert "zero padding, 32, /2" in layers(block("resnet20-cifar", "layer2.0"))
    assert layers(block("resnet50d", "layer2.0"))[-3:] == ["2×2 avg pool, /2", "1×1 conv, 512", "batch norm"]


def test_pre_activation_begins_with_norm_and_relu_and_ends_with_the_sum() -> None:
    """Figure 4e of He et al. 2016."""
    drawing = block("preresnet110-cifar", "layer1.1")
    assert layers(drawing) == [*["batch norm", "ReLU", "3×3 conv, 16"] * 2, "+"]


def test_the_shortcut_of_pre_activation_takes_the_activated_input_where_the_shape_changes() -> None:
    """As in the authors' code: it leaves the main path behind the first ReLU, and above it where it is the identity."""
    for name, behind in (("layer2.0", True), ("layer2.1", False)):
        drawing = block("preresnet50", name)
        relu = next(box for box in drawing.boxes if box.lines == ("ReLU",))
        assert (next(drawing.arcs).points[0][1] > relu.rect.bottom) == behind


def test_squeeze_and_excitation_is_a_branch_into_a_product() -> None:
    """Figure 3 of Hu et al. 2018: global pooling, FC, ReLU, FC, sigmoid, scale."""
    drawing = block("seresnet50", "layer1.1")
    found = layers(drawing)
    assert found[-8:] == ["global avg pool", "fc 16", "ReLU", "fc 256", "sigmoid", "×", "+", "ReLU"]
    gate = [box for box in drawing.boxes if ".se." in box.layer and box.lines != ("×",)]
    main = next(box for box in drawing.boxes if box.layer.endswith("conv1"))
    assert all(box.rect.right < main.rect.x for box in gate)


def test_a_plain_block_has_no_shortcut() -> None:
    drawing = block("plain34")
    assert "+" not in layers(drawing)
    assert [item for item in drawing.items if isinstance(item, Arc)] == []


@pytest.mark.parametrize(("name", "chosen", "words"), [
    ("vgg19", "", "vgg19 has no residual blocks"),
    ("resnet18", "layer1.2", "resnet18 has no block 'layer1.2': its blocks are layer1.0 … layer4.1"),
])  # fmt: skip
def test_a_block_that_is_not_there_is_named(name: str, chosen: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_figure([preset(name)], FigureOptions("block", block=chosen))


# Deep networks.


DEEP = Residual(blocks=(1000,) * 6, image=256)


@pytest.mark.parametrize("name", ["resnet152", "resnet1202-cifar"])
def test_deep_networks_are_folded_by_themselves(name: str) -> None:
    drawing = make_figure([preset(name)])
    assert len(named_boxes(drawing)) < 40
    assert len(named_boxes(make_figure([preset("resnet50")]))) == 52


def test_six_thousand_blocks_are_a_few_boxes() -> None:
    drawing = make_figure([DEEP])
    assert [text for text in texts(drawing) if text.startswith("×")] == ["×999"] * 6
    assert drawing.shown_name(0, "layer5.999.conv3") == "layer5.1.conv3"
    assert [box.layer for box in drawing.boxes_of(0, "layer5.999.conv3")] == ["layer5.1.conv3"]
    assert len(drawing.boxes_of(0, "layer5.999")) == 3
    assert "18,004 boxes and 6,000 skip connections" in drawing.description


def test_too_many_boxes_are_refused_before_they_are_made() -> None:
    with pytest.raises(ValueError, match="18,004 boxes, and may have 4,000: fold"):
        make_figure([DEEP], FigureOptions(fold=False))


def test_unfolded_networks_are_laid_out_in_steps() -> None:
    assert sum(1 for _ in figure_steps([preset("resnet1202-cifar")], FigureOptions(fold=False))) > 5


def test_a_figure_needs_a_network() -> None:
    with pytest.raises(ValueError, match="at least one network"):
        make_figure([])
