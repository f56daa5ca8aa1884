r"""A drawing as a LaTeX document for TikZ, which needs no other packages than LaTeX's own. Needs neither torch nor Qt.

`pdflatex`, `lualatex` and `xelatex` make a page of the drawing's size of it. The picture alone, from
`\begin{tikzpicture}` to its end, can stand in any document that has the colors above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from resnet_studio.analysis.text import latex_text
from resnet_studio.figures.drawing import Arc, Box, Brace, ColorBar, Drawing, Item, Label, Line, Point
from resnet_studio.figures.palette import PRINT, Palette
from resnet_studio.figures.shapes import arrowhead, shortened, side_face, top_face
from resnet_studio.plain import plain

LARGEST = 16_000
"""Points of the longest length that TeX can hold, about."""
FONT_SIZE = 10.0
"""In which texts are set before they are scaled, since not all fonts have all sizes."""
BORDER = 0.6
"""Width of the line around a box."""
ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}


def tikz_text(drawing: Drawing, palette: Palette = PRINT, comments: Iterable[str] = ()) -> str:
    """The document's text; the comments stand on top. `ValueError` if TeX can't hold a drawing of that size."""
    if max(drawing.width, drawing.height) > LARGEST:
        raise ValueError(
            f"the figure is {max(drawing.width, drawing.height):,.0f} points long, and TeX holds {LARGEST:,}: "
            "fold repeated blocks"
        )
    picture = _Picture(palette)
    corner = _point((drawing.width, drawing.height))
    lines = [rf"\useasboundingbox (0, 0) rectangle {corner};"]
    if palette is not PRINT:
        lines.append(rf"\fill[{picture.color(palette.background)}] (0, 0) rectangle {corner};")
    lines += [line for item in drawing.items for line in picture.item(item)]
    return "\n".join((
        *(f"% {comment}" for comment in comments),
        r"\documentclass{article}",
        rf"\usepackage[paperwidth={_number(drawing.width)}bp, paperheight={_number(drawing.height)}bp, margin=0pt]"
        "{geometry}",
        r"\usepackage{tikz}",
        r"\pagestyle{empty}",
        r"\setlength{\parindent}{0pt}",
        r"\setlength{\topskip}{0pt}",
        *picture.colors(),
        r"\begin{document}",
        r"\begin{tikzpicture}[x=1bp, y=-1bp, inner sep=0pt, outer sep=0pt,",
        r"  font=\sffamily\fontsize{10bp}{12bp}\selectfont,",
        rf"  baseline=(current bounding box.north), line width={_number(BORDER)}bp]",
        *lines,
        r"\end{tikzpicture}",
        r"\end{document}",
        "",
    ))  # fmt: skip


class _Picture:
    """The paths and nodes of items, and the colors that they use."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self._names: dict[str, str] = {}

    def colors(self) -> Iterator[str]:
        """The definitions of the colors that have been used."""
        for color, name in self._names.items():
            yield rf"\definecolor{{{name}}}{{HTML}}{{{color.lstrip('#').upper()}}}"

    def color(self, color: str) -> str:
        """The name of a color."""
        return self._names.setdefault(color, f"figure{len(self._names) + 1}")

    def item(self, item: Item) -> Iterator[str]:
        """The lines of an item."""
        match item:
            case Box():
                yield from self._box(item)
            case Line():
                points = shortened(item.points) if item.arrow else item.points
                color = self._palette.tone(item.tone)
                yield self._draw(" -- ".join(map(_point, points)), color, item.width, item.dotted)
                if item.arrow:
                    yield self._head(item.points, color)
            case Arc():
                points = shortened(item.points) if item.arrow else item.points
                yield self._draw(_curve(points), self._palette.text, item.width, item.dotted)
                if item.arrow:
                    yield self._head(item.points, self._palette.text)
            case Brace():
                yield self._draw(_curve(item.points), self._palette.tone(item.tone), item.width)
            case Label():
                yield self._label(item)
            case ColorBar():
                yield from self._color_bar(item)

    def _box(self, box: Box) -> Iterator[str]:
        if box.names:
            yield f"% {plain(box.layer)}"
        border = self._border(box)
        if box.extrusion:
            for face, color in ((top_face(box), self._palette.top), (side_face(box), self._palette.side)):
                yield rf"\path[{border}, fill={self.color(color(box.fill))}] {_polygon(face)};"
        fill = self._palette.fill(box.fill)
        options = [border, f"rounded corners={_number(box.radius)}bp" if box.radius else ""]
        options.append(f"fill={self.color(fill)}" if fill else "")
        corner = _point((box.rect.right, box.rect.bottom))
        yield rf"\path[{', '.join(filter(None, options))}] {_point((box.rect.x, box.rect.y))} rectangle {corner};"
        yield from map(self._label, box.labels())

    def _border(self, box: Box) -> str:
        if box.border == "none":
            return "draw=none"
        dashes = ", dash pattern=on 1.8bp off 1.2bp" if box.border == "dashed" else ""
        return f"draw={self.color(self._palette.border(box.fill))}{dashes}"

    def _draw(self, path: str, color: str, width: float, dotted: bool = False) -> str:
        dots = f", dash pattern=on {_number(0.9 * width)}bp off {_number(1.7 * width)}bp" if dotted else ""
        return rf"\draw[{self.color(color)}, line width={_number(width)}bp{dots}] {path};"

    def _head(self, points: Sequence[Point], color: str) -> str:
        return rf"\fill[{self.color(color)}] {_polygon(arrowhead(points))};"

    def _label(self, label: Label) -> str:
        color = self._palette.text_on(label.on) if label.tone == "text" else self._palette.tone(label.tone)
        style = (r"\bfseries " if label.bold else "") + (r"\itshape " if label.italic else "")
        options = f"anchor={ANCHORS[label.anchor]}, scale={label.size / FONT_SIZE:.3g}, text={self.color(color)}"
        return rf"\node[{options}] at {_point((label.x, label.baseline))} {{{style}{latex_text(label.text)}}};"

    def _color_bar(self, bar: ColorBar) -> Iterator[str]:
        stops = self._palette.scale
        width = bar.rect.width / (len(stops) - 1)
        for number, (left, right) in enumerate(pairwise(stops)):
            x = bar.rect.x + number * width
            colors = f"left color={self.color(left)}, right color={self.color(right)}"
            yield rf"\shade[{colors}] {_point((x, bar.rect.y))} rectangle {_point((x + width, bar.rect.bottom))};"
        border = self.color(self._palette.muted)
        corner = _point((bar.rect.right, bar.rect.bottom))
        yield rf"\draw[{border}] {_point((bar.rect.x, bar.rect.y))} rectangle {corner};"


def _curve(points: Sequence[Point]) -> str:
    """The path of Bézier curves."""
    parts = [_point(points[0])]
    for number in range(1, len(points), 3):
        first, second, end = map(_point, points[number : number + 3])
        parts.append(f"{first} and {second} .. {end}")
    return " .. controls ".join(parts)


def _polygon(points: Iterable[Point]) -> str:
    return " -- ".join((*map(_point, points), "cycle"))


def _point(point: Point) -> str:
    return f"({_number(point[0])}, {_number(point[1])})"


def _number(value: float) -> str:
    """In hundredths of a point."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
