"""faults.md row 43: what strangers call their things is text, whatever it holds."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.plain import csv_cell, escape_in_json, plain, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]0;title\a", "␛]0;title␇"),
        ("\x9b31m", "�31m"),
        ("cat\nresnet-studio: all is well", "cat␊resnet-studio: all is well"),
        ("a\r\tb\0c\x7f", "a␍␉b␀c␡"),
        ("invoice\u202egpj.exe", "invoice�gpj.exe"),
        ("\u2066a\u2069\u200e\u200f\u061c", "�a����"),
        ("\ufeffa\u2028b\u2029", "�a�b�"),
        ("\ud800", "�"),
        ("\U000e0041\ue000", "��"),
        ("x" * 10_000, "x" * 99 + "…" + "x" * 99),
    ],
)
def test_what_commands_or_hides_is_shown_as_a_sign(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    "name",
    [
        "",
        "cat",
        "Été #1 100 %",
        "猫",
        "собака",
        "כלב",
        "می\u200cخواهم",
        "👩\u200d👩\u200d👧",
        "a_b-c.d (1)",
        "<h1>[/b]&",
    ],
)
def test_names_in_any_language_are_as_they_were(name: str) -> None:
    assert plain(name) == printable(name) == escape_in_json(name) == name


@given(st.text(max_size=300))
def test_nothing_hidden_is_left_and_nothing_changes_twice(text: str) -> None:
    shown = plain(text)
    assert len(shown) <= 200
    assert plain(shown) == shown
    assert all(letter in "\u200c\u200d" or unicodedata.category(letter)[0] != "C" for letter in shown)
    assert all(letter in "\n\t\u200c\u200d" or unicodedata.category(letter)[0] != "C" for letter in printable(text))


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20)))
def test_json_is_read_back_as_it_was(values: dict[str, str]) -> None:
    text = escape_in_json(json.dumps(values, ensure_ascii=False, indent=1))
    assert json.loads(text) == values
    assert all(letter in "\n\u200c\u200d" or unicodedata.category(letter)[0] != "C" for letter in text)


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_spreadsheet_computes_a_name(name: str) -> None:
    text = io.StringIO()
    csv.writer(text).writerow([csv_cell(name)])
    (row,) = csv.reader(io.StringIO(text.getvalue()))
    assert row[0][0] in "'␉␍"
    assert csv_cell("resnet20-cifar-digits-1") == "resnet20-cifar-digits-1"
