"""The events of a run, as typed values, one line of JSON each. Needs neither torch nor Qt."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias, get_args

MAX_COUNT = 2**53
"""The largest count that is read: larger integers are not exact as floats, which plots use."""


@dataclass(frozen=True, slots=True)
class Began:
    """The run starts or resumes. Earlier events about steps from `step` on are void."""

    kind: ClassVar = "began"
    time: float
    """Seconds since 1970, as in every event."""
    step: int
    """The first step that is trained now: 0, or that of the checkpoint it resumes from."""
    seconds: float
    """Training time before this step, over all sessions of the run."""
    threads: int
    device: str
    workers: int


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
    training_images: int
    test_images: int
    test_of: str
    """Where the test images come from, in words: "a fixed fifth of the set"."""
    steps_per_epoch: int
    steps: int
    """Of the whole run."""
    held: str
    """How the images are stored: "on the device as uint8, augmented in batches", or read from their files."""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """Mean and standard deviation of the training set's channels, for values 0 … 1."""
    images_of_class: tuple[int, ...] = ()
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
    first: int
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
    step: int
    loss: float
    error: float
    """Fraction of the set that is misclassified, 0 … 1."""
    images: int
    seconds: float
    """Training time so far."""


@dataclass(frozen=True, slots=True)
class Gradients:
    """Norm of the loss gradient with respect to the weights of each stage (conv1, conv2_x, …), in step `step`."""

    kind: ClassVar = "gradients"
    time: float
    step: int
    norms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Probed:
    """The feature maps of the probe images were saved after `step` steps, to `file` in the run's folder."""

    kind: ClassVar = "probed"
    time: float
    step: int
    file: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint was saved completely. `best`: no earlier one had a lower test error."""

    kind: ClassVar = "saved"
    time: float
    step: int
    folder: str
    best: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """The run continues from `step` with a changed recipe."""

    kind: ClassVar = "changed"
    time: float
    step: int
    recipe: dict[str, Any]
    """As JSON values."""
    changes: tuple[str, ...]
    """What differs, in words: "lr 0.1 → 0.01"."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The run is paused until the file `pause` is removed, or until it ends."""

    kind: ClassVar = "paused"
    time: float
    step: int


@dataclass(frozen=True, slots=True)
class Threads:
    """From `step` on the run uses another number of CPU threads."""

    kind: ClassVar = "threads"
    time: float
    step: int
    threads: int
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
    step: int
    why: str = ""
    """The reason, if it failed or was ended from outside."""
    lost: int = 0
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


def to_line(event: Event) -> str:
    """The event as one line of JSON, without the newline. NaN and infinity become null.

    It is ASCII, since names of files and classes may contain bytes that are not valid text.
    """
    values = {name: _to_json(value) for name, value in asdict(event).items()}
    return json.dumps({"kind": event.kind, **values}, allow_nan=False)


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
    return None if kind is None else _read(kind, values)


def _read(kind: type[Any], values: Mapping[str, Any]) -> Event:
    known = {field.name: field.type for field in fields(kind) if field.name in values}
    try:
        event: Event = kind(**{name: READERS[str(annotation)](values[name]) for name, annotation in known.items()})
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"event {kind.kind!r} is incomplete: {error}") from None
    return event


def _to_json(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _to_json(entry) for name, entry in value.items()}
    return [_to_json(entry) for entry in value] if isinstance(value, list | tuple) else value


def _number(value: Any) -> float:
    number = math.nan if value is None else float(_of_type((float, int), value))
    return number if math.isfinite(number) else math.nan  # JSON's 1e999 is infinite


def _numbers(values: Any) -> tuple[float, ...]:
    if not set(map(type, _of_type((list,), values))) <= {float, int, type(None)}:
        raise TypeError("must be numbers")
    return tuple(map(_number, values))


def _norms(values: Any) -> dict[str, float]:
    return {name: _number(value) for name, value in _of_type((dict,), values).items()}


def _count(value: Any) -> int:
    if not 0 <= _of_type((int,), value) <= MAX_COUNT:
        raise ValueError(f"must be a count, got {value}")
    return int(value)


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(_of_type((str,), value) for value in _of_type((list,), values))


def _one_of(known: tuple[str, ...]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value not in known:
            raise ValueError(f"must be one of {', '.join(known)}, got {value!r}")
        return value

    return read


def _of_type(types: tuple[type, ...], value: Any) -> Any:
    if type(value) not in types:
        raise TypeError(f"must be {types[0].__name__}, got {type(value).__name__}")
    return value


READERS: dict[str, Callable[[Any], Any]] = {
    "float": _number,
    "int": _count,
    "bool": lambda value: _of_type((bool,), value),
    "str": lambda value: _of_type((str,), value),
    "tuple[float, ...]": _numbers,
    "tuple[int, ...]": lambda values: tuple(map(_count, _of_type((list,), values))),
    "tuple[str, ...]": _texts,
    "dict[str, float]": _norms,
    "dict[str, Any]": lambda value: _of_type((dict,), value),
    "Split": _one_of(get_args(Split)),
    "Outcome": _one_of(get_args(Outcome)),
}
"""How the JSON of a field is parsed, by the field's annotation as written above."""
