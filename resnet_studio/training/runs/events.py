"""What a run says of itself, as typed events, one line of JSON each. Needs neither torch nor Qt."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias, get_args

MOST = 2**53
"""The largest count that is read: beyond it a float, which is what becomes of one in a plot, leaves some out."""


@dataclass(frozen=True, slots=True)
class Began:
    """The run begins, or goes on after an interruption. What was told of steps from `step` on is void."""

    kind: ClassVar = "began"
    time: float
    """Seconds since 1970, as in every event."""
    step: int
    """The first step that is trained now: 0, or that of the checkpoint it goes on from."""
    seconds: float
    """Training time before this step, of all sessions of the run together."""
    threads: int
    device: str
    workers: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """The data are open and the architecture is fitted to them: what is trained on what."""

    kind: ClassVar = "prepared"
    time: float
    architecture: dict[str, Any]
    """As JSON values, with the data's channels, image size and classes."""
    changes: tuple[str, ...]
    """What fitting changed: "channels 3 → 1"."""
    classes: tuple[str, ...]
    training_images: int
    test_images: int
    test_of: str
    """Where the test images come from, in words: "a fixed fifth of the set"."""
    steps_per_epoch: int
    steps: int
    """Of the whole run."""
    held: str
    """How the images are held: "on the device as uint8, augmented in batches", or in their files."""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    """Of the training set's channels, of values 0 … 1."""
    images_of_class: tuple[int, ...] = ()
    """Training and test images of each class."""
    digest: str = ""
    """Of a folder's files, by `fingerprint.py`."""

    def __post_init__(self) -> None:
        if self.steps_per_epoch < 1:
            raise ValueError("steps_per_epoch: an epoch has at least one step")
        if self.images_of_class and len(self.images_of_class) != len(self.classes):
            raise ValueError("images_of_class: one number a class is needed")


@dataclass(frozen=True, slots=True)
class Stepped:
    """Some steps were trained. Each list has one value a step, beginning with step `first`."""

    kind: ClassVar = "stepped"
    time: float
    first: int
    losses: tuple[float, ...]
    """Mean loss of each batch; NaN where it is not a number."""
    errors: tuple[float, ...]
    """Share of each batch that was classified wrongly, 0 … 1, before the step."""
    rates: tuple[float, ...]
    """Learning rates."""
    seconds: float
    """Training time up to here, of all sessions of the run together; measuring and saving are not part of it."""
    images_per_second: float
    """While these steps were trained."""

    def __post_init__(self) -> None:
        if not len(self.losses) == len(self.errors) == len(self.rates):
            raise ValueError("losses, errors, rates: one value a step is needed of each")


Split = Literal["training", "test"]


@dataclass(frozen=True, slots=True)
class Measured:
    """The network was run over a whole set in eval mode, after `step` steps."""

    kind: ClassVar = "measured"
    time: float
    split: Split
    step: int
    loss: float
    error: float
    """Share of the set that is classified wrongly, 0 … 1."""
    images: int
    seconds: float
    """Training time up to here."""


@dataclass(frozen=True, slots=True)
class Gradients:
    """Norm of the loss's gradient by the weights of each stage (conv1, conv2_x, …), in step `step`."""

    kind: ClassVar = "gradients"
    time: float
    step: int
    norms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Probed:
    """The probe images were pushed through after `step` steps; `file` in the run's folder has what came out."""

    kind: ClassVar = "probed"
    time: float
    step: int
    file: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint is whole and safe on the disk. `best` tells whether no earlier one had a lower test error."""

    kind: ClassVar = "saved"
    time: float
    step: int
    folder: str
    best: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """The run goes on from `step` with another recipe than it had before."""

    kind: ClassVar = "changed"
    time: float
    step: int
    recipe: dict[str, Any]
    """As JSON values."""
    changes: tuple[str, ...]
    """What differs, in words: "lr 0.1 → 0.01"."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The run waits until the file `pause` is gone, or it ends."""

    kind: ClassVar = "paused"
    time: float
    step: int


@dataclass(frozen=True, slots=True)
class Threads:
    """From `step` on the run computes with another number of threads on the CPU."""

    kind: ClassVar = "threads"
    time: float
    step: int
    threads: int
    trial: bool = False
    """Whether it is tried out for a step, to see which number is the quickest."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Something the user should know: images left out, a restart, a precision that this device lacks."""

    kind: ClassVar = "noted"
    time: float
    text: str


@dataclass(frozen=True, slots=True)
class Working:
    """What the run does before its first step: "fetching cifar10", with how much of it is done, 0 … 1."""

    kind: ClassVar = "working"
    time: float
    what: str
    done: float = 0.0


How = Literal["finished", "stopped", "failed", "killed"]


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of a session. A killed run can't write it, so whoever reads the run concludes it."""

    kind: ClassVar = "ended"
    time: float
    how: How
    step: int
    why: str = ""
    """In words, where it failed or was ended from outside."""
    lost: int = 0
    """Steps that were trained after the newest checkpoint: a run that goes on trains them again."""


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
    """The event as one line of JSON, without the line's end. What is not a number becomes null, infinity too.

    It is ASCII: names of files and classes may be of bytes that are no text, which no other encoding takes.
    """
    values = {name: _plain(value) for name, value in asdict(event).items()}
    return json.dumps({"kind": event.kind, **values}, allow_nan=False)


def from_line(line: str | bytes) -> Event | None:
    """Read an event; None if its kind is not known here (a later version's). `ValueError` if it is no event.

    Fields that are not known here are passed over.
    """
    try:
        values = json.loads(line)
    except RecursionError:
        raise ValueError("an event is not nested so deep") from None
    if not isinstance(values, dict) or not isinstance(values.get("kind"), str):
        raise ValueError("an event is a JSON object with a kind")
    kind = KINDS.get(values["kind"])
    return None if kind is None else _read(kind, values)


def _read(kind: type[Any], values: Mapping[str, Any]) -> Event:
    known = {field.name: field.type for field in fields(kind) if field.name in values}
    try:
        event: Event = kind(**{name: READERS[str(form)](values[name]) for name, form in known.items()})
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"an event {kind.kind!r} is not whole: {error}") from None
    return event


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _number(value: Any) -> float:
    number = math.nan if value is None else float(_of_type((float, int), value))
    return number if math.isfinite(number) else math.nan  # JSON's 1e999 is infinite


def _numbers(values: Any) -> tuple[float, ...]:
    if not set(map(type, _of_type((list,), values))) <= {float, int, type(None)}:
        raise TypeError("numbers are needed")
    return tuple(map(_number, values))


def _norms(values: Any) -> dict[str, float]:
    return {name: _number(value) for name, value in _of_type((dict,), values).items()}


def _count(value: Any) -> int:
    if not 0 <= _of_type((int,), value) <= MOST:
        raise ValueError(f"a count is needed, got {value}")
    return int(value)


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(_of_type((str,), value) for value in _of_type((list,), values))


def _one_of(known: tuple[str, ...]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value not in known:
            raise ValueError(f"one of {', '.join(known)} is needed, got {value!r}")
        return value

    return read


def _of_type(types: tuple[type, ...], value: Any) -> Any:
    if type(value) not in types:
        raise TypeError(f"{types[0].__name__} is needed, got {type(value).__name__}")
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
    "How": _one_of(get_args(How)),
}
"""How a field's JSON is read, by the field's type as it is written above."""
