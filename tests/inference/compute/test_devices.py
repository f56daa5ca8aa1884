import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from resnet_studio.inference.compute import devices, forward, prepare
from resnet_studio.inference.errors import DeviceError
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.progress import finish

TINY = Residual(Basic(), (1,), width=4, stem="cifar", image=16, classes=10)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes torch report two GPUs; nothing can run on them."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: ("Tesla A", "Tesla B")[index])


@pytest.fixture
def emptied(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Grows with every call of `empty_cache`; clears the caches after the test."""
    times: list[bool] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: times.append(True))
    yield times
    forward.clear_caches()


def test_the_cpu_comes_first() -> None:
    first = devices.devices()[0]
    assert (first.name, first.label) == ("cpu", "CPU")


def test_every_device_holds_a_tensor_and_has_its_own_name() -> None:
    found = devices.devices()
    assert len({device.name for device in found}) == len(found)
    for device in found:
        assert torch.ones(2, device=device.name).sum().item() == 2
        assert device.label


def test_a_device_that_is_not_there_is_refused_with_what_is() -> None:
    devices.check("cpu")
    for name in ("cuda:99", "", "toaster"):
        with pytest.raises(DeviceError, match="cpu") as refused:
            devices.check(name)
        assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "cuda:0 failed (CUDA out of memory"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "cuda:0 failed (CUDA error"),
        (RuntimeError("MPS backend out of memory"), "cuda:0 failed (MPS backend"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "None"),
    ],
)
def test_failures_of_a_device_are_distinguished_from_other_errors(error: RuntimeError, message: str) -> None:
    assert str(devices.explain_failure("cuda:0", error)).startswith(message)


def test_full_memory_is_reported_in_words() -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(1 << 60, dtype=torch.uint8)
    failure = devices.explain_failure("cpu", refused.value)
    assert isinstance(failure, MemoryError)
    assert str(failure).startswith("not enough memory")


def test_each_gpu_is_there_twice_and_the_cpu_once(two_gpus: None) -> None:
    found = [device for device in devices.devices() if not device.name.startswith("mps")]
    assert [(device.name, device.label) for device in found] == [
        ("cpu", "CPU"),
        ("cuda:0", "Tesla A"),
        ("cuda:0 half", "Tesla A, half precision"),
        ("cuda:1", "Tesla B"),
        ("cuda:1 half", "Tesla B, half precision"),
    ]
    for name in ("cuda:0", "cuda:1 half"):
        devices.check(name)
    for name in ("cuda:2 half", "cpu half", "cuda:0  half", "half"):
        with pytest.raises(DeviceError, match="cuda:1 half"):
            devices.check(name)


@pytest.mark.parametrize(
    ("name", "device", "precision"),
    [
        ("cpu", torch.device("cpu"), torch.float32),
        ("cuda:1", torch.device("cuda", 1), torch.float32),
        ("cuda:1 half", torch.device("cuda", 1), torch.float16),
        ("mps half", torch.device("mps"), torch.float16),
    ],
)
def test_half_is_a_precision_and_no_device(name: str, device: torch.device, precision: torch.dtype) -> None:
    assert devices.torch_device(name) == device
    assert devices.precision(name) == precision


@pytest.mark.parametrize("name", ["cuda:0", "cuda:0 half"])
@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has a total capacity of …"),
        RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be …"),
    ],
)
def test_a_failed_gpus_memory_is_freed_and_the_cpu_goes_on(
    name: str, error: RuntimeError, two_gpus: None, emptied: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_cpu = ForwardSpec("sample:digit-3", TINY)
    assert finish(forward.forward_steps(on_cpu, ("layer1.0.relu1",))).layers

    def fail(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "to", fail)
        with pytest.raises(DeviceError) as failed:
            finish(forward.forward_steps(ForwardSpec("sample:digit-3", TINY, device=name), ("layer1.0.relu1",)))
    cause = str(error).partition("\n")[0]
    assert str(failed.value) == f"{name} failed ({cause}). Its memory was freed. Choose the CPU and run again"
    assert emptied
    assert not prepare._networks.contains(TINY, on_cpu.weights, None)
    assert finish(forward.forward_steps(on_cpu, ("layer1.0.relu1",))).spec.device == "cpu"


def test_half_precision_is_asked_of_network_and_input(two_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU stands in for the GPU; it supports half precision too."""
    monkeypatch.setattr(devices, "torch_device", lambda _: torch.device("cpu"))
    ready = finish(prepare.prepare_steps(ForwardSpec("sample:digit-3", TINY, device="cuda:0 half")))
    assert ready.images.dtype == torch.float16
    assert {values.dtype for values in ready.network().parameters()} == {torch.float16}
    assert {values.dtype for values in ready.folded().parameters()} == {torch.float16}
    half = finish(forward.forward_steps(ready.spec, ("layer1.0.relu1",)))
    whole = finish(forward.forward_steps(ForwardSpec("sample:digit-3", TINY), ("layer1.0.relu1",)))
    assert half.layers[0].values.dtype == whole.layers[0].values.dtype
    difference = abs(half.layers[0].values - whole.layers[0].values).max()
    assert 0 < difference < 0.01 * abs(whole.layers[0].values).max()
    forward.clear_caches()
