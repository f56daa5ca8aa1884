"""Measuring how long a network takes on a device, as a whole and layer by layer.

Whole passes take turns with passes whose layers are timed. The whole is that of the former alone, so that timing the
layers adds nothing to it; the sum of the layers is held against it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from resnet_studio.analysis.compute.layer_timer import Clock, CpuClock, CudaClock, LayerTimer, Seconds
from resnet_studio.analysis.compute.timing import (
    BUDGET,
    FEWEST,
    Budget,
    Contention,
    Task,
    calm,
    longest_wait,
    repeat_steps,
    timed,
    timing,
    waited_seconds,
)
from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, cpu_name, library_versions
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.cores import CoreShare
from resnet_studio.formatting import counted
from resnet_studio.networks import memory
from resnet_studio.networks.modules.calibration import calibrate
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.plan import called_layers
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress, map_progress

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
CALIBRATION_IMAGES = 2
CYCLES_PER_SECOND = 2e9
"""At least those of a GPU's clock."""


def measure_steps(spec: MeasurementSpec, budget: Budget | None = None) -> Generator[Progress, None, Measurement]:
    """Measure a network on a device of this machine; yields its progress between passes.

    Weights and images are random, and always the same; batch norms are calibrated, as some CPUs compute many times
    slower with activations that have become denormal numbers. `MemoryError` if the batch doesn't fit, `ValueError` if
    the network can't be trained with this batch, or not computed in this precision.
    """
    check(spec)
    name = title(spec.architecture)
    yield Progress(0, 100, f"building {name}")
    what = f"measuring {name}, batch {spec.batch:,}" + (", with backward pass" if spec.mode != "forward" else "")
    with _explained(spec):
        passes, contention = Passes(spec), Contention()
        seconds = yield from map_progress(
            repeat_steps(passes.tasks, budget or BUDGET), lambda done: Progress(round(99 * done), 100, what)
        )
    return passes.measurement(seconds, contention)


def check(spec: MeasurementSpec) -> None:
    """Raise the `MemoryError` or `ValueError` of what can't be measured, before anything is allocated."""
    if spec.device == "cpu":
        memory.check(spec.architecture, _needed(spec), f"to measure {counted(spec.batch, 'image')} at once")
    norms = [layer for layer in called_layers(spec.architecture) if layer.kind == "batch norm"]
    smallest = min(norms, key=lambda layer: layer.positions, default=None)
    if spec.mode != "forward" and smallest and spec.batch * smallest.positions < 2:
        raise ValueError(
            f"batch: {smallest.name} of {title(spec.architecture)} gets one value per channel from one image, with "
            "which batch norm can't be trained. Use 2 or more, or larger images"
        )


def device_name(device: str) -> str:
    """The product's name."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.get_device_name(device)
    return {"cpu": cpu_name(), "mps": "Apple GPU"}.get(kind, device)


def measured_before(spec: MeasurementSpec, cache: MeasurementCache) -> Measurement | None:
    """The newest measurement of this on this machine's device, with as many threads as torch has now."""
    return cache.find(spec, device_name(spec.device), torch.get_num_threads())


@contextmanager
def sharing_cores() -> Iterator[None]:
    """Compute with this process's share of the cores (`cores.py`), in a process that has no engine."""
    before = torch.get_num_threads()
    with CoreShare().claimed() as share:
        torch.set_num_threads(share.threads(before))
        try:
            yield
        finally:
            torch.set_num_threads(before)


class Passes:
    """A network on its device with a batch, and the passes over it that are timed."""

    def __init__(self, spec: MeasurementSpec) -> None:
        self._spec, self._device = spec, torch.device(spec.device)
        self._backward = spec.mode != "forward"
        shape, generator = spec.architecture.input_shape, torch.Generator().manual_seed(0)
        self._network = build(spec.architecture).to(self._device)
        calibrate(self._network, torch.randn(CALIBRATION_IMAGES, *shape, generator=generator).to(self._device))
        dtype = torch.float32 if self._backward else DTYPES[spec.precision]
        self._network.to(dtype).train(self._backward)
        self._images = torch.randn(spec.batch, *shape, generator=generator).to(self._device, dtype)
        self._labels = torch.arange(spec.batch, device=self._device) % spec.architecture.classes
        self._loss: Tensor | None = None
        names = [layer.name for layer in called_layers(spec.architecture)]
        clock = _clock(self._device)
        self._timer = LayerTimer(self._network, names, clock) if clock else None
        self._layers: list[Seconds] = []
        self._waits: tuple[list[float], list[float]] = ([], [])
        """Seconds for which each pass of each task waited for a core."""
        self._last_whole = 0.0
        self._threads = torch.get_num_threads()

    @property
    def tasks(self) -> list[Task]:
        """The whole pass and, where the device allows it, the pass whose layers are timed."""
        return [self._whole, *([self._layer_by_layer] if self._timer else [])]

    def measurement(self, seconds: list[list[float]], contention: Contention) -> Measurement:
        """What the tasks' repetitions say, of which these are the seconds. Those are left out in which other programs
        took the cores, unless they are nearly all."""
        count = len(seconds[0])
        kept = [calm(times, waits[-count:]) for times, waits in zip(seconds, self._waits, strict=False)]
        whole, *with_layers = (timing(np.asarray(times)[keep]) for times, keep in zip(seconds, kept, strict=True))
        layers: dict[str, float] = {}
        if self._timer:
            medians = np.median(np.asarray(self._layers[-count:])[kept[1]], axis=0)
            layers = dict(zip(self._timer.names, np.maximum(medians, 0.0).tolist(), strict=True))
        return Measurement(
            self._spec, whole, layers, device_name(self._spec.device), self._threads, library_versions(), time.time(),
            self._timer.clock.name if self._timer else CpuClock.name,
            with_layers[0] if self._device.type == "cpu" else None,
            tuple(self._caveats(count, whole.samples, contention)),
        )  # fmt: skip

    def _whole(self) -> float:
        before = waited_seconds()
        with self._ready():
            self._last_whole = timed(self._run, self._synchronize)()
        self._waits[0].append(longest_wait(before))
        return self._last_whole

    def _layer_by_layer(self) -> float:
        assert self._timer
        before = waited_seconds()
        with self._ready():
            with self._timer.attached(backward=self._backward):
                seconds = self._queued(self._forward)
            if self._backward:
                with self._timer.watching_gradients():
                    seconds += self._queued(self._go_back)
        self._waits[1].append(longest_wait(before))
        self._layers.append(self._timer.seconds())
        return seconds

    @contextmanager
    def _ready(self) -> Iterator[None]:
        """What a pass begins with; afterwards torch's random state is as before, though dropout has used it."""
        gpus = [self._device] if self._device.type == "cuda" else []
        with ExitStack() as stack:
            for gpu in gpus:  # whose events and synchronization those of this thread are
                stack.enter_context(torch.cuda.device(gpu))
            if self._backward:
                self._network.zero_grad(set_to_none=True)
                stack.enter_context(torch.random.fork_rng(devices=gpus))
            else:
                stack.enter_context(torch.inference_mode())
            yield

    def _run(self) -> None:
        self._forward()
        if self._backward:
            self._go_back()

    def _forward(self) -> None:
        if not self._backward:
            self._network(self._images)
            return
        dtype = DTYPES[self._spec.precision]
        with torch.autocast(self._device.type, dtype, enabled=self._spec.precision != "fp32"):
            self._loss = functional.cross_entropy(self._network(self._images), self._labels)

    def _go_back(self) -> None:
        loss, self._loss = self._loss, None
        assert loss is not None
        loss.backward()  # type: ignore[no-untyped-call]

    def _queued(self, call: Callable[[], object]) -> float:
        """Seconds of a call. A GPU is kept busy before it, until all of it has been launched: between two events it
        would otherwise wait for the next launch, and its layers would seem to take as long as launching them."""
        if self._device.type == "cuda":
            torch.cuda._sleep(int(CYCLES_PER_SECOND * 2 * self._last_whole))  # type: ignore[no-untyped-call]
        began = time.perf_counter()
        call()
        self._synchronize()
        return time.perf_counter() - began

    def _synchronize(self) -> None:
        """Wait until the device has done all that was launched."""
        if self._device.type != "cpu":
            torch.get_device_module(self._device).synchronize()

    def _caveats(self, passes: int, kept: int, contention: Contention) -> Iterator[str]:
        if passes < FEWEST:
            yield f"measured {counted(passes, 'time')} only"
        if torch.get_num_threads() != self._threads:
            yield f"computed with {self._threads} threads at first and {torch.get_num_threads()} at the end"
        if self._device.type == "cuda" and self._spec.precision == "fp32" and torch.backends.cudnn.allow_tf32:
            yield "convolutions in TF32, which is PyTorch's default"
        if caveat := contention.caveat():
            yield caveat + (f"; {passes - kept} of {passes} passes are left out" if kept < passes else "")


def _clock(device: torch.device) -> Clock | None:
    """What layers are timed with on a device; None if nothing can."""
    match device.type:
        case "cpu":
            return CpuClock()
        case "cuda":
            return CudaClock()
    return None


def _needed(spec: MeasurementSpec) -> int:
    """Bytes that a pass takes."""
    if spec.mode == "forward":
        return memory.predicted_inference(spec.architecture, spec.batch)
    return memory.predicted_training(spec.architecture, spec.batch, precision=spec.precision)


@contextmanager
def _explained(spec: MeasurementSpec) -> Iterator[None]:
    """Turn torch's errors about memory and precision into those that say what to do."""
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in text:
            images = counted(spec.batch, "image")
            raise MemoryError(
                f"{images} don't fit into the memory of {spec.device}. Choose a smaller batch or smaller images"
            ) from error
        if "not implemented for" in text:
            raise ValueError(
                f"{spec.device} can't compute {title(spec.architecture)} in {spec.precision}. Choose another precision"
            ) from error
        raise
