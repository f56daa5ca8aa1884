"""Frozen dataclasses to JSON values and back. The annotations of a class say what its JSON may hold; msgspec checks it.

`Annotated[int, Meta(ge=1, le=10)]` bounds a number, `Annotated[X, Form(…)]` gives a type a JSON form of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from reprlib import repr as short_repr
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec import Meta

from resnet_studio.causes import FieldError
from resnet_studio.files import FileRefusedError, json_fault, read_json_below

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = TypeVar("Value", bound="DataclassInstance")
Result = TypeVar("Result")
MAX_REASON_LENGTH = 200
"""Characters of a reason that may quote from a damaged file."""
NOUNS: dict[Any, tuple[str, str]] = {
    int: ("an integer", ","), float: ("a number", "g"), bool: ("true or false", ""), str: ("text", ""),
    bytes: ("base64", ""), list: ("a list", ""), tuple: ("a list", ""), dict: ("a JSON object", ""),
}  # fmt: skip
"""What a value of each type is called in messages, and how its bounds are formatted."""


class NewerFileError(FileRefusedError):
    """A newer version of the program wrote the file: it is intact but can't be read by this version."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a type is written to JSON and read, where that is not what its annotations say."""

    to_json: Callable[[Any], Any]
    from_json: Callable[[Any], Any]
    """`ValueError` for an invalid JSON value."""


def to_json(value: DataclassInstance, *, omit_defaults: bool = False) -> dict[str, Any]:
    """A dataclass's value as a JSON object; nested ones are written without the fields that have their defaults."""
    default = type(value)() if omit_defaults else None
    return {
        name: _encode(hint, getattr(value, name))
        for name, hint in field_types(type(value)).items()
        if default is None or getattr(value, name) != getattr(default, name)
    }


def from_json(kind: type[Value], values: Any, error: type[FieldError] = FieldError, *, complete: bool = False) -> Value:
    """A dataclass's value from a JSON object or its text; `error` names the field that is invalid, missing or unknown.

    `complete` if the program itself has written it: every field must be there, and unknown ones, as later versions may
    add, are ignored.
    """
    name = kind.__name__.lower()
    values = loads(values, name, error) if isinstance(values, str) else values
    if not isinstance(values, Mapping):
        raise error(name, "must be a JSON object")
    types = field_types(kind)
    for field in values:
        if field not in types and not complete:
            raise error(str(field), f"unknown field; must be one of {', '.join(sorted(types))}")
    for required in fields(kind):
        optional = not complete and (required.default is not MISSING or required.default_factory is not MISSING)
        if required.name not in values and not optional:
            raise error(required.name, "missing")
    return kind(**{name: _decode_field(name, types[name], values[name], error) for name in types if name in values})


def salvage(kind: type[Value], values: Any) -> tuple[Value, list[str]]:
    """A value of the fields that are valid, and the names of those that are not: these have their defaults.

    Of a list the valid items are kept, of a nested dataclass the valid fields. `FieldError` if it is not an object.
    """
    if not isinstance(values, Mapping):
        raise FieldError(kind.__name__.lower(), "must be a JSON object")
    types, found, lost = field_types(kind), {}, []
    for name, value in values.items():
        complete = False
        if name in types:
            with suppress(ValueError, RecursionError):
                found[name], complete = _salvage(types[name], value)
        if not complete:
            lost.append(name)
    return kind(**found), lost


def read(folder: Path, name: str, max_bytes: int, version: int, parse: Callable[[Any], Result]) -> Result:
    """The value in one of the program's own JSON files; `FileRefusedError` says what is wrong with the file.

    `parse` makes the value from the parsed JSON, and its `FieldError` becomes the reason. A file of a version newer
    than `version` is not parsed: `NewerFileError`.
    """
    values = read_json_below(folder, name, max_bytes)
    if is_newer(values, version):
        raise NewerFileError("was written by a newer version of this program and was not changed")
    try:
        return parse(values)
    except (FieldError, RecursionError) as error:
        reason = str(error) if isinstance(error, FieldError) else "nested too deeply"
        shown = reason if len(reason) <= MAX_REASON_LENGTH else f"{reason[:MAX_REASON_LENGTH]} …"
        raise FileRefusedError(f"is damaged ({shown})") from None


def is_newer(values: Any, version: int) -> bool:
    """Whether the JSON of a file says that it has a newer version than this."""
    found = values.get("version") if isinstance(values, Mapping) else None
    return isinstance(found, int | float) and not isinstance(found, bool) and found > version


def check(value: DataclassInstance, error: type[FieldError] = FieldError) -> None:
    """Check a value's fields against their annotations, in its `__post_init__`; `error` names the invalid one."""
    struct = _struct(type(value))
    try:
        msgspec.convert(value, struct, from_attributes=True)  # all fields at once is five times as fast
    except (msgspec.ValidationError, OverflowError):
        for name in struct.__struct_fields__:
            _decode_field(name, field_types(type(value))[name], getattr(value, name), error)


def decode(hint: Any, value: Any) -> Any:
    """A JSON value as a value of a type; `ValueError` says what it must be."""
    expected = _parse(hint)
    if value is None and expected.optional:
        return None
    if expected.form:
        return expected.form.from_json(value)
    try:
        return msgspec.convert(value, hint)
    except (msgspec.ValidationError, OverflowError):
        raise ValueError(f"must be {describe(hint)}, got {_quote(value)}") from None


def loads(text: str, name: str, error: type[FieldError] = FieldError) -> Any:
    """Parse JSON; `error` says in words why it is not valid."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:  # also a number of 5,000 digits and 100,000 open brackets
        raise error(name, f"not valid JSON: {json_fault(fault)}") from None


def parse_text(hint: Any, text: str) -> Any:
    """The JSON value that a text stands for, as entered in a form; the text itself if it has another type."""
    expected = _parse(hint)
    if expected.optional and text in ("", "none"):
        return None
    with suppress(ValueError, KeyError):
        if expected.type is bool:
            return {"true": True, "false": False}[text.lower()]
        if get_origin(expected.type) is tuple:
            return [int(part) for part in text.split(",") if part.strip()]
        if expected.type in (int, float):
            return expected.type(text)
    return text


def describe(hint: Any) -> str:
    """What a field must be, in words: "an integer from 1 to 65,536"."""
    expected = _parse(hint)
    if expected.meta and expected.meta.description:
        return expected.meta.description
    if get_origin(expected.type) is Literal:
        return f"one of {', '.join(get_args(expected.type))}"
    noun, style = NOUNS[get_origin(expected.type) or expected.type]
    if expected.meta is None or expected.meta.ge is None or expected.meta.le is None:
        return noun
    return f"{noun} from {expected.meta.ge:{style}} to {expected.meta.le:{style}}"


@cache
def field_types(kind: type[DataclassInstance]) -> dict[str, Any]:
    """The annotation of each field."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def choices(kind: type[DataclassInstance]) -> dict[str, tuple[str, ...]]:
    """The values of each field that has a few named ones."""
    types = {name: _parse(hint).type for name, hint in field_types(kind).items()}
    return {name: get_args(literal) for name, literal in types.items() if get_origin(literal) is Literal}


def ranges(kind: type[DataclassInstance], number: type[float]) -> dict[str, tuple[float, float]]:
    """The smallest and the largest value of each bounded field of a type, int or float."""
    found = {name: _parse(hint) for name, hint in field_types(kind).items()}
    return {
        name: (field.meta.ge, field.meta.le)
        for name, field in found.items()
        if field.type is number and field.meta and field.meta.ge is not None and field.meta.le is not None
    }


@cache
def _struct(kind: type[DataclassInstance]) -> type[msgspec.Struct]:
    """A struct of the fields that msgspec can check: those without a `Form`."""
    checked = [(name, hint) for name, hint in field_types(kind).items() if not _parse(hint).form]
    return msgspec.defstruct(kind.__name__, checked)


class _Type(NamedTuple):
    """An annotation, taken apart."""

    type: Any
    optional: bool = False
    form: Form | None = None
    meta: Meta | None = None


@cache
def _parse(hint: Any) -> _Type:
    if get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
        [value] = (argument for argument in get_args(hint) if argument is not NoneType)
        return _parse(value)._replace(optional=True)
    if get_origin(hint) is not Annotated:
        return _Type(hint)
    kind, *notes = get_args(hint)
    return _Type(
        kind,
        form=next((note for note in notes if isinstance(note, Form)), None),
        meta=next((note for note in notes if isinstance(note, Meta)), None),
    )


def _quote(value: Any) -> str:
    """An invalid value, as a message quotes it: numbers with separators, and the beginning of anything long."""
    if type(value) in (int, float) and abs(value) < 1e15:
        return f"{value:,}"
    return short_repr(value)


def _encode(hint: Any, value: Any) -> Any:
    expected = _parse(hint)
    if value is None:
        return None
    if expected.form:
        return expected.form.to_json(value)
    if is_dataclass(expected.type):
        return to_json(value, omit_defaults=True)
    if isinstance(value, list | tuple):
        return [_encode(get_args(expected.type)[0], item) for item in value]
    return msgspec.to_builtins(value)


def _decode_field(name: str, hint: Any, value: Any, error: type[FieldError]) -> Any:
    try:
        return decode(hint, value)
    except ValueError as fault:
        raise error(name, str(fault)) from None


def _salvage(hint: Any, value: Any) -> tuple[Any, bool]:
    """What is valid in a JSON value, and whether that is all of it; `ValueError` if nothing is."""
    expected = _parse(hint)
    if get_origin(expected.type) is list:
        if not isinstance(value, list):
            raise ValueError("must be a list")
        most, least = (expected.meta.max_length, expected.meta.min_length) if expected.meta else (None, None)
        items = list(_valid_items(get_args(expected.type)[0], value[:most]))
        if len(items) < (least or 0):
            raise ValueError("no valid item is left")
        return items, len(items) == len(value)
    kind: type[Any] = expected.type
    if is_dataclass(kind) and not expected.form:
        part, lost = salvage(kind, value)
        return part, not lost
    return decode(hint, value), True


def _valid_items(hint: Any, values: list[Any]) -> Iterator[Any]:
    for value in values:
        with suppress(ValueError, RecursionError):
            yield decode(hint, value)
