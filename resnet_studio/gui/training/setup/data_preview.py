"""Preview of the training data: counts, samples, augmented images, and where the data are stored."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFormLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.common.labels import as_plain_text
from resnet_studio.gui.common.painting import scaled_pixmap, to_qimage
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.setup.class_table import FEW, SPACING, ClassTable, sample_size
from resnet_studio.plain import plain
from resnet_studio.training.datasets import DATASETS, DataView, data_title

WIDE = 760
"""Minimum width in pixels to show the augmented images next to the classes, not below."""

LONGEST_FACT = 1000
"""Characters of a line about the data."""


class DataPreview(QStackedWidget):
    """Shows a data set, or a message why there is none; emits `downloadRequested` with the name of a data set."""

    downloadRequested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "dataPreview", "Data")
        self._shown = self._missing = ""
        self._many_classes = False
        self._title = set_names(QLabel(), "dataTitle", "Data set")
        self._title.setProperty("heading", True)
        self._facts = QFormLayout(horizontalSpacing=2 * GRID, verticalSpacing=GRID // 2)
        self._facts.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._classes, self._augmented = ClassTable(), AugmentedView()
        self._class_layout = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._augmentation = self._make_augmentation()
        self._message = set_names(
            QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), "dataWords", "Data set status"
        )
        self._message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._download = set_names(
            QPushButton(), "downloadData", "Download the data set", "Download from the authors' server"
        )
        self._progress = set_names(
            QProgressBar(textVisible=False, maximum=1000), "downloadProgress", "Download progress"
        )
        self._progress.setFixedWidth(240)
        self._download.clicked.connect(lambda: self.downloadRequested.emit(self._missing))
        self.addWidget(self._make_message_page())
        self.addWidget(self._make_data_page())
        self.show_loading("")

    def show_loading(self, data: str, words: str = "", done: float | None = None) -> None:
        """Show that a data set is being opened, or downloaded (`done` of 1). A preview of the same data set stays."""
        if data and data == self._shown:
            return
        self._show_message(
            words or (f"Loading {data_title(data)}…" if data else "Choose a data set on the left to preview it here.")
        )
        self._progress.setVisible(done is not None)
        self._progress.setValue(round(1000 * (done or 0)))

    def show_data(self, view: DataView) -> None:
        """Show the data as the training would use them."""
        self._shown = view.name
        self._title.setText(data_title(view.name))
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for label, text in facts(view):
            name, value = QLabel(label), as_plain_text(QLabel(plain(text, LONGEST_FACT), wordWrap=True))
            name.setProperty("quiet", True)
            name.setAlignment(Qt.AlignmentFlag.AlignTop)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts.addRow(name, value)
        self._classes.show_data(view)
        self._augmented.show_data(view)
        self._augmentation.setVisible(bool(view.augmented))
        self._many_classes = len(view.classes) > FEW
        self._arrange()
        self.setCurrentIndex(1)

    def show_problem(self, data: str, sentence: str, *, downloadable: bool) -> None:
        """Show why there are no data, and offer a download if possible."""
        self._show_message(sentence, problem=not downloadable)
        self._missing = data
        self._download.setVisible(downloadable)
        if downloadable:
            self._download.setText(f"Download ({DATASETS[data].download_megabytes} MB)")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Place the augmented images next to a long table of classes if both fit; else below it."""
        side_by_side = self._many_classes and self.width() >= WIDE
        self._class_layout.setDirection(
            QBoxLayout.Direction.LeftToRight if side_by_side else QBoxLayout.Direction.TopToBottom
        )

    def _show_message(self, words: str, *, problem: bool = False) -> None:
        self._shown = ""
        self._message.setText(words)
        tree = "\n" in words  # a folder tree, whose indentation must be kept
        self._message.setAlignment(Qt.AlignmentFlag.AlignLeft if tree else Qt.AlignmentFlag.AlignCenter)
        set_style_property(self._message, problem=problem, quiet=not problem)
        self._download.hide()
        self._progress.hide()
        self.setCurrentIndex(0)

    def _make_message_page(self) -> QScrollArea:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(4 * GRID, 2 * GRID, 4 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        column.addStretch(1)
        column.addWidget(self._message)
        for widget in (self._progress, self._download):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return _scrolled(page)

    def _make_augmentation(self) -> QWidget:
        container = QWidget()
        column = QVBoxLayout(container)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        words = QLabel("augmented")
        words.setProperty("quiet", True)
        words.setFixedHeight(self._classes.horizontalHeader().sizeHint().height())
        column.addWidget(words)
        column.addWidget(self._augmented)
        return container

    def _make_data_page(self) -> QScrollArea:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        self._class_layout.setSpacing(3 * GRID)
        self._class_layout.addWidget(self._classes, 1, Qt.AlignmentFlag.AlignTop)
        self._class_layout.addWidget(self._augmentation, 0, Qt.AlignmentFlag.AlignTop)
        column.addWidget(self._title)
        column.addLayout(self._facts)
        column.addLayout(self._class_layout)
        column.addStretch(1)
        return _scrolled(page)


def _scrolled(page: QWidget) -> QScrollArea:
    scroll = QScrollArea(widgetResizable=True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(page)
    return scroll


def facts(view: DataView) -> list[tuple[str, str]]:
    """The facts about a data set above its table of classes."""
    channels, height, width = view.size
    numbers = " · ".join(
        f"{name} {', '.join(f'{value:.3f}' for value in values)}"
        for name, values in (("mean", view.mean), ("std", view.deviation))
    )
    return [
        ("Training", f"{sum(view.training_counts):,} images in {len(view.classes):,} classes, {view.held}"),
        ("Test", view.test_of),
        ("Input", f"{channels}×{height}×{width} · {numbers}"),
        *(("Note", note) for note in view.notes),
    ]


ARROW = 24


class AugmentedView(QWidget):
    """A row per image: the original, an arrow, augmented versions of it."""

    def __init__(self) -> None:
        super().__init__()
        tip = "Left: a training image; right: augmented versions as the network may see it"
        set_names(self, "augmented", "Examples of augmentation", tip)
        self._rows: list[list[QImage]] = []
        self._size = QSize(0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_data(self, view: DataView) -> None:
        """Show a data set's augmented images."""
        self._size = sample_size(view)
        originals = [view.samples[number] for number in view.augmented_indices]
        self._rows = [
            [to_qimage(pixels, 2 * max(self._size.width(), self._size.height())) for pixels in (original, *made)]
            for original, made in zip(originals, view.augmented, strict=True)
        ]
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        longest = max(map(len, self._rows), default=0)
        width, height = self._size.width(), self._size.height()
        return QSize(longest * (width + SPACING) + ARROW, len(self._rows) * (height + 2 * SPACING))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QColor(theme.current().muted))
        width, height = self._size.width(), self._size.height()
        for number, images in enumerate(self._rows):
            y = number * (height + 2 * SPACING)
            for column, image in enumerate(images):
                x = column * (width + SPACING) + (ARROW if column else 0)
                painter.drawPixmap(x, y, scaled_pixmap(image, self._size, self.devicePixelRatioF()))
            arrow = QRectF(width, y, ARROW + SPACING, height)
            painter.drawText(arrow, Qt.AlignmentFlag.AlignCenter, "→")
