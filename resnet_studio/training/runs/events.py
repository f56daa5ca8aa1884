"""The events of a run, as typed values, one line of JSON each. Needs neither torch nor Qt."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from resnet_studio import codec

Count = Annotated[int, Meta(ge=0, le=2**53)]
"""Larger integers are not exact as floats, which plots use."""


@dataclass(frozen=True, slots=True)
class Began:
    """The run starts or resumes. Earlier events about steps from `step` on are void."""

    kind: ClassVar = "began"
    time: float
    """Seconds since 1970, as in every event."""
    step: Count
    """The first step that is trained now: 0, or that of the checkpoint it resumes from."""
    seconds: float
    """Training time before this step, over all sessions of the run."""
    threads: Count
    device: str
    workers: Count


@dataclass(frozen=True, slots=True)
class Prepared:
    """The data set is open and the architecture is fitted to it."""

    kind: ClassVar = "prepared"
    time: float
    architecture: dict[str, Any]
    """As JSON values, with the data's channels, image size and classes."""
    changes: tuple[str, ...]
    """What was changed to fit the data: "channels 3 → 1"."""
    classes: tuple[str, ...]
    training_images: Count
    test_images: Count
    test_of: str
    """Where the test images come from, in words: "a fixed fifth of the set"."""
    steps_per_epoch: Count
    steps: Count
    """Of the whole run."""
    held: str
    """How the images are stored: "on the device as uint8, augmented in batches", or read from their files."""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """Mean and standard deviation of the training set's channels, for values 0 … 1."""
    images_of_class: tuple[Count, ...] = ()
    """Training and test images of each class."""
    digest: str = ""
    """Digest of a folder's files, from `fingerprint.py`."""

    def __post_init__(self) -> None:
        if self.steps_per_epoch < 1:
            raise ValueError("steps_per_epoch: must be at least 1")
        if self.images_of_class and len(self.images_of_class) != len(self.classes):
            raise ValueError("images_of_class: must have one number per class")


@dataclass(frozen=True, slots=True)
class Stepped:
    """Some steps were trained. Each tuple has one value per step, starting with step `first`."""

    kind: ClassVar = "stepped"
    time: float
    first: Count
    losses: tuple[float, ...]
    """Mean loss of each batch; NaN where it is not a number."""
    errors: tuple[float, ...]
    """Fraction of each batch that was misclassified, 0 … 1, before the step."""
    rates: tuple[float, ...]
    """Learning rates."""
    seconds: float
    """Training time so far, over all sessions of the run, without evaluation and saving."""
    images_per_second: float
    """Throughput of these steps."""

    def __post_init__(self) -> None:
        if not len(self.losses) == len(self.errors) == len(self.rates):
            raise ValueError("losses, errors, rates: must each have one value per step")


Split = Literal["training", "test"]


@dataclass(frozen=True, slots=True)
class Measured:
    """The network was evaluated on a whole set in eval mode, after `step` steps."""

    kind: ClassVar = "measured"
    time: float
    split: Split
    step: Count
    loss: float
    error: float
    """Fraction of the set that is misclassified, 0 … 1."""
    images: Count
    seconds: float
    """Training time so far."""


@dataclass(frozen=True, slots=True)
class Gradients:
    """Norm of the loss gradient with respect to the weights of each stage (conv1, conv2_x, …), in step `step`."""

    kind: ClassVar = "gradients"
    time: float
    step: Count
    norms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Probed:
    """The feature maps of the probe images were saved after `step` steps, to `file` in the run's folder."""

    kind: ClassVar = "probed"
    time: float
    step: Count
    file: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint was saved completely. `best`: no earlier one had a lower test error."""

    kind: ClassVar = "saved"
    time: float
    step: Count
    folder: str
    best: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """The run continues from `step` with a changed recipe."""

    kind: ClassVar = "changed"
    time: float
    step: Count
    recipe: dict[str, Any]
    """As JSON values."""
    changes: tuple[str, ...]
    """What differs, in words: "lr 0.1 → 0.01"."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The run is paused until the file `pause` is removed, or until it ends."""

    kind: ClassVar = "paused"
    time: float
    step: Count


@dataclass(frozen=True, slots=True)
class Threads:
    """From `step` on the run uses another number of CPU threads."""

    kind: ClassVar = "threads"
    time: float
    step: Count
    threads: Count
    trial: bool = False
    """Whether it is a trial for one step, to find the fastest number."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A note for the user: skipped images, a restart, a precision that this device lacks."""

    kind: ClassVar = "noted"
    time: float
    text: str


@dataclass(frozen=True, slots=True)
class Working:
    """What the run does before its first step: "fetching cifar10", with the fraction that is done, 0 … 1."""

    kind: ClassVar = "working"
    time: float
    what: str
    done: float = 0.0


Outcome = Literal["finished", "stopped", "failed", "killed"]


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of a session. A killed run can't write it, so the reader infers it."""

    kind: ClassVar = "ended"
    time: float
    how: Outcome
    step: Count
    why: str = ""
    """The reason, if it failed or was ended from outside."""
    lost: Count = 0
    """Steps after the newest checkpoint; a resumed run trains them again."""


Event: TypeAlias = (
    Began
    | Prepared
    | Changed
    | Stepped
    | Measured
    | Gradients
    | Probed
    | Saved
    | Paused
    | Threads
    | Noted
    | Working
    | Ended
)
KINDS: dict[str, type[Any]] = {kind.kind: kind for kind in get_args(Event)}


NUMBERS = {kind: [field.name for field in fields(kind) if "float" in str(field.type)] for kind in KINDS.values()}
"""The fields of each kind that hold one or more real numbers."""
NAN = math.nan
INFINITE = (math.inf, -math.inf)


def to_line(event: Event) -> str:
    """The event as one line of JSON, without the newline. NaN and infinity become null.

    It is ASCII, since names of files and classes may contain bytes that are not valid text.
    """
    values = codec.to_json(event)
    numbers = {name: _to_null(values[name]) for name in NUMBERS[type(event)]}
    return json.dumps({"kind": event.kind, **values, **numbers}, allow_nan=False)


def from_line(line: str | bytes) -> Event | None:
    """Parse an event; None if its kind is unknown (from a later version). `ValueError` if it is not an event.

    Unknown fields are ignored.
    """
    try:
        values = json.loads(line)
    except RecursionError:
        raise ValueError("the event is nested too deeply") from None
    if not isinstance(values, dict) or not isinstance(values.get("kind"), str):
        raise ValueError("an event must be a JSON object with a kind")
    kind = KINDS.get(values["kind"])
    if kind is None:
        return None
    try:
        values |= {name: _from_null(values[name]) for name in NUMBERS[kind] if name in values}
        event: Event = msgspec.convert(values, kind)
    except (msgspec.ValidationError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"event {kind.kind!r} is incomplete: {error}") from None
    return event


def _to_null(value: Any) -> Any:
    """A number, a list or a dictionary of numbers, with null for those that JSON does not have."""
    if isinstance(value, list):
        return [number if math.isfinite(number) else None for number in value]
    if isinstance(value, dict):
        return {name: _to_null(number) for name, number in value.items()}
    return value if math.isfinite(value) else None


def _from_null(value: Any) -> Any:
    """The inverse of `_to_null`. Infinity, as JSON's 1e999 is read, becomes NaN, too."""
    if isinstance(value, list):
        return [NAN if number is None or number in INFINITE else number for number in value]
    if isinstance(value, dict):
        return {name: _from_null(number) for name, number in value.items()}
    return NAN if value is None or value in INFINITE else value
