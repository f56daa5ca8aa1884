"""An architecture as JSON, as the window and the command line open it. Needs no torch."""

from __future__ import annotations

import json

from resnet_studio.export.provenance import versions
from resnet_studio.export.request import Exported, ExportError, ExportRequest, ExportSteps
from resnet_studio.networks.architecture import STAMP, Architecture, to_json
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.progress import Progress


def export_steps(request: ExportRequest) -> ExportSteps:
    """The file's bytes."""
    yield Progress(0, 1, "writing the architecture")
    if isinstance(request.architecture, OwnModule):
        raise ExportError(f"{request.architecture.name} is a network of your own: only its code describes it")
    return Exported(architecture_json(request.architecture))


def architecture_json(architecture: Architecture) -> bytes:
    """The fields of the architecture, and the versions that wrote it."""
    values = {**to_json(architecture), STAMP: {"versions": versions()}}
    return (json.dumps(values, indent=1) + "\n").encode()
