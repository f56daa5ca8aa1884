"""Layers are timed exactly: on a clock that only the layers themselves advance."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from resnet_studio.analysis.compute import layer_timer
from resnet_studio.analysis.compute.layer_timer import CudaClock, LayerTimer


class StepClock:
    """A clock that advances when it is told to."""

    name = "steps"

    def __init__(self) -> None:
        self.now = 0.0

    def mark(self) -> float:
        return self.now

    def between(self, begin: float, end: float) -> float:
        return end - begin


class Advance(torch.autograd.Function):
    """Advances a clock on the way forward and on the way back."""

    @staticmethod
    def forward(context: Any, x: Tensor, clock: StepClock, there: float, back: float) -> Tensor:
        context.clock, context.back = clock, back
        clock.now += there
        return x * 2

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Any:
        context.clock.now += context.back
        return gradients[0] * 2, None, None, None


class Step(nn.Module):
    """A layer that takes so long forward and backward, in as many operations as there are weights."""

    def __init__(self, clock: StepClock, there: float, back: float = 0.0, operations: int = 1) -> None:
        super().__init__()
        self.clock, self.there, self.back = clock, there, back
        self.weights = nn.ParameterList(nn.Parameter(torch.ones(2)) for _ in range(operations))

    def forward(self, x: Tensor) -> Tensor:
        parts = len(self.weights)
        for weight in self.weights:
            x = Advance.apply(x * weight, self.clock, self.there / parts, self.back / parts)  # type: ignore[no-untyped-call]
        return x


class Block(nn.Module):
    """Two branches and their sum, and an operation of its own on it."""

    def __init__(self, clock: StepClock) -> None:
        super().__init__()
        self.clock = clock
        self.main = nn.Sequential(Step(clock, 1.0, 10.0, 2), Step(clock, 2.0, 20.0))
        self.shortcut = Step(clock, 4.0, 40.0, 4)

    def forward(self, x: Tensor) -> Tensor:
        total = self.main(x) + self.shortcut(x)
        return Advance.apply(total, self.clock, 8.0, 80.0)  # type: ignore[no-any-return, no-untyped-call]


class Network(nn.Sequential):
    """A stem, a block, an operation that belongs to no layer, and a head."""

    def __init__(self, clock: StepClock) -> None:
        super().__init__()
        self.clock = clock
        self.stem, self.block, self.head = Step(clock, 16.0, 160.0), Block(clock), Step(clock, 32.0, 320.0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block(self.stem(x))
        between = Advance.apply(x, self.clock, 64.0, 640.0)  # type: ignore[no-untyped-call]
        return self.head(between)  # type: ignore[no-any-return]


NAMES = ("stem", "block.main.0", "block.main.1", "block.shortcut", "block", "head")
FORWARD = [16.0, 1.0, 2.0, 4.0, 8.0, 32.0]


@pytest.fixture
def clock() -> StepClock:
    return StepClock()


@pytest.fixture
def network(clock: StepClock) -> Network:
    return Network(clock)


@pytest.fixture
def timer(network: Network, clock: StepClock) -> LayerTimer:
    return LayerTimer(network, NAMES, clock)


def test_every_layer_has_its_own_time_and_a_block_what_is_left(timer: LayerTimer, network: Network) -> None:
    with timer.attached(), torch.no_grad():
        network(torch.ones(1, 2))
    assert timer.seconds().tolist() == FORWARD
    assert timer.seconds().sum() == 0  # each pass counts once


def test_the_way_back_is_each_layers_own(timer: LayerTimer, network: Network, clock: StepClock) -> None:
    with timer.attached(backward=True):
        output = network(torch.ones(1, 2))
    with timer.watching_gradients():
        output.sum().backward()
    assert timer.seconds().tolist() == [11 * seconds for seconds in FORWARD]
    assert clock.now == 11 * (sum(FORWARD) + 64)


def test_a_layer_that_is_called_twice_has_both_calls(clock: StepClock) -> None:
    shared = Step(clock, 3.0, 5.0)
    network = nn.Sequential(shared, nn.ReLU(), shared)
    timer = LayerTimer(network, ["0"], clock)
    with timer.attached(backward=True):
        output = network(torch.ones(1, 2))
    with timer.watching_gradients():
        output.sum().backward()
    assert timer.seconds().tolist() == [16.0]


def test_several_tensors_go_in_and_out(clock: StepClock) -> None:
    class Concat(nn.Module):
        def forward(self, parts: list[Tensor]) -> tuple[Tensor, None]:
            return Advance.apply(torch.cat(parts), clock, 1.0, 7.0), None  # type: ignore[no-untyped-call]

    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.concat = Step(clock, 2.0, 20.0), Concat()

        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = self.concat([x, self.first(x)])[0]
            return output

    network = Dense()
    timer = LayerTimer(network, ["first", "concat"], clock)
    with timer.attached(backward=True):
        output = network(torch.ones(1, 2))
    with timer.watching_gradients():
        output.sum().backward()
    assert timer.seconds().tolist() == [22.0, 8.0]


def test_timing_changes_neither_the_network_nor_its_results(timer: LayerTimer, network: Network) -> None:
    def own(x: Tensor) -> Tensor:
        return x * 3

    network.head.forward = own  # type: ignore[method-assign]
    before = network(torch.ones(1, 2))
    with timer.attached():
        assert torch.equal(network(torch.ones(1, 2)), before)
    assert network.head.forward is own
    assert all("forward" not in vars(module) for module in (network.stem, network.block, *network.block.main))


def test_a_pass_that_fails_leaves_the_network_as_it_was(timer: LayerTimer, network: Network) -> None:
    with pytest.raises(RuntimeError), timer.attached():
        network(torch.ones(1, 3))
    assert not any("forward" in vars(module) for module in network.modules())


def test_events_of_a_gpu_are_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    class Event:
        """Stands in for `torch.cuda.Event`, of which a machine without a GPU has none."""

        stamps = iter([5.0, 12.5])

        def __init__(self, *, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            self.stamp = next(self.stamps)

        def elapsed_time(self, end: Event) -> float:
            return end.stamp - self.stamp

    monkeypatch.setattr(layer_timer.torch.cuda, "Event", Event)
    clock = CudaClock()
    assert clock.between(clock.mark(), clock.mark()) == 0.0075
