"""Tracing torchvision's networks: what their modules compute, and where each gets its input from."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torchvision import ops
from torchvision.models import maxvit

from resnet_studio.networks.layers import Kind
from resnet_studio.networks.modules.baseline import ParametersOnMeta, is_attention, torchvision_network
from resnet_studio.networks.modules.module_kinds import describe, own_parameters, pair
from resnet_studio.networks.traced_row import VECTOR, TracedRow

FUNCTIONS: dict[Any, Kind] = {
    operator.add: "add", operator.iadd: "add", operator.mul: "scale", torch.cat: "concat", functional.relu: "relu",
    functional.adaptive_avg_pool2d: "average pool",
}  # fmt: skip
"""The functions by which a module computes something of its own from what its parts give."""
LAYOUTS = {(0, 2, 3, 1): "channels last", (0, 3, 1, 2): "maps"}
"""The layout behind a permutation."""


class LayerTracer(fx.Tracer):
    """Stops at modules without parts, and at attention."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return is_attention(m) or not any(True for _ in m.children())


def made_tensors(network: nn.Module, graph: fx.Graph, images: Tensor) -> dict[fx.Node, Tensor]:
    """Every tensor of a pass; of several that a node gives, the first."""
    interpreter = fx.Interpreter(fx.GraphModule(network, graph))
    interpreter.args_iter = iter([images])
    with torch.no_grad():
        for node in graph.nodes:  # its own loop starts a thread for a progress bar
            interpreter.env[node] = interpreter.run_node(node)
    firsts = ((node, value[0] if isinstance(value, tuple) else value) for node, value in interpreter.env.items())
    return {node: value for node, value in firsts if isinstance(value, Tensor)}


@dataclass
class Trace:
    """A network while it is traced, with the rows found so far."""

    network: nn.Module
    graph: fx.Graph
    made: dict[fx.Node, Tensor]
    rows: list[TracedRow] = field(default_factory=list)
    sources: dict[fx.Node, tuple[int, ...]] = field(default_factory=dict)
    """The rows that a node's value comes from."""
    layouts: dict[fx.Node, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    """The number of each row by its name."""

    def inputs(self, node: fx.Node) -> tuple[int, ...]:
        """The rows that a node takes. Of a product, the factors that are one number a channel are left out."""
        nodes = [one for one in node.all_input_nodes if one in self.sources and one in self.made]
        if node.target is operator.mul:
            sizes = {one: self.made[one].shape[2:].numel() for one in nodes}
            nodes = [one for one in nodes if sizes[one] == max(sizes.values())]
        return tuple(dict.fromkeys(number for one in nodes for number in self.sources[one]))

    def add(self, node: fx.Node, row: TracedRow) -> None:
        """Add the row that a node's value comes from."""
        inputs = self.inputs(node)
        self.numbers[row.name] = number = len(self.rows)
        self.rows.append(row._replace(inputs=tuple(source - number for source in inputs)))
        self.sources[node] = (number,)


def trace(name: str, image: int, classes: int) -> list[TracedRow]:
    """The modules of a network of torchvision in the order of their calls."""
    network = meta_network(name, image, classes)
    tracer = LayerTracer()
    graph = tracer.trace(network)
    found = Trace(network, graph, made_tensors(network, graph, torch.empty(1, 3, image, image, device="meta")))
    ends = _ends(found)
    for node in graph.nodes:
        _follow(found, node, ends)
    return _with_the_rest(found)


def meta_network(name: str, image: int, classes: int) -> nn.Module:
    """A network of torchvision in eval mode, without storage."""
    with ParametersOnMeta():
        return torchvision_network(name, (image, image), classes).to("meta").eval()


def _scopes(node: fx.Node) -> list[str]:
    """The modules that a node is in, from the outside to the one whose code makes it, or that is called."""
    return [path for path, _ in (node.meta.get("nn_module_stack") or {}).values()]


def _ends(found: Trace) -> dict[fx.Node, str]:
    """The functions that make the output of a module of several parts, with the module's name."""
    ends: dict[fx.Node, str] = {}
    inside: dict[str, list[fx.Node]] = {}
    for node in found.graph.nodes:
        for scope in _scopes(node):
            inside.setdefault(scope, []).append(node)
    for scope, nodes in inside.items():
        members = set(nodes)
        leaving = [node for node in nodes if node in found.made and not members.issuperset(node.users)]
        for node in leaving:
            while node.op != "call_module" and node.target not in FUNCTIONS and node.all_input_nodes:
                node = node.all_input_nodes[0]
            if node.op == "call_function" and _scopes(node)[-1:] == [scope]:
                ends[node] = scope
    return ends


def _follow(found: Trace, node: fx.Node, ends: dict[fx.Node, str]) -> None:
    """Note where a node's value comes from and how it lies in memory, and add its row if it has one."""
    if node not in found.made:
        return
    found.layouts[node] = layout = _layout(found, node)
    name = str(node.target) if node.op == "call_module" else ends.get(node)
    is_root_pool = node.target is functional.adaptive_avg_pool2d and not name
    if node.op == "placeholder":
        found.sources[node] = ()
    elif is_root_pool or (name and name not in found.numbers):
        row = _function_row(found, node, name) if node.op == "call_function" else _module_row(found, node)
        found.add(node, _placed(found, node, row, layout))
    elif node.op != "get_attr":  # also a module that is called again
        found.sources[node] = found.inputs(node)


def _layout(found: Trace, node: fx.Node) -> str:
    before = next((found.layouts[one] for one in node.all_input_nodes if one in found.sources), "maps")
    module = found.network.get_submodule(str(node.target)) if node.op == "call_module" else None
    dimensions = found.made[node].ndim
    if dimensions == 2:
        return VECTOR
    if dimensions == 3:
        return "tokens"
    match module:
        case ops.Permute():
            return LAYOUTS[tuple(module.dims)]
        case maxvit.WindowPartition():
            return "windows"
        case maxvit.WindowDepartition():
            return "maps"
    return before


def _module_row(found: Trace, node: fx.Node) -> TracedRow:
    name = str(node.target)
    return TracedRow("", name, **describe(found.network.get_submodule(name)))


def _function_row(found: Trace, node: fx.Node, name: str | None) -> TracedRow:
    """The row of a module of several parts, by the function that makes its output; or of a pool of the network."""
    kind = FUNCTIONS[node.target]
    if name is None:
        return TracedRow("", node.name, kind, side=pair(node.args[1])[0], module=False)
    return TracedRow("", name, kind, parameters=own_parameters(found.network.get_submodule(name)))


def _placed(found: Trace, node: fx.Node, row: TracedRow, layout: str) -> TracedRow:
    """The row with its channels and layout where they don't follow from its first input."""
    inputs = found.inputs(node)
    before = found.rows[inputs[0]] if inputs else None
    module = found.network.get_submodule(row.name) if row.module else None
    sources = [one for one in node.all_input_nodes if one in found.made]
    given = _channels(found.made[sources[0]], found.layouts.get(sources[0], layout))
    if isinstance(module, nn.Conv2d | nn.Linear):
        given = module.in_channels if isinstance(module, nn.Conv2d) else module.in_features
    channels = _channels(found.made[node], layout)
    carried = _effective(found, inputs[0]) if before else (3, "maps")
    parent = row.name.rpartition(".")[0]
    merges = row.name not in found.numbers and _opens_merging(found, parent)
    return row._replace(
        channels=0 if channels == given and row.kind not in ("conv", "linear") else channels,
        channels_in=0 if given == carried[0] else given,
        layout="" if layout == carried[1] else layout,
        merges=merges,
    )


def _effective(found: Trace, number: int) -> tuple[int, str]:
    """Channels and layout of a row's output."""
    channels, layout = 0, ""
    while not (channels and layout):
        row = found.rows[number]
        channels = channels or row.channels or row.channels_in
        layout = layout or row.layout
        if not row.inputs:
            return channels or 3, layout or "maps"
        number += row.inputs[0]
    return channels, layout


def _opens_merging(found: Trace, parent: str) -> bool:
    """Whether a module is the first of one that joins neighboring patches."""
    merging = parent and type(found.network.get_submodule(parent)).__name__.startswith("PatchMerging")
    return bool(merging) and not any(name.startswith(f"{parent}.") for name in found.numbers)


def _channels(tensor: Tensor, layout: str) -> int:
    return tensor.shape[1] if layout == "maps" else tensor.shape[-1]


def _with_the_rest(found: Trace) -> list[TracedRow]:
    """The rows with those of modules that are not called, and of parameters that no row has, where they are defined."""
    rest: list[tuple[str, TracedRow]] = []
    attention = tuple(f"{name}." for name, module in found.network.named_modules() if is_attention(module))
    for name, module in found.network.named_modules():
        if name in found.numbers or not own_parameters(module) or name.startswith(attention):
            continue
        if any(True for _ in module.children()):
            rest += [(name, row) for row in _parameter_rows(found, name, module)]
        else:
            rest.append((name, _uncalled_row(name, module)))
    return _inserted(found, rest)


def _parameter_rows(found: Trace, name: str, module: nn.Module) -> Iterator[TracedRow]:
    for own, parameter in module.named_parameters(recurse=False):
        full = f"{name}.{own}" if name else own
        yield TracedRow("", full, "parameter", (), parameters=parameter.numel(), called=False, module=False)


def _uncalled_row(name: str, module: nn.Module) -> TracedRow:
    described = describe(module)
    given = getattr(module, "in_channels", 0) or getattr(module, "in_features", 0) or getattr(module, "num_features", 0)
    made = getattr(module, "out_channels", 0) or getattr(module, "out_features", 0)
    return TracedRow("", name, inputs=(), channels=made, channels_in=given, called=False, **described)


def _inserted(found: Trace, rest: list[tuple[str, TracedRow]]) -> list[TracedRow]:
    """All rows, those of `rest` before the first row that is defined later; the last row stays the last."""
    order = {name: number for number, (name, _) in enumerate(found.network.named_modules())}
    places: dict[int, list[TracedRow]] = {}
    for name, row in rest:
        later = (number for number, one in enumerate(found.rows) if order.get(one.name, -1) > order[name])
        places.setdefault(next(later, len(found.rows) - 1), []).append(row)
    made: list[TracedRow] = []
    moved: list[int] = []
    for number, row in enumerate(found.rows):
        made += places.get(number, [])
        moved.append(len(made))
        made.append(row._replace(inputs=tuple(moved[number + offset] - len(made) for offset in row.inputs)))
    return made
