"""The command `catalog`: tables, the front, files, pictures, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, Timing, cpu_name, library_versions
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.cli.main import main
from resnet_studio.networks.presets import PRESETS, preset
from themed import themed

Printed = Callable[..., str]
ERRORS = ("--x", "macs", "--y", "published_error")


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(autouse=True)
def other_theme(qapp: object) -> Iterator[None]:
    """A picture is drawn in a theme of its own, which here must not outlast the test."""
    with themed("light"):
        yield


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """What a command line that must succeed prints."""

    def call(*arguments: str) -> str:
        code = main(["catalog", *arguments])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return call


def test_all_presets_with_all_quantities(printed: Printed) -> None:
    entries = json.loads(printed("--json"))
    assert [entry["title"] for entry in entries] == list(PRESETS)
    by_title = {entry["title"]: entry for entry in entries}
    assert by_title["vgg19"]["parameters"] == 143_667_240
    assert by_title["resnet152"]["receptive_field"] == 1507
    assert by_title["resnet152"]["published_error_10_crop"] == 21.43
    assert by_title["resnet152"]["seconds"] is None


def test_a_few_networks_and_the_columns_that_they_have(printed: Printed) -> None:
    lines = printed("resnet18", "resnet50", "resnet50 width=32").splitlines()
    assert lines[0].split()[:3] == ["network", "family", "FLOPs"]
    assert "Measured" not in lines[0]
    assert len(lines) == 5
    assert lines[-1].startswith("resnet50, bottleneck, 3·4·6·3, width 32")


def test_measured_times_are_those_of_measure(printed: Printed) -> None:
    timing = Timing(0.025, 0.024, 0.026, 20)
    spec = MeasurementSpec(preset("resnet18"))
    MeasurementCache().store(Measurement(spec, timing, {}, cpu_name(), 2, library_versions(), 1.7e9))
    rows = list(csv.DictReader(io.StringIO(printed("resnet18", "resnet34", "--format", "csv"))))
    assert [row["seconds"] for row in rows] == ["0.025", ""]
    assert float(rows[0]["images_per_second"]) == 40


def test_two_quantities_and_the_front(printed: Printed) -> None:
    names = ("vgg19", "resnet50-v1.5", "mobilenet_v2", "resnet50")
    text = printed(*names, *ERRORS)
    assert text.splitlines()[2].startswith("mobilenet_v2")
    assert text.endswith("1 of 4 networks has no ImageNet error, center crop: resnet50\n")
    front = json.loads(printed(*names, *ERRORS, "--front", "--json"))
    assert [point["title"] for point in front["points"]] == ["mobilenet_v2", "resnet50-v1.5"]
    assert all(point["front"] for point in front["points"])


def test_the_unit_rules_tables_but_not_json(printed: Printed) -> None:
    table = printed("vgg19", *ERRORS, "--unit", "operations")
    assert "FLOPs (2 × MAC)" in table
    assert "39.3 G" in table
    assert json.loads(printed("vgg19", *ERRORS, "--unit", "operations", "--json"))["points"][0]["x"] == 19_632_062_464


@pytest.mark.parametrize(
    ("form", "begins"), [("markdown", "| network |"), ("latex", r"\begin{tabular}"), ("html", "<table>")]
)
def test_formats(printed: Printed, form: str, begins: str) -> None:
    assert printed("resnet18", "--format", form).startswith(begins)
    assert printed("resnet18", "vgg16", *ERRORS, "--format", form).startswith(begins)


def test_a_picture(printed: Printed, tmp_path: Path) -> None:
    path = tmp_path / "plot.svg"
    front = ("mobilenet_v2", "densenet121", "resnet50-v1.5", "resnet101-v1.5", "resnet152-v1.5")
    said = f"{path}: 12 networks, {len(front)} on the front\n"
    assert printed("--networks", "dozen", *ERRORS, "--output", str(path)) == said
    drawn = path.read_text(encoding="utf-8")
    assert ">resnet152-v1.5<" in drawn
    described = json.loads(printed("resnet18", "vgg16", *ERRORS, "--output", str(tmp_path / "plot.pdf"), "--json"))
    assert described["bytes"] == (tmp_path / "plot.pdf").stat().st_size


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--x", "macs"), "--x and --y belong together"),
        (("--front",), "--front needs two quantities"),
        (("--x", "depth", "--y", "macs", "--front"), "neither more nor less depth is better"),
        (("--output", "plot.svg"), "--output draws two quantities"),
        ((*ERRORS, "--output", "plot.gif"), "the file name must end in .svg, .pdf or .png"),
        (("resnet18", "--x", "macs", "--y", "seconds", "--output", "plot.svg"), "there is nothing to draw"),
        (("--x", "macs", "--y", "beauty"), "beauty"),
        (("resnet19",), "unknown preset"),
    ],
)
def test_what_makes_no_sense_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    assert main(["catalog", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1
