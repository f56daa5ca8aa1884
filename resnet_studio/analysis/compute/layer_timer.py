"""Seconds of every layer of a network in one pass, forward and backward.

A layer's `forward` is replaced while a pass runs. torch calls it as it calls any other, and not on the slower path that
it takes for modules with hooks. On the way back, a hook marks where autograd's graph goes on to the next layer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.graph import Node

Seconds: TypeAlias = NDArray[np.float64]
"""Of each layer, in the order in which they were named."""
NOBODY = -1
"""In place of a layer's number, for operations that belong to none."""


class Clock(Protocol):
    """Marks points in time without waiting for the device."""

    name: str

    def mark(self) -> Any: ...

    def between(self, begin: Any, end: Any) -> float:
        """Seconds between two marks, once the device has reached both."""
        ...


class CpuClock:
    """For the CPU, which has computed a layer when its `forward` returns."""

    name = "time.perf_counter"

    def __init__(self) -> None:
        self.mark = time.perf_counter

    def between(self, begin: float, end: float) -> float:
        return end - begin


class CudaClock:
    """For an NVIDIA GPU: events, which the GPU itself stamps when it gets to them."""

    name = "CUDA events"

    def mark(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def between(self, begin: torch.cuda.Event, end: torch.cuda.Event) -> float:
        milliseconds: float = begin.elapsed_time(end)
        return milliseconds / 1e3


class LayerTimer:
    """Times named modules of a network. A module that holds others of them gets what is left of its own time."""

    def __init__(self, network: nn.Module, names: Sequence[str], clock: Clock) -> None:
        self.names, self.clock = tuple(names), clock
        self._modules = [network.get_submodule(name) for name in self.names]
        self._inside = _inside(self.names)
        self._calls: list[tuple[int, Any, Any]] = []
        """The layers that were called, each with the marks before and after it."""
        self._operations: list[tuple[int, tuple[Node, ...], tuple[Node, ...]]] = []
        """The layers that were called, each with the operations that made its output and its inputs."""
        self._way_back: list[tuple[int, Any]] = []
        """The layers that the backward pass has come to, each with the mark at its beginning."""

    @contextmanager
    def attached(self, *, backward: bool = False) -> Iterator[None]:
        """Record a forward pass in this block; `backward` if its backward pass follows."""
        wrap = self._with_operations if backward else self._timed
        before = [module.__dict__.get("forward") for module in self._modules]
        for number, module in enumerate(self._modules):
            module.__dict__["forward"] = wrap(number, module.forward)
        try:
            yield
        finally:
            for module, forward in zip(self._modules, before, strict=True):
                if forward is None:
                    del module.__dict__["forward"]
                else:
                    module.__dict__["forward"] = forward

    @contextmanager
    def watching_gradients(self) -> Iterator[None]:
        """Record the backward pass in this block, that of the forward pass that was recorded last.

        Autograd goes back through a graph in the reverse order of its operations, so those of a layer follow each
        other, and end where those of another one begin.
        """
        handles = [self._watch(node, layer) for node, layer in self._beginnings().items()]
        self._operations.clear()
        try:
            yield
        finally:
            self._way_back.append((NOBODY, self.clock.mark()))
            for handle in handles:
                handle.remove()

    def seconds(self) -> Seconds:
        """What has been recorded since the last call. The device must have reached all of it."""
        found = np.zeros(len(self.names))
        for layer, begin, end in self._calls:
            found[layer] += self.clock.between(begin, end)
        own = found.copy()
        for outer, inner in self._inside.items():
            own[outer] -= found[inner].sum()
        for (layer, begin), (_, end) in pairwise(self._way_back):
            if layer != NOBODY:
                own[layer] += self.clock.between(begin, end)
        self._calls.clear()
        self._way_back.clear()
        return own

    def _timed(self, layer: int, forward: Callable[..., Any]) -> Callable[..., Any]:
        mark, record = self.clock.mark, self._calls.append

        def timed_forward(*args: Any, **kwargs: Any) -> Any:
            begin = mark()
            output = forward(*args, **kwargs)
            record((layer, begin, mark()))
            return output

        return timed_forward

    def _with_operations(self, layer: int, forward: Callable[..., Any]) -> Callable[..., Any]:
        mark, record, note = self.clock.mark, self._calls.append, self._operations.append

        def noted_forward(*args: Any, **kwargs: Any) -> Any:
            begin = mark()
            output = forward(*args, **kwargs)
            record((layer, begin, mark()))
            note((layer, _nodes(output), _nodes(*args)))
            return output

        return noted_forward

    def _beginnings(self) -> dict[Node, int]:
        """Where the backward pass comes to a layer, or leaves one for operations of no layer."""
        found: dict[Node, int] = {}
        for layer, last, before in self._operations:  # modules inside another one have ended before it
            for node in last:
                if node not in before:
                    found.setdefault(node, layer)
        for _, _, before in self._operations:
            for node in before:
                found.setdefault(node, NOBODY)
        return found

    def _watch(self, node: Node, layer: int) -> Any:
        mark, record = self.clock.mark, self._way_back.append
        return node.register_prehook(lambda _: record((layer, mark())))


def _inside(names: Sequence[str]) -> Mapping[int, list[int]]:
    """For each named module those next below it: "a" has "a.b", but not "a.b.c"."""
    numbers = {name: number for number, name in enumerate(names)}
    found: dict[int, list[int]] = {}
    for name, number in numbers.items():
        outer = name.rpartition(".")[0]
        while outer and outer not in numbers:
            outer = outer.rpartition(".")[0]
        if outer:
            found.setdefault(numbers[outer], []).append(number)
    return found


def _nodes(*values: Any) -> tuple[Node, ...]:
    """The operations that made tensors, also those in a list or a tuple."""
    if len(values) == 1 and isinstance(values[0], Tensor):
        node = values[0].grad_fn
        return (node,) if node is not None else ()
    found: tuple[Node, ...] = ()
    for value in values:
        if isinstance(value, Tensor | list | tuple):
            found += _nodes(value) if isinstance(value, Tensor) else _nodes(*value)
    return found
