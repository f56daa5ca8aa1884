"""Finding a drawing's items by place, by layer, and by text, against looking at each of them."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from resnet_studio.figures.drawing import Arc, Box, Rect
from resnet_studio.figures.figure import make_figure
from resnet_studio.figures.options import FigureOptions
from resnet_studio.gui.figure.drawing_index import DrawingIndex, index_steps
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

ARTICLE = ("vgg19", "plain34", "resnet34")


def indexed(*names: str, **options: object) -> DrawingIndex:
    architectures = [preset(name) for name in names]
    return finish(index_steps(make_figure(architectures, FigureOptions(**options))))  # type: ignore[arg-type]


def layers(index: DrawingIndex, numbers: object) -> list[str]:
    return [index.box(number).layer for number in numbers]  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", ["columns", "horizontal", "block"])
def test_items_in_an_area_are_all_that_touch_it(form: str) -> None:
    index = indexed("plain34", "resnet34", form=form)
    drawing, draw = index.drawing, random.Random(0)
    for _ in range(100):
        area = Rect(
            draw.uniform(0, drawing.width), draw.uniform(0, drawing.height), draw.uniform(0, 200), draw.uniform(0, 200)
        )
        found = index.items_in(area)
        assert found == sorted(found)
        assert set(found) >= {number for number, item in enumerate(drawing.items) if touches(item.bounds, area)}


def touches(one: Rect, other: Rect) -> bool:
    return one.x <= other.right and other.x <= one.right and one.y <= other.bottom and other.y <= one.bottom


def test_few_items_are_looked_at_in_a_large_drawing() -> None:
    index = indexed("resnet1202-cifar", fold=False)
    assert len(index.columns[0]) == 1 + 2 * 600 + 2  # convolutions, average pool and fc
    assert len(index.items_in(Rect(0, 1000, index.drawing.width, 500))) < 150


def test_box_at_a_point() -> None:
    index = indexed(*ARTICLE)
    for number in index.columns[2]:
        assert index.part_at(index.box(number).rect.center, 2) == number
    assert index.part_at((0, 0), 2) is None
    image = next(box for box in index.drawing.boxes if box.lines == ("image",))
    assert index.part_at(image.rect.center, 2) is None  # it is no layer


def test_skip_connections_at_a_point_and_by_their_layers() -> None:
    index = indexed("resnet34")
    arcs = [(number, item) for number, item in enumerate(index.drawing.items) if isinstance(item, Arc)]
    assert len(arcs) == 3 + 4 + 6 + 3
    for number, arc in arcs:
        x, y = arc.points[6]  # the end of its second curve, where it is far from the boxes
        assert index.part_at((x, y), 1) == number
        assert index.part_at((x + 30, y), 1) != number
    dotted = next(number for number, arc in arcs if arc.dotted)
    assert index.boxes_of(0, "layer2.0.downsample.0") == [dotted]


def test_boxes_of_layers_and_blocks() -> None:
    index = indexed(*ARTICLE)
    assert layers(index, index.boxes_of(2, "layer2.1.conv2")) == ["layer2.1.conv2"]
    assert layers(index, index.boxes_of(2, "layer2.1.bn2")) == ["layer2.1.conv2"]  # drawn with its convolution
    assert layers(index, index.boxes_of(2, "layer2.1")) == ["layer2.1.conv1", "layer2.1.conv2"]
    assert {index.box(number).column for number in index.boxes_of(1, "layer2.1")} == {1}
    assert not index.boxes_of(0, "layer2.1")
    assert not index.boxes_of(2, "layer9.0.conv1")


def test_a_layer_of_a_folded_block_is_found_in_the_one_that_is_drawn() -> None:
    index = indexed("resnet152", fold=True)
    assert layers(index, index.boxes_of(0, "layer3.17.conv2")) == ["layer3.1.conv2"]
    assert "layer3.1.conv1" in layers(index, index.matching("layer3.17"))


def test_matching_names_and_texts() -> None:
    index = indexed(*ARTICLE)
    assert len(index.matching("conv, 512")) == 8 + 6 + 6  # two stages of four, and one of three blocks of two, twice
    assert index.matching("3X3 CONV, 512") == index.matching("3×3 conv, 512")
    assert layers(index, index.matching("layer4.2.conv1")) == ["layer4.2.conv1"] * 2
    assert index.matching("no such layer") == index.matching(" ") == []


def test_coarse_boxes_are_one_for_each_step() -> None:
    index = indexed("resnet1202-cifar", fold=False)
    whole = Rect(0, 0, index.drawing.width, index.drawing.height)
    assert len(list(index.coarse_boxes(whole, 1e-9))) == len(index.columns[0])
    steps = list(index.coarse_boxes(whole, 100))
    assert index.drawing.height / 150 < len(steps) < index.drawing.height / 80
    starts = [box.rect.y for box in steps]
    assert all(after - before >= 99 for before, after in pairwise(starts))


def test_a_deep_network_is_indexed_in_steps() -> None:
    drawing = make_figure([Residual(blocks=(300, 300, 300, 300), width=1)], FigureOptions(fold=False))
    steps = sum(1 for _ in index_steps(drawing))
    assert steps >= len(drawing.items) / 500
    assert sum(isinstance(item, Box) and bool(item.names) for item in drawing.items) == len(
        finish(index_steps(drawing)).columns[0]
    )
