"""One pass of a network of the user's own, watched: its modules in the order of their calls, as the layers of a plan.

Nothing is assumed about the code: modules are seen by hooks, and what they compute by torch's dispatcher, so that loops
and conditions are followed as they go. What a pass can't tell is refused: code that depends on values of the image.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from resnet_studio.networks.layers import NOTHING, Layer, Shape
from resnet_studio.networks.modules.axes import IMAGE, axes_after, layout_of, shape_of
from resnet_studio.networks.modules.baseline import is_attention
from resnet_studio.networks.modules.operations import (
    FLOP_COUNTS,
    KINDS,
    ROWS,
    Window,
    base_name,
    depends_on_values,
    is_pointwise,
    module_kind,
    sources_followed,
    window_of,
)
from resnet_studio.networks.modules.stages import part_stages
from resnet_studio.networks.own_module import ModuleError

MOST_LAYERS = 50_000
CALL = "#"
"""Stands before the number of a call of a module that is called several times; the last call has the module's name."""


class Flow(NamedTuple):
    """What is known of a tensor that depends on the image."""

    rows: tuple[int, ...]
    """The rows that it comes from; none for the image itself."""
    axes: str
    """What its dimensions are: "NCHW", or see `axes`."""
    grid: tuple[int, int]
    """Height and width of the maps that it is, or whose positions it has."""


@dataclass
class Call:
    """A call of a module, with what happens inside."""

    name: str
    module: nn.Module
    given: list[Tensor]
    is_leaf: bool
    macs: int = 0
    windows: list[Window] = field(default_factory=list)
    whole: bool = False
    rows_before: int = 0

    @property
    def window(self) -> Window | None:
        """Its only window, with the padding before it; None if there is none, or more than one."""
        match self.windows:
            case [window]:
                return window
            case [padded, window] if padded.kernel == (1, 1) and padded.stride == 1:
                return window.behind(padded)
        return None


class PassTracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows one pass of a network in eval mode over one image, and makes a layer of each call and function."""

    def __init__(self, network: nn.Module, image: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.network = network
        self.layers: list[Layer] = []
        self.owners: list[str] = []
        """The module that each layer is, or that computes it."""
        self.inside: list[Call] = []
        """The calls that are running; the innermost is the last. After an error it says where that was."""
        self._inputs: list[tuple[int, ...]] = []
        self._flows: MutableMapping[Tensor, Flow] = WeakIdKeyDictionary()
        self._parameters: set[int] = set()
        """Parameters that a row has, by their identity: shared ones are counted once."""
        self._flows[image] = Flow((), IMAGE, (image.shape[2], image.shape[3]))

    def flow(self, value: object) -> Flow | None:
        """What is known of a tensor; None if it doesn't depend on the image."""
        return self._flows.get(value) if isinstance(value, Tensor) else None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every module of the network."""
        names = {module: name for name, module in self.network.named_modules()}
        with ExitStack() as hooks, self:
            for module, name in names.items():
                before = module.register_forward_pre_hook(
                    lambda module, args, kwargs, name=name: self._enter(name, module, [args, kwargs]), with_kwargs=True
                )
                after = module.register_forward_hook(lambda module, args, made: self._leave(module, made))
                hooks.callback(before.remove)
                hooks.callback(after.remove)
            yield

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = [one for one in tree_leaves((args, kwargs)) if self.flow(one)]
        name = base_name(func)
        if given and depends_on_values(name, given):
            raise ModuleError(
                "the pass depends on values of the image, so there is no single plan. What depends on sizes alone works"
            )
        made = func(*args, **(kwargs or {}))
        if given:
            self._note(func, name, args, kwargs or {}, given, made)
        return made

    def _note(
        self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], given: list[Tensor], made: Any
    ) -> None:
        """Note what an operation on tensors that depend on the image makes."""
        tensors = [one for one in tree_leaves(made) if isinstance(one, Tensor)]
        count = FLOP_COUNTS.get(func._overloadpacket)
        macs = count(*args, **kwargs, out_val=made) // 2 if count else 0
        window = window_of(name, args, kwargs)
        call = next((one for one in self.inside if one.is_leaf), None)
        flows = [self._after(name, args, given, one) for one in tensors]
        if call:
            call.macs += macs
            call.windows += [window] if window else []
            call.whole |= window is None and not is_pointwise(name)
        elif tensors and self._is_row(name, given, tensors[0], macs, window):
            row = self._add_function(name, args, kwargs, given, tensors[0], flows[0], macs, window)
            flows = [flow._replace(rows=(row,)) for flow in flows]
        for tensor, flow in zip(tensors, flows, strict=True):
            self._flows[tensor] = flow

    def _after(self, name: str, args: tuple[Any, ...], given: list[Tensor], made: Tensor) -> Flow:
        """The flow of what an operation makes, before it is known whether that is a row."""
        followed = sources_followed(name, given)
        rows = tuple(dict.fromkeys(row for one in followed for row in self._flows[one].rows))
        first: Flow = self._flows[followed[0]]
        axes = axes_after(name, args, followed[0], first.axes, made)
        grid = (made.shape[2], made.shape[3]) if axes == IMAGE else first.grid
        grid = (made.shape[1], made.shape[2]) if axes == "NHWC" else grid
        return Flow(rows, axes, grid)

    def _is_row(self, name: str, given: list[Tensor], made: Tensor, macs: int, window: Window | None) -> bool:
        """Whether an operation outside of leaf modules is a row: what costs, has a window or joins paths, and ReLUs."""
        if not made.is_floating_point():
            return False
        rows = {self._flows[one].rows for one in given}
        joins = len(given) > 1 and len(rows) > 1
        return bool(macs or window or joins or name in ROWS or not is_pointwise(name))

    def _enter(self, name: str, module: nn.Module, inputs: Any) -> None:
        given = [one for one in tree_leaves(inputs) if isinstance(one, Tensor)]
        leaf = is_attention(module) or not any(True for _ in module.children())
        self.inside.append(Call(name, module, given, leaf, rows_before=len(self.layers)))

    def _leave(self, module: nn.Module, made: Any) -> None:
        call = self.inside.pop()
        tensors = [one for one in tree_leaves(made) if isinstance(one, Tensor)]
        if any(one.is_leaf for one in self.inside) or not tensors:
            return
        depends = self.flow(tensors[0]) is not None
        flow = self.flow(tensors[0]) or Flow((), "?", (0, 0))
        known = self.flow(call.given[0]) if call.given else None
        if known and layout_of(tensors[0], flow.axes, flow.grid) == "other" and _keeps_axes(call, known, tensors[0]):
            flow = flow._replace(axes=known.axes, grid=known.grid)  # what it did inside to its dimensions is undone
        if call.is_leaf:
            rows = (self._add_call(call, tensors[0], flow),)
            for tensor in tensors if depends else ():
                self._flows[tensor] = flow._replace(rows=rows)
        elif depends:
            self._flows[tensors[0]] = flow
            self._name_output(call, flow)

    def _name_output(self, call: Call, flow: Flow) -> None:
        """Give a function that makes the output of a module with parts the module's name: then it can be captured."""
        if not call.name or len(flow.rows) != 1 or flow.rows[0] < call.rows_before:
            return
        (row,) = flow.rows
        if not self.layers[row].module and self.owners[row] == call.name:
            self.layers[row] = self.layers[row]._replace(name=call.name, module=True)

    def _add_call(self, call: Call, made: Tensor, flow: Flow) -> int:
        """Add the row of a module that is called."""
        window = call.window
        whole = not is_attention(call.module) and (call.whole or (window is None and bool(call.windows)))
        given = [one for one in call.given if self.flow(one)]
        inputs = tuple(dict.fromkeys(row for one in given for row in self._flows[one].rows))
        parameters = self._count(call.module.parameters())
        kind = module_kind(call.module)
        return self._add(call.name, kind, given, inputs, made, flow, call.macs, window, parameters, whole=whole)

    def _add_function(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], given: list[Tensor], made: Tensor, flow: Flow,
        macs: int, window: Window | None,
    ) -> int:  # fmt: skip
        """Add the row of an operation that is no module's, under the module whose code it is in."""
        scope = self.inside[-1].name if self.inside else ""
        kind = KINDS.get(name, name.replace("_", " ").strip())
        parameters = self._count(one for one in tree_leaves((args, kwargs)) if isinstance(one, nn.Parameter))
        whole = window is None and not is_pointwise(name)
        full = f"{scope}.{kind.replace(' ', '_')}".lstrip(".")
        row = self._add(full, kind, given, flow.rows, made, flow, macs, window, parameters, whole=whole)
        self.layers[row] = self.layers[row]._replace(module=False)
        self.owners[row] = scope
        return row

    def _add(
        self, name: str, kind: str, given: list[Tensor], inputs: tuple[int, ...], made: Tensor, flow: Flow, macs: int,
        window: Window | None, parameters: int, *, whole: bool,
    ) -> int:  # fmt: skip
        if len(self.layers) == MOST_LAYERS:
            raise ModuleError(f"has more than {MOST_LAYERS:,} layers")
        window = window or Window()
        stride = window.stride if window.kernel[0] else 0
        before = self._input_shape(given, inputs)
        self.layers.append(
            Layer(
                name, "", "", kind, before, shape_of(made, flow.axes, flow.grid), window.kernel[0], stride,
                window.padding[0], parameters, macs, window.groups, dilation=window.dilation,
                layout=layout_of(made, flow.axes, flow.grid), across=window.across, whole=whole or not window.regular,
            )
        )  # fmt: skip
        self.owners.append(name)
        self._inputs.append(inputs)
        return len(self.layers) - 1

    def _input_shape(self, given: list[Tensor], inputs: tuple[int, ...]) -> Shape:
        """The shape of the first input, as the row has it that it comes from if only the dimensions were joined."""
        if not given:
            return NOTHING
        if inputs and math.prod(self.layers[inputs[0]].output) == given[0].numel():
            return self.layers[inputs[0]].output
        flow = self._flows[given[0]]
        return shape_of(given[0], flow.axes, flow.grid)

    def _count(self, parameters: Any) -> int:
        """How many numbers parameters have that no row has yet."""
        found = {id(one): one.numel() for one in parameters if id(one) not in self._parameters}
        self._parameters.update(found)
        return sum(found.values())

    def plan(self) -> tuple[Layer, ...]:
        """The layers with their stages and inputs, and with rows of what is never called and of loose parameters."""
        names = _unique_names(self.layers, self.owners)
        inputs = (tuple(names[row] for row in rows) for rows in self._inputs)
        layers = [
            layer._replace(name=name, module=layer.module and CALL not in name, inputs=sources)
            for layer, name, sources in zip(self.layers, names, inputs, strict=True)
        ]
        rest = [self._uncalled(name, module) for name, module in self.network.named_modules()]
        return _staged(layers, [layer for found in rest for layer in found])

    def _uncalled(self, name: str, module: nn.Module) -> list[Layer]:
        """The rows of a module's own parameters that no row has: one for a leaf, else one for each."""
        own = list(module.named_parameters(recurse=False))
        if any(True for _ in module.children()):
            pairs = [(f"{name}.{parameter}".lstrip("."), "parameter", [value]) for parameter, value in own]
        else:
            pairs = [(name, module_kind(module), [value for _, value in own])]
        counted = ((full, kind, self._count(values)) for full, kind, values in pairs)
        return [
            Layer(full, "", "", kind, NOTHING, NOTHING, parameters=count, module=kind != "parameter")
            for full, kind, count in counted
            if count
        ]


def _keeps_axes(call: Call, known: Flow, made: Tensor) -> bool:
    """Whether a module's output has the dimensions of its input, at most with other channels behind positions."""
    shape = call.given[0].shape
    return made.shape == shape or (
        isinstance(call.module, nn.Linear) and known.axes.endswith("C") and made.shape[:-1] == shape[:-1]
    )


def _unique_names(layers: list[Layer], owners: list[str]) -> list[str]:
    """A name for each row. Of several calls of a module the last has its name, as capturing it gives that output."""
    total, seen = Counter(layer.name for layer in layers), Counter[str]()
    names = []
    for layer, owner in zip(layers, owners, strict=True):
        seen[layer.name] += 1
        if seen[layer.name] == total[layer.name] and (layer.module or total[layer.name] == 1):
            names.append(layer.name)
        else:
            separator = CALL if layer.module or layer.name == owner else "_"
            names.append(f"{layer.name}{separator}{seen[layer.name]}")
    return names


def _staged(layers: list[Layer], rest: list[Layer]) -> tuple[Layer, ...]:
    """All rows with their stages. Those that are not called stand before the first of their stage, never at the end."""
    rows = (*layers, *rest)
    parts = part_stages([row.name.partition(CALL)[0] for row in rows])
    stages = {row.name: stage for row, stage in zip(rows, parts, strict=True)}
    made = list(layers)
    for row in rest:
        same = (number for number, other in enumerate(made) if stages[other.name] == stages[row.name])
        made.insert(next(same, max(0, len(made) - 1)), row)
    found: list[Layer] = []
    runs: Counter[str] = Counter()
    for layer in made:
        stage = stages[layer.name]
        if not found or stages[found[-1].name] != stage:
            runs[stage] += 1
        found.append(layer._replace(stage=stage if runs[stage] == 1 else f"{stage} ({runs[stage]})"))
    return tuple(found)


def trace(network: nn.Module, image: Tensor) -> tuple[tuple[Layer, ...], Any]:
    """The plan of a network in eval mode, and what it returns for an image, 1 × channels × height × width.

    `ModuleError` for what a plan can't hold. An error of the code itself gets the name of the innermost module that
    was running as a note.
    """
    tracer = PassTracer(network, image)
    try:
        with torch.no_grad(), tracer.watching():
            made = network(image)
    except Exception as error:
        if tracer.inside and (name := tracer.inside[-1].name):
            error.add_note(name)
        raise
    if not isinstance(made, Tensor) or not tracer.flow(made):
        return (), made
    return tracer.plan(), made
