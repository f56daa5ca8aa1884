"""The self-test of a device: every check in order. One that fails doesn't keep the others from running."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial

import torch

from resnet_studio.causes import describe, is_own_error
from resnet_studio.inference.compute import devices
from resnet_studio.inference.values import HALF_SUFFIX
from resnet_studio.progress import Progress
from resnet_studio.selftest.checklist import planned
from resnet_studio.selftest.compute import forward, memory, overview, speed, training
from resnet_studio.selftest.compute.target import Target
from resnet_studio.selftest.report import Check, Report, failed, skipped
from resnet_studio.selftest.temporary_folder import temporary_folder

CheckFunction = Callable[[Target], Iterator[Check]]
FUNCTIONS: dict[str, CheckFunction] = {
    "versions and precisions": overview.device_checks,
    "ResNet-50 against the CPU": partial(forward.network_checks, "resnet50"),
    "ResNet-18 against the CPU": partial(forward.network_checks, "resnet18"),
    "ResNet-56 against the CPU": partial(forward.network_checks, "resnet56-cifar"),
    "predictions": forward.prediction_checks,
    "attributions": forward.attribution_checks,
    "images a second": speed.throughput_checks,
    "the live path": speed.live_checks,
    "launch overhead": speed.graph_checks,
    "torch.compile": speed.compile_checks,
    "a request that can't fit": memory.request_checks,
    "a training that can't fit": memory.training_checks,
    "a thousand images in a row": memory.growth_checks,
    "precisions and optimizers": training.precision_checks,
    "skipped steps": training.skipped_step_checks,
    "resuming": training.resume_checks,
    "speed against a bare loop": training.loop_checks,
    "torchrun": training.torchrun_checks,
    "data from JPEGs": training.stream_checks,
}
"""The function of each check of the checklist."""
ADVICE = "Update the driver and PyTorch; until it passes, choose the CPU"
MAX_REASON_LENGTH = 200


def all_checks(*, quick: bool) -> list[tuple[str, str, CheckFunction]]:
    """The group of each check, what it does in words, and its function."""
    return [(group, title, FUNCTIONS[title]) for group, title in planned(quick=quick)]


def selftest_steps(name: str, *, quick: bool = False) -> Generator[Progress | Check, None, Report]:
    """Test the device of that name, with or without half precision; yield each result as soon as it is known.

    `quick` leaves out what takes longest. Raises `DeviceError` if there is no such device.
    """
    devices.check(name)
    name = name.removesuffix(HALF_SUFFIX)
    began, found = time.perf_counter(), list[Check]()
    checks = all_checks(quick=quick)
    with temporary_folder() as folder:
        target = Target(name, folder, quick)
        versions = overview.versions(target)
        for number, (group, title, check) in enumerate(checks):
            yield Progress(number, len(checks), f"testing {name}: {title}")
            for result in results(target, title, check):
                found.append(replace(result, group=group))
                yield found[-1]
    return Report(name, overview.label(name), quick, versions, tuple(found), time.perf_counter() - began)


def results(target: Target, title: str, check: CheckFunction) -> Iterator[Check]:
    """The results of one check. What it raises is a failed result, and so is a device that no longer works."""
    if not works(target):
        yield skipped(title, "the device has stopped working")
        return
    try:
        yield from check(target)
    except Exception as error:  # whatever a driver or a library raises
        yield failed(title, reason(error), ADVICE)
    target.free_memory()


def works(target: Target) -> bool:
    """Whether the device still computes: after an illegal access, CUDA refuses everything in this process."""
    try:
        return bool((torch.ones(1, device=target.device) == 1).item())
    except RuntimeError:
        return False


def reason(error: Exception) -> str:
    """An error as one line. A library's own message is kept, as it is what to search for."""
    if is_own_error(error):
        return describe(error)
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:MAX_REASON_LENGTH]}"
