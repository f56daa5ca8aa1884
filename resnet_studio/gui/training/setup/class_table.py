"""The classes of a data set: their numbers of images, and some samples."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QHeaderView, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import cell_alignment, set_names
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.gui.common.painting import scaled_pixmap, to_qimage
from resnet_studio.plain import plain
from resnet_studio.training.datasets import DataView

Index = QModelIndex | QPersistentModelIndex
CLASS, TRAINING, TEST, SAMPLES = range(4)
COLUMNS = ("class", "training", "test", "images")
LENGTH_ROLE, IMAGES_ROLE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
NUMBER, BAR, SPACING, ROW, GAP = 52, 28, 3, 24, 6
SMALL, LARGE, FEW = 32, 48, 4
"""Longer sides of the images in pixels, and up to how many classes the large one is used."""


class ClassModel(QAbstractTableModel):
    """One row per class."""

    def __init__(self) -> None:
        super().__init__()
        self._view: DataView | None = None
        self._samples: dict[int, list[QImage]] = {}

    def show_data(self, view: DataView) -> None:
        self.beginResetModel()
        self._view, self._samples = view, {}
        for label, pixels in zip(view.labels, view.samples, strict=True):
            self._samples.setdefault(label, []).append(to_qimage(pixels, 2 * LARGE))
        self.endResetModel()

    def images(self, row: int) -> list[QImage]:
        """Samples of a class; empty if there are none."""
        return self._samples.get(row, [])

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's names and defaults)
        return 0 if self._view is None or parent.isValid() else len(self._view.classes)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole and section in (TRAINING, TEST):
            return cell_alignment(right=False)
        return COLUMNS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self._view is None or not index.isValid():
            return None
        row, column = index.row(), index.column()
        counts = {TRAINING: self._view.training_counts, TEST: self._view.test_counts}.get(column)
        match role:
            case Qt.ItemDataRole.DisplayRole if column == CLASS:
                return plain(self._view.classes[row])
            case Qt.ItemDataRole.DisplayRole if counts:
                return f"{counts[row]:,}"
            case Qt.ItemDataRole.ToolTipRole if column == CLASS:
                return tooltip(f"{plain(self._view.classes[row])}, class {row}")
            case Qt.ItemDataRole.ToolTipRole if counts:
                return f"{counts[row]:,} of {sum(counts):,} {COLUMNS[column]} images"
        if role == LENGTH_ROLE and counts:
            return counts[row] / max(1, *self._view.training_counts, *self._view.test_counts)
        return self.images(row) if role == IMAGES_ROLE and column == SAMPLES else None


class ClassTable(QTableView):
    """As high as all of its rows, since the page around it scrolls."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "classTable", "Images per class")
        self._model = ClassModel()
        self.setModel(self._model)
        self._counts = _Count(self)
        for column in (TRAINING, TEST):
            self.setItemDelegateForColumn(column, self._counts)
        self._samples = _Samples(self)
        self.setItemDelegateForColumn(SAMPLES, self._samples)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSelectionMode(QTableView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(ROW)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(SAMPLES, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionsClickable(False)

    def show_data(self, view: DataView) -> None:
        """List the classes of a data set."""
        self._model.show_data(view)
        self._samples.size = size = sample_size(view)
        for row in range(len(view.classes)):
            self.setRowHeight(row, size.height() + 2 * SPACING if self._model.images(row) else ROW)
        longest = max((self.fontMetrics().horizontalAdvance(name) for name in view.classes), default=0)
        self.setColumnWidth(CLASS, min(max(48, longest + 20), 136))
        most = f"{max(0, *view.training_counts, *view.test_counts):,}"
        self._counts.number_width = max(NUMBER, self.fontMetrics().horizontalAdvance(most) + GAP)
        for column in (TRAINING, TEST):
            self.setColumnWidth(column, self._counts.number_width + BAR + 2 * GAP)
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + self.verticalHeader().length())


class _Count(QStyledItemDelegate):
    """A number with a bar to its right."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.number_width = NUMBER
        """Pixels of the widest number."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colors, box = theme.current(), QRectF(option.rect)
        painter.save()
        painter.setPen(QColor(colors.text))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(box.left(), box.top(), self.number_width, box.height()), right, index.data())
        bar = QRectF(
            box.left() + self.number_width + GAP, box.center().y() - 4, max(1.0, BAR * index.data(LENGTH_ROLE)), 8
        )
        painter.fillRect(bar, QColor(colors.accent))
        painter.restore()


class _Samples(QStyledItemDelegate):
    """As many of a class's images as fit."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._pixmaps: dict[tuple[int, int, int, float], QPixmap] = {}
        self.size = QSize(SMALL, SMALL)
        """Of each image on the screen."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        images: list[QImage] = index.data(IMAGES_ROLE)
        width, height = self.size.width(), self.size.height()
        x, y = option.rect.left() + 4, option.rect.top() + (option.rect.height() - height) // 2
        ratio = painter.device().devicePixelRatioF()
        for image in images:
            if x + width > option.rect.right():
                return
            painter.drawPixmap(x, y, self._pixmap(image, ratio))
            x += width + SPACING

    def _pixmap(self, image: QImage, ratio: float) -> QPixmap:
        key = image.cacheKey(), self.size.width(), self.size.height(), ratio
        if key not in self._pixmaps:
            if len(self._pixmaps) > 1000:
                self._pixmaps.clear()
            self._pixmaps[key] = scaled_pixmap(image, self.size, ratio)
        return self._pixmaps[key]


def sample_size(view: DataView) -> QSize:
    """Size of an image on the screen: an integer multiple of its own if that is small."""
    limit = LARGE if len(view.classes) <= FEW else SMALL
    _, height, width = view.size
    own, longest = QSize(width, height), max(height, width)
    fitted = own.scaled(limit, limit, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1))
    return own * (limit // longest) if longest <= limit else fitted
