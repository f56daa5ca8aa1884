"""Measured times as values: what follows from them, and their JSON."""

from __future__ import annotations

import json

import pytest

from resnet_studio.analysis.measurement import (
    Measurement,
    MeasurementSpec,
    Timing,
    cpu_name,
    from_json,
    library_versions,
)
from resnet_studio.causes import FieldError
from resnet_studio.networks.presets import preset

LAYERS = {"conv1": 0.5, "layer1.0.conv1": 0.25, "layer1.0.add": 0.0625, "layer1.1.conv2": 0.125, "fc": 0.03125}


def measured(batch: int = 1, mode: str = "forward") -> Measurement:
    spec = MeasurementSpec(preset("resnet18"), batch=batch, mode=mode)  # type: ignore[arg-type]
    whole = Timing(1.0, 0.875, 1.5, 20)
    return Measurement(spec, whole, LAYERS, "Some CPU", 2, {"torch": "2.10"}, 1.7e9, timed=Timing(1.03, 1.0, 2.0, 20))


def test_times_are_those_of_the_batch_and_an_image_takes_its_part() -> None:
    one = measured(batch=4)
    assert one.per_image == Timing(0.25, 0.21875, 0.375, 20)
    assert one.images_per_second == 4
    assert one.layer_per_image("conv1") == 0.125
    assert one.layer_per_image("maxpool") is None


def test_stages_and_blocks_are_the_sums_of_their_layers() -> None:
    one = measured()
    assert one.stage_seconds() == {"conv1": 0.5, "conv2_x": 0.4375, "fc": 0.03125}
    assert one.block_seconds() == {"layer1.0": 0.3125, "layer1.1": 0.125}


def test_the_difference_of_the_whole_and_its_layers_is_shown_as_overhead() -> None:
    one = measured()
    assert one.layers_sum == 0.96875
    assert one.overhead == 0.03125
    assert one.share(one.overhead) == 0.03125
    assert one.added == pytest.approx(0.03)


def test_the_speed_follows_from_the_multiply_adds_of_the_paper() -> None:
    macs = 1_814_073_344  # conv + fc of ResNet-18 at 224×224, as fvcore counts them
    assert measured().macs_per_second == macs
    assert measured(batch=8).macs_per_second == 8 * macs
    assert measured(mode="forward+backward").macs_per_second == 3 * macs


def test_a_measurement_survives_json() -> None:
    one = measured(batch=2, mode="forward+backward")
    assert from_json(json.dumps(one.to_json())) == one


@pytest.mark.parametrize(
    ("change", "field"),
    [({"whole": {"median": 1, "low": 2, "high": 3, "samples": 5}}, "timing"), ({"threads": "two"}, "threads")],
)
def test_json_that_nothing_can_have_measured_is_refused(change: dict[str, object], field: str) -> None:
    with pytest.raises(FieldError, match=field):
        from_json({**measured().to_json(), **change})


@pytest.mark.parametrize(("field", "value"), [("batch", 0), ("batch", 10**9), ("precision", "fp8"), ("mode", "both")])
def test_a_spec_has_only_values_that_can_be_measured(field: str, value: object) -> None:
    with pytest.raises(FieldError, match=field):
        MeasurementSpec(preset("resnet18"), **{field: value})  # type: ignore[arg-type]


def test_this_machine_has_a_name_and_versions() -> None:
    from importlib.metadata import version

    assert "logical core" in cpu_name()
    assert library_versions()["torch"] == version("torch")
