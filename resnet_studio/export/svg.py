"""Feature maps as a page to print or to put on a slide: an SVG with pictures, scales and a caption. Needs no torch."""

from __future__ import annotations

import json
import textwrap
from base64 import b64encode
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from resnet_studio.export.figure import MapFigure, drawn, picture, png
from resnet_studio.export.provenance import KEY
from resnet_studio.formatting import percent, significant
from resnet_studio.inference.feature_maps import LOWEST, Colours, MapStyle, lookup_table, value_range
from resnet_studio.inference.values import LayerMaps, Pixels
from resnet_studio.plain import plain

EDGE, SPACE = 32, 8
"""Pixels around the page, and what distances are multiples of."""
LEAST_WIDTH = 480
"""Pixels that a picture is enlarged to by whole numbers, if it is not so wide; of the page, too."""
BAR = 256, 12
TEXT, QUIET = "#1b1f24", "#5d6570"
FONT = "Inter, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif"
LETTER = 0.56
"""Width of a letter as a share of the font's size, about."""
SIZES = {"title": 16, "line": 12, "caption": 11}


def svg(sheet: MapFigure) -> bytes:
    """The file's bytes: each layer with title, statistics, picture and colour bar, and the caption below them."""
    pictures = [picture(layer, sheet) for layer in sheet.layers]
    enlarged = [max(1, LEAST_WIDTH // one.shape[1]) for one in pictures]
    width = max(LEAST_WIDTH, *(one.shape[1] * times for one, times in zip(pictures, enlarged, strict=True)))
    whole = _Page(width, sheet)
    for layer, pixels, times in zip(sheet.layers, pictures, enlarged, strict=True):
        whole.add_layer(layer, pixels, times)
    whole.add_caption(sheet.stamp.caption())
    return whole.finished()


class _Page:
    """Things below one another; `y` is where the next one goes."""

    def __init__(self, width: int, sheet: MapFigure) -> None:
        self._width, self._stamp = width, sheet.stamp
        self._root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "font-family": FONT})
        SubElement(self._root, "title").text = _text(", ".join(layer.name for layer in sheet.layers))
        SubElement(self._root, "metadata", {"id": KEY}).text = json.dumps(sheet.stamp.to_json())
        self._paper = SubElement(self._root, "rect", {"fill": "#ffffff", "width": "100%", "height": "100%"})
        self._y = EDGE

    def add_layer(self, layer: LayerMaps, pixels: Pixels, times: int) -> None:
        channels, height, width = layer.values.shape
        only = "" if self._stamp.channel is None else f", channel {self._stamp.channel}"
        self._line(f"{layer.name}{only}", "title", weight="600")
        size = f"{channels:,} channel{'s' if channels > 1 else ''} of {height}×{width}"
        numbers = f"mean {significant(layer.mean)}, deviation {significant(layer.std)}, {percent(layer.zeros)} zeros"
        self._line(f"{size}: {numbers}", "line", QUIET)
        self._y += SPACE
        large = pixels.repeat(times, axis=0).repeat(times, axis=1)  # not every program keeps the edges of pixels
        self._image(large, large.shape[1], large.shape[0], crisp=True)
        self._y += 2 * SPACE
        self._scale(layer, drawn(layer, self._stamp.drawing))
        self._y += 3 * SPACE

    def add_caption(self, lines: tuple[str, ...]) -> None:
        letters = int(self._width / (SIZES["caption"] * LETTER))
        for line in lines:
            for part in textwrap.wrap(line, letters, subsequent_indent="    "):
                self._line(part, "caption", QUIET)

    def finished(self) -> bytes:
        across, down = self._width + 2 * EDGE, self._y + EDGE
        self._root.attrib |= {"width": str(across), "height": str(down), "viewBox": f"0 0 {across} {down}"}
        indent(self._root)
        text: bytes = tostring(self._root, encoding="utf-8", xml_declaration=True)
        return text

    def _line(self, text: str, size: str, colour: str = TEXT, weight: str = "400") -> None:
        self._y += SIZES[size]
        self._write(text, EDGE, self._y, size, colour, weight)
        self._y += SPACE // 2 + 1

    def _write(self, text: str, x: float, y: float, size: str, colour: str, weight: str = "400") -> None:
        look = {"font-size": str(SIZES[size]), "fill": colour, "font-weight": weight, "xml:space": "preserve"}
        SubElement(self._root, "text", {"x": str(x), "y": str(y), **look}).text = _text(text)

    def _image(self, pixels: Pixels, width: int, height: int, *, crisp: bool) -> None:
        data = b64encode(png(pixels)).decode()
        how = {"style": "image-rendering: pixelated"} if crisp else {}
        place = {"x": str(EDGE), "y": str(self._y), "width": str(width), "height": str(height)}
        href = {"href": f"data:image/png;base64,{data}", "preserveAspectRatio": "none"}
        SubElement(self._root, "image", place | href | how)
        self._y += height

    def _scale(self, layer: LayerMaps, drawing: MapStyle) -> None:
        """The colour bar with the values of its ends."""
        low, high = ends(layer, drawing, self._stamp.channel)
        width, height = BAR
        self._image(bar(drawing.colours), width, height, crisp=False)
        self._write(f"{low}  to  {high}", EDGE + width + SPACE, self._y - 2, "line", TEXT)
        self._y += SPACE


def ends(layer: LayerMaps, drawing: MapStyle, channel: int | None) -> tuple[str, str]:
    """What the first and the last colour stand for, in words where it is another value in each channel."""
    low, high = (ends.ravel() for ends in value_range(layer.values, drawing))
    if len(low) > 1 and channel is None:
        zero = "; zero in the middle" if drawing.colours == "diverging" else ""
        return "each channel's own least", f"its greatest value{zero}"
    place = channel if channel is not None and len(low) > 1 else 0
    return significant(float(low[place])), significant(float(high[place]))


def bar(colours: Colours) -> Pixels:
    """The colours from low to high, one pixel high."""
    return np.ascontiguousarray(lookup_table(colours)[None, LOWEST:])


LONGEST_TEXT = 1000
"""Characters of a line."""


def _text(text: str) -> str:
    """Without the control characters that no XML can hold."""
    return plain(text, LONGEST_TEXT)
