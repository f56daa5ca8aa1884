"""The device, the driver and the libraries, and whether PyTorch's kernels run on it at all."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import torch

from resnet_studio.inference.compute.devices import devices
from resnet_studio.networks.memory import machine_memory
from resnet_studio.selftest.compute.target import Target
from resnet_studio.selftest.report import Check, failed, noted
from resnet_studio.training.compute.loop import AUTOCAST_DTYPES
from resnet_studio.training.runs.run_folder import library_versions

GIGABYTE = 1e9
DRIVER_TIMEOUT = 10.0
"""Seconds to wait for nvidia-smi."""
SIDE = 64
"""Of the matrices that are multiplied as a first kernel."""


def device_checks(target: Target) -> Iterator[Check]:
    """What the device is, and a first kernel in each precision that it has."""
    if target.is_cuda:
        yield from _cuda_facts(target)
    else:
        yield noted("memory", (machine_memory() or 0) / GIGABYTE, "GB")
        yield noted(
            "threads", torch.get_num_threads(), detail=f"{torch.backends.cpu.get_cpu_capability()} instructions"
        )
    for name in target.precisions:
        factor = torch.ones(SIDE, SIDE, dtype=AUTOCAST_DTYPES[name], device=target.device)
        product = (factor @ factor).float().cpu()
        if not bool((product == SIDE).all()):
            yield failed(f"matrix product in {name}", "the result is wrong", "Update the driver and PyTorch")
    yield noted("precisions", detail=", ".join(target.precisions) + (", TF32" if _has_tf32(target) else ""))


def label(name: str) -> str:
    """A device's product name."""
    return next(device.label for device in devices() if device.name == name)


def versions(target: Target) -> dict[str, str]:
    """Versions of Python, the libraries and, for an NVIDIA GPU, CUDA, cuDNN, NCCL and the driver."""
    found = library_versions() | {"torch": torch.__version__}
    if target.is_cuda:
        nccl = torch.cuda.nccl.version() if torch.distributed.is_nccl_available() else ()  # type: ignore[no-untyped-call]
        found |= {
            "cuda": str(torch.version.cuda),
            "cudnn": str(torch.backends.cudnn.version()),  # type: ignore[no-untyped-call]
            "nccl": ".".join(map(str, nccl)),
            "driver": _driver_version(),
        }
    return found


def _cuda_facts(target: Target) -> Iterator[Check]:
    properties = torch.cuda.get_device_properties(target.device)
    free, total = torch.cuda.mem_get_info(target.device)
    yield noted("memory", total / GIGABYTE, "GB", detail=f"{free / GIGABYTE:.1f} GB free")
    yield noted(
        "compute capability", float(f"{properties.major}.{properties.minor}"),
        detail=f"{properties.multi_processor_count} multiprocessors; PyTorch has kernels for "
        f"{', '.join(torch.cuda.get_arch_list())}",
    )  # fmt: skip


def _has_tf32(target: Target) -> bool:
    return target.is_cuda and torch.cuda.get_device_capability(target.device) >= (8, 0)


def _driver_version() -> str:
    """The version that nvidia-smi prints; empty if it can't be found or does not answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    question = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(question, capture_output=True, text=True, timeout=DRIVER_TIMEOUT, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.partition("\n")[0].strip()
