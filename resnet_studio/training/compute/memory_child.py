"""A process that measures its own peak of memory: `python -P -m resnet_studio.training.compute.memory_child`.

It reads what to measure as a line of JSON, prints its own share, and after a few passes the peak above it. A peak never
falls, and what a process has freed it may keep, so every measurement is a process of its own.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet_studio import causes, codec
from resnet_studio.analysis.memory_measurement import MemorySpec
from resnet_studio.cores import bound_spinning
from resnet_studio.inference.compute import devices
from resnet_studio.networks import memory
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset
from resnet_studio.training.compute.augmentation import Normalizer
from resnet_studio.training.compute.loop import evaluate, make_optimizer, train
from resnet_studio.training.recipe import Recipe

STEPS = {"training": 5, "inference": 3}
"""Passes. In training, the gradients of the step before are there from the second step on, and what the system's
allocator holds back still grows after it."""
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PEAK_AGAIN = "5"
"""What Linux takes for the request to let the peak begin anew."""
WARM_UP = "resnet20-digits"
"""A network of 0.27 million weights, whose passes load what PyTorch loads at the first of them."""


def main() -> None:
    """Measure what the parent asks for. The process ends when the parent does, or closes its end of the pipe."""
    values = json.loads(sys.stdin.readline())
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    torch.set_num_threads(values.pop("threads"))
    spec = codec.from_json(MemorySpec, values)
    try:
        devices.check(spec.device)
        share = process_share(spec)
        tell(process=share)
        tell(peak=peak_bytes(spec) - share)
    except Exception as error:  # whatever it is, the parent has to know
        sentence = causes.describe(error)
        is_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or sentence == causes.MEMORY
        tell(error=sentence, memory=is_memory)


def tell(**values: object) -> None:
    """Print a line for the parent."""
    sys.stdout.write(f"{json.dumps(values)}\n")
    sys.stdout.flush()


def process_share(spec: MemorySpec) -> int:
    """Bytes that the process takes with a network that hardly takes any; on a GPU, those that PyTorch has allocated."""
    run_passes(replace(spec, architecture=preset(WARM_UP), batch=1))
    gc.collect()
    if spec.device == "cpu":
        return resident_bytes("VmRSS")
    return torch.cuda.memory_allocated(spec.device)


def peak_bytes(spec: MemorySpec) -> int:
    """The most bytes in use during a few passes."""
    if spec.device != "cpu":
        torch.cuda.reset_peak_memory_stats(spec.device)
        run_passes(spec)
        return torch.cuda.max_memory_allocated(spec.device)
    run_passes(spec, before=_let_peak_begin_anew)
    return resident_bytes("VmHWM")


def run_passes(spec: MemorySpec, before: Callable[[], None] = lambda: None) -> None:
    """Steps of the training's own loop, or of its evaluation, on random images; `before` is called ahead of them."""
    device = torch.device(spec.device)
    network = build(spec.architecture).to(memory_format=torch.channels_last).to(device)
    shape = spec.batch, *spec.architecture.input_shape
    images = torch.randint(256, shape, dtype=torch.uint8).to(device)
    labels = torch.zeros(spec.batch, dtype=torch.long, device=device)
    normalize = Normalizer(torch.zeros(1, device=device), torch.ones(1, device=device))
    before()
    if spec.task == "inference":
        evaluate(network, [(images, labels)] * STEPS[spec.task], normalize)
    else:
        _train(network, [(images, labels)] * STEPS[spec.task], normalize, spec)


def _train(
    network: nn.Module, batches: list[tuple[Tensor, Tensor]], normalize: Normalizer, spec: MemorySpec
) -> None:  # fmt: skip
    recipe = Recipe(optimizer=spec.optimizer, precision=spec.precision, batch_size=spec.batch, device=spec.device)
    scaler = torch.amp.GradScaler(torch.device(spec.device).type, enabled=spec.precision == "fp16")
    for step in train(network, make_optimizer(network, recipe), scaler, batches, normalize, recipe, len(batches), 0):
        float(step.loss)  # reading the number waits for a GPU


def resident_bytes(line: str) -> int:
    """Memory of this process ("VmRSS"), or its peak ("VmHWM"). `OSError` where the system does not tell.

    `getrusage` would give the parent's peak if that is higher, as Linux hands it on to a child.
    """
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return next(1024 * int(text.split()[1]) for text in lines if text.startswith(line))


def _let_peak_begin_anew() -> None:
    gc.collect()
    if memory.has_glibc():  # building a network leaves free blocks behind, which are no part of its passes
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):  # not allowed everywhere; building a network takes less than its passes
        RESET.write_text(PEAK_AGAIN)


def _exit_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    bound_spinning()
    main()
    os._exit(0)  # skips torch's teardown, and the wait for the parent
