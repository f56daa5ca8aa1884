"""The JSON form of where weights come from. Needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from resnet_studio import codec
from resnet_studio.inference.values import PublishedWeights, RandomWeights, WeightsFile, WeightsSource
from resnet_studio.inference.weights.published import find_entry

Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Text = Annotated[str, Meta(min_length=1)]


def weights_to_json(weights: WeightsSource) -> dict[str, Any]:
    """The source as a JSON object: {"seed"}, {"model", "name"} or {"path", "head", "prefix"}, maybe with
    "head_layer"."""
    match weights:
        case RandomWeights(seed=seed):
            return {"seed": seed}
        case PublishedWeights(model=model, name=name):
            return {"model": model, "name": name}
    chosen = {"head_layer": weights.head_layer} if weights.head_layer else {}
    return {"path": str(weights.path), "head": weights.head, "prefix": weights.prefix, **chosen}


def weights_from_json(values: Any) -> WeightsSource:
    """The inverse of `weights_to_json`; `ValueError` for invalid values and unknown published weights."""
    match values:
        case {"seed": seed}:
            return RandomWeights(codec.decode(Seed, seed))
        case {"model": model, "name": name}:
            return find_entry(PublishedWeights(codec.decode(str, model), codec.decode(str, name))).weights
        case {"path": path, "head": head, "prefix": prefix}:
            layer = codec.decode(str, values.get("head_layer", ""))
            prefix = codec.decode(str, prefix)
            return WeightsFile(Path(codec.decode(Text, path)), codec.decode(bool, head), prefix, layer)
    raise ValueError("must have a seed, a model and a name, or a path, head and prefix")


def weights_to_text(weights: WeightsSource) -> str:
    """The source as text: the path of a whole file, JSON for others, empty for random weights of seed 0."""
    match weights:
        case RandomWeights(seed=0):
            return ""
        case WeightsFile(path=path, head=True, prefix="", head_layer=""):
            return str(path)
    return json.dumps(weights_to_json(weights))


def weights_from_text(text: str) -> WeightsSource:
    """The inverse of `weights_to_text`; `ValueError` for invalid text and unknown published weights."""
    if text.startswith("{"):
        return weights_from_json(codec.loads(text, "weights"))
    return WeightsFile(Path(text)) if text else RandomWeights()


WEIGHTS = codec.Form(weights_to_json, weights_from_json)
