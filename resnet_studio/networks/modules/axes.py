"""What the dimensions of a tensor are, while a pass goes on: "NCHW", "NHWC", "NLC" (tokens), "NCL" or "NC".

"?" stands for any other form, as of windows of positions. "NC" is a map of one pixel in a plan.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from resnet_studio.networks.layers import Layout, Shape

IMAGE, VECTOR, UNKNOWN = "NCHW", "NC", "?"
OF_MAPS = {
    "convolution", "max_pool2d_with_indices", "avg_pool2d", "_adaptive_avg_pool2d", "adaptive_max_pool2d",
    "upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d", "_upsample_nearest_exact2d",
    "_upsample_bilinear2d_aa", "pixel_shuffle", "pixel_unshuffle",
}  # fmt: skip
"""Operations that take and give N×C×H×W, whatever it was called before."""
VIEWS = {"view", "_unsafe_view", "reshape", "squeeze", "unsqueeze", "_reshape_alias", "as_strided"}
JOINED = {
    # the dimensions before, how many there are after, the place of the channels before and after, what they then are
    ("NCHW", 3): (1, 1, "NCL"), ("NHWC", 3): (3, 2, "NLC"), ("NCL", 4): (1, 1, "NCHW"), ("NLC", 4): (2, 3, "NHWC"),
}  # fmt: skip


def axes_after(name: str, args: tuple[Any, ...], given: Tensor, axes: str, made: Tensor) -> str:
    """What the dimensions of a tensor are that an operation makes of a tensor with these dimensions."""
    if made.ndim == 2:
        return VECTOR
    if made.ndim == 4 and name in OF_MAPS:
        return IMAGE
    if len(axes) != given.ndim:
        return UNKNOWN
    if name == "permute":
        return "".join(axes[one] for one in args[1])
    if name == "transpose":
        order = list(axes)
        first, second = args[1], args[2]
        order[first], order[second] = order[second], order[first]
        return "".join(order)
    if given.ndim == made.ndim:
        return UNKNOWN if name in VIEWS and given.shape != made.shape else axes
    before, after, joined = JOINED.get((axes, made.ndim), (0, 0, UNKNOWN))
    return joined if name in VIEWS and given.shape[before] == made.shape[after] else UNKNOWN


def layout_of(tensor: Tensor, axes: str, grid: tuple[int, int]) -> Layout:
    """The layout of a plan for one image's tensor; `grid` is the size of the maps whose positions tokens are."""
    if tensor.shape[:1] != (1,) or len(axes) != tensor.ndim:
        return "other"
    tokens = tensor.shape[1] - math.prod(grid) if axes == "NLC" else -1
    match axes:
        case "NCHW" | "NC":
            return "maps"
        case "NHWC":
            return "channels last"
        case "NLC" if tokens in (0, 1):
            return "tokens" if tokens else "patches"
    return "other"


def shape_of(tensor: Tensor, axes: str, grid: tuple[int, int]) -> Shape:
    """Channels, height and width; of tokens those of their grid, and of any other form all positions as the height."""
    match layout_of(tensor, axes, grid):
        case "maps" if axes == VECTOR:
            return tensor.shape[1], 1, 1
        case "maps":
            return tensor.shape[1], tensor.shape[2], tensor.shape[3]
        case "channels last":
            return tensor.shape[3], tensor.shape[1], tensor.shape[2]
        case "tokens" | "patches":
            return tensor.shape[2], *grid
    channels = tensor.shape[-1] if tensor.ndim else 1
    return channels, tensor.numel() // max(1, channels), 1
