"""What a whole network costs and achieves, as numbers that any two networks can be held against. Needs no torch.

`QUANTITIES` names them in the order of a list. What follows from the plan alone is worked out when it is first asked
for and remembered by architecture; what was measured comes with `NetworkFigures`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from resnet_studio.analysis.intensity import network_intensity
from resnet_studio.analysis.layer_sums import totals
from resnet_studio.analysis.published_errors import CENTER_CROP, CIFAR10, IMAGENET, TEN_CROP, lowest_error
from resnet_studio.analysis.quantity_keys import QuantityKey
from resnet_studio.analysis.units import LABELS, FlopUnit, exact, memory, short
from resnet_studio.formatting import short_time, significant
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.memory import predicted_training
from resnet_studio.networks.receptive_field import network_field
from resnet_studio.progress import finish

BATCH = 32
"""Images of the training step whose memory is compared."""
FIXED_UNITS = {"%", "px", "FLOPs/byte", "layers"}
"""Units without prefixes."""


@dataclass(frozen=True, slots=True)
class NetworkFigures:
    """A network with what was measured of it; everything else follows from the architecture."""

    architecture: Architecture
    seconds: float | None = None
    """Measured time per image in seconds: the forward pass of one image on the chosen device."""
    best_run_error: float | None = None
    """The lowest test error of a run in percent."""


@dataclass(frozen=True, slots=True)
class NetworkQuantity:
    """A number that a network has, with its name, its unit, and which direction is better."""

    key: QuantityKey
    title: str
    """As a list or an axis says it: "FLOPs (MAC)", "Parameters"."""
    unit: str
    """Of the numbers that `of` gives; empty for counts."""
    of: Callable[[NetworkFigures], float | None]
    """The network's number; None where there is none, such as a time that nobody has measured."""
    lower_is_better: bool | None
    """None where neither direction is better in itself, as with depth."""
    show: Callable[[float], str]
    """The number as text with its unit: "3.86 G", "12.3 ms"."""
    meaning: str = ""
    """What exactly is counted or measured, if the title leaves that open."""

    @property
    def axis_title(self) -> str:
        """The title of an axis, with the unit if that is the same for every number: "Receptive field (px)"."""
        return f"{self.title} ({self.unit})" if self.unit in FIXED_UNITS else self.title

    @property
    def column(self) -> str:
        """The heading of exact numbers in a file: "macs", "seconds", "receptive_field (px)"."""
        return f"{self.key} ({self.unit})" if self.unit in FIXED_UNITS else self.key

    def cell(self, value: float) -> str:
        """A number below `axis_title`, which has a unit that never changes."""
        return self.show(value).removesuffix(f" {self.unit}" if self.unit in FIXED_UNITS else "")

    def tick(self, value: float) -> str:
        """A round number as an axis has it: "5 G", "200 ms", "25"."""
        if not value:
            return "0"
        number, space, unit = self.cell(value).partition(" ")
        return (number.rstrip("0").rstrip(".") if "." in number else number) + space + unit


def quantities(unit: FlopUnit = "flops") -> dict[str, NetworkQuantity]:
    """Every quantity by its key, with FLOPs in this unit."""
    return QUANTITIES if unit == "flops" else {**QUANTITIES, "macs": _OPERATIONS}


def pareto_front(points: Sequence[Sequence[float]], lower_is_better: Sequence[bool] | None = None) -> list[int]:
    """The indices of the points that no other point beats, in the order of their first coordinate, the best first.

    A point beats another if it is at least as good in every coordinate and better in one; equal points stand side by
    side. `lower_is_better` says of each coordinate which direction is better, by default lower.
    """
    return finish(pareto_front_steps(points, lower_is_better))


def pareto_front_steps(
    points: Sequence[Sequence[float]], lower_is_better: Sequence[bool] | None = None
) -> Generator[None, None, list[int]]:
    """The same with a yield after each point, as it takes long if most of thousands are on the front."""
    if not points:
        return []
    signs = [1 if lower else -1 for lower in lower_is_better or (True,) * len(points[0])]
    costs = [tuple(sign * value for sign, value in zip(signs, point, strict=True)) for point in points]
    front: list[int] = []
    for index in sorted(range(len(costs)), key=lambda at: (costs[at], at)):  # what beats a point comes before it
        if not any(_beats(costs[other], costs[index]) for other in reversed(front)):
            front.append(index)
        yield
    return front


def quantity_steps(figures: Iterable[NetworkFigures], wanted: Sequence[NetworkQuantity]) -> Iterator[None]:
    """Work out these quantities, which are remembered, with a yield after each."""
    for known in figures:
        for quantity in wanted:
            quantity.of(known)
            yield


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def _published(data: str, protocol: str = "") -> Callable[[NetworkFigures], float | None]:
    def percent(figures: NetworkFigures) -> float | None:
        error = lowest_error(figures.architecture, data, protocol)
        return None if error is None or error.more_data else error.percent

    return percent


def _count(value: float) -> str:
    return short(round(value))


def _layers(value: float) -> str:
    return f"{exact(round(value))} layers"


def _bytes(value: float) -> str:
    return memory(round(value))


def _pixels(value: float) -> str:
    return f"{exact(round(value))} px"


def _per_byte(value: float) -> str:
    return f"{significant(value)} FLOPs/byte"


def _rate(value: float) -> str:
    return exact(round(value)) if value >= 100 else significant(value)


def _percent(value: float) -> str:
    return f"{value:.2f} %"


def _training_bytes(figures: NetworkFigures) -> int:
    return predicted_training(figures.architecture, BATCH)


QUANTITIES: dict[str, NetworkQuantity] = {
    quantity.key: quantity
    for quantity in (
        NetworkQuantity("macs", LABELS["flops"], "", lambda f: totals(f.architecture).macs, True, _count),
        NetworkQuantity("parameters", "Parameters", "", lambda f: totals(f.architecture).parameters, True, _count),
        NetworkQuantity(
            "activation_bytes", "Activation memory", "B", lambda f: totals(f.architecture).activation_bytes, True,
            _bytes, "All layer outputs, float32, one image",
        ),
        NetworkQuantity(
            "weight_bytes", "Weight memory", "B", lambda f: 4 * totals(f.architecture).parameters, True, _bytes,
            "float32",
        ),
        NetworkQuantity(
            "training_bytes", "Training memory", "B", _training_bytes, True, _bytes,
            f"Predicted peak of a training step on {BATCH} images with SGD, without the process's own share",
        ),
        NetworkQuantity(
            "depth", "Depth", "layers", lambda f: f.architecture.depth, None, _layers,
            "Weighted layers on the main path; all of them where there is no such path",
        ),
        NetworkQuantity(
            "receptive_field", "Receptive field", "px", lambda f: network_field(f.architecture), None, _pixels,
            "Width of the receptive field of a value in the last maps",
        ),
        NetworkQuantity(
            "intensity", "Arithmetic intensity", "FLOPs/byte", lambda f: network_intensity(f.architecture), None,
            _per_byte, "2 × MAC per byte that the layers move: inputs, outputs, and weights in float32, one image",
        ),
        NetworkQuantity(
            "seconds", "Measured time", "s", lambda f: f.seconds, True, short_time,
            "The forward pass of one image, measured on this device",
        ),
        NetworkQuantity(
            "images_per_second", "Measured images per second", "", lambda f: 1 / f.seconds if f.seconds else None,
            False, _rate, "Forward passes of one image, measured on this device",
        ),
        NetworkQuantity(
            "published_error", "ImageNet error, center crop", "%", _published(IMAGENET, CENTER_CROP), True, _percent,
            "The lowest published top-1 error of weights trained on ImageNet alone; one crop of each image",
        ),
        NetworkQuantity(
            "published_error_10_crop", "ImageNet error, 10-crop", "%", _published(IMAGENET, TEN_CROP), True, _percent,
            "The lowest published top-1 error; mean over ten crops of each image",
        ),
        NetworkQuantity(
            "published_error_cifar10", "CIFAR-10 error", "%", _published(CIFAR10), True, _percent,
            "The lowest published error on the test set",
        ),
        NetworkQuantity(
            "best_run_error", "Best error of a run", "%", lambda f: f.best_run_error, True, _percent,
            "The lowest test error of your runs",
        ),
    )
}  # fmt: skip
"""Every quantity by its key; FLOPs are multiply-adds."""
MEASURED = ("seconds", "images_per_second")
"""Those that need a measurement."""
_OPERATIONS = replace(QUANTITIES["macs"], title=LABELS["operations"], of=lambda f: 2 * totals(f.architecture).macs)
