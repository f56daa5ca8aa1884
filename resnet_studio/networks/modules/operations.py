"""torch's operations as a pass of an own network meets them: which have windows, join paths, or mix positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

from resnet_studio.networks.layers import Kind
from resnet_studio.networks.modules.module_kinds import known_kind

Pair: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """The window of a convolution or a pool; without one, kernel (0, 0)."""

    kernel: Pair = (0, 0)
    stride: int = 1
    padding: Pair = (0, 0)
    dilation: int = 1
    groups: int = 1
    regular: bool = True
    """Whether a plan's layer can hold it: not with two strides or dilations, nor transposed."""

    def behind(self, padded: Window) -> Window:
        """The same window, behind the padding of another operation."""
        height, width = (own + more for own, more in zip(self.padding, padded.padding, strict=True))
        return replace(self, padding=(height, width))

    @property
    def across(self) -> tuple[int, int] | tuple[()]:
        """Kernel and padding along the width, where they differ."""
        same = self.kernel[0] == self.kernel[1] and self.padding[0] == self.padding[1]
        return () if same else (self.kernel[1], self.padding[1])


ATTENTION = "_scaled_dot_product_flash_attention_for_cpu"
KINDS: dict[str, Kind] = {
    "add": "add", "mul": "scale", "cat": "concat", "relu": "relu", "hardtanh": "relu6", "sigmoid": "sigmoid",
    "silu": "silu", "gelu": "gelu", "tanh": "tanh", "hardswish": "hardswish", "hardsigmoid": "hardsigmoid",
    "convolution": "conv", "addmm": "linear", "mm": "linear", "bmm": "matmul", "baddbmm": "matmul",
    "max_pool2d_with_indices": "max pool", "avg_pool2d": "average pool", "_adaptive_avg_pool2d": "average pool",
    "mean": "average pool", "native_batch_norm": "batch norm", "native_layer_norm": "layer norm",
    "native_group_norm": "group norm", "constant_pad_nd": "zero pad", ATTENTION: "matmul",
}  # fmt: skip
"""What operations are called that no module computes."""
ROWS = {
    "relu", "hardtanh", "sigmoid", "silu", "gelu", "tanh", "hardswish", "hardsigmoid", "leaky_relu", "elu",
    "native_batch_norm", "native_layer_norm", "native_group_norm", "constant_pad_nd",
}  # fmt: skip
"""Operations that are rows though they cost nothing and have no window."""
POINTWISE = {
    *KINDS, "sub", "div", "neg", "abs", "pow", "square", "sqrt", "rsqrt", "exp", "log", "log1p", "erf", "clamp",
    "clamp_min", "clamp_max", "maximum", "minimum", "where", "leaky_relu", "elu", "celu", "softplus", "mish",
    "log_sigmoid_forward", "_prelu_kernel", "threshold", "_softmax", "_log_softmax", "rsub", "reciprocal", "addcmul",
    "lerp", "round", "floor", "sin", "cos", "masked_fill", "gt", "lt", "ge", "le", "eq", "ne", "logical_not",
    "view", "_unsafe_view", "_reshape_alias", "as_strided", "permute", "transpose", "t", "expand", "clone", "alias",
    "detach", "contiguous", "unsqueeze", "squeeze", "_to_copy", "slice", "select", "split", "split_with_sizes",
    "unbind", "stack", "copy", "lift_fresh", "empty_like", "zeros_like", "ones_like", "full_like", "new_empty",
    "new_zeros", "new_ones", "native_dropout", "bernoulli", "native_channel_shuffle", "channel_shuffle",
}  # fmt: skip
"""Operations that mix no positions of maps, and views, which compute nothing."""
MIXING = {"bmm", "baddbmm", ATTENTION}
"""Of `KINDS` those whose values depend on all positions."""
DATA_DEPENDENT = {
    "_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "_unique2", "unique_dim",
    "unique_consecutive",
}  # fmt: skip
"""Operations that give numbers to the program, or tensors whose size depends on values."""
GATED = {"mul"}
CPU_ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
"""An operation that torch's counter knows on a GPU only."""
FLOP_COUNTS: dict[Any, Callable[..., int]] = {
    **flop_registry,
    CPU_ATTENTION: flop_registry[torch.ops.aten._scaled_dot_product_flash_attention],
}
"""torch's own counts of operations, of which a multiply-add is two."""


def attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """What torch counts for attention, from shapes … × positions × channels."""
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


ATTENTION_FLOPS = {CPU_ATTENTION: attention_flops}
"""What torch's counter is told to count with."""


def base_name(func: Any) -> str:
    """An operation's name without namespace and overload, the same whether or not it works in place."""
    return str(func._schema.name).partition("::")[2].rstrip("_")


def depends_on_values(name: str, given: Sequence[Tensor]) -> bool:
    """Whether an operation makes numbers for the program, or as many values as a condition holds for."""
    return name in DATA_DEPENDENT or (name == "index" and any(one.dtype in (torch.bool, torch.uint8) for one in given))


def is_pointwise(name: str) -> bool:
    """Whether each value depends on the same position of the inputs alone."""
    return name in POINTWISE and name not in MIXING


def sources_followed(name: str, given: Sequence[Tensor]) -> list[Tensor]:
    """Inputs that count for what a value depends on: of a product not the factors that are one number a channel."""
    if name not in GATED or len(given) < 2:
        return list(given)
    sizes = [one.shape[2:].numel() for one in given]
    return [one for one, size in zip(given, sizes, strict=True) if size == max(sizes)]


def module_kind(module: nn.Module) -> str:
    """The kind of a module, or the name of its class."""
    return known_kind(module) or type(module).__name__


def window_of(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Window | None:
    """The window of an operation; None if it has none, or mixes positions in another way."""
    read = WINDOWS.get(name)
    return read(args, kwargs) if read else None


def _convolution(args: Sequence[Any], kwargs: dict[str, Any]) -> Window | None:
    _, weight, _, stride, padding, dilation, transposed, _, groups = args
    if len(stride) != 2:
        return None
    regular = not transposed and stride[0] == stride[1] and dilation[0] == dilation[1]
    kernel = (weight.shape[2], weight.shape[3])
    return Window(kernel, stride[0], (padding[0], padding[1]), dilation[0], groups, regular)


def _pool(args: Sequence[Any], kwargs: dict[str, Any]) -> Window:
    _, kernel, *rest = args
    stride = _pair(rest[0]) if rest and rest[0] else _pair(kernel)
    padding = _pair(rest[1]) if len(rest) > 1 else (0, 0)
    return Window(_pair(kernel), stride[0], padding, regular=stride[0] == stride[1])


def _dilated_pool(args: Sequence[Any], kwargs: dict[str, Any]) -> Window:
    """A max pool, which alone has a dilation, behind its padding."""
    found = _pool(args, kwargs)
    dilation = _pair(args[4]) if len(args) > 4 else (1, 1)
    return Window(
        found.kernel, found.stride, found.padding, dilation[0], 1, found.regular and dilation[0] == dilation[1]
    )


def _shares(args: Sequence[Any], kwargs: dict[str, Any]) -> Window:
    """An adaptive pool, which has no window of its own."""
    return Window()


def _mean(args: Sequence[Any], kwargs: dict[str, Any]) -> Window | None:
    """The mean over all positions of maps is a global pool."""
    if len(args) < 2 or not args[1] or args[0].ndim != 4:
        return None
    dimensions = {one % 4 for one in args[1]}
    return Window() if dimensions == {2, 3} else None


def _padded(args: Sequence[Any], kwargs: dict[str, Any]) -> Window | None:
    """Zeros around maps: a window of one pixel that begins outside."""
    left, _, top = (*args[1], 0, 0, 0)[:3]
    return Window((1, 1), 1, (top, left), regular=args[0].ndim == 4)


def _pair(size: Any) -> Pair:
    sizes = list(size) if isinstance(size, Sequence) else [size]
    return int(sizes[0]), int(sizes[-1])


WINDOWS: dict[str, Callable[[Sequence[Any], dict[str, Any]], Window | None]] = {
    "convolution": _convolution, "max_pool2d_with_indices": _dilated_pool, "avg_pool2d": _pool,
    "_adaptive_avg_pool2d": _shares, "mean": _mean, "constant_pad_nd": _padded,
}  # fmt: skip
