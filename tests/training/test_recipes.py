"""The named recipes, and recipes from files; the paper's figures are in test_learning_rate.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resnet_studio.training.recipe import Recipe, to_json
from resnet_studio.training.recipes import RECIPES, default_recipe, load_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_named_recipe_is_loaded(name: str) -> None:
    assert load_recipe(name) == RECIPES[name]


def test_a_misspelled_name_gets_suggestions() -> None:
    with pytest.raises(ValueError, match="unknown recipe 'paper-cifr': did you mean paper-cifar or"):
        load_recipe("paper-cifr")
    with pytest.raises(ValueError, match=f"choose one of {', '.join(RECIPES)}"):
        load_recipe("§")


def test_a_recipe_is_read_from_a_file(tmp_path: Path) -> None:
    expected = Recipe(data="Zürich", length=7, lr=0.3)
    path = tmp_path / "mine.json"
    path.write_text("\ufeff" + json.dumps(to_json(expected), ensure_ascii=False), encoding="utf-8")
    assert load_recipe(str(path)) == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00", "not valid JSON: not text"),
        (b"{]", "recipe: not valid JSON: syntax error"),
        (b'{"lr": -1}', "lr: must be a number"),
        (None, "does not exist"),
    ],
)
def test_a_file_without_a_recipe_is_refused_by_name(tmp_path: Path, data: bytes | None, reason: str) -> None:
    path = tmp_path / "mine.json"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"^mine.json.*{reason}"):
        load_recipe(str(path))


@pytest.mark.parametrize(
    ("data", "depth", "name"),
    [
        ("digits", 20, "digits-quick"),
        ("fashion-mnist", 20, "mnist-quick"),
        ("cifar10", 56, "paper-cifar"),
        ("cifar100", 109, "paper-cifar"),
        ("cifar10", 110, "paper-cifar-110"),
        ("digits", 110, "digits-quick"),
        ("/home/me/cats and dogs", 18, "folder-quick"),
    ],
)
def test_each_data_set_has_a_default_recipe(data: str, depth: int, name: str) -> None:
    assert default_recipe(data, depth) == name
