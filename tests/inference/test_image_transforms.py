import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.inference.transforms import (
    IDENTITY,
    RANGES,
    ImageTransforms,
    Occluder,
    changed,
    from_changed,
    from_words,
    with_number,
)

SHARES = st.floats(0, 1)
OCCLUDERS = st.builds(Occluder, x=SHARES, y=SHARES, side=st.floats(0.01, 1))
HANDLES = st.builds(
    ImageTransforms,
    flipped=st.booleans(),
    occluder=st.none() | OCCLUDERS,
    **{name: st.floats(*limits) for name, limits in RANGES.items()},
)


@given(HANDLES)
def test_handles_come_back_from_json(handles: ImageTransforms) -> None:
    assert from_changed(json.loads(json.dumps(changed(handles)))) == handles


def test_nothing_is_kept_of_what_is_not_changed() -> None:
    assert changed(IDENTITY) == {}
    assert changed(ImageTransforms(zoom=2)) == {"zoom": 2}


@pytest.mark.parametrize("name", RANGES)
def test_a_handle_has_its_range(name: str) -> None:
    low, high = RANGES[name]
    for value in (low, high):
        assert getattr(with_number(IDENTITY, name, value), name) == value
    for value in (low - 0.01, high + 0.01, float("nan")):
        with pytest.raises(ValueError, match=f"^{name}: a number between"):
            with_number(IDENTITY, name, value)


def test_an_occluder_lies_on_the_input() -> None:
    for bad in ({"x": -0.1}, {"y": 1.1}, {"side": 0}, {"side": 1.5}):
        with pytest.raises(ValueError, match=r"^occluder"):
            replace(Occluder(), **bad)


def test_words_of_a_command_line() -> None:
    assert from_words([]) == IDENTITY
    assert from_words(["zoom=2", "flipped", "occluder=0.25,0.5,0.1", "rotation=-30"]) == ImageTransforms(
        zoom=2, flipped=True, occluder=Occluder(0.25, 0.5, 0.1), rotation=-30
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [("size=2", "no handle is called 'size'; there are x, y"), ("zoom=large", "zoom takes a number, as in zoom=2"),
     ("zoom=99", "zoom: a number between 0.25 and 16"),
     ("occluder=a", "as in occluder=0.5,0.5,0.2"), ("flipped=2", "no handle")],
)  # fmt: skip
def test_words_that_are_none_are_named(word: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        from_words([word])
