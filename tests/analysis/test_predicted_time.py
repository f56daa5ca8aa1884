"""Times predicted from measured layers, for devices whose true times are known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from layer_timings import probes, roofline, timed, true_seconds
from resnet_studio.analysis.predicted_time import PROBES, LayerTimes, error_of, error_steps, probe_specs
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

OTHERS: list[Architecture] = [
    preset("resnet34"), preset("resnet101"), preset("seresnet50"), preset("resnext50_32x4d"), preset("resnet50d"),
    preset("preresnet50"), preset("resnet56-cifar"), preset("wide_resnet50_2"), preset("plain34"), preset("article50"),
    replace(preset("resnet50"), width=40, image=176), Residual(Bottleneck("3x3", 16, 8), (2, 3, 3, 2), image=320),
]  # fmt: skip


@pytest.fixture(scope="module")
def times() -> LayerTimes:
    return LayerTimes(probes())


def efficiency(layer: Layer) -> float:
    """A device that multiplies three times as fast where there are many channels, and slower in groups."""
    channels = min(layer.input[0] // layer.groups, layer.output[0] // layer.groups)
    speed = 1e11 * channels / (channels + 48)
    return roofline(layer) - layer.macs / 1e11 + layer.macs / speed


@pytest.mark.parametrize("architecture", OTHERS)
def test_a_device_with_one_speed_is_predicted_exactly(architecture: Architecture, times: LayerTimes) -> None:
    assert times.seconds(architecture) == pytest.approx(true_seconds(architecture), rel=0.01)


def test_a_device_whose_speed_depends_on_the_channels_is_interpolated() -> None:
    found = LayerTimes(probes(efficiency))
    errors = [found.seconds(other) / true_seconds(other, efficiency) - 1 for other in OTHERS]
    assert max(map(abs, errors)) < 0.1
    assert error_of(errors).median < 0.03


def test_the_error_is_that_of_networks_left_out() -> None:
    measurements = probes(efficiency)
    error = finish(error_steps(measurements))
    assert len(error.errors) == len(PROBES)
    others = LayerTimes(measurements[1:])
    of_first = others.seconds(PROBES[0]) / true_seconds(PROBES[0], efficiency) - 1
    assert any(math.isclose(one, of_first) for one in error.errors)
    assert 0 < error.median <= error.nine_in_ten < 0.5


def test_an_error_is_said_in_words() -> None:
    error = error_of([0.01, -0.02, 0.3, -0.04, 0.05, 0.06, -0.07, 0.08, 0.09, -0.1])
    assert error.median == pytest.approx(0.065)
    assert error.nine_in_ten == 0.1
    assert error.words == "half of 10 networks within 6.5 %, nine of ten within 10 %"


def test_equal_blocks_take_equally_long(times: LayerTimes) -> None:
    shallow, deep = (replace(preset("resnet18"), blocks=(1 + more, 1, 1, 1)) for more in (1, 11))
    by_layers = sum(times.layer_seconds(layer) for layer in plan(deep)) - sum(map(times.layer_seconds, plan(shallow)))
    called = len(plan(deep)) - len(plan(shallow))
    assert times.seconds(deep) - times.seconds(shallow) == pytest.approx(by_layers + times.overhead * called)


def test_every_kind_of_residual_networks_is_measured(times: LayerTimes) -> None:
    for other in OTHERS:
        assert times.guessed(other) == ()
    assert times.guessed(preset("mobilenet_v3_small")) == ("hardswish", "hardsigmoid")
    assert times.seconds(preset("mobilenet_v3_small")) > 0


def test_modules_that_are_never_called_take_no_time(times: LayerTimes) -> None:
    unused = [layer for layer in plan(preset("article18")) if not layer.called]
    assert unused
    assert all(times.layer_seconds(layer) == 0 for layer in unused)


def test_times_of_a_batch_are_per_image() -> None:
    measurements = [replace(one, spec=replace(one.spec, batch=4)) for one in probes()]
    found, single = LayerTimes(measurements), LayerTimes(probes())
    assert found.seconds(preset("resnet18")) == pytest.approx(single.seconds(preset("resnet18")) / 4)


def test_what_has_no_layers_predicts_nothing() -> None:
    with pytest.raises(ValueError, match="can't be timed"):
        LayerTimes([replace(timed(PROBES[0]), layers={})])


def test_probes_are_measured_on_the_device_that_is_asked_for() -> None:
    specs = probe_specs("cuda:0", "fp16")
    assert [spec.architecture for spec in specs] == list(PROBES)
    assert {(spec.device, spec.precision, spec.batch) for spec in specs} == {("cuda:0", "fp16", 1)}
