"""Networks as points: families, the front, what is missing, tables and files."""

from __future__ import annotations

import csv
import io

import pytest

from resnet_studio.analysis.network_quantities import QUANTITIES, NetworkFigures
from resnet_studio.analysis.network_sets import FAMILIES, SET_TITLES, family_of, networks_of
from resnet_studio.analysis.scatter import (
    Scatter,
    catalog_csv,
    catalog_grid,
    catalog_json,
    front_only,
    is_wide,
    scatter,
    scatter_csv,
    scatter_grid,
)
from resnet_studio.networks.presets import GROUPS, PRESETS, preset

NAMES = ("alexnet", "vgg19", "resnet18", "resnet50-v1.5", "resnet50", "mobilenet_v2")


def of(x: str, y: str, names: tuple[str, ...] = NAMES, **seconds: float) -> Scatter:
    figures = [NetworkFigures(preset(name), seconds.get(name)) for name in names]
    return scatter(figures, QUANTITIES[x], QUANTITIES[y])


def titles(found: Scatter) -> list[str]:
    return [found.points[at].title for at in found.front]


def test_nobody_is_on_the_front_who_costs_more_and_errs_more() -> None:
    found = of("macs", "published_error")
    assert titles(found) == ["mobilenet_v2", "resnet50-v1.5"]  # VGG-19 costs 65 times as much and errs more often
    assert [point.title for point in front_only(found).points] == titles(found)


def test_speed_is_better_when_it_is_higher() -> None:
    found = of("images_per_second", "published_error", alexnet=0.01, vgg19=0.4, resnet18=0.03)
    assert titles(found) == ["alexnet", "resnet18", "vgg19"]  # the fastest first; each slower one errs less


def test_there_is_no_front_of_a_quantity_without_a_better_direction() -> None:
    found = of("depth", "published_error")
    assert not found.has_front
    assert found.front == ()


def test_networks_without_a_value_are_counted_and_a_few_are_named() -> None:
    found = of("macs", "published_error")
    assert found.missing_text == "1 of 6 networks has no ImageNet error, center crop: resnet50"
    nothing = of("macs", "seconds", vgg19=0.4)
    assert nothing.missing_text == "5 of 6 networks have no measured time"
    assert of("macs", "parameters").missing_text == ""


def test_the_index_of_a_network() -> None:
    found = of("macs", "parameters")
    assert found.index_of(preset("vgg19")) == 1
    assert found.index_of(preset("vgg16")) is None


@pytest.mark.parametrize(
    ("values", "wide"),
    [([1, 19.9], False), ([1, 20], True), ([0, 100], False), ([-5, 100], False), ([], False), ([7], False)],
)
def test_when_an_axis_is_logarithmic(values: list[float], wide: bool) -> None:
    assert is_wide(values) == wide


def test_the_families_of_the_presets() -> None:
    assert {family_of(architecture) for architecture in PRESETS.values()} == set(FAMILIES) - {"Own module"}
    for group in ("Plain", "Wide ResNet", "ResNeXt", "SE-ResNet", "ResNet-D", "Pre-activation", "Article", "ResNet"):
        assert {family_of(PRESETS[name]) for name in GROUPS[group]} == {group}


def test_the_sets() -> None:
    assert len(networks_of("all")) == len(PRESETS)
    assert len(networks_of("dozen")) == 12
    assert set(GROUPS["Baselines"]) < {PRESETS_BY_VALUE[one] for one in networks_of("torchvision")}
    assert all(len(set(networks_of(name))) == len(networks_of(name)) for name in SET_TITLES)


PRESETS_BY_VALUE = {value: name for name, value in PRESETS.items()}


def test_the_table_is_sorted_and_marks_the_front() -> None:
    grid = scatter_grid(of("macs", "published_error"))
    assert [row[0] for row in grid.rows][:2] == ["mobilenet_v2", "alexnet"]
    assert {row[0] for row in grid.rows if row[-1] == "✓"} == {"mobilenet_v2", "resnet50-v1.5"}


def test_files_have_exact_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(scatter_csv(of("parameters", "receptive_field")))))
    assert rows[2] == {
        "network": "resnet18", "family": "ResNet", "parameters": "11689512", "receptive_field (px)": "435", "front": "",
    }  # fmt: skip
    figures = [NetworkFigures(preset(name)) for name in ("resnet18", "vgg19")]
    table = list(csv.DictReader(io.StringIO(catalog_csv(figures, tuple(QUANTITIES.values())))))
    assert table[1]["parameters"] == "143667240"
    assert table[1]["seconds"] == ""


def test_columns_that_nobody_has_are_left_out_of_the_table() -> None:
    figures = [NetworkFigures(preset(name)) for name in ("resnet18", "resnet50")]
    header = catalog_grid(figures, tuple(QUANTITIES.values())).header
    assert "Measured time" not in header
    assert "ImageNet error, 10-crop (%)" in header


def test_json_has_every_quantity() -> None:
    (entry,) = catalog_json([NetworkFigures(preset("resnet50"), seconds=0.1)])
    assert entry["parameters"] == 25_557_032
    assert entry["seconds"] == 0.1
    assert entry["published_error_10_crop"] == 22.85
    assert set(QUANTITIES) < set(entry)
    found = of("macs", "published_error").to_json()
    assert [point["title"] for point in found["points"] if point["front"]] == ["resnet50-v1.5", "mobilenet_v2"]
    assert found["missing"] == ["resnet50"]
