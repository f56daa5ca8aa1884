"""Figure 3 of He et al. 2015, which the article prints, too: everything that it has is in ours."""

from __future__ import annotations

from collections import Counter

import pytest

from resnet_studio.figures.drawing import Box, Drawing, Label
from resnet_studio.figures.figure import make_figure
from resnet_studio.figures.options import FigureOptions
from resnet_studio.networks.presets import preset

VGG, PLAIN, RESIDUAL = range(3)
VGG_LAYERS = [
    *["3×3 conv, 64"] * 2, "pool, /2", *["3×3 conv, 128"] * 2, "pool, /2", *["3×3 conv, 256"] * 4, "pool, /2",
    *["3×3 conv, 512"] * 4, "pool, /2", *["3×3 conv, 512"] * 4, "pool, /2", "fc 4096", "fc 4096", "fc 1000",
]  # fmt: skip
LAYERS_34 = [
    "7×7 conv, 64, /2", "pool, /2", *["3×3 conv, 64"] * 6, "3×3 conv, 128, /2", *["3×3 conv, 128"] * 7,
    "3×3 conv, 256, /2", *["3×3 conv, 256"] * 11, "3×3 conv, 512, /2", *["3×3 conv, 512"] * 5, "avg pool", "fc 1000",
]  # fmt: skip
"""From the figure, with × for its x, and a space after its commas throughout."""
SIZES = ["224", "112", "56", "28", "14", "7", "1"]
"""The output sizes at the figure's side, from top to bottom."""


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return make_figure([preset(name) for name in ("vgg19", "plain34", "resnet34")])


def column(drawing: Drawing, number: int) -> list[Box]:
    """A network's boxes from top to bottom."""
    return sorted((box for box in drawing.boxes if box.column == number), key=lambda box: box.rect.y)


def texts(drawing: Drawing) -> list[str]:
    return [item.text for item in drawing.items if isinstance(item, Label)]


def test_the_columns_have_the_papers_names(drawing: Drawing) -> None:
    headings = [label for label in drawing.labels() if label.bold]
    assert [label.text for label in headings] == ["VGG-19", "34-layer plain", "34-layer residual"]
    assert [label.x for label in headings] == sorted(label.x for label in headings)


@pytest.mark.parametrize(("number", "layers"), [(VGG, VGG_LAYERS), (PLAIN, LAYERS_34), (RESIDUAL, LAYERS_34)])
def test_every_layer_has_its_box_in_order(drawing: Drawing, number: int, layers: list[str]) -> None:
    assert [box.lines[0] for box in column(drawing, number)] == ["image", *layers]


def test_as_many_layers_have_weights_as_the_names_say() -> None:
    assert sum(text.startswith(("3×3", "fc")) for text in VGG_LAYERS) == 19
    assert sum("conv" in text or "fc" in text for text in LAYERS_34) == 34


def test_the_output_sizes_stand_at_the_side(drawing: Drawing) -> None:
    sizes = [label for label in drawing.labels() if label.text.startswith("size: ")]
    assert [label.text.removeprefix("size: ") for label in sorted(sizes, key=lambda label: label.y)] == SIZES
    assert all(label.x < min(box.rect.x for box in drawing.boxes if box.names) for label in sizes)


def test_rows_are_aligned_by_the_output_size(drawing: Drawing) -> None:
    """What gives maps of a new size stands in one row: the pools of VGG-19 beside the convolutions of stride 2."""
    vgg, plain, residual = (column(drawing, number) for number in range(3))
    rows = {text: {box.rect.y for box in plain if box.lines == (text,)} for text in LAYERS_34 if text.endswith("/2")}
    pools = [box.rect.y for box in vgg if box.lines == ("pool, /2",)]
    assert sorted(pools) == sorted(y for ys in rows.values() for y in ys)
    assert [box.rect.y for box in plain] == [box.rect.y for box in residual]
    assert {box.rect.y for box in (*plain, *residual) if box.lines == ("avg pool",)} == {
        min(box.rect.y for box in vgg if box.lines == ("fc 4096",))
    }


def test_the_residual_network_has_16_skip_connections_and_3_are_dotted(drawing: Drawing) -> None:
    assert Counter((arc.column, arc.dotted) for arc in drawing.arcs) == {(RESIDUAL, False): 13, (RESIDUAL, True): 3}
    dotted = [arc.block for arc in drawing.arcs if arc.dotted]
    assert dotted == ["layer2.0", "layer3.0", "layer4.0"]


def test_a_skip_connection_goes_around_two_layers(drawing: Drawing) -> None:
    boxes = column(drawing, RESIDUAL)
    for arc in drawing.arcs:
        (_, start), (_, end) = arc.points[0], arc.points[-1]
        assert [box.lines[0][:3] for box in boxes if start < box.rect.center[1] < end] == ["3×3", "3×3"]


def test_an_option_is_named_where_the_size_changes(drawing: Drawing) -> None:
    letters = [label for label in drawing.labels() if label.text in ("A", "B", "C")]
    assert [label.text for label in letters] == ["B"] * 3
    for label, arc in zip(letters, (arc for arc in drawing.arcs if arc.dotted), strict=True):
        assert arc.points[0][1] < label.y < arc.points[-1][1]
        assert label.x > max(x for x, _ in arc.points[:1])


def test_the_legend_says_what_solid_and_dotted_mean(drawing: Drawing) -> None:
    assert {"identity", "projection, shape changes (B)"} <= set(texts(drawing))


def test_flops_stand_under_the_names_as_in_the_caption(drawing: Drawing) -> None:
    """The caption has 19.6 and 3.6 billion FLOPs."""
    assert {"19.6 G FLOPs", "3.64 G FLOPs", "3.66 G FLOPs"} <= set(texts(drawing))


def test_the_three_options_of_the_paper_have_their_letters() -> None:
    for option, solid in (("A", ""), ("C", "C")):
        drawing = make_figure([preset("resnet34").with_values({"shortcut": option})])
        letters = Counter(label.text for label in drawing.labels() if label.text in ("A", "B", "C") and not label.bold)
        assert letters == {option: 3 + 13 * bool(solid)}
        assert sum(arc.dotted for arc in drawing.arcs) == 3


def test_folded_it_has_a_box_for_each_kind_of_block() -> None:
    drawing = make_figure([preset("resnet34")], FigureOptions(fold=True))
    assert [text for text in texts(drawing) if text.startswith("×")] == ["×3", "×3", "×5", "×2"]
    assert sum(1 for _ in drawing.arcs) == 7
    assert drawing.shown_name(0, "layer3.4.conv2") == "layer3.1.conv2"
    (shown,) = drawing.boxes_of(0, "layer3.4.conv2")
    assert shown.lines == ("3×3 conv, 256",)
