"""What a window really paints: every piece of text, how much room its font needs and how much of that is seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPaintDevice, QPaintEngine, QPaintEngineState, QRegion, QTextItem, QTransform
from PySide6.QtWidgets import QAbstractItemView, QAbstractScrollArea, QHeaderView, QWidget

from resnet_studio.gui.common.labels import ElidedLabel

FOLLOWERS = {"layerTotal"}
"""Views without scroll bars that are scrolled together with another."""
Side = Callable[[QRectF], tuple[float, float]]
SLACK = 1.5
"""Pixels by which a text may reach over its room: glyphs stand on fractions of a pixel, rooms on whole ones."""


@dataclass(frozen=True)
class Text:
    """One piece of text on a widget, in the widget's coordinates."""

    text: str
    box: QRectF
    """Where its ink is."""
    room: QRectF
    """What the painter's clip lets through, or else the widget."""


class _Recorder(QPaintEngine):
    """Notes text; shapes and pictures are nothing to it."""

    def __init__(self) -> None:
        super().__init__(QPaintEngine.PaintEngineFeature.AllFeatures)
        self.texts: list[tuple[str, QRectF, QRectF | None]] = []
        self._clip: QRectF | None = None
        self._transform = QTransform()

    def begin(self, device: QPaintDevice) -> bool:
        return True

    def end(self) -> bool:
        return True

    def type(self) -> QPaintEngine.Type:
        return QPaintEngine.Type.User

    def updateState(self, state: QPaintEngineState) -> None:  # noqa: N802  (Qt's names)
        dirty, flags = state.state(), QPaintEngine.DirtyFlag
        self._transform = state.transform()
        if dirty & flags.DirtyClipEnabled and not state.isClipEnabled():
            self._clip = None
        if dirty & (flags.DirtyClipRegion | flags.DirtyClipPath):
            path = bool(dirty & flags.DirtyClipPath)
            shape = state.clipPath().boundingRect() if path else QRectF(state.clipRegion().boundingRect())
            box = self._transform.mapRect(shape)
            match state.clipOperation():
                case Qt.ClipOperation.NoClip:
                    self._clip = None
                case Qt.ClipOperation.IntersectClip if self._clip is not None:
                    self._clip = self._clip.intersected(box)
                case _:
                    self._clip = box

    def drawTextItem(self, place: QPointF, item: QTextItem) -> None:  # noqa: N802
        ink = QFontMetricsF(item.font()).tightBoundingRect(item.text())
        box = QRectF(place.x(), place.y() + ink.top(), item.width(), ink.height())
        self.texts.append((item.text(), self._transform.mapRect(box), self._clip))

    def drawPixmap(self, *_: object) -> None:  # noqa: N802
        pass

    def drawImage(self, *_: object) -> None:  # noqa: N802
        pass

    def drawPath(self, *_: object) -> None:  # noqa: N802
        pass

    def drawPolygon(self, *_: object) -> None:  # noqa: N802
        pass

    def drawRects(self, *_: object) -> None:  # noqa: N802
        pass

    def drawLines(self, *_: object) -> None:  # noqa: N802
        pass

    def drawEllipse(self, *_: object) -> None:  # noqa: N802
        pass

    def drawPoints(self, *_: object) -> None:  # noqa: N802
        pass


class _Paper(QPaintDevice):
    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.recorder = _Recorder()
        metrics = QPaintDevice.PaintDeviceMetric
        asked = [metric for metric in metrics if metric != metrics.PdmDevicePixelRatioF_EncodedA]
        self._metrics = {int(metric.value): widget.metric(metric) for metric in asked if metric.value <= 12}

    def paintEngine(self) -> QPaintEngine:  # noqa: N802  (Qt's names)
        return self.recorder

    def metric(self, metric: QPaintDevice.PaintDeviceMetric) -> int:
        return self._metrics.get(int(metric.value), 1)


def painted(widget: QWidget) -> list[Text]:
    """Every piece of text that a widget paints itself, without its children."""
    paper = _Paper(widget)
    QWidget.render(widget, paper, QPoint(), QRegion(), QWidget.RenderFlag(0))  # not that of a view, which draws a scene
    rooms: dict[tuple[str, tuple[float, ...]], QRectF] = {}
    for text, box, clip in paper.recorder.texts:
        if text.strip():
            room = QRectF(widget.rect()) if clip is None else clip
            known = rooms.get((text, box.getRect()))  # a text over several rows is painted with each of them
            rooms[text, box.getRect()] = room.united(known) if known else room
    return [Text(text, QRectF(*box), room) for (text, box), room in rooms.items()]


def cut_texts(window: QWidget) -> Iterator[str]:
    """What of a window's text can't be read: cut, elided, or under another text. Each with where it is.

    What a scroll bar brings into view is not cut.
    """
    for widget in (window, *window.findChildren(QWidget)):
        if not widget.isVisibleTo(window):
            continue
        where = "/".join(filter(None, (*_names(widget, window), type(widget).__name__)))
        texts = painted(widget)
        for text in texts:
            if _is_cut(text, widget, window):
                yield f"{where}: {text.text!r} needs {text.box.getRect()}, has {text.room.getRect()}"
            elif re.search(r"\S…", text.text) and (hidden := _hidden(text.text, widget)):
                yield f"{where}: {text.text!r} is elided, which hides {hidden!r}"
        for number, text in enumerate(texts):
            for other in texts[:number]:
                both = text.box.intersected(other.box)
                if min(both.width(), both.height()) > 2 * SLACK and text != other:
                    yield f"{where}: {text.text!r} lies over {other.text!r}"


def _is_cut(text: Text, widget: QWidget, window: QWidget) -> bool:
    """Whether something of it is nowhere to be seen."""
    inner, box, room = widget, text.box, text.room
    scrolled: set[Side] = set()
    while True:
        for side, scrolls in zip((_across, _down), _scrolls(inner), strict=True):
            if scrolls and not _within(side(box), side(QRectF(inner.rect()))):
                scrolled.add(side)  # it is looked at when it is scrolled there
            if side not in scrolled and not _within(side(box), side(QRectF(inner.rect()))):
                return True
        seen = all(_within(side(box), side(room)) for side in (_across, _down) if side not in scrolled)
        if not seen and not (scrolled and room.isEmpty()):
            return True
        if inner is window or inner.isWindow():
            return False
        box = box.translated(QPointF(inner.pos()))
        inner = inner.parentWidget()
        room = QRectF(inner.rect())


def _within(part: tuple[float, float], whole: tuple[float, float]) -> bool:
    return whole[0] - SLACK <= part[0] and part[1] <= whole[1] + SLACK


def _across(box: QRectF) -> tuple[float, float]:
    return box.left(), box.right()


def _down(box: QRectF) -> tuple[float, float]:
    return box.top(), box.bottom()


def _scrolls(widget: QWidget) -> tuple[bool, bool]:
    """Whether a widget shows a part of something larger: across and down."""
    area = widget.parentWidget()
    if not isinstance(area, QAbstractScrollArea) or area.viewport() is not widget:
        return False, False
    if isinstance(area, QHeaderView):
        view = area.parentWidget()
        assert isinstance(view, QAbstractItemView)
        bars = view.horizontalScrollBar(), view.verticalScrollBar()
        mine = area.orientation()
        return (
            mine == Qt.Orientation.Horizontal and bars[0].maximum() > bars[0].minimum(),
            mine == Qt.Orientation.Vertical and bars[1].maximum() > bars[1].minimum(),
        )
    off = Qt.ScrollBarPolicy.ScrollBarAlwaysOff
    across, down = area.horizontalScrollBar(), area.verticalScrollBar()
    follows = area.objectName() in FOLLOWERS
    return (
        across.maximum() > across.minimum() and (follows or area.horizontalScrollBarPolicy() != off),
        down.maximum() > down.minimum() and (follows or area.verticalScrollBarPolicy() != off),
    )


def _hidden(shown: str, widget: QWidget) -> str:
    """What is behind the "…" of an elided text; a whole line is a text that ends so on purpose."""
    if isinstance(widget, ElidedLabel) and shown != (whole := widget.accessibleDescription()):
        return f"a part of {whole!r}" if re.search(r"\d", whole) else ""
    return "" if shown in _own_words(widget) else "some of it"


def _own_words(widget: QWidget) -> Sequence[str]:
    """What the widget says of itself, where "…" may stand on purpose."""
    words = [str(widget.property(name) or "") for name in ("text", "placeholderText", "currentText", "title")]
    view = widget.parentWidget()
    if isinstance(view, QAbstractItemView) and view.model() is not None:
        model = view.model()
        nowhere = QModelIndex()
        columns = range(1 if isinstance(model, QAbstractListModel) else model.columnCount(nowhere))
        rows = range(min(model.rowCount(nowhere), 500))
        words += [str(model.index(row, column).data() or "") for row in rows for column in columns]
    return [line.replace("&&", "&") for word in words for line in word.splitlines()]


def _names(widget: QWidget, window: QWidget) -> list[str]:
    names: list[str] = []
    while widget is not window and not widget.isWindow():
        names.insert(0, widget.objectName())
        widget = widget.parentWidget()
    return names
