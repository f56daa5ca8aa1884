"""All feature maps of a layer as one picture: zoom with the wheel, pan by dragging, click to choose."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGraphicsRectItem, QVBoxLayout, QWidget

from resnet_studio.inference.maps import Colours, MosaicGeometry

STEPS = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}


class MosaicView(QWidget):
    """Keeps the values, so that another contrast or colour map shows at once. Arrow keys walk the channels."""

    channel_chosen = Signal(int)
    hovered = Signal(object)
    """The `Place` under the mouse, or None."""

    def __init__(self) -> None:
        super().__init__(objectName="featureMaps", accessibleName="Feature maps")
        self.setToolTip("")
        self._indices: NDArray[np.uint8] = np.zeros((1, 1), np.uint8)
        self._geometry: MosaicGeometry | None = None
        self._colours: Colours = "viridis"
        self._chosen = 0
        self._view = pg.GraphicsView()
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._box = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False, defaultPadding=0)
        self._view.setCentralItem(self._box)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._frame = QGraphicsRectItem()
        self._box.addItem(self._image)
        self._box.addItem(self._frame, ignoreBounds=True)
        self._box.sigTransformChanged.connect(self._choose_smoothing)
        self._view.scene().sigMouseMoved.connect(self._hover)
        self._view.scene().sigMouseClicked.connect(self._click)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self._dress()
