"""The named recipes, and those of files; the paper's figures are in test_learning_rate.py."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_studio.training.recipe import Recipe, to_json
from resnet_studio.training.recipes import RECIPES, recipe, recipe_name, usual_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_named_recipe_is_found_and_named(name: str) -> None:
    assert recipe(name) == RECIPES[name]
    assert recipe_name(RECIPES[name]) == name
    assert recipe_name(replace(RECIPES[name], seed=17)) is None


def test_a_name_that_is_nearly_right_is_guessed() -> None:
    with pytest.raises(ValueError, match="no recipe is called 'paper-cifr': did you mean paper-cifar or"):
        recipe("paper-cifr")
    with pytest.raises(ValueError, match=f"there are {', '.join(RECIPES)}"):
        recipe("§")


def test_a_recipe_is_read_from_its_file(tmp_path: Path) -> None:
    wanted = Recipe(data="Zürich", length=7, lr=0.3)
    path = tmp_path / "mine.json"
    path.write_text("\ufeff" + json.dumps(to_json(wanted), ensure_ascii=False), encoding="utf-8")
    assert recipe(str(path)) == wanted


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00", "it is not text"),
        (b"{]", "recipe: not JSON"),
        (b'{"lr": -1}', "lr: must be a number"),
        (None, "does not exist"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_by_its_name(tmp_path: Path, data: bytes | None, why: str) -> None:
    path = tmp_path / "mine.json"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"^mine.json.*{why}"):
        recipe(str(path))


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
def test_each_data_set_has_its_usual_recipe(data: str, depth: int, name: str) -> None:
    assert usual_recipe(data, depth) == name
