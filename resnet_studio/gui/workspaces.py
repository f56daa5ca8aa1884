"""The window's workspaces, in the order of their tabs. A new one is a folder, and a line here."""

from __future__ import annotations

from resnet_studio.gui.activations.workspace import ActivationsWorkspace
from resnet_studio.gui.common.workspace import Workspace
from resnet_studio.gui.compare.workspace import CompareWorkspace
from resnet_studio.gui.figure.workspace import FigureWorkspace
from resnet_studio.gui.layers.workspace import LayersWorkspace
from resnet_studio.gui.training.workspace import TrainingWorkspace
from resnet_studio.gui.verify.workspace import VerifyWorkspace

WORKSPACES: tuple[type[Workspace], ...] = (
    LayersWorkspace,
    VerifyWorkspace,
    ActivationsWorkspace,
    CompareWorkspace,
    TrainingWorkspace,
    FigureWorkspace,
)
"""A session is restored to the workspace with its number, so that a new one comes last."""
