"""Counting what a network costs with fvcore, and checking that count with two others.

A network repeats itself: ResNet-152 has ten distinct (block, input size) pairs. Each is traced once, remembered,
and summed, which gives the same totals, operators and uncounted operations as tracing the whole network.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any

import torch
import torchinfo
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from resnet_studio.analysis.compute.own_rows import own_costs, own_rows
from resnet_studio.analysis.table import CounterChecks, LayerRow, LayerTable
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.families.family import Block
from resnet_studio.networks.layers import NOTHING, Layer, Shape
from resnet_studio.networks.modules.baseline import allocate, is_attention, skeleton
from resnet_studio.networks.modules.blocks import build_block
from resnet_studio.networks.modules.network import build, empty, leaves
from resnet_studio.networks.modules.operations import ATTENTION_FLOPS
from resnet_studio.networks.modules.own_module import running
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.networks.plan import blocks, head_layers, plan, stem_layers
from resnet_studio.progress import Progress, finish

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*torch.jit")  # fvcore scripts its helpers with it when imported
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_handles import einsum_flop_jit, get_shape

PRODUCTS = ("matmul", "bmm", "einsum", "scaled_dot_product_attention")
"""fvcore's operators for products of activations with each other, which only attention has."""
COUNTED = ("conv", "linear", "addmm", "mm", *PRODUCTS)
"""fvcore's operators that count as FLOPs: those of the paper, convolutions and linear layers, and attention's."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the counters say of one module and one input, in multiply-adds.

    Keys are names of leaf modules, and of attention as a whole; "" is the network's own code, if that costs anything.
    """

    macs: dict[str, int]
    macs_all: dict[str, int]
    uncounted: dict[str, int]
    torch_macs: int
    """FlopCounterMode's operations / 2: convolutions, linear layers and matrix products."""
    parameters: int
    """torchinfo's total."""
    products: int = 0
    """Of `PRODUCTS` alone."""


@dataclass(frozen=True, slots=True)
class NetworkPart:
    """A part of a network that is traced by itself. Equal pieces (but for `prefix`) count the same."""

    prefix: str
    key: Baseline | OwnModule | Block | tuple[Layer, ...]
    """A whole network, a block, or the layers of the stem or the head."""
    input: Shape

    @property
    def description(self) -> str:
        """The part for the progress display."""
        match self.key:
            case Baseline() | OwnModule():
                return self.key.name
            case Block():
                return self.prefix.rstrip(".")
        return self.key[0].stage

    def count(self) -> Counts:
        """Count the part on real but uninitialized CPU tensors: fvcore can't trace on the device "meta"."""
        images = torch.zeros(1, *self.input)
        match self.key:
            case Baseline():
                return count(allocate(skeleton(self.key)), images, shaped=empty(self.key))
            case OwnModule():
                with running(self.key.source):
                    return count(build(self.key), images, each_module=True)
            case Block():
                with torch.device("meta"):
                    shaped = build_block(self.key)
            case _:
                with torch.device("meta"):
                    shaped = nn.Sequential(leaves(self.key))
        return count(shaped.to_empty(device="cpu"), images)


def layer_table(architecture: Architecture) -> LayerTable:
    """The layer table as fvcore counts it, for one image in eval mode.

    Raises `MemoryError` with the size in words if tracing needs more memory than the machine has.
    """
    return finish(layer_table_steps(architecture))


def layer_table_steps(architecture: Architecture) -> Generator[Progress, None, LayerTable]:
    """`layer_table`, yielding its progress before each part that has not been traced yet."""
    memory.check(architecture, memory.to_count(architecture), "to count its FLOPs")
    counted: list[tuple[str, Counts]] = []
    parts = list(_pieces(architecture))
    for number, piece in enumerate(parts):
        if not counted or number % 50 == 0 or piece.key != parts[number - 1].key:
            yield Progress(number, len(parts), f"tracing {piece.description}")
        counted.append((piece.prefix, _traced(replace(piece, prefix=""))))
    return _summed(architecture, counted)


def summary(architecture: Architecture) -> str:
    """torchinfo's own summary of the whole network, as text."""
    shape = 1, *architecture.input_shape
    if isinstance(architecture, OwnModule):  # its code may make tensors on the CPU
        with running(architecture.source):
            return _summary(build(architecture).eval(), shape, "cpu")
    return _summary(empty(architecture).eval(), shape, "meta")


def _summary(network: nn.Module, shape: tuple[int, ...], device: str) -> str:
    columns = ("kernel_size", "output_size", "num_params", "mult_adds")
    with torch.no_grad():
        information = torchinfo.summary(
            network, input_data=torch.zeros(shape, device=device), device=device,
            col_names=columns, depth=4, row_settings=("var_names",), verbose=0,
        )  # fmt: skip
    return str(information)


def count(
    network: nn.Module, images: Tensor, *, shaped: nn.Module | None = None, each_module: bool = False
) -> Counts:  # fmt: skip
    """Count one forward pass of the network in eval mode over `images` (1×C×H×W, on the network's device).

    The network is left as it was: mode, device, hooks, buffers; so is torch's random state. torch counts `shaped`, the
    same network on the device "meta", if there is one: that takes no time. With `each_module` what the code of a module
    with parts costs by itself is counted under its name.
    """
    second = FlopCounterMode(display=False, custom_mapping=ATTENTION_FLOPS)
    with _state_kept(network), _state_kept(shaped or network), torch.no_grad():
        with second:  # what can't run fails here: fvcore would leave its hooks on the modules
            shaped(images.to("meta")) if shaped else network(images)
        flops = FlopCountAnalysis(network, images).tracer_warnings("none").set_op_handle(**HANDLES)
        flops.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = flops.by_module_and_operator()
        uncounted = dict(flops.unsupported_ops())
    whole, names = by_operator[""], counted_modules(network)
    macs, macs_all = own_costs(network, by_operator, names, COUNTED) if each_module else ({}, {})
    own = sum(whole.values()) - sum(sum(by_operator[name].values()) for name in names) - sum(macs_all.values())
    return Counts(
        {name: sum(by_operator[name][operator] for operator in COUNTED) for name in names} | macs,
        {name: sum(by_operator[name].values()) for name in names} | macs_all | ({"": own} if own else {}),
        uncounted,
        second.get_total_flops() // 2,
        torchinfo.summary(network, verbose=0).total_params,
        sum(whole[operator] for operator in PRODUCTS),
    )


def counted_modules(network: nn.Module) -> list[str]:
    """Names of the modules that are counted as one: those without parts, and attention."""
    attention = [name for name, module in network.named_modules() if is_attention(module)]
    inside = tuple(f"{name}." for name in attention)
    return [
        name for name, module in network.named_modules()
        if name in attention or not (name.startswith(inside) or any(True for _ in module.children()))
    ]  # fmt: skip


def attention_products(inputs: list[Any], outputs: list[Any]) -> int:
    """Queries × keys and weights × values, for which fvcore has no count. Shapes are … × positions × channels."""
    query, key, value = (get_shape(one) for one in inputs[:3])
    return int(prod(query) * key[-2] + prod(query[:-1]) * key[-2] * value[-1])


def contraction(inputs: list[Any], outputs: list[Any]) -> int:
    """The product of all sizes of a contraction of two tensors, of which fvcore knows four digits."""
    terms = inputs[0].toIValue().replace(" ", "").partition("->")[0].split(",")
    shapes = [get_shape(one) for one in inputs[1].node().inputs()]
    if len(terms) != 2 or "..." in "".join(terms):
        return int(einsum_flop_jit(inputs, outputs))
    sizes = dict(pair for term, shape in zip(terms, shapes, strict=True) for pair in zip(term, shape, strict=True))
    return prod(sizes.values())


HANDLES = {"aten::scaled_dot_product_attention": attention_products, "aten::einsum": contraction}
"""What fvcore is told to count with."""


@contextmanager
def _state_kept(network: nn.Module) -> Iterator[None]:
    """Eval mode, and attention by operations that can be counted instead of one that does all."""
    modes = {module: module.training for module in network.modules()}
    fast = torch.backends.mha.get_fastpath_enabled()
    with torch.random.fork_rng(devices=[]):
        network.eval()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
            for module, training in modes.items():
                module.training = training


def _pieces(architecture: Architecture) -> Iterator[NetworkPart]:
    if not isinstance(architecture, Residual):
        yield NetworkPart("", architecture, architecture.input_shape)
        return
    # The stem and the head are keyed by what they are made of alone, so that an edit of the blocks finds them counted.
    stem, head = tuple(stem_layers(architecture)), tuple(head_layers(architecture))
    yield NetworkPart("", stem, stem[0].input)
    for block in blocks(architecture):
        yield NetworkPart(f"{block.name}.", replace(block, name="", stage=""), block.input)
    yield NetworkPart("", head, head[0].input)


@lru_cache(maxsize=512)
def _traced(piece: NetworkPart) -> Counts:
    return piece.count()


def _summed(architecture: Architecture, counted: list[tuple[str, Counts]]) -> LayerTable:
    macs: dict[str, int] = {}
    macs_all: dict[str, int] = {}
    uncounted: Counter[str] = Counter()
    for prefix, counts in counted:
        macs |= {prefix + leaf: value for leaf, value in counts.macs.items()}
        macs_all |= {prefix + leaf: value for leaf, value in counts.macs_all.items()}
        uncounted.update(counts.uncounted)
    layers = plan(architecture)
    checks = CounterChecks(
        fvcore=sum(macs.values()),
        torch=sum(counts.torch_macs for _, counts in counted),
        plan=sum(layer.macs for layer in layers),
        torchinfo=sum(counts.parameters for _, counts in counted),
        plan_parameters=sum(layer.parameters for layer in layers),
    )
    rows = tuple(_row(layer, macs, macs_all) for layer in layers)
    if isinstance(architecture, OwnModule):
        rows = own_rows(layers, macs, macs_all)
    products = sum(counts.products for _, counts in counted)
    return LayerTable(architecture, rows, dict(sorted(uncounted.items())), checks, products)


def _row(layer: Layer, macs: Mapping[str, int], macs_all: Mapping[str, int]) -> LayerRow:
    """A layer's row. What a module of several parts does by itself, as an addition, has no count; nor has a parameter.
    A function of the network's own has what is not any module's."""
    name = layer.name if layer.module else "" if layer.output != NOTHING else layer.name
    return LayerRow(layer, macs.get(name, 0), macs_all.get(name, 0))
