"""SVG files of figures: valid, complete, with text as text and nothing from outside."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QByteArray
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from resnet_studio.figures.coloring import coloring
from resnet_studio.figures.drawing import Box, Drawing
from resnet_studio.figures.figure import make_figure
from resnet_studio.figures.options import FigureOptions, Form
from resnet_studio.figures.palette import DARK, PRINT
from resnet_studio.figures.svg import svg_text
from resnet_studio.networks.presets import preset

SVG = "{http://www.w3.org/2000/svg}"
FORMS: tuple[Form, ...] = ("columns", "horizontal", "block")


def figure(form: Form = "columns") -> Drawing:
    return make_figure([preset("resnet18"), preset("seresnet50")], FigureOptions(form))


def parsed(drawing: Drawing, **options: object) -> ElementTree.Element:
    return ElementTree.fromstring(svg_text(drawing, **options).encode())  # type: ignore[arg-type]


@pytest.mark.parametrize("form", FORMS)
def test_text_is_text(form: Form) -> None:
    drawing = figure(form)
    found = [element.text for element in parsed(drawing).iter(f"{SVG}text")]
    assert sorted(filter(None, found)) == sorted(label.text for label in drawing.labels())


@pytest.mark.parametrize("form", FORMS)
def test_ids_are_unique_and_name_the_layers(form: Form) -> None:
    root = parsed(figure(form))
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    layers = {element.get("id"): element for element in root.iter(f"{SVG}g") if element.get("data-layer")}
    name = {"columns": "network1.layer1.0.conv1", "horizontal": "network1.layer1.0", "block": "network1.layer1.0.bn1"}
    assert name[form] in layers
    title = layers[name[form]].find(f"{SVG}title")
    assert title is not None
    assert title.text == name[form].removeprefix("network1.")


def test_title_and_description_are_what_a_screen_reader_finds() -> None:
    root = parsed(figure())
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "title description")
    texts = {element.get("id"): element.text for element in root if element.get("id")}
    assert texts["title"] == "resnet18, seresnet50"
    assert "8 skip connections, of which 3 change the shape" in (texts["description"] or "")


def test_nothing_is_taken_from_outside() -> None:
    text = svg_text(figure())
    assert re.findall(r"https?://[^\"']+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<(image|use|script|style|foreignObject)|href|@import|url\((?!#)", text)


def test_the_stamp_is_in_the_metadata() -> None:
    stamp = {"architectures": ["<a & b>"]}
    (metadata,) = parsed(figure(), metadata=json.dumps(stamp)).iter(f"{SVG}metadata")
    assert json.loads(metadata.text or "") == stamp


def test_dotted_skip_connections_are_those_that_change_the_shape() -> None:
    groups = [element for element in parsed(figure()).iter(f"{SVG}g") if element.get("data-block")]
    dashed = [element for element in groups if any(part.get("stroke-dasharray") for part in element)]
    assert len(groups) - len(dashed) == 5 + 12
    assert len(dashed) == 3 + 4


def test_every_box_says_by_what_it_is_colored() -> None:
    name = preset("resnet18")
    root = parsed(make_figure([name], FigureOptions(), coloring("parameters", [name])))
    titles = [element.text or "" for element in root.iter(f"{SVG}title")]
    assert "fc: 513 k" in titles  # 512 · 1000 + 1000
    assert [element.tag for element in root.iter() if element.tag.endswith("linearGradient")]


@pytest.mark.parametrize("palette", [PRINT, DARK], ids=["print", "dark"])
@pytest.mark.parametrize("form", FORMS)
def test_qt_draws_it_in_its_colors(qapp, form: Form, palette) -> None:
    drawing = figure(form)
    renderer = QSvgRenderer(QByteArray(svg_text(drawing, palette).encode()))
    assert renderer.isValid()
    assert renderer.viewBoxF().width() == pytest.approx(drawing.width, abs=0.01)
    image = QImage(round(drawing.width), round(drawing.height), QImage.Format.Format_RGB32)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    assert image.pixelColor(2, 2).name() == palette.background
    box = next(box for box in drawing.boxes if box.layer.startswith("layer1.0"))
    assert image.pixelColor(round(box.rect.x + 4), round(box.rect.y + 4)).name() == palette.fill(box.fill)


def test_names_of_ones_own_modules_can_be_anything() -> None:
    """Escape sequences, line ends, and half of a surrogate pair are shown as symbols."""
    names = ("a\x1b[2J\n</svg>", "b\udc80 c")
    drawing = figure()
    boxes = {box: replace(box, names=(names[number % 2],)) for number, box in enumerate(drawing.boxes) if box.names}
    items = tuple(boxes.get(item, item) if isinstance(item, Box) else item for item in drawing.items)
    root = parsed(replace(drawing, items=items))
    layers = {element.get("data-layer") for element in root.iter() if element.get("data-layer")}
    assert layers == {"a␛[2J␊</svg>", "b� c"}
