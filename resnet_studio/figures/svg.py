"""A drawing as SVG: text is text, layers have ids, and no other file is needed. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import singledispatchmethod
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from resnet_studio.figures.drawing import Arc, Box, Brace, ColorBar, Drawing, Item, Label, Line, Point
from resnet_studio.figures.palette import PRINT, Palette
from resnet_studio.figures.shapes import arrowhead, shortened, side_face, top_face
from resnet_studio.plain import plain

FONT = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', 'Noto Sans', 'DejaVu Sans', sans-serif"
BORDER = 0.6
"""Width of the line around a box."""
DASHES = "1.8 1.2"
METADATA = "resnet-studio"
"""Id of the metadata, which hold where the figure comes from."""


def svg_text(drawing: Drawing, palette: Palette = PRINT, metadata: str = "") -> str:
    """The file's text. `metadata` is JSON that says where the figure comes from."""
    page = _Page(drawing, palette, metadata)
    for item in drawing.items:
        page.add(item)
    return page.text()


class _Page:
    """Elements in the order of the drawing."""

    def __init__(self, drawing: Drawing, palette: Palette, metadata: str) -> None:
        self._palette = palette
        width, height = _number(drawing.width), _number(drawing.height)
        self._root = Element("svg", {
            "xmlns": "http://www.w3.org/2000/svg", "width": f"{width}pt", "height": f"{height}pt",
            "viewBox": f"0 0 {width} {height}", "role": "img", "aria-labelledby": "title description",
            "font-family": FONT,
        })  # fmt: skip
        SubElement(self._root, "title", {"id": "title"}).text = drawing.title
        SubElement(self._root, "desc", {"id": "description"}).text = drawing.description
        if metadata:
            SubElement(self._root, "metadata", {"id": METADATA}).text = metadata
        SubElement(self._root, "rect", {"width": width, "height": height, "fill": palette.background})
        self._gradients = 0
        self._ids: set[str] = set()

    def text(self) -> str:
        indent(self._root)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(self._root, encoding="unicode") + "\n"

    @singledispatchmethod
    def add(self, item: Item) -> None:
        """Append an item."""
        raise TypeError(f"unknown item {item!r}")

    @add.register
    def _(self, box: Box) -> None:
        group = SubElement(self._root, "g", self._identity(box))
        if box.names:
            name = plain(box.layer)
            SubElement(group, "title").text = f"{name}: {box.value}" if box.value else name
        line = self._outline(box)
        if box.extrusion:
            for face, color in ((top_face(box), self._palette.top), (side_face(box), self._palette.side)):
                SubElement(group, "polygon", {"points": _points(face), "fill": color(box.fill), **line})
        SubElement(group, "rect", {
            "x": _number(box.rect.x), "y": _number(box.rect.y), "width": _number(box.rect.width),
            "height": _number(box.rect.height), **({"rx": _number(box.radius)} if box.radius else {}),
            "fill": self._palette.fill(box.fill) or "none", **line,
        })  # fmt: skip
        for label in box.labels():
            self._write(group, label)

    @add.register
    def _(self, line: Line) -> None:
        color = self._palette.tone(line.tone)
        points = shortened(line.points) if line.arrow else line.points
        SubElement(self._root, "polyline", {"points": _points(points), **_stroke(color, line.width, line.dotted)})
        if line.arrow:
            self._head(self._root, line.points, color)

    @add.register
    def _(self, arc: Arc) -> None:
        group = SubElement(self._root, "g", {"data-block": plain(arc.block)} if arc.block else {})
        points = shortened(arc.points) if arc.arrow else arc.points
        SubElement(group, "path", {"d": _curve(points), **_stroke(self._palette.text, arc.width, arc.dotted)})
        if arc.arrow:
            self._head(group, arc.points, self._palette.text)

    @add.register
    def _(self, brace: Brace) -> None:
        color = self._palette.tone(brace.tone)
        SubElement(self._root, "path", {"d": _curve(brace.points), **_stroke(color, brace.width, dotted=False)})

    @add.register
    def _(self, label: Label) -> None:
        self._write(self._root, label)

    @add.register
    def _(self, bar: ColorBar) -> None:
        self._gradients += 1
        name = f"scale{self._gradients}"
        gradient = SubElement(SubElement(self._root, "defs"), "linearGradient", {"id": name})
        last = len(self._palette.scale) - 1
        for number, color in enumerate(self._palette.scale):
            SubElement(gradient, "stop", {"offset": _number(number / last), "stop-color": color})
        SubElement(self._root, "rect", {
            "x": _number(bar.rect.x), "y": _number(bar.rect.y), "width": _number(bar.rect.width),
            "height": _number(bar.rect.height), "fill": f"url(#{name})", "stroke": self._palette.muted,
            "stroke-width": _number(BORDER),
        })  # fmt: skip

    def _identity(self, box: Box) -> dict[str, str]:
        """The box's id: its network's number and its layer."""
        if not box.names:
            return {}
        layer = plain(box.layer)
        name = f"network{box.column + 1}.{layer}".replace(" ", "_")
        if name in self._ids:
            return {"data-layer": layer}
        self._ids.add(name)
        return {"id": name, "data-layer": layer}

    def _outline(self, box: Box) -> dict[str, str]:
        if box.border == "none":
            return {}
        dashes = {"stroke-dasharray": DASHES} if box.border == "dashed" else {}
        return {"stroke": self._palette.border(box.fill), "stroke-width": _number(BORDER), **dashes}

    def _write(self, parent: Element, label: Label) -> None:
        color = self._palette.text_on(label.on) if label.tone == "text" else self._palette.tone(label.tone)
        attributes = {
            "x": _number(label.x), "y": _number(label.baseline), "font-size": _number(label.size), "fill": color,
        }  # fmt: skip
        if label.anchor != "start":
            attributes["text-anchor"] = label.anchor
        if label.bold:
            attributes["font-weight"] = "bold"
        if label.italic:
            attributes["font-style"] = "italic"
        SubElement(parent, "text", attributes).text = label.text

    def _head(self, parent: Element, points: Sequence[Point], color: str) -> None:
        SubElement(parent, "polygon", {"points": _points(arrowhead(points)), "fill": color})


def _stroke(color: str, width: float, dotted: bool) -> Mapping[str, Any]:
    dots = {"stroke-dasharray": f"{_number(0.9 * width)} {_number(2.6 * width)}"} if dotted else {}
    return {"fill": "none", "stroke": color, "stroke-width": _number(width), **dots}


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _curve(points: Sequence[Point]) -> str:
    """The path of Bézier curves."""
    return f"M{_points(points[:1])} C{_points(points[1:])}"


def _number(value: float) -> str:
    """In hundredths of a point."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
