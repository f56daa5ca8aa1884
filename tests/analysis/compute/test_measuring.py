"""Networks are measured as a whole and layer by layer."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from resnet_studio.analysis.compute import measuring
from resnet_studio.analysis.compute.measuring import measure_steps
from resnet_studio.analysis.compute.timing import Budget
from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, cpu_name, from_json, library_versions
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress, finish
from small import TINY

SHORT = Budget(warm_up=0.01, seconds=0.01, least=5, longest=60.0)
SLEEP = 0.02
DENORMAL = torch.finfo(torch.float32).tiny


def measure(architecture: Architecture, **fields: object) -> Measurement:
    return finish(measure_steps(MeasurementSpec(architecture, **fields), SHORT))  # type: ignore[arg-type]


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[nn.Module], object]], None]:
    """Do something to every network that is built to be measured."""

    def patch(apply: Callable[[nn.Module], object]) -> None:
        def changed(architecture: Architecture) -> nn.Module:
            network = build(architecture)
            apply(network)
            return network

        monkeypatch.setattr(measuring, "build", changed)

    return patch


@pytest.mark.parametrize("mode", ["forward", "forward+backward"])
def test_a_network_is_measured_with_all_its_layers(mode: str) -> None:
    found = measure(TINY, mode=mode, batch=3)
    assert found.spec == MeasurementSpec(TINY, batch=3, mode=mode)  # type: ignore[arg-type]
    names = [name for name, module in build(TINY).named_modules() if not [*module.children()]]
    assert sorted(found.layers) == sorted(names)
    assert all(seconds > 0 for seconds in found.layers.values())
    assert found.whole.samples >= SHORT.least
    assert found.timed is not None
    assert found.timed.samples >= SHORT.least
    assert found.whole.median == pytest.approx(found.layers_sum + found.overhead)
    assert (found.device_name, found.versions) == (cpu_name(), library_versions())
    assert found.threads == torch.get_num_threads()
    assert time.time() - 600 < found.when <= time.time()
    assert from_json(found.to_json()) == found


@pytest.mark.parametrize("mode", ["forward", "forward+backward"])
def test_a_layer_that_is_slow_is_found(mode: str, change: Callable[[Callable[[nn.Module], object]], None]) -> None:
    def slow_down(network: nn.Module) -> None:
        slow = network.get_submodule("layer2.0.bn1")
        forward = slow.forward
        slow.forward = lambda x: [time.sleep(SLEEP), forward(x)][1]

    change(slow_down)
    found = measure(TINY, mode=mode)
    slow = found.layers["layer2.0.bn1"]
    assert slow > SLEEP
    assert slow == max(found.layers.values())
    assert slow > sum(seconds for name, seconds in found.layers.items() if name != "layer2.0.bn1")
    assert found.whole.low > SLEEP
    assert max(found.stage_seconds(), key=found.stage_seconds().__getitem__) == "conv3_x"


def test_a_large_convolution_takes_longer_than_a_small_one() -> None:
    """Of 9.4 M multiply-adds a layer, and of 1,280: in time the factor is some 50."""
    found = measure(Residual(Basic(), (1, 1), image=64, classes=10))
    assert found.layers["layer1.0.conv1"] > 3 * found.layers["fc"]


def test_a_block_of_torchvision_that_adds_has_only_its_addition() -> None:
    found = measure(Baseline("mobilenet_v2", image=64))
    blocks = {
        f"features.{number}"
        for number, block in enumerate(models.mobilenet_v2(weights=None).features)
        if getattr(block, "use_res_connect", False)
    }
    assert blocks
    assert blocks < found.layers.keys()
    convolutions = sum(found.layers[f"{block}.conv.1.0"] for block in blocks)
    assert sum(found.layers[block] for block in blocks) < convolutions


def test_dropout_leaves_the_random_state_alone_and_no_gradient_stays() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    measure(Baseline("squeezenet1_1", image=64), mode="forward+backward")
    assert torch.equal(torch.get_rng_state(), before)


def test_between_passes_other_jobs_find_the_process_as_it_was() -> None:
    budget = Budget(warm_up=0.3, seconds=0.3, least=1)
    parts = 0
    for part in measure_steps(MeasurementSpec(replace(TINY, image=64)), budget):
        assert isinstance(part, Progress)
        assert part.what.startswith(("building ", "measuring "))
        assert (gc.isenabled(), torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == (True, True, False)
        parts += 1
    assert parts > 2


@pytest.mark.parametrize(("precision", "mode"), [("bf16", "forward"), ("bf16", "forward+backward")])
def test_other_precisions_compute_in_them(
    precision: str, mode: str, change: Callable[[Callable[[nn.Module], object]], None]
) -> None:
    seen: set[torch.dtype] = set()

    def note(module: nn.Module, inputs: object, output: Tensor) -> None:
        seen.add(output.dtype)

    change(lambda network: network.get_submodule("layer1.0.conv1").register_forward_hook(note))
    found = measure(TINY, precision=precision, mode=mode)
    assert torch.bfloat16 in seen
    assert found.spec.precision == precision


def test_activations_stay_of_ordinary_size(change: Callable[[Callable[[nn.Module], object]], None]) -> None:
    """Gates of about a half make what passes 200 of them 2²⁰⁰ times smaller, unless batch norms are calibrated."""
    built: list[nn.Module] = []
    deep = Residual(Basic(), (200,), shortcut="none", width=4, stem="cifar", image=8, classes=10, se=4)
    change(built.append)
    measure(deep)
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    smallest: dict[bool, float] = {}
    for calibrated, network in ((True, built[0]), (False, build(deep).eval())):
        outputs: list[Tensor] = []
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_hook(lambda module, inputs, output: outputs.append(output))  # noqa: B023
        with torch.no_grad():
            network(images)
        smallest[calibrated] = min(float(output.abs().max()) for output in outputs)
    assert smallest[False] < DENORMAL < 1e-3 < smallest[True]


def test_what_does_not_fit_is_refused_before_it_is_allocated() -> None:
    with pytest.raises(MemoryError, match="to measure 60,000 images at once"):
        measure(preset("resnet152"), batch=60_000)


def test_a_backward_pass_needs_more_than_one_value_per_channel() -> None:
    small = replace(TINY, image=4)  # 1×1 in the last stage
    assert measure(small).layers
    with pytest.raises(ValueError, match=r"batch: layer3\.0\.bn1 .* Use 2 or more"):
        measure(small, mode="forward+backward")
    assert measure(small, mode="forward+backward", batch=2).layers


def test_full_memory_and_missing_kernels_are_explained(change: Callable[[Callable[[nn.Module], object]], None]) -> None:
    messages = iter(["DefaultCPUAllocator: can't allocate memory", "\"conv2d\" not implemented for 'Half'"])

    def fail(network: nn.Module) -> None:
        raise RuntimeError(next(messages))

    change(fail)
    with pytest.raises(MemoryError, match="2 images don't fit into the memory of cpu"):
        measure(TINY, batch=2)
    with pytest.raises(ValueError, match=r"in fp16\. Choose another precision"):
        measure(TINY, precision="fp16")
