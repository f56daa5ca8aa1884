"""A network as a program of torch.export (`.pt2`), for any batch size."""

from __future__ import annotations

import io
import json

import torch
from torch import nn

from resnet_studio.export.compute.network import load_network, notes
from resnet_studio.export.provenance import KEY
from resnet_studio.export.request import Exported, ExportRequest, ExportSteps
from resnet_studio.networks.architecture import Architecture
from resnet_studio.progress import Progress

EXAMPLE_BATCH = 2
"""Images in the example. From a single one torch concludes that the batch is always 1 (pytorch#157621)."""


def export_steps(request: ExportRequest) -> ExportSteps:
    """The file's bytes: `torch.export.load` reads them, and `.module()` runs on N×channels×height×width."""
    yield Progress(0, 3, "loading the weights")
    network, info, provenance = load_network(request)
    yield Progress(1, 3, "tracing the network")
    program = trace(network, request.architecture)
    yield Progress(2, 3, "packing the program")
    data = io.BytesIO()
    torch.export.save(program, data, extra_files={f"{KEY}.json": json.dumps(provenance.to_json())})
    return Exported(data.getvalue(), notes(info))


def trace(network: nn.Module, architecture: Architecture) -> torch.export.ExportedProgram:
    """The network as torch.export sees it, with a dynamic batch."""
    images = example(architecture)
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(network, (images,), dynamic_shapes=({0: batch},))
    _forget_sources(program)
    return program


def example(architecture: Architecture) -> torch.Tensor:
    """Images of the network's size."""
    return torch.zeros(EXAMPLE_BATCH, *architecture.input_shape)


def _forget_sources(program: torch.export.ExportedProgram) -> None:
    """Drop where each operation stands in the source: it names folders of this machine, and nobody needs it."""
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
