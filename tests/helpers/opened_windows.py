"""What the fixtures that open windows are: `opened`, and `opened_with_maps` of the tests of weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.values import ForwardResult

Opened: TypeAlias = Callable[[SessionState], MainWindow]
OpenedWithMaps: TypeAlias = Callable[[SessionState], tuple[MainWindow, list[ForwardResult]]]
"""With each window comes the list of its results, which grows."""
