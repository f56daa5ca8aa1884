"""Recipes as values: what they accept, which field an error names, and parsing from JSON and text."""

from __future__ import annotations

import json
import pickle
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.cli.train import with_changes
from resnet_studio.codec import choices, ranges
from resnet_studio.training.recipe import (
    Recipe,
    RecipeError,
    from_json,
    steps_per_epoch,
    to_json,
    with_text,
)
from resnet_studio.training.recipes import RECIPES, load_recipe, no_effect_reason, recipe_arguments

MOST = 10_000_000
CHOICES = choices(Recipe)
INTEGER_RANGES, FLOAT_RANGES = ranges(Recipe, int), ranges(Recipe, float)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Any valid recipe."""
    length = draw(st.integers(1, MOST))
    milestones = tuple(sorted(draw(st.sets(st.integers(1, length - 1), max_size=4)))) if length > 1 else ()
    schedules = [name for name in CHOICES["schedule"] if name != "steps" or milestones]
    values: dict[str, Any] = {name: draw(st.sampled_from(known)) for name, known in CHOICES.items()}
    values |= {name: draw(st.floats(low, high)) for name, (low, high) in FLOAT_RANGES.items()}
    values |= {name: draw(st.integers(least, most)) for name, (least, most) in INTEGER_RANGES.items()}
    values |= {name: draw(st.text(min_size=1)) for name in ("data", "device")}
    values |= {"length": length, "milestones": milestones, "schedule": draw(st.sampled_from(schedules))}
    values |= {"warmup": draw(st.integers(0, length - 1)), "measure_training": draw(st.booleans())}
    values |= {"zero_init_residual": draw(st.booleans())}
    return Recipe(**values | {"warmup_lr": draw(st.none() | st.floats(0, 1000))})


def test_the_fields_have_their_bounds() -> None:
    assert INTEGER_RANGES == {
        "length": (1, MOST), "batch_size": (1, 65_536), "warmup": (0, MOST), "holdout": (0, MOST),
        "seed": (0, 2**31 - 1),
    }  # fmt: skip
    assert FLOAT_RANGES == {
        "lr": (0, 1000), "momentum": (0, 1), "weight_decay": (0, 10), "warmup_lr": (0, 1000), "label_smoothing": (0, 1),
        "stochastic_depth": (0, 1),
    }  # fmt: skip
    assert CHOICES["schedule"] == ("constant", "steps", "linear", "cosine", "one-cycle")


def test_json_has_what_version_0_1_lacks_only_where_it_is_used() -> None:
    later = {"zero_init_residual", "stochastic_depth"}
    assert not later & to_json(Recipe()).keys()
    for field, value in (("zero_init_residual", True), ("stochastic_depth", 0.2)):
        written = to_json(replace(Recipe(), **{field: value}))
        assert {name: written[name] for name in later & written.keys()} == {field: value}


@given(recipes())
def test_json_round_trip_gives_an_equal_value(value: Recipe) -> None:
    text = json.dumps(to_json(value))
    assert from_json(text) == from_json(json.loads(text)) == value
    assert hash(from_json(text)) == hash(value)


@given(recipes())
def test_every_field_can_be_set_from_text(value: Recipe) -> None:
    default = Recipe(length=MOST)
    for name in ("data", "device"):
        value = replace(value, **{name: getattr(value, name).strip() or "digits"})
    for field in (field.name for field in fields(Recipe) if field.name not in ("length", "schedule")):
        expected = getattr(value, field)
        text = ",".join(map(str, expected)) if isinstance(expected, tuple) else str(expected).lower()
        if field in ("data", "device"):
            text = expected
        assert with_text(default, field, f" {text} ") == replace(default, **{field: expected})
    assert with_text(Recipe(), "length", str(value.length)) == Recipe(length=value.length)
    assert with_text(value, "schedule", "cosine") == replace(value, schedule="cosine")


def test_empty_text_clears_the_warm_up_rate() -> None:
    recipe = Recipe(warmup=2, warmup_lr=0.01)
    assert (
        with_text(recipe, "warmup_lr", "") == with_text(recipe, "warmup_lr", "none") == replace(recipe, warmup_lr=None)
    )


@pytest.mark.parametrize("field", INTEGER_RANGES)
@pytest.mark.parametrize("value", [-1, 10**9 * 3, 2.0, "64", True, None, float("nan")])
def test_an_integer_out_of_range_is_refused_with_its_field(field: str, value: object) -> None:
    assert_invalid(field, {field: value})


@pytest.mark.parametrize("field", FLOAT_RANGES)
@pytest.mark.parametrize("value", [-0.1, 1e4, "0.1", True, float("nan"), float("inf"), -float("inf"), [0.1]])
def test_a_float_out_of_range_is_refused_with_its_field(field: str, value: object) -> None:
    assert_invalid(field, {field: value})


@pytest.mark.parametrize("field", CHOICES)
@pytest.mark.parametrize("value", ["", "SGD", 1, None, ["sgd"], {}])
def test_an_unknown_choice_is_refused_with_the_known_ones(field: str, value: object) -> None:
    assert ", ".join(CHOICES[field]) in assert_invalid(field, {field: value})


@pytest.mark.parametrize("value", [0, -3, 2.5])
def test_a_run_has_at_least_one_step(value: object) -> None:
    assert_invalid("length", {"length": value})
    assert_invalid("batch_size", {"batch_size": value})


@pytest.mark.parametrize(
    "milestones", [(0,), (-1, 3), (3, 3), (5, 2), (2.0,), (True,), ("3",), "3,4", 3, None, {3: 4}, (30,), (3, 31)]
)
def test_impossible_milestones_are_refused(milestones: object) -> None:
    assert_invalid("milestones", {"length": 30, "milestones": milestones, "schedule": "steps"})


def test_fields_that_contradict_each_other_are_refused() -> None:
    assert_invalid("milestones", {"schedule": "steps"})
    assert_invalid("warmup", {"length": 5, "warmup": 5})
    assert_invalid("warmup", {"length": 5, "warmup": 6})
    assert Recipe(length=5, warmup=4).warmup == 4
    assert_invalid("data", {"data": ""})
    assert_invalid("device", {"device": None})
    assert_invalid("measure_training", {"measure_training": 1})


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("length", "ten", "must be an integer"),
        ("length", "", "must be an integer"),
        ("lr", "0,1", "must be a number"),
        ("lr", "nan", "must be a number from"),
        ("lr", "inf", "must be a number from"),
        ("milestones", "3;4", "must be integers, such as 32000,48000"),
        ("measure_training", "yes", "must be true or false"),
        ("schedule", "sawtooth", "must be one of"),
        ("depth", "3", "unknown field"),
        ("seed", "9" * 5000, "must be an integer"),
    ],
)
def test_an_invalid_text_is_refused_with_its_field(field: str, text: str, expected: str) -> None:
    with pytest.raises(RecipeError, match=f"^{field}: {expected}") as error:
        with_text(Recipe(), field, text)
    assert error.value.field == field


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", '"digits"', "[" * 100_000, '{"length": ' + "9" * 5000 + "}"]
)
def test_anything_but_a_json_object_is_refused(text: str) -> None:
    with pytest.raises(RecipeError) as error:
        from_json(text)
    assert error.value.field == "recipe"


def test_an_unknown_field_is_named_with_the_known_ones() -> None:
    with pytest.raises(RecipeError, match=r"momentun: unknown field; must be one of augmentation, .*momentum") as error:
        from_json({"momentun": 0.9})
    assert error.value.field == "momentun"


def test_a_pickled_error_keeps_its_field() -> None:
    error = pickle.loads(pickle.dumps(RecipeError("lr", "too: high")))
    assert (error.field, str(error)) == ("lr", "lr: too: high")


@pytest.mark.parametrize(
    ("images", "batch", "steps"), [(1437, 128, 11), (50_000, 128, 390), (128, 128, 1), (127, 128, 1), (256, 128, 2)]
)
def test_an_epoch_drops_a_last_batch_that_is_not_full(images: int, batch: int, steps: int) -> None:
    assert steps_per_epoch(images, batch) == steps


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_a_length_in_epochs_is_multiplied_by_the_steps_of_an_epoch(length: int, epoch: int) -> None:
    assert Recipe(unit="steps").in_steps(length, epoch) == length
    assert Recipe(unit="epochs").in_steps(length, epoch) == length * epoch


def assert_invalid(field: str, values: dict[str, Any]) -> str:
    """Assert that values and JSON with these fields raise a `RecipeError` that names `field`. Returns the message."""
    with pytest.raises(RecipeError) as error:
        Recipe(**values)
    assert error.value.field == field
    assert str(error.value).startswith(f"{field}: ")
    with pytest.raises(RecipeError, match=f"^{field}: "):
        from_json(values)
    return str(error.value)


@given(recipes())
def test_any_recipe_is_read_back_from_the_options_of_train(recipe: Recipe) -> None:
    recipe = replace(recipe, device="cpu")  # names of devices have no spaces around them
    options = recipe_arguments(recipe)
    given_options = list(zip(options[::2], options[1::2], strict=True))
    changes = [text for option, text in given_options if option == "--change"]
    (data,), (name,) = (
        [text for option, text in given_options if option == wanted] for wanted in ("--data", "--recipe")
    )
    found = with_changes(load_recipe(name), data, {}, changes)
    ineffective = {field: getattr(found, field) for field in ("momentum", "milestones", "warmup_lr")
                   if no_effect_reason(recipe, field)}  # fmt: skip
    assert found == replace(recipe, **ineffective)


@pytest.mark.parametrize("name", RECIPES)
def test_a_named_recipe_is_its_name_alone(name: str) -> None:
    assert recipe_arguments(RECIPES[name]) == ("--data", RECIPES[name].data, "--recipe", name)
