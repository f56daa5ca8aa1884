import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio import codec
from resnet_studio.inference.transforms import (
    IDENTITY,
    RANGES,
    ImageTransforms,
    Occluder,
    parse_transforms,
    transforms_to_dict,
    with_value,
)

SHARES = st.floats(0, 1)
OCCLUDERS = st.builds(Occluder, x=SHARES, y=SHARES, side=st.floats(0.01, 1))
TRANSFORMS = st.builds(
    ImageTransforms,
    flipped=st.booleans(),
    occluder=st.none() | OCCLUDERS,
    **{name: st.floats(*limits) for name, limits in RANGES.items()},
)


@given(TRANSFORMS)
def test_transforms_survive_json(transforms: ImageTransforms) -> None:
    values = json.loads(json.dumps(transforms_to_dict(transforms)))
    assert codec.from_json(ImageTransforms, values) == transforms


def test_only_changed_fields_are_saved() -> None:
    assert transforms_to_dict(IDENTITY) == {}
    assert transforms_to_dict(ImageTransforms(zoom=2)) == {"zoom": 2}


@pytest.mark.parametrize("name", RANGES)
def test_each_transform_has_a_range(name: str) -> None:
    low, high = RANGES[name]
    for value in (low, high):
        assert getattr(with_value(IDENTITY, name, value), name) == value
    for value in (low - 0.01, high + 0.01, float("nan")):
        with pytest.raises(ValueError, match=f"^{name}: must be a number from"):
            with_value(IDENTITY, name, value)


def test_an_occluder_outside_of_the_input_is_refused() -> None:
    for bad in ({"x": -0.1}, {"y": 1.1}, {"side": 0}, {"side": 1.5}):
        with pytest.raises(ValueError, match=r"^occluder"):
            replace(Occluder(), **bad)


def test_arguments_of_a_command_line_are_parsed() -> None:
    assert parse_transforms([]) == IDENTITY
    assert parse_transforms(["zoom=2", "flipped", "occluder=0.25,0.5,0.1", "rotation=-30"]) == ImageTransforms(
        zoom=2, flipped=True, occluder=Occluder(0.25, 0.5, 0.1), rotation=-30
    )


@pytest.mark.parametrize(
    ("argument", "message"),
    [("size=2", "unknown transform 'size'. Available: x, y"), ("zoom=large", "zoom takes a number, as in zoom=2"),
     ("zoom=99", "zoom: must be a number from 0.25 to 16, got 99"),
     ("occluder=a", "as in occluder=0.5,0.5,0.2"), ("flipped=2", "unknown transform")],
)  # fmt: skip
def test_invalid_arguments_are_named_in_the_error(argument: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_transforms([argument])
