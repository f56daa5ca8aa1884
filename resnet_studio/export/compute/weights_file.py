"""A network's weights under the names of any dialect, as safetensors or in torch's own format."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from zipfile import ZipFile

import safetensors.torch
import torch
from torch import Tensor

from resnet_studio.export.compute.network import load_network, notes
from resnet_studio.export.provenance import KEY
from resnet_studio.export.request import OWN_DIALECT, Exported, ExportError, ExportRequest, ExportSteps
from resnet_studio.formatting import join_names
from resnet_studio.inference.compute.translation import translate
from resnet_studio.inference.values import PublishedWeights, WeightsFile, WeightsInfo, WeightsSource
from resnet_studio.inference.weights.contents import CheckpointContents
from resnet_studio.inference.weights.dialects import DIALECTS
from resnet_studio.inference.weights.metadata import WeightsMetadata, find_metadata, stored_metadata, to_header
from resnet_studio.inference.weights.provenance import to_metadata
from resnet_studio.inference.weights.reader import read_contents
from resnet_studio.inference.weights.translation import write_plan
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress


def export_steps(request: ExportRequest) -> ExportSteps:
    """The file's bytes: a state_dict in float32, for `load_state_dict` of the dialect's own network.

    `ExportError` if the dialect has no names for this network's tensors.
    """
    yield Progress(0, 3, "loading the weights")
    network, info, provenance = load_network(request)
    yield Progress(1, 3, "naming the tensors")
    tensors = renamed(network.state_dict(), request.architecture, request.dialect)
    yield Progress(2, 3, "packing the tensors")
    stamp = json.dumps({**provenance.to_json(), "dialect": request.dialect}, ensure_ascii=False)
    packed = _pickled(tensors, stamp) if request.suffix == ".pth" else _safetensors(tensors, stamp, request, info)
    return Exported(packed, notes(info))


def renamed(tensors: Mapping[str, Tensor], architecture: Architecture, dialect: str) -> dict[str, Tensor]:
    """A network's tensors as a dialect has them."""
    if dialect == OWN_DIALECT:
        return dict(tensors)
    if dialect not in DIALECTS:
        raise ExportError(f"unknown dialect {dialect!r}. Available: {', '.join(DIALECTS)}")
    translation = write_plan(DIALECTS[dialect], architecture)
    if translation.missing:
        raise ExportError(
            f"{DIALECTS[dialect].title} has no names for {join_names(translation.missing)} of {title(architecture)}. "
            "Choose another dialect"
        )
    return translate(tensors, translation.entries)


def _safetensors(tensors: Mapping[str, Tensor], stamp: str, request: ExportRequest, info: WeightsInfo) -> bytes:
    """With classes and preprocessing where they are known, and a training's provenance if it is of this program."""
    stored = {name: tensor.contiguous() for name, tensor in tensors.items()}
    metadata = {"format": "pt", KEY: stamp}
    contents = None
    if isinstance(request.weights, WeightsFile):
        contents = read_contents(request.weights.path, request.weights.path.stat().st_size)
    if contents and contents.provenance and contents.provenance.architecture == request.architecture:
        metadata = to_metadata(contents.provenance, safetensors.torch.save(stored), metadata)
    else:
        metadata |= to_header(_known(request.weights, contents, info))
    return safetensors.torch.save(stored, metadata)


def _known(weights: WeightsSource, contents: CheckpointContents | None, info: WeightsInfo) -> WeightsMetadata:
    """Classes and preprocessing as far as they are known, and not only assumed."""
    if isinstance(weights, WeightsFile) and contents:
        known = stored_metadata(contents.sha256).over(find_metadata(contents, weights.path))
        return known if weights.head else replace(known, labels=())
    if isinstance(weights, PublishedWeights):
        used = info.preprocessing
        return WeightsMetadata(info.labels, used.mean, used.std, used.crop, used.resize)
    return WeightsMetadata()


def _pickled(tensors: Mapping[str, Tensor], stamp: str) -> bytes:
    """torch.save's zip archive, in which the stamp is a file of its own that torch.load passes over."""
    data = io.BytesIO()
    torch.save(dict(tensors), data)
    with ZipFile(data, "a") as archive:
        folder = archive.namelist()[0].partition("/")[0]
        archive.writestr(f"{folder}/{KEY}.json", stamp)
    return data.getvalue()
