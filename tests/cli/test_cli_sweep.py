"""The command `sweep`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from layer_timings import probes, true_seconds
from resnet_studio.analysis import measurement_cache
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.cli.main import main
from resnet_studio.networks.architecture import from_json
from resnet_studio.networks.plan import plan


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MeasurementCache:
    """The user's measurements: those of the probes, by a law."""
    monkeypatch.setattr(measurement_cache, "measurements_folder", lambda: tmp_path / "measurements")
    found = MeasurementCache()
    for measurement in probes(threads=torch.get_num_threads()):
        found.store(measurement)
    return found


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["sweep", *arguments])
    return code, *capsys.readouterr()


def test_the_front_is_printed_with_what_best_means(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "resnet50", "--vary", "depth=18,34,50", "--vary", "width=32..64:16", "--max-macs", "2G")
    assert code == 0
    assert out.startswith("9 networks, ")
    assert "within 2 G FLOPs" in out
    assert "capacity, not accuracy" in out
    assert "★ 1" in out


def test_json_has_every_network_with_the_plans_figures(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(
        capsys, "resnet18", "--vary", "shortcut=A,B", "--vary", "dilated=0,9", "--max-parameters", "1M", "--json"
    )
    values = json.loads(out)
    assert [one["exceeds"] for one in values["candidates"]] == [["parameters"], ["parameters"]]
    assert values["front"] == []
    for one in values["candidates"]:
        assert one["macs"] == sum(layer.macs for layer in plan(from_json(one["architecture"])))
    assert len(values["impossible"]) == 2


def test_times_are_predicted_and_the_best_are_measured(
    capsys: pytest.CaptureFixture[str], cache: MeasurementCache
) -> None:
    arguments = ("resnet18", "--image-size", "32", "--vary", "width=8,16,2048", "--max-ms", "20", "--check", "1")
    _, out, _ = run(capsys, *arguments, "--json")
    values = json.loads(out)
    assert [one["exceeds"] for one in values["candidates"]] == [[], [], ["seconds"]]
    for one in values["candidates"][:2]:
        assert one["predicted_seconds"] == pytest.approx(true_seconds(from_json(one["architecture"])), rel=0.02)
    assert values["prediction"]["error"]["networks"] == 24
    (measured,) = values["measured"]
    assert measured["spec"]["architecture"] == values["front"][0]["architecture"]
    assert len(cache.load()) == 25
    _, out, _ = run(capsys, *arguments)  # from the cache
    assert "predicted times: half of 24 networks within" in out
    assert "measured  error" in out.replace("   ", "  ").replace("   ", "  ")


def test_roundings_stand_under_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "resnet18", "--scale", "1", "--vary", "width=fit:4", "--max-macs", "2G", "--all")
    assert "blocks of conv2_x 2.4 → 3 (up): +" in out
    assert "(down to a multiple of 4): −" in out
    assert "EfficientNet-B1: for φ = 1 the rule gives depth ×1.2 (published ×1.1)" in out


@pytest.mark.parametrize(
    ("form", "begins"),
    [("csv", "front,width,depth,"), ("markdown", "| front |"), ("latex", r"\begin"), ("html", "<table>")],
)
def test_tables_for_other_programs_have_nothing_around_them(
    capsys: pytest.CaptureFixture[str], form: str, begins: str
) -> None:
    _, out, _ = run(capsys, "resnet18", "--vary", "width=32,64", "--format", form, "--all")
    assert out.startswith(begins)
    assert ("11689512" in out) == (form == "csv")


def test_a_long_table_says_how_much_more_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "resnet18", "--vary", "width=1..30", "--top", "5", "--all")
    assert "… and 25 more (--top)" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "needs a field to vary"),
        (("--vary", "width"), "must be FIELD=VALUES"),
        (("--vary", "width=64..32"), "must go up"),
        (("--vary", "color=1"), "can't be varied"),
        (("--vary", "width=fit"), "without a budget"),
        (("--vary", "width=32", "--max-macs", "much"), "--max-macs must be a number such as 2G"),
        (("--vary", "width=32", "--max-memory", "2X"), "--max-memory must be a size"),
        (("--vary", "width=32", "--max-ms", "0"), "--max-ms must be milliseconds"),
        (("--vary", "width=32", "--max-memory", "1G", "--batch", "0"), "batch: must be from 1"),
        (("--vary", "width=32", "--batch", "8"), "no effect. Remove --batch"),
        (("--vary", "width=32", "--device", "cuda:0"), "no effect. Remove --device"),
        (("--vary", "width=32", "--json", "--all"), "no effect. Remove --all"),
        (("--vary", "width=1..2000", "--vary", "image=1..2000"), "the limit is 10,000"),
    ],
)
def test_wrong_command_lines_say_what_would_be_right(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    code, _, error = run(capsys, "resnet18", *arguments)
    assert code == 2
    assert message in error


def test_nothing_within_the_budget_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "resnet18", "--vary", "width=32", "--max-macs", "1k")
    assert "No network is within the budget. Allow more, or vary other fields." in out
