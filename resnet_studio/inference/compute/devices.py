"""The devices on which a network can run on this machine."""

from __future__ import annotations

import warnings

import torch

from resnet_studio.inference.errors import DeviceError
from resnet_studio.inference.values import HALF_SUFFIX, Device

CPU = Device("cpu", "CPU")


def devices() -> tuple[Device, ...]:
    """The CPU, then every CUDA device by name, then Apple's GPU; each GPU also with half precision."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old driver doesn't matter here
        if torch.cuda.is_available():
            found += [Device(f"cuda:{i}", torch.cuda.get_device_name(i)) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append(Device("mps", "Apple GPU"))
    halves = [Device(device.name + HALF_SUFFIX, f"{device.label}, half precision") for device in found]
    return (CPU, *(device for pair in zip(found, halves, strict=True) for device in pair))


def torch_device(name: str) -> torch.device:
    """torch's device for a name with or without half precision."""
    return torch.device(name.removesuffix(HALF_SUFFIX))


def precision(name: str) -> torch.dtype:
    """float16 if the name asks for half precision, else float32."""
    return torch.float16 if name.endswith(HALF_SUFFIX) else torch.float32


def check(name: str) -> None:
    """Raise `DeviceError` if this machine has no such device."""
    known = [device.name for device in devices()]
    if name not in known:
        raise DeviceError(f"{name} is not available on this machine, only {', '.join(known)}. Choose the CPU")


def explain_failure(name: str, error: RuntimeError) -> DeviceError | MemoryError | None:
    """The error to raise if a device's memory is full or it stopped working; None if that isn't the cause."""
    cause = str(error).partition("\n")[0]
    if "DefaultCPUAllocator" in cause:
        return MemoryError("not enough memory. Close other programs, or choose a smaller image or width")
    if isinstance(error, torch.OutOfMemoryError) or "CUDA" in str(error) or "MPS" in str(error):
        return DeviceError(f"{name} failed ({cause}). Its memory was freed. Choose the CPU and run again")
    return None
