import pickle

import pytest
import torch

from resnet_studio.inference import devices
from resnet_studio.inference.errors import DeviceError


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
    ("error", "told"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "cuda:0 failed (CUDA out of memory"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "cuda:0 failed (CUDA error"),
        (RuntimeError("MPS backend out of memory"), "cuda:0 failed (MPS backend"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "None"),
    ],
)
def test_failures_of_a_device_are_told_from_other_faults(error: RuntimeError, told: str) -> None:
    assert str(devices.failure("cuda:0", error)).startswith(told)


def test_a_full_machine_is_told_in_words() -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(1 << 60, dtype=torch.uint8)
    failure = devices.failure("cpu", refused.value)
    assert isinstance(failure, MemoryError)
    assert str(failure).startswith("there is too little memory free")
