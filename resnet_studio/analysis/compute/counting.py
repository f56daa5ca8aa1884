"""Counting what a network costs with fvcore, and checking that count with two others.

A network repeats itself: ResNet-152 has ten distinct (block, input size) pairs. Each is traced once, remembered,
and summed, which gives the same totals, operators and uncounted operations as tracing the whole network.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
import torchinfo
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from resnet_studio.analysis.table import CounterChecks, LayerRow, LayerTable
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Architecture, Baseline
from resnet_studio.networks.families.family import Block
from resnet_studio.networks.layers import Layer, Shape
from resnet_studio.networks.modules.blocks import build_block
from resnet_studio.networks.modules.network import baseline, empty, leaves
from resnet_studio.networks.plan import blocks, head_layers, plan, stem_layers
from resnet_studio.progress import Progress, finish

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*torch.jit")  # fvcore scripts its helpers with it when imported
    from fvcore.nn import FlopCountAnalysis

PAPER_COUNTS = ("conv", "linear")
"""fvcore's operators that the paper counts."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the counters say of one module and one input, in multiply-adds; keys are names of leaf modules."""

    macs: dict[str, int]
    macs_all: dict[str, int]
    uncounted: dict[str, int]
    torch_macs: int
    """FlopCounterMode's operations / 2: convolutions and linear layers."""
    parameters: int
    """torchinfo's total."""


@dataclass(frozen=True, slots=True)
class NetworkPart:
    """A part of a network that is traced by itself. Equal pieces (but for `prefix`) count the same."""

    prefix: str
    key: Baseline | Block | tuple[Layer, ...]
    """A baseline, a block, or the layers of the stem or the head."""
    input: Shape

    @property
    def description(self) -> str:
        """The part for the progress display."""
        match self.key:
            case Baseline():
                return self.key.name
            case Block():
                return self.prefix.rstrip(".")
        return self.key[0].stage

    def build(self) -> nn.Module:
        """The part in eval mode, on whatever device is torch's default."""
        match self.key:
            case Block():
                return build_block(self.key).eval()
            case Baseline():
                return baseline(self.key).eval()
        return nn.Sequential(leaves(self.key)).eval()


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
    network = empty(architecture).eval()
    columns = ("kernel_size", "output_size", "num_params", "mult_adds")
    with torch.no_grad():
        information = torchinfo.summary(
            network, input_data=torch.empty(shape, device="meta"), device="meta",
            col_names=columns, depth=4, row_settings=("var_names",), verbose=0,
        )  # fmt: skip
    return str(information)


def count(network: nn.Module, images: Tensor) -> Counts:
    """Count one forward pass of the network in eval mode over `images` (1×C×H×W, on the network's device).

    The network is left as it was: mode, device, hooks, buffers; so is torch's random state.
    """
    with _state_kept(network), torch.no_grad():
        with FlopCounterMode(display=False) as second:
            network(images)  # what can't run fails here: fvcore would leave its hooks on the modules
        flops = FlopCountAnalysis(network, images).tracer_warnings("none")
        flops.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = flops.by_module_and_operator()
        uncounted = dict(flops.unsupported_ops())
    leaves = [name for name, module in network.named_modules() if not any(True for _ in module.children())]
    return Counts(
        {leaf: sum(by_operator[leaf][operator] for operator in PAPER_COUNTS) for leaf in leaves},
        {leaf: sum(by_operator[leaf].values()) for leaf in leaves},
        uncounted,
        second.get_total_flops() // 2,
        torchinfo.summary(network, verbose=0).total_params,
    )


@contextmanager
def _state_kept(network: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in network.modules()}
    with torch.random.fork_rng(devices=[]):
        network.eval()
        try:
            yield
        finally:
            for module, training in modes.items():
                module.training = training


def _pieces(architecture: Architecture) -> Iterator[NetworkPart]:
    if isinstance(architecture, Baseline):
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
    """Count a piece on real but uninitialized CPU tensors: fvcore can't trace on the device "meta"."""
    with torch.device("meta"):
        shaped = piece.build()
    return count(shaped.to_empty(device="cpu"), torch.zeros(1, *piece.input))


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
    rows = tuple(LayerRow(layer, macs[layer.name], macs_all[layer.name]) for layer in layers)
    return LayerTable(architecture, rows, dict(sorted(uncounted.items())), checks)
