"""Paints drawings with Qt: in the window, into PNG, and into PDF."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QLinearGradient,
    QPageSize,
    QPainter,
    QPainterPath,
    QPdfWriter,
    QPen,
    QPolygonF,
)

from resnet_studio.export.provenance import KEY, NetworkProvenance
from resnet_studio.figures.drawing import Arc, Box, Brace, ColorBar, Drawing, Item, Label, Line, Point
from resnet_studio.figures.palette import Palette
from resnet_studio.figures.shapes import arrowhead, shortened, side_face, top_face
from resnet_studio.figures.text_metrics import SPARE

FONTS = ("Helvetica", "Arial", "Liberation Sans", "Nimbus Sans", "Noto Sans", "DejaVu Sans")
"""Those first whose widths the drawing is laid out with."""
DOTS = (0.9, 2.6)
"""Length of a dot and distance to the next, in units of a line's width."""
DASHES = (3.0, 2.0)
POINTS_PER_INCH = 72
METERS_PER_INCH = 0.0254
SCALE = 4.0
"""Pixels of a PNG for a point of the drawing: 288 an inch."""
MOST_PIXELS = 16_000
"""Of a side of a PNG: some viewers open no larger ones."""


def paint_drawing(painter: QPainter, drawing: Drawing, palette: Palette) -> None:
    """Paint a drawing; a point of it is a unit of the painter's coordinates."""
    painter.fillRect(QRectF(0, 0, drawing.width, drawing.height), QColor(palette.background))
    paint_items(painter, drawing.items, palette)


def paint_items(painter: QPainter, items: Iterable[Item], palette: Palette) -> None:
    """Paint some of a drawing's items, in their order."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for item in items:
        match item:
            case Box():
                _paint_box(painter, item, palette)
            case Line():
                _paint_line(painter, item, palette)
            case Arc():
                _paint_arc(painter, item, palette)
            case Label():
                _paint_label(painter, item, palette)
            case Brace():
                _stroke(painter, item.points, palette.tone(item.tone), item.width)
            case ColorBar():
                _paint_color_bar(painter, item, palette)


def _paint_box(painter: QPainter, box: Box, palette: Palette) -> None:
    painter.setPen(_box_pen(box, palette))
    rect = QRectF(*box.rect)
    if box.extrusion:
        for face, color in ((top_face(box), palette.top(box.fill)), (side_face(box), palette.side(box.fill))):
            painter.setBrush(QColor(color))
            painter.drawPolygon(_polygon(face))
    fill = palette.fill(box.fill)
    painter.setBrush(QColor(fill) if fill else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect, box.radius, box.radius)
    for label in box.labels():
        _paint_label(painter, label, palette)


def _box_pen(box: Box, palette: Palette) -> QPen:
    if box.border == "none":
        return QPen(Qt.PenStyle.NoPen)
    pen = QPen(QColor(palette.border(box.fill)), BORDER)
    if box.border == "dashed":
        pen.setDashPattern(DASHES)
    return pen


BORDER = 0.6
"""Width of the line around a box."""


def _paint_line(painter: QPainter, line: Line, palette: Palette) -> None:
    color = palette.tone(line.tone)
    painter.setPen(_pen(color, line.width, dotted=line.dotted))
    painter.drawPolyline(_polygon(shortened(line.points) if line.arrow else line.points))
    if line.arrow:
        _paint_head(painter, line.points, color)


def _paint_arc(painter: QPainter, arc: Arc, palette: Palette) -> None:
    points = shortened(arc.points) if arc.arrow else arc.points
    _stroke(painter, points, palette.text, arc.width, dotted=arc.dotted)
    if arc.arrow:
        _paint_head(painter, arc.points, palette.text)


def _stroke(painter: QPainter, points: Sequence[Point], color: str, width: float, *, dotted: bool = False) -> None:
    """Draw Bézier curves."""
    painter.setPen(_pen(color, width, dotted=dotted))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(curve_path(points))


def curve_path(points: Sequence[Point]) -> QPainterPath:
    """Bézier curves through a start, and for each two control points and an end."""
    path = QPainterPath(QPointF(*points[0]))
    rest = [QPointF(*point) for point in points[1:]]
    for number in range(0, len(rest), 3):
        path.cubicTo(*rest[number : number + 3])
    return path


def _paint_head(painter: QPainter, points: Sequence[Point], color: str) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color))
    painter.drawPolygon(_polygon(arrowhead(points)))


def _paint_label(painter: QPainter, label: Label, palette: Palette) -> None:
    """Draw a line of text; in a font that is wider than the drawing left room for, in narrower letters.

    It is drawn in a large size and scaled, as small sizes round the widths of letters.
    """
    width = label.size * _em_width(label.text, label.bold, label.italic)
    room = SPARE * label.width
    across, down = label.size / LARGE * min(1.0, room / width if width else 1.0), label.size / LARGE
    left = label.x - min(width, room) * {"start": 0.0, "middle": 0.5, "end": 1.0}[label.anchor]
    painter.save()
    painter.translate(left, label.baseline)
    painter.scale(across, down)
    painter.setFont(_font(label.bold, label.italic))
    painter.setPen(QColor(palette.text_on(label.on) if label.tone == "text" else palette.tone(label.tone)))
    painter.drawText(QPointF(0, 0), label.text)
    painter.restore()


@lru_cache(maxsize=4)
def _font(bold: bool, italic: bool) -> QFont:
    font = QFont(list(FONTS))
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    font.setPixelSize(LARGE)
    font.setBold(bold)
    font.setItalic(italic)
    return font


@lru_cache(maxsize=4096)
def _em_width(text: str, bold: bool, italic: bool) -> float:
    """The width of a text as a multiple of the font's size."""
    return QFontMetricsF(_font(bold, italic)).horizontalAdvance(text) / LARGE


LARGE = 64
"""Size in pixels in which texts are measured and drawn."""


def _paint_color_bar(painter: QPainter, bar: ColorBar, palette: Palette) -> None:
    rect = QRectF(*bar.rect)
    gradient = QLinearGradient(rect.topLeft(), rect.topRight())
    for number, color in enumerate(palette.scale):
        gradient.setColorAt(number / (len(palette.scale) - 1), QColor(color))
    painter.setPen(QPen(QColor(palette.muted), BORDER))
    painter.setBrush(QBrush(gradient))
    painter.drawRect(rect)


def _pen(color: str, width: float, *, dotted: bool) -> QPen:
    pen = QPen(QColor(color), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    if dotted:
        pen.setDashPattern(DOTS)
    return pen


def _polygon(points: Iterable[Point]) -> QPolygonF:
    return QPolygonF([QPointF(*point) for point in points])


def png_bytes(
    drawing: Drawing, palette: Palette, provenance: NetworkProvenance | None = None, scale: float = SCALE
) -> bytes:
    """A PNG file with `scale` pixels for a point, or fewer where a side would have too many."""
    scale = min(scale, MOST_PIXELS / max(drawing.width, drawing.height))
    size = QSize(max(1, round(scale * drawing.width)), max(1, round(scale * drawing.height)))
    image = QImage(size, QImage.Format.Format_RGB32)
    dots_per_meter = round(scale * POINTS_PER_INCH / METERS_PER_INCH)
    image.setDotsPerMeterX(dots_per_meter)
    image.setDotsPerMeterY(dots_per_meter)
    painter = QPainter(image)
    painter.scale(scale, scale)
    paint_drawing(painter, drawing, palette)
    painter.end()
    if provenance:
        image.setText(KEY, json.dumps(provenance.to_json()))
        image.setText("Description", "\n".join(provenance.caption()))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stub wants bytes
    return bytes(buffer.data().data())


def pdf_bytes(drawing: Drawing, palette: Palette, provenance: NetworkProvenance | None = None) -> bytes:
    """A PDF file with one page of the drawing's size; text is text in embedded fonts."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setResolution(POINTS_PER_INCH)
    exact = QPageSize.SizeMatchPolicy.ExactMatch
    writer.setPageSize(QPageSize(QSizeF(drawing.width, drawing.height), QPageSize.Unit.Point, "", exact))
    writer.setPageMargins(QMarginsF())
    writer.setTitle(drawing.title)
    if provenance:
        writer.setCreator("; ".join(provenance.caption()))
    painter = QPainter(writer)
    paint_drawing(painter, drawing, palette)
    painter.end()
    return CHARACTERS.sub(lambda table: table[0].replace(b"<0009>", b"<0020>"), bytes(buffer.data().data()))


CHARACTERS = re.compile(rb"\[(?:<[0-9A-F]{4}> ?)+\]")
"""The characters of a PDF's glyphs, by which text is found and copied. Qt takes spaces for tabs, which have the same
glyph."""
