"""Rows about whole networks beyond their costs: what follows from the plan, what was measured, and the errors.

A row that has no value in any network is left out. Needs neither torch nor Qt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from resnet_studio.analysis import units
from resnet_studio.analysis.comparison import Comparison
from resnet_studio.analysis.comparison_entries import TOTAL, ComparisonRow, number_entries
from resnet_studio.analysis.intensity import network_intensity
from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.memory_measurement import MemoryMeasurement, MemorySpec, Task
from resnet_studio.analysis.published_errors import (
    CENTER_CROP,
    CIFAR10,
    IMAGENET,
    TEN_CROP,
    PublishedError,
    lowest_error,
)
from resnet_studio.analysis.results import RunResult
from resnet_studio.formatting import percent, short_time, significant
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.memory import predicted_inference, predicted_training
from resnet_studio.networks.presets import preset_name
from resnet_studio.networks.receptive_field import network_field
from resnet_studio.plain import plain

BATCHES: dict[Task, int] = {"inference": 1, "training": 32}
"""Images at a time, of which the memory is compared."""
PROTOCOLS = (
    ("error, center crop", IMAGENET, CENTER_CROP), ("error, 10-crop", IMAGENET, TEN_CROP),
    ("error, CIFAR-10", CIFAR10, ""),
)  # fmt: skip
"""The rows of published errors; those of different protocols are never held against each other."""
LONGEST_DATA = 16
"""Characters of a data set's name in the heading of a row."""
POINTS = "pp"
"""Percentage points."""


def result_rows(comparison: Comparison) -> Iterator[ComparisonRow]:
    """The rows that have a value."""
    for row in (*_planned(comparison), *_measured(comparison), *_published(comparison), *_trained(comparison)):
        if any(entry.value != units.DASH for entry in row.entries):
            yield row


def memory_specs(architecture: Architecture, device: str = "cpu") -> tuple[MemorySpec, MemorySpec]:
    """What measured memory is compared: of inference, and of training."""
    inference, training = (MemorySpec(architecture, task, batch, device=device) for task, batch in BATCHES.items())
    return inference, training


def figure_steps(architectures: Sequence[Architecture]) -> Iterator[None]:
    """Work out what follows from the plans, which is remembered, with a yield after each figure."""
    for architecture in architectures:
        for figure in (
            network_field,
            network_intensity,
            predicted_inference,
            partial(predicted_training, batch=BATCHES["training"]),
        ):
            figure(architecture)
            yield


def _planned(comparison: Comparison) -> Iterator[ComparisonRow]:
    networks = comparison.architectures
    fields = [network_field(network) for network in networks]
    yield _row(
        "receptive field", fields, _pixels, [f"{field:,} pixels: of a value in the last maps" for field in fields]
    )
    intensities = [network_intensity(network) for network in networks]
    yield _row(
        "FLOPs per byte", intensities, significant,
        ["arithmetic intensity: FLOPs (2 per multiply-add) per byte read or written, for one image in float32"]
        * len(networks),
    )  # fmt: skip
    yield _row(
        "memory, inference", [predicted_inference(network) for network in networks], _bytes,
        [f"predicted for one image, without the process's own share{_how_to_measure(network)}" for network in networks],
    )  # fmt: skip
    yield _row(
        "memory, training", [predicted_training(network, BATCHES["training"]) for network in networks], _bytes,
        [
            f"predicted for a batch of {BATCHES['training']}, SGD with momentum, without the process's own share"
            f"{_how_to_measure(network)}"
            for network in networks
        ],
    )  # fmt: skip


def _measured(comparison: Comparison) -> Iterator[ComparisonRow]:
    results = comparison.results
    for label, found in (
        ("… measured, inference", [result.inference_memory for result in results]),
        ("… measured, training", [result.training_memory for result in results]),
    ):
        yield _row(label, [memory.peak if memory else None for memory in found], _bytes, list(map(_memory_tip, found)))
    times = [result.time for result in results]
    seconds = [time.per_image.median if time else None for time in times]
    yield _row("time per image", seconds, short_time, list(map(_time_tip, times)))


def _published(comparison: Comparison) -> Iterator[ComparisonRow]:
    for label, data, protocol in PROTOCOLS:
        found = [lowest_error(network, data, protocol) for network in comparison.architectures]
        errors = [error.percent / 100 if error else None for error in found]
        yield _error_row(label, errors, list(map(_error_tip, found)), _published_error)


def _trained(comparison: Comparison) -> Iterator[ComparisonRow]:
    names = dict.fromkeys(run.data for result in comparison.results for run in result.runs)
    for data in names:
        runs = [result.run_on(data) for result in comparison.results]
        errors = [run.error if run else None for run in runs]
        yield _error_row(f"best run, {_shortened(data)}", errors, list(map(_run_tip, runs)), percent)


def _row(
    label: str, numbers: Sequence[float | None], show: Callable[[float], str], tips: Sequence[str]
) -> ComparisonRow:
    return ComparisonRow(TOTAL, label, number_entries(numbers, show, tips))


def _error_row(
    label: str, errors: Sequence[float | None], tips: Sequence[str], show: Callable[[float], str]
) -> ComparisonRow:
    """Errors differ by percentage points, as a share of an error would be taken for an error itself."""
    entries = number_entries(errors, show, tips, shares=False, show_delta=_points)
    explained = (replace(entry, tip=entry.tip.replace(f" {POINTS} ", " percentage points ")) for entry in entries)
    return ComparisonRow(TOTAL, label, tuple(explained))


def _pixels(value: float) -> str:
    return f"{value:,.0f} px"


def _bytes(value: float) -> str:
    return units.memory(round(value))


def _published_error(error: float) -> str:
    """With the two decimals that papers print."""
    return f"{100 * error:.2f} %"


def _points(error: float) -> str:
    return f"{100 * error:.2f} {POINTS}"


def _time_tip(measured: Measurement | None) -> str:
    if measured is None:
        return "Not measured on this device yet: press Measure time"
    image, spec = measured.per_image, measured.spec
    where = f"{measured.device_name}, {spec.precision}"
    where += f", {measured.threads} threads" if spec.device == "cpu" else ""
    scatter = f"{short_time(image.low)} to {short_time(image.high)} in 90 % of {image.samples} passes"
    return "\n".join((f"Forward pass of one image, median: {where}", scatter, *measured.caveats))


def _how_to_measure(network: Architecture) -> str:
    """The command that measures a preset's memory; nothing for another network, which needs a file."""
    name = preset_name(network)
    sizes = ",".join(map(str, BATCHES.values()))
    return f"\nMeasured by: resnet-studio measure {name} --memory --batches {sizes}" if name else ""


def _memory_tip(measured: MemoryMeasurement | None) -> str:
    if measured is None:
        return "Not measured on this device"
    spec = measured.spec
    what = f"{spec.task}, batch {spec.batch}: peak on {measured.device_name}"
    return f"{what}, without the {units.memory(measured.process)} of the process itself"


def _error_tip(error: PublishedError | None) -> str:
    return error.text if error else "No error was published for this network"


def _run_tip(run: RunResult | None) -> str:
    if run is None:
        return "No run of this network in the runs folder"
    fitted = f"\nnetwork adapted to the data: {plain(', '.join(run.fitted))}" if run.fitted else ""
    return f"{plain(run.run)}: lowest error on the test set of {plain(run.data)}{fitted}"


def _shortened(data: str) -> str:
    """A data set's name, of which the end stays if it is long."""
    name = plain(data)
    return name if len(name) <= LONGEST_DATA else f"…{name[1 - LONGEST_DATA :]}"
