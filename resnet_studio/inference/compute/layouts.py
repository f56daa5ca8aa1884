"""Captured tensors as feature maps, however a layer lays them out."""

from __future__ import annotations

from torch import Tensor

from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import called_layers, layers_by_name


def as_maps(architecture: Architecture, name: str, output: Tensor) -> Tensor:
    """The output of a layer, or of a module that consists of layers, as N × C × H × W (or N × C).

    Of tokens, those of the grid, without the class token. `ValueError` for windows of positions, which are no maps.
    """
    layer = layers_by_name(architecture).get(name) or _last_layer(architecture, name)
    match layer.layout if layer else "maps":
        case "channels last":
            return output.permute(0, 3, 1, 2)
        case "tokens" | "patches" if layer:
            grid = output[:, -layer.output[1] * layer.output[2] :].transpose(1, 2)
            return grid.reshape(*grid.shape[:2], *layer.output[1:])
        case "windows":
            raise ValueError(f"{name} has no feature maps: it gives windows of positions, N × windows × positions × C")
        case "other":
            form = "×".join(map(str, output.shape[1:]))
            raise ValueError(f"{name} has no feature maps: it gives N×{form}, which is neither maps nor tokens")
    return output


def _last_layer(architecture: Architecture, name: str) -> Layer | None:
    """The layer that gives the output of a module that consists of several."""
    return next((one for one in reversed(called_layers(architecture)) if one.name.startswith(f"{name}.")), None)
