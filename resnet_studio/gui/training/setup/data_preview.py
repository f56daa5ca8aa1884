"""What a training would see: counts, images, what augmentation makes of them, and how they are held."""

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
from resnet_studio.gui.common.helpers import dress, named
from resnet_studio.gui.common.labels import plain_label
from resnet_studio.gui.common.painting import as_image, thumbnail
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.setup.class_table import APART, FEW, ClassTable, sample_side
from resnet_studio.plain import plain
from resnet_studio.training.datasets import SOURCES, DataView, data_title

WIDE = 760
"""Pixels from which on the augmented images are beside the classes, not below."""

LONGEST_FACT = 1000
"""Characters of a line about the data."""


class DataPreview(QStackedWidget):
    """Shows data, or says why there are none to show; emits `download_wished` with the name of a data set."""

    download_wished = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        named(self, "dataPreview", "Data")
        self._shown = self._missing = ""
        self._many = False
        self._title = named(QLabel(), "dataTitle", "Data set")
        self._title.setProperty("heading", True)
        self._facts = QFormLayout(horizontalSpacing=2 * GRID, verticalSpacing=GRID // 2)
        self._facts.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._classes, self._augmented = ClassTable(), AugmentedView()
        self._beside = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._augmentation = self._make_augmentation()
        self._words = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), "dataWords", "State of the data")
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._download = named(QPushButton(), "downloadData", "Download the data set", "From its authors' own server")
        self._progress = named(QProgressBar(textVisible=False, maximum=1000), "downloadProgress", "Share downloaded")
        self._progress.setFixedWidth(240)
        self._download.clicked.connect(lambda: self.download_wished.emit(self._missing))
        self.addWidget(self._make_words())
        self.addWidget(self._make_content())
        self.show_loading("")

    def show_loading(self, data: str, words: str = "", done: float | None = None) -> None:
        """These data are being opened, or fetched (`done` of 1); what is there of the same data stays meanwhile."""
        if data and data == self._shown:
            return
        self._say(words or (f"Opening {data_title(data)} …" if data else "Choose data on the left to see them here."))
        self._progress.setVisible(done is not None)
        self._progress.setValue(round(1000 * (done or 0)))

    def show_data(self, view: DataView) -> None:
        """Show what a training would see."""
        self._shown = view.name
        self._title.setText(data_title(view.name))
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for label, text in facts(view):
            name, value = QLabel(label), plain_label(QLabel(plain(text, LONGEST_FACT), wordWrap=True))
            name.setProperty("quiet", True)
            name.setAlignment(Qt.AlignmentFlag.AlignTop)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts.addRow(name, value)
        self._classes.show_data(view)
        self._augmented.show_data(view)
        self._augmentation.setVisible(bool(view.augmented))
        self._many = len(view.classes) > FEW
        self._arrange()
        self.setCurrentIndex(1)

    def show_problem(self, data: str, sentence: str, *, downloadable: bool) -> None:
        """Say why there are none, and offer to download them where that would help."""
        self._say(sentence, problem=not downloadable)
        self._missing = data
        self._download.setVisible(downloadable)
        if downloadable:
            self._download.setText(f"Download ({SOURCES[data].megabytes} MB)")

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """The augmented images go beside a table of many rows where both have room; else below it."""
        beside = self._many and self.width() >= WIDE
        self._beside.setDirection(QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom)

    def _say(self, words: str, *, problem: bool = False) -> None:
        self._shown = ""
        self._words.setText(words)
        tree = "\n" in words  # of folders, whose lines keep their places
        self._words.setAlignment(Qt.AlignmentFlag.AlignLeft if tree else Qt.AlignmentFlag.AlignCenter)
        dress(self._words, problem=problem, quiet=not problem)
        self._download.hide()
        self._progress.hide()
        self.setCurrentIndex(0)

    def _make_words(self) -> QScrollArea:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(4 * GRID, 2 * GRID, 4 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        column.addStretch(1)
        column.addWidget(self._words)
        for widget in (self._progress, self._download):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return _scrolled(page)

    def _make_augmentation(self) -> QWidget:
        held = QWidget()
        column = QVBoxLayout(held)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(APART)
        words = QLabel("augmented")
        words.setProperty("quiet", True)
        words.setFixedHeight(self._classes.horizontalHeader().sizeHint().height())
        column.addWidget(words)
        column.addWidget(self._augmented)
        return held

    def _make_content(self) -> QScrollArea:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        self._beside.setSpacing(3 * GRID)
        self._beside.addWidget(self._classes, 1, Qt.AlignmentFlag.AlignTop)
        self._beside.addWidget(self._augmentation, 0, Qt.AlignmentFlag.AlignTop)
        column.addWidget(self._title)
        column.addLayout(self._facts)
        column.addLayout(self._beside)
        column.addStretch(1)
        return _scrolled(page)


def _scrolled(page: QWidget) -> QScrollArea:
    scroll = QScrollArea(widgetResizable=True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(page)
    return scroll


def facts(view: DataView) -> list[tuple[str, str]]:
    """What is said of data beside the table of their classes."""
    channels, height, width = view.size
    numbers = " · ".join(
        f"{name} {', '.join(f'{value:.3f}' for value in values)}"
        for name, values in (("mean", view.mean), ("deviation", view.deviation))
    )
    return [
        ("Training", f"{sum(view.training_counts):,} images of {len(view.classes):,} classes, {view.held}"),
        ("Test", view.test_of),
        ("Input", f"{channels}×{height}×{width} · {numbers}"),
        *(("Note", note) for note in view.notes),
    ]


ARROW = 24


class AugmentedView(QWidget):
    """A row for each image: the original, an arrow, what became of it."""

    def __init__(self) -> None:
        super().__init__()
        tip = "Left an image of the training set, right of it what the network may be shown instead"
        named(self, "augmented", "What augmentation makes of some images", tip)
        self._rows: list[list[QImage]] = []
        self._side = 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_data(self, view: DataView) -> None:
        """Show these data's augmented images."""
        self._side = sample_side(view)
        originals = [view.samples[number] for number in view.augmented_of]
        self._rows = [
            [as_image(pixels, 2 * self._side) for pixels in (original, *made)]
            for original, made in zip(originals, view.augmented, strict=True)
        ]
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        longest = max(map(len, self._rows), default=0)
        return QSize(longest * (self._side + APART) + ARROW, len(self._rows) * (self._side + 2 * APART))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setPen(QColor(theme.current().muted))
        for number, images in enumerate(self._rows):
            y = number * (self._side + 2 * APART)
            for place, image in enumerate(images):
                x = place * (self._side + APART) + (ARROW if place else 0)
                painter.drawPixmap(x, y, thumbnail(image, self._side, self.devicePixelRatioF()))
            arrow = QRectF(self._side, y, ARROW + APART, self._side)
            painter.drawText(arrow, Qt.AlignmentFlag.AlignCenter, "→")
