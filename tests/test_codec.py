"""JSON of dataclasses: both ways, in the words of the refusals, and saving what is valid."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from resnet_studio import codec
from resnet_studio.causes import FieldError
from resnet_studio.codec import Form, NewerFileError
from resnet_studio.files import FileRefusedError


@dataclass(frozen=True)
class Size:
    width: int
    height: int


def parse_size(values: Any) -> Size:
    return Size(*codec.decode(Annotated[tuple[int, int], Meta(description="two integers")], values))


@dataclass(frozen=True)
class Frame:
    color: Literal["black", "white"] = "black"
    thickness: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.25


@dataclass(frozen=True)
class Picture:
    name: Annotated[str, Meta(min_length=1, description="a name")]
    size: Annotated[Size, Form(lambda size: [size.width, size.height], parse_size)]
    copies: Annotated[int, Meta(ge=1, le=10_000)] = 1
    framed: bool = False
    tags: tuple[str, ...] = ()
    price: float | None = None
    pixels: bytes = b""


@dataclass(frozen=True)
class Album:
    frame: Frame = Frame()
    pages: Annotated[list[int], Meta(min_length=1, max_length=3)] = field(default_factory=lambda: [1])
    sizes: list[Annotated[Size, Form(lambda size: [size.width, size.height], parse_size)] | None] = field(
        default_factory=list
    )
    title: str = ""


PICTURE = Picture("α", Size(3, 2), 4, True, ("a", "b"), 2.5, b"\x00\xff")
JSON: dict[str, Any] = {
    "name": "α", "size": [3, 2], "copies": 4, "framed": True, "tags": ["a", "b"], "price": 2.5, "pixels": "AP8=",
}  # fmt: skip


def test_a_value_survives_json() -> None:
    assert codec.to_json(PICTURE) == JSON
    assert codec.from_json(Picture, JSON) == codec.from_json(Picture, json.dumps(JSON)) == PICTURE
    assert codec.from_json(Picture, {"name": "a", "size": [1, 1]}) == Picture("a", Size(1, 1))


def test_nested_values_are_written_without_defaults() -> None:
    album = Album(Frame("white"), [2], [None, Size(1, 2)])
    assert codec.to_json(album) == {
        "frame": {"color": "white"}, "pages": [2], "sizes": [None, [1, 2]], "title": "",
    }  # fmt: skip
    assert codec.to_json(album, omit_defaults=True).keys() == {"frame", "pages", "sizes"}
    assert codec.salvage(Album, codec.to_json(album)) == (album, [])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"copies": 0}, "copies: must be an integer from 1 to 10,000, got 0"),
        ({"copies": 2.0}, "copies: must be an integer from 1 to 10,000, got 2.0"),
        ({"copies": True}, "copies: must be an integer from 1 to 10,000, got True"),
        ({"copies": 10**400}, "copies: must be an integer from 1 to 10,000, got 1000000000"),
        ({"price": "2"}, "price: must be a number, got '2'"),
        ({"price": 10**400}, "price: must be a number, got 1"),
        ({"framed": 1}, "framed: must be true or false, got 1"),
        ({"name": ""}, "name: must be a name, got ''"),
        ({"tags": "a"}, "tags: must be a list, got 'a'"),
        ({"size": [1, 2, 3]}, "size: must be two integers, got [1, 2, 3]"),
        ({"size": None}, "size: must be two integers, got None"),
        ({"pixels": "?"}, "pixels: must be base64, got '?'"),
        ({"colour": 1}, "colour: unknown field; must be one of copies, framed, name, pixels, price, size, tags"),
    ],
)
def test_an_invalid_field_is_named_with_what_it_must_be(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError) as error:
        codec.from_json(Picture, JSON | wrong)
    assert str(error.value).startswith(message)
    assert error.value.field == next(iter(wrong))
    assert len(str(error.value)) < 100


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "[" * 100_000, '{"copies": ' + "9" * 5000 + "}"])
def test_what_is_not_an_object_is_refused(text: str) -> None:
    with pytest.raises(FieldError, match=r"^picture: (not valid JSON: .|must be a JSON object)"):
        codec.from_json(Picture, text)


def test_a_file_of_the_program_has_every_field_and_may_have_later_ones() -> None:
    assert codec.from_json(Picture, JSON | {"later": [None]}, complete=True) == PICTURE
    for name in JSON:
        with pytest.raises(FieldError, match=f"^{name}: missing"):
            codec.from_json(Picture, {key: value for key, value in JSON.items() if key != name}, complete=True)


def test_a_constructor_checks_its_fields() -> None:
    codec.check(PICTURE)
    for wrong in (0, 1.5, True, None, 10**400):
        with pytest.raises(FieldError, match=r"^copies: must be an integer from 1 to 10,000"):
            codec.check(Picture("a", Size(1, 1), wrong))  # type: ignore[arg-type]
    with pytest.raises(FieldError, match=r"^thickness: must be a number from 0 to 0\.5, got nan"):
        codec.check(Frame(thickness=float("nan")))


def test_only_what_is_invalid_is_lost() -> None:
    values = {
        "frame": {"color": "blue", "thickness": 0.5}, "pages": [3, "x", 4, None], "sizes": [[1, 2], None, [1]],
        "title": "mine", "later": 1,
    }  # fmt: skip
    assert codec.salvage(Album, values) == (
        Album(Frame(thickness=0.5), [3, 4], [Size(1, 2), None], "mine"), ["frame", "pages", "sizes", "later"]
    )  # fmt: skip
    for nothing in (["x"], [], 3, None, {}):
        assert codec.salvage(Album, {"pages": nothing}) == (Album(), ["pages"])
    assert codec.salvage(Album, {"sizes": 3, "frame": None}) == (Album(), ["sizes", "frame"])
    with pytest.raises(FieldError, match=r"^album: must be a JSON object"):
        codec.salvage(Album, [])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "picture.json"


def read(file: Path) -> Picture:
    return codec.read(file.parent, file.name, 10_000, 1, lambda values: codec.from_json(Picture, values))


@pytest.mark.parametrize("version", [2, 1.5, 10**400, 1e400])
def test_a_newer_file_is_not_parsed(file: Path, version: float) -> None:
    file.write_text(json.dumps({"version": version}))
    with pytest.raises(NewerFileError, match="was written by a newer version"):
        read(file)


@pytest.mark.parametrize("content", ["{", "[]", '{"version": true}', '{"version": "2"}', '{"' + "x" * 9000 + '": 1}',
                                     '{"name": ' + "[" * 900 + "]" * 900 + ', "size": [1, 1]}'])  # fmt: skip
def test_a_damaged_file_has_a_short_reason(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(FileRefusedError, match=r"^is damaged \(.+\)$") as refusal:
        read(file)
    assert not isinstance(refusal.value, NewerFileError)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [("copies", "7", 7), ("copies", "seven", "seven"), ("price", "1e-2", 0.01), ("price", "none", None),
     ("price", "", None), ("framed", "True", True), ("framed", "yes", "yes"), ("name", "7", "7")],
)  # fmt: skip
def test_text_of_a_form_becomes_a_json_value(field: str, text: str, value: object) -> None:
    assert codec.parse_text(codec.field_types(Picture)[field], text) == value


def test_a_class_tells_its_choices_and_bounds() -> None:
    assert codec.choices(Frame) == {"color": ("black", "white")}
    assert codec.ranges(Frame, float) == {"thickness": (0, 0.5)}
    assert codec.ranges(Picture, int) == {"copies": (1, 10_000)}
