"""How long a network takes for one image, predicted from layers of others that were measured. Needs no torch.

What is measured are some twenty small networks whose layers are of all kinds that residual networks have, over the
range of their channels and sizes. In a network a layer meets the caches as it will in another, unlike a layer that is
measured alone. A layer's time is c₀ + c₁ multiply-adds + c₂ bytes moved + c₃ bytes of weights, fitted to the measured
layers of its kind, times a factor that is interpolated between those most like it (a Gaussian process over the
logarithms of kernel, channels, groups, stride and size). What it is off by is told by leaving out each of these
networks in turn and predicting its time from the others.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_studio.analysis.layer_sums import LayerSum
from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, Precision
from resnet_studio.formatting import counted, percent
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import PreActivationBasic, PreActivationBottleneck
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import called_layers

Array = NDArray[np.float64]
OCTAVES = 3.0
"""Powers of two in a layer's channels or size over which the interpolated factor of a like one loses its weight."""
NOISE = 0.05
"""Spread of the logarithm of a measured layer's time."""
LIKE: dict[str, str] = {
    "relu6": "relu", "silu": "relu", "hardswish": "relu", "gelu": "relu", "hardsigmoid": "sigmoid", "tanh": "sigmoid",
    "layer norm": "batch norm", "group norm": "batch norm", "attention": "linear", "matmul": "linear",
    "concat": "add", "permute": "zero pad", "partition": "zero pad", "departition": "zero pad",
    "swap axes": "zero pad",
}  # fmt: skip
"""Kinds that only torchvision's other networks have, and the measured kind by which their time is guessed."""
FREE: frozenset[str] = frozenset({"dropout", "stochastic depth", "flatten", "identity", "parameter"})
"""What takes no time in inference."""


def _wide(
    width: int, image: int, block: Any = None, blocks: Sequence[int] = (2, 2, 2, 2), **fields: Any
) -> Residual:  # fmt: skip
    return Residual(block or Basic(), tuple(blocks), width=width, image=image, **fields)


PROBES: tuple[Residual, ...] = (
    _wide(64, 224),
    _wide(32, 160, classes=100),
    _wide(96, 128),
    _wide(48, 192, shortcut="C"),
    _wide(128, 96, classes=10),
    _wide(16, 288, shortcut="A"),
    _wide(32, 448, stem="deep", shortcut="D"),
    _wide(160, 64, blocks=(1, 1, 1, 1), se=16),
    _wide(16, 32, blocks=(3, 3, 3), stem="cifar", classes=10, shortcut="A"),
    _wide(64, 32, blocks=(2, 2, 2), stem="cifar", classes=10),
    _wide(16, 32, PreActivationBasic(widen=8), (2, 2, 2), stem="cifar", classes=100),
    _wide(64, 224, Bottleneck("3x3")),
    _wide(32, 128, Bottleneck("1x1")),
    _wide(96, 160, Bottleneck("3x3"), (1, 2, 2, 1)),
    _wide(48, 256, Bottleneck("3x3"), stem="deep", shortcut="D", se=16),
    _wide(128, 64, Bottleneck("1x1"), (1, 1, 1, 1)),
    _wide(64, 192, Bottleneck("3x3", 32, 4), (1, 2, 2, 1)),
    _wide(48, 128, Bottleneck("3x3", 8, 16), se=16),
    _wide(64, 128, Bottleneck("3x3", 1, 128), (1, 1, 2, 1)),
    _wide(64, 224, Bottleneck("3x3", 1, 128), (1, 1, 1, 1)),
    _wide(16, 32, PreActivationBottleneck(), (2, 2, 2), stem="cifar", classes=10),
    _wide(64, 160, PreActivationBottleneck("3x3")),
    _wide(128, 160, Bottleneck("3x3", 32, 4), (1, 1, 1, 1)),
    _wide(24, 96, blocks=(1, 1, 1, 1)),
)
"""The networks whose layers are measured."""


def probe_specs(device: str, precision: Precision = "fp32", batch: int = 1) -> tuple[MeasurementSpec, ...]:
    """What is measured on a device before times can be predicted there."""
    return tuple(MeasurementSpec(probe, device, precision, batch) for probe in PROBES)


@dataclass(frozen=True, slots=True)
class PredictionError:
    """How far predictions of networks were off that were predicted from others, as shares of the measured times."""

    errors: tuple[float, ...]
    """Signed; sorted by size."""

    @property
    def median(self) -> float:
        return median(map(abs, self.errors))

    @property
    def nine_in_ten(self) -> float:
        """What nine of ten predictions were not off by more than."""
        return abs(self.errors[max(0, math.ceil(0.9 * len(self.errors)) - 1)])

    @property
    def words(self) -> str:
        """ "half of 22 networks within 4.1 %, nine of ten within 12 %"."""
        half, most = (percent(share, 2) for share in (self.median, self.nine_in_ten))
        return f"half of {len(self.errors)} networks within {half}, nine of ten within {most}"

    def to_json(self) -> dict[str, Any]:
        return {"networks": len(self.errors), "median": self.median, "nine_in_ten": self.nine_in_ten}


def error_of(errors: Iterable[float]) -> PredictionError:
    """The error that some signed relative errors make; at least one."""
    return PredictionError(tuple(sorted(errors, key=abs)))


@dataclass(frozen=True, slots=True)
class Sample:
    """A measured layer."""

    layer: Layer
    seconds: float
    """Of a pass over one batch."""


class LayerTimes:
    """The measured layers of one device, from which the time of any network is predicted."""

    def __init__(self, measurements: Sequence[Measurement], samples: Sequence[Sequence[Sample]] | None = None) -> None:
        """`measurements` are of one device, precision and batch, with their layers; `ValueError` if there are none.

        `samples` are the layers of each, if they are known already.
        """
        self.measurements = tuple(one for one in measurements if one.layers)
        if not self.measurements:
            raise ValueError("single layers can't be timed on this device, so times can't be predicted")
        self.batch = self.measurements[0].spec.batch
        self._measured = samples or [_samples(one) for one in self.measurements]
        self._samples: dict[str, list[Sample]] = {}
        for sample in chain.from_iterable(self._measured):
            self._samples.setdefault(sample.layer.kind, []).append(sample)
        self._models: dict[str, _KindModel] = {}
        self._sum = LayerSum(self.layer_seconds, _is_called)

    def without(self, number: int) -> LayerTimes:
        """The same without the measurement of that number."""
        measurements, samples = list(self.measurements), list(self._measured)
        del measurements[number], samples[number]
        return LayerTimes(measurements, samples)

    def fit_steps(self) -> Iterator[None]:
        """Fit every kind of layers, which is else done when one is first predicted, with a yield after each."""
        for kind in self._samples:
            self._model(kind)
            yield

    @cached_property
    def overhead(self) -> float:
        """Seconds that a network takes beyond the sum of its layers, for each of them."""
        return median(one.overhead / len(one.layers) for one in self.measurements)

    @property
    def where(self) -> str:
        """What was measured on: "AMD EPYC, 2 logical cores, 2 threads", and how many measurements were disturbed."""
        first = self.measurements[0]
        disturbed = sum(any("other programs" in caveat for caveat in one.caveats) for one in self.measurements)
        caveat = f"; {disturbed} of {len(self.measurements)} measurements were disturbed" if disturbed else ""
        return f"{first.device_name}, {counted(first.threads, 'thread')}{caveat}"

    def seconds(self, architecture: Architecture) -> float:
        """Seconds of one image in a pass over a batch."""
        layers, called = self._sum(architecture)
        return max(layers + self.overhead * called, 0.0) / self.batch

    def layer_seconds(self, layer: Layer) -> float:
        """Seconds of one layer in a pass over a batch."""
        if not layer.called or layer.kind in FREE:
            return 0.0
        kind = layer.kind if layer.kind in self._samples else LIKE.get(layer.kind, layer.kind)
        return self._model(kind if kind in self._samples else "add").seconds(layer)

    def guessed(self, architecture: Architecture) -> tuple[str, ...]:
        """Kinds of layers of a network that were not measured, so that the time of another kind stands for theirs."""
        kinds = dict.fromkeys(layer.kind for layer in called_layers(architecture))
        return tuple(kind for kind in kinds if kind not in self._samples and kind not in FREE)

    def _model(self, kind: str) -> _KindModel:
        if kind not in self._models:
            self._models[kind] = _KindModel(self._samples[kind])
        return self._models[kind]


def guess_note(kinds: Sequence[str]) -> str:
    """What to say of kinds of layers that were not measured, as a sentence without a full stop."""
    return f"Not measured, and predicted as layers like them: {', '.join(kinds)}"


def error_steps(measurements: Sequence[Measurement]) -> Generator[None, None, PredictionError]:
    """What predictions are off by: each measured network is predicted from the layers of the others. It yields in
    between, so that a window can go on."""
    errors, times = [], LayerTimes(measurements)
    for number, left_out in enumerate(times.measurements):
        others = times.without(number)
        yield from others.fit_steps()
        errors.append(others.seconds(left_out.spec.architecture) / left_out.per_image.median - 1)
        yield
    return error_of(errors)


class _KindModel:
    """The time of layers of one kind."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        terms = np.array([_terms(sample.layer) for sample in samples])
        seconds = np.array([sample.seconds for sample in samples])
        self._places = np.array([_place(sample.layer) for sample in samples])
        self._coefficients = _fit_positive(terms / seconds[:, None])
        rest = np.log(seconds / (terms @ self._coefficients))
        covariance = _likeness(self._places[:, None], self._places[None]) + NOISE**2 * np.eye(len(samples))
        self._weights = np.linalg.solve(covariance, rest)

    def seconds(self, layer: Layer) -> float:
        factor = _likeness(self._places, np.array(_place(layer))) @ self._weights
        return float(np.array(_terms(layer)) @ self._coefficients * np.exp(factor))


def _samples(measurement: Measurement) -> list[Sample]:
    """The measured layers of a network; those that are alike are one sample with their mean."""
    alike: dict[tuple[str, tuple[float, ...]], list[Sample]] = {}
    for layer in called_layers(measurement.spec.architecture):
        if (seconds := measurement.layers.get(layer.name, 0.0)) > 0 and layer.kind not in FREE:
            alike.setdefault((layer.kind, _place(layer)), []).append(Sample(layer, seconds))
    return [
        Sample(samples[0].layer, math.fsum(sample.seconds for sample in samples) / len(samples))
        for samples in alike.values()
    ]


def _terms(layer: Layer) -> tuple[float, ...]:
    """What the time of a layer grows with: a call, multiply-adds, bytes moved, bytes of weights."""
    moved = 4.0 * math.prod(layer.input) + layer.activation_bytes
    return 1.0, float(layer.macs), moved, 4.0 * layer.parameters


def _place(layer: Layer) -> tuple[float, ...]:
    """Where a layer lies among those of its kind, in octaves."""
    (height, _), (width, _) = layer.windows
    numbers = (
        height * width, layer.input[0] // layer.groups, layer.output[0] // layer.groups, layer.groups, layer.stride,
        layer.positions,
    )  # fmt: skip
    return tuple(math.log2(max(number, 1)) for number in numbers)


def _likeness(one: Array, other: Array) -> Array:
    """1 for places that are the same, and less the farther they are apart."""
    distance: Array = np.sqrt(((one - other) ** 2).sum(-1))
    return np.exp(-distance / OCTAVES)


def _fit_positive(terms: Array) -> Array:
    """Coefficients ≥ 0 for which the terms of each row add up to 1 as nearly as possible, tried for every subset of
    the terms."""
    best, least = np.zeros(terms.shape[1]), math.inf
    scale = terms.max(axis=0)
    used = [term for term in range(terms.shape[1]) if scale[term] > 0]
    for size in range(1, len(used) + 1):
        for subset in map(list, combinations(used, size)):
            found = np.linalg.lstsq(terms[:, subset] / scale[subset], np.ones(len(terms)), rcond=None)[0]
            miss = float(((terms[:, subset] / scale[subset] @ found - 1) ** 2).sum())
            if miss < least and (found >= 0).all():
                best, least = np.zeros(terms.shape[1]), miss
                best[subset] = found / scale[subset]
    return best


def _is_called(layer: Layer) -> int:
    return int(layer.called)
