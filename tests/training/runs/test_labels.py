"""Names and colors that users give to runs: reading, writing, and damaged files."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_studio.gui.plots.styles import PALETTE
from resnet_studio.training.runs.labels import (
    COLORS,
    DAMAGED_LABEL,
    LABEL,
    Label,
    LabelError,
    derived_color,
    free_color,
    read_label,
    write_label,
)


def test_a_label_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_label(tmp_path) == Label()
    for label in (Label("α", "green"), Label("a\nb"), Label("\ud800 no letter", "text")):
        write_label(tmp_path, label)
        assert read_label(tmp_path) == label


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\0", b"\xff", b"[" * 9000, b" " * 10_001, b"9" * 5000])
def test_a_damaged_label_is_named_and_renamed_by_the_next_write(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LABEL).write_bytes(content)
    with pytest.raises(LabelError, match=f"^{tmp_path.name}: label.json "):
        read_label(tmp_path)
    write_label(tmp_path, Label("new"))
    assert read_label(tmp_path) == Label("new")
    assert (tmp_path / DAMAGED_LABEL).read_bytes() == content


@pytest.mark.parametrize("wrong", ["3", "null", "[]", "1e999", "{}"])
def test_only_the_invalid_field_of_a_label_is_lost(tmp_path: Path, wrong: str) -> None:
    (tmp_path / LABEL).write_text(f'{{"name": {wrong}, "colour": "blue", "later": 1}}')
    assert read_label(tmp_path) == Label("", "blue")
    (tmp_path / LABEL).write_text(f'{{"name": "mine", "colour": {wrong}}}')
    assert read_label(tmp_path) == Label("mine")


def test_every_color_is_in_the_palette_and_none_repeats_before_all_are_used() -> None:
    assert tuple(PALETTE) == COLORS
    taken: list[str] = []
    for _ in range(2 * len(COLORS)):
        taken.append(free_color(taken))
    assert set(taken[: len(COLORS)]) == set(taken[len(COLORS) :]) == set(COLORS)
    assert free_color(["not a color", *COLORS[1:]]) == COLORS[0]
    assert {derived_color(Path(f"/runs/{number}")) for number in range(100)} == set(COLORS)
