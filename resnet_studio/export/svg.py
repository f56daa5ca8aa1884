"""Feature maps as an SVG page for print or slides, with images, color bars and a caption. Needs no torch."""

from __future__ import annotations

import json
import textwrap
from base64 import b64encode
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from resnet_studio.export.figure import MapFigure, effective_style, layer_image, png_bytes
from resnet_studio.export.provenance import KEY
from resnet_studio.formatting import about_percent, counted, significant
from resnet_studio.inference.colormaps import Colormap
from resnet_studio.inference.feature_maps import LOWEST, MapStyle, lookup_table, value_range
from resnet_studio.inference.values import LayerMaps, Pixels
from resnet_studio.plain import plain

MARGIN, SPACING = 32, 8
"""Pixels around the page, and the unit of its distances."""
MIN_WIDTH = 480
"""Least width of the page in pixels; narrower images are enlarged towards it by a whole factor."""
BAR_SIZE = 256, 12
TEXT_COLOR, SECONDARY_COLOR = "#1b1f24", "#5d6570"
FONT = "Inter, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif"
LETTER_WIDTH = 0.56
"""Average width of a letter, as a fraction of the font size."""
FONT_SIZES = {"title": 16, "line": 12, "caption": 11}


def svg_bytes(figure: MapFigure) -> bytes:
    """The file's bytes: each layer with title, statistics, image and color bar, and the caption below them."""
    images = [layer_image(layer, figure) for layer in figure.layers]
    factors = [max(1, MIN_WIDTH // image.shape[1]) for image in images]
    width = max(MIN_WIDTH, *(image.shape[1] * factor for image, factor in zip(images, factors, strict=True)))
    page = _SvgPage(width, figure)
    for layer, image, factor in zip(figure.layers, images, factors, strict=True):
        page.add_layer(layer, image, factor)
    page.add_caption(figure.provenance.caption())
    return page.to_bytes()


class _SvgPage:
    """Elements below one another; `_y` is where the next one goes."""

    def __init__(self, width: int, figure: MapFigure) -> None:
        self._width, self._provenance = width, figure.provenance
        self._root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "font-family": FONT})
        SubElement(self._root, "title").text = _text(", ".join(layer.name for layer in figure.layers))
        SubElement(self._root, "metadata", {"id": KEY}).text = json.dumps(figure.provenance.to_json())
        SubElement(self._root, "rect", {"fill": "#ffffff", "width": "100%", "height": "100%"})
        self._y = MARGIN

    def add_layer(self, layer: LayerMaps, pixels: Pixels, factor: int) -> None:
        channels, height, width = layer.values.shape
        suffix = "" if self._provenance.channel is None else f", channel {self._provenance.channel}"
        self._line(f"{layer.name}{suffix}", "title", weight="600")
        numbers = f"mean {significant(layer.mean)}, std {significant(layer.std)}, {about_percent(layer.zeros)} zeros"
        size = f"{counted(channels, 'channel')} of {height}×{width}"
        self._line(f"{size}: {numbers}", "line", SECONDARY_COLOR)
        self._y += SPACING
        large = pixels.repeat(factor, axis=0).repeat(factor, axis=1)  # some programs would smooth the pixels
        self._image(large, large.shape[1], large.shape[0], crisp=True)
        self._y += 2 * SPACING
        self._add_color_bar(layer, effective_style(layer, self._provenance.style))
        self._y += 3 * SPACING

    def add_caption(self, lines: tuple[str, ...]) -> None:
        letters = int(self._width / (FONT_SIZES["caption"] * LETTER_WIDTH))
        for line in lines:
            for part in textwrap.wrap(line, letters, subsequent_indent="    "):
                self._line(part, "caption", SECONDARY_COLOR)

    def to_bytes(self) -> bytes:
        across, down = self._width + 2 * MARGIN, self._y + MARGIN
        self._root.attrib |= {"width": str(across), "height": str(down), "viewBox": f"0 0 {across} {down}"}
        indent(self._root)
        text: bytes = tostring(self._root, encoding="utf-8", xml_declaration=True)
        return text

    def _line(self, text: str, size: str, color: str = TEXT_COLOR, weight: str = "400") -> None:
        self._y += FONT_SIZES[size]
        self._write(text, MARGIN, self._y, size, color, weight)
        self._y += SPACING // 2 + 1

    def _write(self, text: str, x: float, y: float, size: str, color: str, weight: str = "400") -> None:
        attributes = {"font-size": str(FONT_SIZES[size]), "fill": color, "font-weight": weight, "xml:space": "preserve"}
        SubElement(self._root, "text", {"x": str(x), "y": str(y), **attributes}).text = _text(text)

    def _image(self, pixels: Pixels, width: int, height: int, *, crisp: bool) -> None:
        data = b64encode(png_bytes(pixels)).decode()
        style = {"style": "image-rendering: pixelated"} if crisp else {}
        position = {"x": str(MARGIN), "y": str(self._y), "width": str(width), "height": str(height)}
        href = {"href": f"data:image/png;base64,{data}", "preserveAspectRatio": "none"}
        SubElement(self._root, "image", position | href | style)
        self._y += height

    def _add_color_bar(self, layer: LayerMaps, style: MapStyle) -> None:
        """Add the color bar with the values at its ends."""
        low, high = range_labels(layer, style, self._provenance.channel)
        width, height = BAR_SIZE
        self._image(color_bar(style.colours), width, height, crisp=False)
        self._write(f"{low}  to  {high}", MARGIN + width + SPACING, self._y - 2, "line", TEXT_COLOR)
        self._y += SPACING


def range_labels(layer: LayerMaps, style: MapStyle, channel: int | None) -> tuple[str, str]:
    """The values of the first and the last color; words where they differ from channel to channel."""
    low, high = (bounds.ravel() for bounds in value_range(layer.values, style))
    if len(low) > 1 and channel is None:
        zero = "; zero in the middle" if style.colours == "diverging" else ""
        return "each channel's min", f"its max{zero}"
    index = channel if channel is not None and len(low) > 1 else 0
    return significant(float(low[index])), significant(float(high[index]))


def color_bar(colors: Colormap) -> Pixels:
    """The colors from low to high, one pixel high."""
    return np.ascontiguousarray(lookup_table(colors)[None, LOWEST:])


MAX_LINE_LENGTH = 1000
"""Most characters of a line of text."""


def _text(text: str) -> str:
    """The text without control characters, which XML can't hold."""
    return plain(text, MAX_LINE_LENGTH)
