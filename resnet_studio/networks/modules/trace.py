"""Tracing torchvision's networks into the files that the plans of baselines are made from.

`python -m resnet_studio.networks.modules.trace resources/plans` writes them again, as after an update of torchvision.
"""

from __future__ import annotations

import json
import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torchvision import models, ops
from torchvision.models import maxvit
from torchvision.models._api import WeightsEnum

from resnet_studio.networks.layers import Kind
from resnet_studio.networks.modules.baseline import ParametersOnMeta, is_attention, torchvision_network
from resnet_studio.networks.traced_row import CLASSES, VECTOR, TracedRow, write_row

KINDS: dict[type[nn.Module], Kind] = {
    nn.Conv2d: "conv", nn.BatchNorm2d: "batch norm", nn.LayerNorm: "layer norm", nn.Linear: "linear",
    nn.ReLU: "relu", nn.ReLU6: "relu6", nn.SiLU: "silu", nn.Hardswish: "hardswish", nn.Hardsigmoid: "hardsigmoid",
    nn.Sigmoid: "sigmoid", nn.GELU: "gelu", nn.Tanh: "tanh", nn.MaxPool2d: "max pool", nn.AvgPool2d: "average pool",
    nn.AdaptiveAvgPool2d: "average pool", nn.Dropout: "dropout", ops.StochasticDepth: "stochastic depth",
    ops.Permute: "permute", nn.Flatten: "flatten", nn.Identity: "identity", maxvit.WindowPartition: "partition",
    maxvit.WindowDepartition: "departition", maxvit.SwapAxes: "swap axes",
}  # fmt: skip
FUNCTIONS: dict[Any, Kind] = {
    operator.add: "add", operator.iadd: "add", operator.mul: "scale", torch.cat: "concat", functional.relu: "relu",
    functional.adaptive_avg_pool2d: "average pool",
}  # fmt: skip
"""The functions by which a module computes something of its own from what its parts give."""
LAYOUTS = {(0, 2, 3, 1): "channels last", (0, 3, 1, 2): "maps"}
"""The layout behind a permutation."""
CHAIN = {"conv", "batch norm", "relu", "max pool", "average pool", "linear", "dropout"}
OF_ONE = ("alexnet",)
"""Networks in which every convolution is a stage of its own."""
OTHER_FILES = ("densenet121", "densenet161", "densenet169", "densenet201", "googlenet", "inception_v3")
"""Networks whose weights torchvision changes when it loads them, or that it gives another normalization with them."""
PART = 0.8
"""A module with more than this part of all rows is not a row of the table, but its children are."""
LARGEST_MINIMUM = 256
OTHER_CLASSES = 1001


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
    network = _network(name, image, classes)
    tracer = LayerTracer()
    graph = tracer.trace(network)
    found = Trace(network, graph, made_tensors(network, graph, torch.empty(1, 3, image, image, device="meta")))
    ends = _ends(found)
    for node in graph.nodes:
        _follow(found, node, ends)
    return _with_the_rest(found)


def _network(name: str, image: int, classes: int) -> nn.Module:
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
    return TracedRow("", name, **_describe(found.network.get_submodule(name)))


def _function_row(found: Trace, node: fx.Node, name: str | None) -> TracedRow:
    """The row of a module of several parts, by the function that makes its output; or of a pool of the network."""
    kind = FUNCTIONS[node.target]
    if name is None:
        return TracedRow("", node.name, kind, side=_pair(node.args[1])[0], module=False)
    return TracedRow("", name, kind, parameters=_own_parameters(found.network.get_submodule(name)))


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


def _describe(module: nn.Module) -> dict[str, Any]:
    if is_attention(module):
        return _describe_attention(module)
    kind = next((kind for known, kind in KINDS.items() if isinstance(module, known)), None)
    if kind is None:
        raise NotImplementedError(f"no plan has a layer for {module}")
    match module:
        case nn.Conv2d():
            more = {"dilation": module.dilation[0], "groups": module.groups, "bias": module.bias is not None}
            return {"kind": kind, **_window(module), **more}
        case nn.MaxPool2d() | nn.AvgPool2d():
            return {"kind": kind, **_window(module), "ceil": module.ceil_mode}
        case nn.AdaptiveAvgPool2d():
            return {"kind": kind, "side": _pair(module.output_size)[0]}
        case nn.Linear():
            return {"kind": kind, "bias": module.bias is not None}
    return {"kind": kind}


def _window(module: Any) -> dict[str, Any]:
    return {
        "kernel": _pair(module.kernel_size), "stride": _pair(module.stride)[0], "padding": _pair(module.padding)
    }  # fmt: skip


def _describe_attention(module: Any) -> dict[str, Any]:
    """Attention has four square matrices with biases; the rest are tables, and what computes them."""
    channels = module.embed_dim if isinstance(module, nn.MultiheadAttention) else _width(module)
    whole = sum(parameter.numel() for parameter in module.parameters())
    window = getattr(module, "window_size", None) or getattr(module, "size", 0)
    table = getattr(module, "relative_coords_table", None)  # from which Swin V2 computes its biases
    fixed = sum(
        layer.weight.numel() * table.shape[1] * table.shape[2] for layer in module.cpb_mlp if hasattr(layer, "weight")
    ) if table is not None else 0  # fmt: skip
    return {
        "kind": "attention", "kernel": _pair(window), "padding": _pair(getattr(module, "shift_size", 0)),
        "parameters": whole - 4 * channels * (channels + 1), "fixed_macs": fixed,
    }  # fmt: skip


def _width(module: Any) -> int:
    projection: nn.Linear = module.qkv if hasattr(module, "qkv") else module.to_qkv
    return projection.in_features


def _pair(size: Any) -> tuple[int, int]:
    return (int(size[0]), int(size[1])) if isinstance(size, Sequence) else (int(size), int(size))


def _own_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters(recurse=False))


def _with_the_rest(found: Trace) -> list[TracedRow]:
    """The rows with those of modules that are not called, and of parameters that no row has, where they are defined."""
    rest: list[tuple[str, TracedRow]] = []
    attention = tuple(f"{name}." for name, module in found.network.named_modules() if is_attention(module))
    for name, module in found.network.named_modules():
        if name in found.numbers or not _own_parameters(module) or name.startswith(attention):
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
    described = _describe(module)
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


def with_classes(rows: list[TracedRow], others: list[TracedRow]) -> list[TracedRow]:
    """The rows with `CLASSES` where two traces for different numbers of classes differ."""
    pairs = zip(rows, others, strict=True)
    return [row if row.channels == other.channels else row._replace(channels=CLASSES) for row, other in pairs]


def with_position_embedding(rows: list[TracedRow]) -> list[TracedRow]:
    """The rows with a position embedding that has the size of the patches' convolution."""
    patches = next((number for number, row in enumerate(rows) if row.kind == "conv"), 0)
    return [
        row._replace(inputs=(patches - number,), parameters=0, per_position=True, layout="tokens")
        if row.name.endswith("pos_embedding") else row
        for number, row in enumerate(rows)
    ]  # fmt: skip


def with_stages(rows: list[TracedRow], *, of_one: bool) -> list[TracedRow]:
    """The rows with their stages: those of a residual network for a chain, else the modules that it consists of."""
    chain = {row.kind for row in rows} <= CHAIN and all(row.inputs in ((), (-1,)) for row in rows)
    stages = chain_stages(rows, of_one=of_one) if chain else part_stages([row.name for row in rows])
    return [row._replace(stage=stage) for stage, row in zip(stages, rows, strict=True)]


def chain_stages(rows: Sequence[TracedRow], *, of_one: bool) -> list[str]:
    """The stage of every row. A max pool opens one, as in a residual network, and the last one the classifier's.

    With `of_one` a stage has one convolution, else as many as there are up to the next pool.
    """
    last = max(number for number, row in enumerate(rows) if row.kind == "conv")
    stages: list[str] = []
    opened, convolutions = 1, 0
    for number, row in enumerate(rows):
        if row.kind == "max pool" or (row.kind == "conv" and of_one and convolutions):
            opened, convolutions = opened + 1, 0
        convolutions += row.kind == "conv"
        is_head = number > last and (row.kind not in ("batch norm", "relu") or stages[-1] == "fc")
        stages.append("fc" if is_head else "conv1" if opened == 1 else f"conv{opened}_x")
    return stages


def part_stages(names: Sequence[str]) -> list[str]:
    """The part of the network that each row is in: its children, and the children of one that is most of it."""
    opened = ""
    while True:
        inside = [name for name in names if name.startswith(opened)]
        counts: dict[str, int] = {}
        for name in inside:
            child = opened + name.removeprefix(opened).partition(".")[0]
            counts[child] = counts.get(child, 0) + (name != child)
        largest = max(counts, key=lambda child: counts[child])
        if counts[largest] <= PART * len(names):
            break
        opened = f"{largest}."
    return [_part(name, opened) for name in names]


def _part(name: str, opened: str) -> str:
    """The shortest beginning of a name that is not the beginning of what is opened."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        beginning = ".".join(parts[:count])
        if not opened.startswith(f"{beginning}."):
            return beginning
    return name


def smallest_image(name: str) -> int:
    """The smallest side of an image that the network takes."""
    low, high = 0, LARGEST_MINIMUM
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _takes(name, middle) else (middle, high)
    return high


def _takes(name: str, side: int) -> bool:
    try:
        with torch.no_grad():
            _network(name, side, 10)(torch.empty(2, 3, side, side, device="meta"))
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True


def published(name: str) -> list[tuple[str, int, str, int]]:
    """What the metadata of a network's weights say: the enum's member, the image's side, giga-multiply-adds and
    parameters; once for each image size, of the first weights that have it."""
    enum = models.get_model_weights(name)
    found: dict[tuple[int, str, int], str] = {}
    for weights in cast(Iterable[WeightsEnum], enum):
        side = cast(partial[Any], weights.transforms).keywords["crop_size"]
        figures = side, f"{weights.meta['_ops']:.3f}", weights.meta["num_params"]
        found.setdefault(figures, f"{enum.__name__}.{weights.name}")
    return [(member, *figures) for figures, member in found.items()]


def files(name: str) -> list[tuple[str, str, int]]:
    """The files of a network's weights that load as they are: the enum's member, file and size in 1024² bytes.

    The position embedding of a vision transformer fits one size of image, that of the default weights.
    """
    if name in OTHER_FILES:
        return []
    found = []
    for weights in cast(Iterable[Any], models.get_model_weights(name)):
        if not name.startswith("vit_") or weights.transforms.keywords["crop_size"] == default_image(name):
            found.append((weights.name, weights.url.rpartition("/")[2], round(weights.meta["_file_size"])))
    return found


def default_image(name: str) -> int:
    """The side that the default weights of a network are used with."""
    weights = cast(Any, models.get_model_weights(name)).DEFAULT
    return int(weights.transforms.keywords["crop_size"])


def names() -> list[str]:
    """torchvision's classification networks but its ResNets."""
    return [name for name in models.list_models(module=models) if "resne" not in name]


def rows(name: str) -> list[TracedRow]:
    """The rows of a network's file."""
    image = default_image(name)
    found = with_classes(trace(name, image, 1000), trace(name, image, OTHER_CLASSES))
    return with_stages(with_position_embedding(found), of_one=name in OF_ONE)


def entry(name: str) -> dict[str, Any]:
    """A network's entry in the index but for its depth."""
    image = default_image(name)
    network = _network(name, image, 1000)
    fixed = {"patch": getattr(network, "patch_size", 0), "window": getattr(network, "partition_size", 0)}
    smallest = fixed["patch"] or smallest_image(name)
    known = {"image": image, "smallest": smallest, "published": published(name), "files": files(name)}
    return known | {key: value for key, value in fixed.items() if value}


def depth(found: Iterable[TracedRow]) -> int:
    """Layers with weights. Attention has two: to queries, keys and values, and back."""
    return sum(row.called * {"conv": 1, "linear": 1, "attention": 2}.get(row.kind, 0) for row in found)


def file_text(found: Sequence[TracedRow]) -> str:
    """The rows as lines, under a line for each stage."""
    lines: list[str] = []
    for row, before in zip(found, (None, *found), strict=False):
        if before is None or row.stage != before.stage:
            lines.append(row.stage)
        lines.append(write_row(row))
    return "\n".join(lines) + "\n"


def main(folder: Path, report: Callable[[str], object] = print) -> None:
    """Write the files of every baseline into a folder."""
    index: dict[str, Any] = {}
    for name in names():
        report(name)
        found = rows(name)
        index[name] = entry(name) | {"depth": depth(found)}
        (folder / f"{name}.tsv").write_text(file_text(found), encoding="utf-8")
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in index.items())
    (folder / "index.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
