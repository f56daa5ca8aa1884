"""The command `compare`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, Timing, cpu_name, library_versions
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.cli.main import main
from resnet_studio.networks.presets import preset
from written_runs import finished_run

STRIDE = "resnet50-v1.5 has the stride on the 3×3 instead of the first 1×1: +0.231 G FLOPs, parameters equal"


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]):
    """What a command line that must succeed prints."""

    def call(*arguments: str) -> str:
        code = main(["compare", *arguments])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return call


def measure(name: str, seconds: float) -> None:
    """Keep a measurement as `measure` does."""
    timing = Timing(seconds, seconds, seconds, 20)
    spec = MeasurementSpec(preset(name))
    MeasurementCache().store(Measurement(spec, timing, {}, cpu_name(), 2, library_versions(), 1.7e9))


def test_the_sentence_comes_first_and_equal_rows_are_counted(printed) -> None:
    lines = printed("resnet50", "resnet50-v1.5").splitlines()
    assert lines[0].startswith(STRIDE)
    assert lines[-1].endswith(" rows are equal: --all lists them, too")
    assert any(line.split()[:4] == ["total", "FLOPs", "3.86", "G"] for line in lines)
    every = printed("resnet50", "resnet50-v1.5", "--all").splitlines()
    count = int(lines[-1].split()[0])
    assert len([line for line in every if line.rstrip().endswith("  =")]) == count


def test_what_differs_most_can_come_first(printed) -> None:
    lines = printed("resnet50", "vgg19", "--sort", "difference").splitlines()
    header = next(number for number, line in enumerate(lines) if line.startswith("stage"))
    assert lines[header + 2].split()[:2] == ["fc", "FLOPs"]
    assert "(+122 M, ×60.4)" in lines[header + 2]


def test_times_and_runs_are_part_of_it(printed, tmp_path: Path) -> None:
    measure("resnet20-cifar", 0.004)
    measure("resnet56-cifar", 0.009)
    finished_run(tmp_path / "runs" / "one", "resnet20-cifar")
    lines = printed("resnet20-cifar", "resnet56-cifar", "--runs", str(tmp_path / "runs")).splitlines()
    assert lines[0].endswith(", +5.00 ms here")
    row = next(line for line in lines if "time per image" in line)
    assert row.split("time per image")[1].split() == ["4.00", "ms", "9.00", "ms", "(+5.00", "ms,", "+125", "%)"]
    assert any("best run, " in line for line in lines)
    assert "CIFAR-10" in "\n".join(lines)


def test_json_and_csv_have_exact_numbers(printed) -> None:
    values = json.loads(printed("resnet50", "resnet50-v1.5", "--json"))
    assert values == json.loads(printed("resnet50", "resnet50-v1.5", "--format", "json"))
    assert values["differences"][0]["adds"]["macs"] == 4_089_184_256 - 3_857_973_248
    assert values["differences"][0]["sentence"].startswith(STRIDE)
    rows = list(csv.reader(io.StringIO(printed("resnet50", "resnet50-v1.5", "--format", "csv"))))
    assert ["total", "FLOPs", "3857973248", "4089184256"] in rows


@pytest.mark.parametrize(("form", "part"), [("markdown", "| stage |"), ("latex", r"\begin{tabular}"), ("html", "<td")])
def test_the_table_for_papers_and_pages(printed, form: str, part: str) -> None:
    assert part in printed("resnet50", "vgg19", "--format", form)


def test_the_unit_is_that_of_rows_and_sentences(printed) -> None:
    text = printed("resnet50", "resnet50-v1.5", "--unit", "operations")
    assert "+0.462 G FLOPs (2 × MAC)" in text
    assert "7.72 G" in text


def test_a_field_is_set_in_every_network(printed) -> None:
    values = json.loads(printed("resnet18", "plain18", "--set", "classes=10", "--json"))
    assert [entry["architecture"]["classes"] for entry in values["architectures"]] == [10, 10]


def test_one_network_is_not_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "resnet50"]) == 2
    assert "at least two architectures" in capsys.readouterr().err
