"""Records what a window really paints: every text, the space that its font needs, and how much of that is visible."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPaintDevice, QPaintEngine, QPaintEngineState, QRegion, QTextItem, QTransform
from PySide6.QtWidgets import QAbstractItemView, QAbstractScrollArea, QHeaderView, QWidget

from resnet_studio.gui.common.labels import ElidedLabel

FOLLOWERS = {"layerTotal"}
"""Views without scroll bars that scroll together with another."""
Side = Callable[[QRectF], tuple[float, float]]
SLACK = 1.5
"""Pixels by which a text may exceed its clip: glyphs have fractional positions, clips whole ones."""


@dataclass(frozen=True)
class PaintedText:
    """One text on a widget, in the widget's coordinates."""

    text: str
    box: QRectF
    """Its ink."""
    clip: QRectF
    """The painter's clip, or else the widget's rectangle."""


class _Recorder(QPaintEngine):
    """Records texts and ignores everything else."""

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

    def updateState(self, state: QPaintEngineState) -> None:
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

    def drawTextItem(self, place: QPointF, item: QTextItem) -> None:
        ink = QFontMetricsF(item.font()).tightBoundingRect(item.text())
        box = QRectF(place.x(), place.y() + ink.top(), item.width(), ink.height())
        self.texts.append((item.text(), self._transform.mapRect(box), self._clip))

    def drawPixmap(self, *_: object) -> None:
        pass

    def drawImage(self, *_: object) -> None:
        pass

    def drawPath(self, *_: object) -> None:
        pass

    def drawPolygon(self, *_: object) -> None:
        pass

    def drawRects(self, *_: object) -> None:
        pass

    def drawLines(self, *_: object) -> None:
        pass

    def drawEllipse(self, *_: object) -> None:
        pass

    def drawPoints(self, *_: object) -> None:
        pass


class _RecordingDevice(QPaintDevice):
    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.recorder = _Recorder()
        metrics = QPaintDevice.PaintDeviceMetric
        names = [metric for metric in metrics if metric != metrics.PdmDevicePixelRatioF_EncodedA]
        self._metrics = {int(metric.value): widget.metric(metric) for metric in names if metric.value <= 12}

    def paintEngine(self) -> QPaintEngine:
        return self.recorder

    def metric(self, metric: QPaintDevice.PaintDeviceMetric) -> int:
        return self._metrics.get(int(metric.value), 1)


def painted(widget: QWidget) -> list[PaintedText]:
    """Every text that a widget paints itself, without its children."""
    device = _RecordingDevice(widget)
    QWidget.render(
        widget, device, QPoint(), QRegion(), QWidget.RenderFlag(0)
    )  # not the override of a graphics view, which renders its scene
    clips: dict[tuple[str, tuple[float, ...]], QRectF] = {}
    for text, box, clip in device.recorder.texts:
        if text.strip():
            visible = QRectF(widget.rect()) if clip is None else clip
            known = clips.get((text, box.getRect()))  # a text over several rows is painted with each of them
            clips[text, box.getRect()] = visible.united(known) if known else visible
    return [PaintedText(text, QRectF(*box), clip) for (text, box), clip in clips.items()]


def cut_texts(window: QWidget) -> Iterator[str]:
    """The texts of a window that can't be read, with their location: cut, elided, or covered by another text.

    What can be scrolled into view is not cut.
    """
    for widget in (window, *window.findChildren(QWidget)):
        if not widget.isVisibleTo(window):
            continue
        where = "/".join(filter(None, (*_names(widget, window), type(widget).__name__)))
        texts = painted(widget)
        for text in texts:
            if _is_cut(text, widget, window):
                yield f"{where}: {text.text!r} needs {text.box.getRect()}, has {text.clip.getRect()}"
            elif re.search(r"\S…|^…\S", text.text) and (hidden := _hidden(text.text, widget)):
                yield f"{where}: {text.text!r} is elided, which hides {hidden!r}"
        for number, text in enumerate(texts):
            for other in texts[:number]:
                both = text.box.intersected(other.box)
                if min(both.width(), both.height()) > 2 * SLACK and text != other:
                    yield f"{where}: {text.text!r} lies over {other.text!r}"


def _is_cut(text: PaintedText, widget: QWidget, window: QWidget) -> bool:
    """Whether a part of it can never be visible."""
    inner, box, clip = widget, text.box, text.clip
    scrolled: set[Side] = set()
    while True:
        for side, scrolls in zip((_across, _down), _scrolls(inner), strict=True):
            if scrolls and not _within(side(box), side(QRectF(inner.rect()))):
                scrolled.add(side)  # checked when it is scrolled there
            if side not in scrolled and not _within(side(box), side(QRectF(inner.rect()))):
                return True
        visible = all(_within(side(box), side(clip)) for side in (_across, _down) if side not in scrolled)
        if not visible and not (scrolled and clip.isEmpty()):
            return True
        if inner is window or inner.isWindow():
            return False
        box = box.translated(QPointF(inner.pos()))
        inner = inner.parentWidget()
        clip = QRectF(inner.rect())


def _within(part: tuple[float, float], whole: tuple[float, float]) -> bool:
    return whole[0] - SLACK <= part[0] and part[1] <= whole[1] + SLACK


def _across(box: QRectF) -> tuple[float, float]:
    return box.left(), box.right()


def _down(box: QRectF) -> tuple[float, float]:
    return box.top(), box.bottom()


def _scrolls(widget: QWidget) -> tuple[bool, bool]:
    """Whether a widget shows a part of something larger: horizontally and vertically."""
    area = widget.parentWidget()
    if not isinstance(area, QAbstractScrollArea) or area.viewport() is not widget:
        return False, False
    if isinstance(area, QHeaderView):
        view = area.parentWidget()
        assert isinstance(view, QAbstractItemView)
        bars = view.horizontalScrollBar(), view.verticalScrollBar()
        own = area.orientation()
        return (
            own == Qt.Orientation.Horizontal and bars[0].maximum() > bars[0].minimum(),
            own == Qt.Orientation.Vertical and bars[1].maximum() > bars[1].minimum(),
        )
    off = Qt.ScrollBarPolicy.ScrollBarAlwaysOff
    across, down = area.horizontalScrollBar(), area.verticalScrollBar()
    follows = area.objectName() in FOLLOWERS
    return (
        across.maximum() > across.minimum() and (follows or area.horizontalScrollBarPolicy() != off),
        down.maximum() > down.minimum() and (follows or area.verticalScrollBarPolicy() != off),
    )


def _hidden(shown: str, widget: QWidget) -> str:
    """What an elided text hides; empty if the text ends with "…" on purpose, or if a tooltip has what stands before."""
    if isinstance(widget, ElidedLabel) and shown != (full := widget.accessibleDescription()):
        return f"a part of {full!r}" if re.search(r"\d", full) else ""
    if shown.startswith("…") and shown[1:].partition(" ")[0] in widget.toolTip():
        return ""
    return "" if shown in _own_words(widget) else "some of it"


def _own_words(widget: QWidget) -> Sequence[str]:
    """The widget's own texts, in which "…" is on purpose."""
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
