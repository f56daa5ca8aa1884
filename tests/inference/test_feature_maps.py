import math
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from resnet_studio.inference.colormaps import Colormap
from resnet_studio.inference.feature_maps import (
    GAP,
    LOWEST,
    NAN,
    Contrast,
    MapStyle,
    MosaicGeometry,
    Place,
    Sort,
    apply_colormap,
    channel_order,
    layer_maps,
    mosaic,
    tile_grid,
)

by_number = st.builds(
    MosaicGeometry,
    channels=st.integers(1, 40),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    columns=st.integers(1, 12),
    gap=st.integers(0, 3),
)
in_any_order = by_number.flatmap(
    lambda geometry: st.permutations(range(geometry.channels)).map(lambda order: replace(geometry, order=tuple(order)))
)
geometries = by_number | in_any_order


def test_statistics_cover_all_values() -> None:
    maps = layer_maps("layer1", np.array([[[0, 0], [1, 2]], [[0, 3], [0, 4]]], np.float64))
    assert maps.values.dtype == np.float32
    assert maps.zeros == 4 / 8
    assert maps.mean == 10 / 8
    assert math.isclose(maps.std, math.sqrt((0 + 0 + 1 + 4 + 0 + 9 + 0 + 16) / 8 - (10 / 8) ** 2))


def test_statistics_ignore_values_that_are_not_finite() -> None:
    maps = layer_maps("layer1", np.array([[[np.nan, np.inf], [1, 3]]], np.float32))
    assert (maps.mean, maps.std, maps.zeros) == (2, 1, 0)
    nothing = layer_maps("layer1", np.full((2, 3, 3), np.nan, np.float32))
    assert math.isnan(nothing.mean)
    assert math.isnan(nothing.std)


@pytest.mark.parametrize(
    ("shape", "maps"), [((1, 5, 3, 2), (5, 3, 2)), ((5, 3, 2), (5, 3, 2)), ((1, 10), (10, 1, 1)), ((10,), (10, 1, 1))]
)
def test_features_of_a_linear_layer_are_maps_of_one_pixel(shape: tuple[int, ...], maps: tuple[int, ...]) -> None:
    assert layer_maps("fc", np.zeros(shape, np.float32)).values.shape == maps


def test_a_layer_without_maps_is_named_in_the_error() -> None:
    with pytest.raises(ValueError, match="tokens"):
        layer_maps("tokens", np.zeros((1, 2, 3, 4, 5), np.float32))


@given(geometries, st.data())
def test_every_value_has_a_pixel_and_every_map_pixel_a_value(geometry: MosaicGeometry, data: st.DataObject) -> None:
    place = Place(
        data.draw(st.integers(0, geometry.channels - 1)),
        data.draw(st.integers(0, geometry.height - 1)),
        data.draw(st.integers(0, geometry.width - 1)),
    )
    x, y = geometry.pixel(place)
    height, width = geometry.shape
    assert 0 <= x < width
    assert 0 <= y < height
    assert geometry.at(x, y) == geometry.at(x + 0.99, y + 0.5) == place


@given(geometries)
def test_each_value_has_exactly_one_pixel(geometry: MosaicGeometry) -> None:
    height, width = geometry.shape
    places = [geometry.at(x, y) for y in range(-2, height + 2) for x in range(-2, width + 2)]
    found = [place for place in places if place is not None]
    assert len(found) == len(set(found)) == geometry.channels * geometry.height * geometry.width


def test_a_mosaic_has_the_values_where_the_geometry_says() -> None:
    values = np.random.default_rng(0).normal(size=(10, 5, 4)).astype(np.float32)
    picture, geometry = mosaic(values, MapStyle("layer"))
    assert picture.shape == geometry.shape
    at = {geometry.pixel(Place(*index)): value for index, value in np.ndenumerate(values)}
    ordered = [int(picture[y, x]) for (x, y), _ in sorted(at.items(), key=lambda item: item[1])]
    assert ordered == sorted(ordered)
    assert (ordered[0], ordered[-1]) == (LOWEST, 255)
    gaps = np.ones(picture.shape, bool)
    for x, y in at:
        gaps[y, x] = False
    assert (picture[gaps] == GAP).all()
    assert (picture[~gaps] >= LOWEST).all()


@pytest.mark.parametrize("colors", [(), (3,)])
@pytest.mark.parametrize("order", [(), (4, 3, 2, 1, 0)])
def test_tiles_are_laid_out_in_a_grid(colors: tuple[int, ...], order: tuple[int, ...]) -> None:
    tiles = np.random.default_rng(0).integers(0, 99, (5, 2, 2, *colors), np.uint8)
    grid = tile_grid(tiles, MosaicGeometry(5, 2, 2, columns=3, order=order), 99)
    assert grid.shape == (5, 8, *colors)
    np.testing.assert_array_equal(grid[3:5, 3:5], tiles[order[4] if order else 4])
    assert (grid[2] == 99).all()
    assert (grid[3:, 6:] == 99).all()


@pytest.mark.parametrize(
    ("sort", "order"),
    [("index", [0, 1, 2, 3]), ("mean", [1, 0, 3, 2]), ("maximum", [3, 1, 0, 2]), ("variance", [3, 2, 0, 1]),
     ("difference", [2, 0, 1, 3])],
)  # fmt: skip
def test_channels_are_sorted_in_descending_order_with_ties_by_index(sort: Sort, order: list[int]) -> None:
    values = np.array([[[2, 2]], [[3, 3]], [[-1, 1]], [[-4, 5]]], np.float32)
    reference = values + np.array([1, 1, 9, 0], np.float32)[:, None, None]
    assert channel_order(values, sort, reference).tolist() == order


def test_difference_is_the_mean_absolute_difference_to_a_reference_of_the_same_shape() -> None:
    values = np.zeros((2, 1, 2), np.float32)
    reference = np.array([[[-3, 3]], [[2, 2]]], np.float32)  # means 0 and 2, mean absolute values 3 and 2
    assert channel_order(values, "difference", reference).tolist() == [0, 1]
    for wrong in (None, reference[:1]):
        with pytest.raises(ValueError, match="reference"):
            channel_order(values, "difference", wrong)


def test_nan_comes_last() -> None:
    values = np.array([[[np.nan]], [[-1]], [[np.inf]], [[3]]], np.float32)
    assert channel_order(values, "mean").tolist() == [2, 3, 1, 0]


@pytest.mark.parametrize("order", [None, np.array([2, 0, 3, 1])])
def test_a_sorted_mosaic_has_each_channel_where_its_geometry_says(order: NDArray[np.intp] | None) -> None:
    values = np.random.default_rng(3).normal(size=(4, 3, 2)).astype(np.float32)
    plain, by_index = mosaic(values, MapStyle())
    picture, geometry = mosaic(values, MapStyle(sort="maximum"), order=order)
    wanted = np.argsort(-values.max(axis=(1, 2))) if order is None else order
    assert geometry.order == tuple(wanted.tolist())
    for index in np.ndindex(*values.shape):
        x, y = geometry.pixel(Place(*index))
        other_x, other_y = by_index.pixel(Place(*index))
        assert picture[y, x] == plain[other_y, other_x]
        assert geometry.at(x, y) == Place(*index)


@given(
    npst.arrays(np.float32, (3, 2, 4), elements=st.floats(-1e6, 1e6, width=32)),
    st.sampled_from(["channel", "layer", "fixed"]),
    st.sampled_from(["viridis", "diverging"]),
)
def test_colormap_indices_follow_the_formula_to_one_step(
    values: NDArray[np.float32], contrast: Contrast, colormap: Colormap
) -> None:
    picture, geometry = mosaic(values, MapStyle(contrast, colormap, (-2.0, 3.0)))
    for channel, maps in enumerate(values.astype(np.float64)):
        of = maps if contrast == "channel" else values.astype(np.float64)
        low, high = (-2.0, 3.0) if contrast == "fixed" else (of.min(), of.max())
        if colormap == "diverging":
            high = max(abs(low), abs(high))
            low = -high
        for row, column in np.ndindex(*maps.shape):
            flat = 0.5 if colormap == "diverging" else 0.0
            share = (maps[row, column] - low) / (high - low) if high > low else flat
            x, y = geometry.pixel(Place(channel, row, column))
            assert abs(int(picture[y, x]) - (LOWEST + (255 - LOWEST) * min(max(share, 0), 1))) <= 1


@pytest.mark.parametrize(("channels", "side"), [(64, 112), (512, 7), (2048, 7), (3, 224), (1, 8), (1000, 1)])
def test_the_grid_is_nearly_square(channels: int, side: int) -> None:
    picture, geometry = mosaic(np.zeros((channels, side, side), np.float32), MapStyle("layer"))
    assert geometry.columns * geometry.rows >= channels
    assert abs(geometry.columns - geometry.rows) <= 1
    assert abs(picture.shape[0] - picture.shape[1]) <= side + 1


def test_columns_can_be_given() -> None:
    _, geometry = mosaic(np.zeros((10, 2, 2), np.float32), MapStyle("layer"), columns=4, gap=2)
    assert (geometry.columns, geometry.rows, geometry.shape) == (4, 3, (10, 14))


def test_contrast_is_per_channel_or_per_layer() -> None:
    values = np.array([[[0, 1]], [[0, 100]]], np.float32)
    by_channel, geometry = mosaic(values, MapStyle("channel"), columns=1)
    by_layer, _ = mosaic(values, MapStyle("layer"), columns=1)
    x, y = geometry.pixel(Place(0, 0, 1))
    assert by_channel[y, x] == 255
    assert by_layer[y, x] == round(LOWEST + (255 - LOWEST) / 100)


@pytest.mark.parametrize("contrast", ["channel", "layer"])
def test_constant_and_non_finite_maps_are_drawn(contrast: str) -> None:
    values = np.zeros((5, 2, 2), np.float32)
    values[1] = np.nan
    values[2, 0] = -np.inf, np.inf
    values[3] = 7
    values[4] = np.finfo(np.float32).max
    values[4, 0, 0] = np.finfo(np.float32).min
    picture, geometry = mosaic(values, MapStyle(contrast), columns=5)  # type: ignore[arg-type]
    shown = [[int(picture[geometry.pixel(Place(c, *at))[::-1]]) for at in np.ndindex(2, 2)] for c in range(5)]
    assert shown[1] == [NAN] * 4
    assert shown[2][:2] == [LOWEST, 255]
    assert len(set(shown[0])) == len(set(shown[3])) == 1
    assert shown[4] == [LOWEST, 255, 255, 255]


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [("viridis", "440154", "fde725"), ("magma", "000004", "fcfdbf"), ("grey", "000000", "ffffff")],
)
def test_colormaps_end_where_matplotlibs_do(name: str, lowest: str, highest: str) -> None:
    pixels = apply_colormap(np.array([[LOWEST, 255]], np.uint8), name)  # type: ignore[arg-type]
    assert (pixels.shape, pixels.dtype) == ((1, 2, 3), np.uint8)
    wanted = [list(bytes.fromhex(text)) for text in (lowest, highest)]
    assert np.abs(pixels[0].astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("name", ["viridis", "magma", "grey"])
def test_gaps_and_nan_have_colors_of_their_own(name: str) -> None:
    table = apply_colormap(np.arange(256, dtype=np.uint8)[None], name)[0].tolist()  # type: ignore[arg-type]
    ramp = table[LOWEST:]
    assert table[GAP] != table[NAN]
    assert table[NAN] not in ramp
    brightness = [0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in ramp]
    assert all(second >= first - 0.6 for first, second in pairwise(brightness))


def test_colormaps_need_neither_qt_nor_torch() -> None:
    program = (
        "import sys; from resnet_studio.inference.feature_maps import lookup_table; lookup_table('magma');"
        "print(sorted({'torch', 'PySide6', 'pyqtgraph'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
