"""Events to a line of JSON and back, and lines that are not events."""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, fields, replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.networks import architecture as architectures
from resnet_studio.networks.presets import PRESETS
from resnet_studio.training.runs.events import (
    KINDS,
    Began,
    Ended,
    Event,
    Gradients,
    Measured,
    Noted,
    Outcome,
    Prepared,
    Split,
    Stepped,
    Working,
    from_line,
    to_line,
)

NAN = math.nan  # the very same object, so that tuples with it can be equal
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.just(NAN)
counts = st.integers(0, 2**53)
texts = st.text(st.characters(exclude_categories=()))  # surrogates too, as in file names that are not valid text
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "float": numbers,
    "Count": counts,
    "bool": st.booleans(),
    "str": texts,
    "tuple[float, ...]": st.lists(numbers, max_size=5).map(tuple),
    "tuple[Count, ...]": st.lists(counts, max_size=5).map(tuple),
    "tuple[str, ...]": st.lists(texts, max_size=5).map(tuple),
    "dict[str, float]": st.dictionaries(texts, numbers, max_size=5),
    "dict[str, Any]": st.sampled_from(list(PRESETS.values())).map(architectures.to_json),
    "Split": st.sampled_from(get_args(Split)),
    "Outcome": st.sampled_from(get_args(Outcome)),
}


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any valid event."""
    kind = draw(st.sampled_from(list(KINDS.values())))
    values = {field.name: draw(BY_TYPE[str(field.type)]) for field in fields(kind)}
    if kind is Prepared:
        values["steps_per_epoch"] += 1
        if len(values["images_of_class"]) != len(values["classes"]):
            values["images_of_class"] = ()
    if kind is Stepped:
        count = min(len(values[name]) for name in ("losses", "errors", "rates"))
        values |= {name: values[name][:count] for name in ("losses", "errors", "rates")}
    return kind(**values)


def same(a: Any, b: Any) -> bool:
    """Equal, where NaN equals NaN, and of the same types throughout."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if type(a) in KINDS.values():
        return all(same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    return bool(a == b)


def test_every_field_type_is_tested() -> None:
    assert {str(field.type) for kind in KINDS.values() for field in fields(kind)} == BY_TYPE.keys()


@given(events())
def test_an_event_survives_its_line(event: Event) -> None:
    line = to_line(event)
    assert same(from_line(line), event)
    assert same(from_line(line.encode() + b"\n"), event)
    assert to_line(from_line(line)) == line


@given(events())
def test_a_line_is_one_line_of_plain_json(event: Event) -> None:
    line = to_line(event)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert json.loads(line, parse_constant=pytest.fail)["kind"] == event.kind


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_read_back_as_nan(value: float) -> None:
    event = Stepped(0.0, 0, (value, 1.0), (value, 1.0), (0.1, 0.1), 1.0, value)
    assert '"losses": [null, 1.0]' in to_line(event)
    back = from_line(to_line(event))
    assert isinstance(back, Stepped)
    assert math.isnan(back.losses[0])
    assert math.isnan(back.images_per_second)
    assert back.losses[1] == 1.0


@pytest.mark.parametrize("name", PRESETS)
def test_an_architecture_is_read_back_as_it_was_written(name: str) -> None:
    values = architectures.to_json(PRESETS[name])
    back = from_line(to_line(prepared(architecture=values)))
    assert isinstance(back, Prepared)
    assert back.architecture == values
    assert architectures.from_json(back.architecture) == PRESETS[name]


def test_integers_are_read_as_floats_in_float_fields() -> None:
    back = from_line('{"kind": "stepped", "time": 3, "first": 0, "losses": [2], "errors": [1], "rates": [0], '
                     '"seconds": 1, "images_per_second": 7}')  # fmt: skip
    assert same(back, Stepped(3.0, 0, (2.0,), (1.0,), (0.0,), 1.0, 7.0))


def test_kinds_and_fields_of_later_versions_are_ignored() -> None:
    assert from_line('{"kind": "dreamt", "time": 0}') is None
    noted = Noted(1.0, "all is well")
    assert from_line(json.dumps({**json.loads(to_line(noted)), "mood": {"good": [None]}})) == noted


def test_fields_with_a_default_may_be_missing() -> None:
    assert from_line('{"kind": "working", "time": 1.0, "what": "fetching cifar10"}') == Working(1.0, "fetching cifar10")
    assert from_line('{"kind": "ended", "time": 1.0, "how": "stopped", "step": 3}') == Ended(1.0, "stopped", 3)


@pytest.mark.parametrize(
    "line",
    [
        "", "{", "[]", "3", "null", '"began"', "{}", '{"kind": null}', '{"kind": ["began"]}', '{"kind": {}}',
        "[" * 100_000, '{"kind": "ended", "time": ' + "9" * 5000 + "}", '{"kind": "began"} {"kind": "began"}',
        b"\xff\xfe\x00", b'{"kind": "noted", "time": 0, "text": "\xe9"}', b"\x00" * 100,
    ],
    ids=range(16),
)  # fmt: skip
def test_a_line_that_is_not_an_event_is_rejected(line: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_line(line)


@pytest.mark.parametrize(
    ("event", "wrong"),
    [
        (Noted(0.0, "a"), {"text": None}),
        (Noted(0.0, "a"), {"text": 3}),
        (Noted(0.0, "a"), {"time": "now"}),
        (Noted(0.0, "a"), {"time": True}),
        (Noted(0.0, "a"), {"time": 10**400}),
        (Began(0.0, 0, 0.0, 2, "cpu", 1), {"step": -1}),
        (Began(0.0, 0, 0.0, 2, "cpu", 1), {"step": 1.5}),
        (Began(0.0, 0, 0.0, 2, "cpu", 1), {"step": None}),
        (Began(0.0, 0, 0.0, 2, "cpu", 1), {"threads": False}),
        (Measured(0.0, "test", 1, 0.1, 0.2, 9, 1.0), {"split": "validation"}),
        (Measured(0.0, "test", 1, 0.1, 0.2, 9, 1.0), {"split": ["test"]}),
        (Ended(0.0, "finished", 3), {"how": "bored"}),
        (Gradients(0.0, 1, {"conv1": 0.5}), {"norms": [0.5]}),
        (Gradients(0.0, 1, {"conv1": 0.5}), {"norms": {"conv1": "large"}}),
        (Stepped(0.0, 0, (1.0,), (0.5,), (0.1,), 1.0, 9.0), {"losses": 1.0}),
        (Stepped(0.0, 0, (1.0,), (0.5,), (0.1,), 1.0, 9.0), {"losses": ["1.0"]}),
        (Stepped(0.0, 0, (1.0,), (0.5,), (0.1,), 1.0, 9.0), {"losses": [True]}),
        (Stepped(0.0, 0, (1.0,), (0.5,), (0.1,), 1.0, 9.0), {"losses": [[1.0]]}),
        (Stepped(0.0, 0, (1.0,), (0.5,), (0.1,), 1.0, 9.0), {"losses": [1.0, 2.0]}),
        (Stepped(0.0, 0, (1.0,), (0.5,), (0.1,), 1.0, 9.0), {"rates": []}),
    ],
)
def test_a_field_of_another_type_is_rejected(event: Event, wrong: dict[str, Any]) -> None:
    values = json.loads(to_line(event))
    assert from_line(json.dumps(values)) == event
    with pytest.raises(ValueError, match=f"event '{event.kind}' is incomplete"):
        from_line(json.dumps(values | wrong))


@given(events(), st.data())
def test_a_missing_field_has_its_default_or_is_rejected(event: Event, data: st.DataObject) -> None:
    values = json.loads(to_line(event))
    name = data.draw(st.sampled_from(sorted(values)))
    del values[name]
    usual = {field.name: field.default for field in fields(event) if field.default is not MISSING}
    if name in usual:
        back = from_line(json.dumps(values))
        assert back is not None
        assert to_line(back) == to_line(replace(event, **{name: usual[name]}))
    else:
        with pytest.raises(ValueError, match="event"):
            from_line(json.dumps(values))


@given(events(), st.data())
def test_a_damaged_line_is_an_event_or_rejected(event: Event, data: st.DataObject) -> None:
    line = bytearray(to_line(event), "ascii")
    for _ in range(data.draw(st.integers(1, 3))):
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    try:
        back = from_line(bytes(line))
    except ValueError:
        return
    assert back is None or type(back) in KINDS.values()


def test_an_epoch_has_a_step_and_each_step_has_all_its_values() -> None:
    with pytest.raises(ValueError, match="steps_per_epoch"):
        prepared(steps_per_epoch=0)
    with pytest.raises(ValueError, match="one value per step"):
        Stepped(0.0, 0, (1.0, 2.0), (0.5,), (0.1, 0.1), 1.0, 9.0)


def prepared(**changed: Any) -> Prepared:
    values: dict[str, Any] = {
        "time": 0.0, "architecture": {}, "changes": ("channels 3 → 1",), "classes": ("zéro", "\udcff"),
        "training_images": 1437, "test_images": 360, "test_of": "a fixed fifth", "steps_per_epoch": 11, "steps": 110,
        "held": "on the device", "mean": (0.3,), "deviation": (),
    }  # fmt: skip
    return Prepared(**values | changed)
