"""The number of each workspace, as a session saves it."""

from __future__ import annotations

from resnet_studio.gui.activations.workspace import ActivationsWorkspace
from resnet_studio.gui.compare.workspace import CompareWorkspace
from resnet_studio.gui.figure.workspace import FigureWorkspace
from resnet_studio.gui.layers.workspace import LayersWorkspace
from resnet_studio.gui.training.workspace import TrainingWorkspace
from resnet_studio.gui.verify.workspace import VerifyWorkspace
from resnet_studio.gui.workspaces import WORKSPACES

LAYERS = WORKSPACES.index(LayersWorkspace)
VERIFY = WORKSPACES.index(VerifyWorkspace)
ACTIVATIONS = WORKSPACES.index(ActivationsWorkspace)
COMPARE = WORKSPACES.index(CompareWorkspace)
TRAINING = WORKSPACES.index(TrainingWorkspace)
FIGURE = WORKSPACES.index(FigureWorkspace)
