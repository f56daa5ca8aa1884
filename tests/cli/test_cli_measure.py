"""The command `measure`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from resnet_studio.analysis.compute import measuring
from resnet_studio.analysis.compute.timing import Budget
from resnet_studio.analysis.measurement import from_json
from resnet_studio.cli.main import main
from resnet_studio.networks.architecture import to_json
from small import TINY

NETWORK = "resnet20-digits"
CONV_MACS = 8 * 8 * 16 * 9  # the first convolution: one channel of 8×8 pixels to 16 of them
FC_MACS = 64 * 10


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(measuring, "BUDGET", Budget(warm_up=0.01, seconds=0.01, least=5, longest=60.0))


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]):
    """What a command line that must succeed prints."""

    def call(*arguments: str) -> str:
        code = main(["measure", *arguments])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return call


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]):
    """The message of a command line that must fail."""

    def call(*arguments: str) -> str:
        assert main(["measure", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        return err

    return call


def test_json_has_all_that_was_measured_and_what_follows(printed) -> None:
    [found] = json.loads(printed(NETWORK, "--batch", "2", "--backward", "--json"))
    measurement = from_json(found)
    assert (measurement.spec.batch, measurement.spec.mode) == (2, "forward+backward")
    assert found["seconds_per_image"] == pytest.approx(found["whole"]["median"] / 2)
    assert found["images_per_second"] == pytest.approx(2 / found["whole"]["median"])
    assert found["layers_sum"] + found["overhead"] == pytest.approx(found["whole"]["median"])
    assert sum(stage["seconds"] for stage in found["stages"]) == pytest.approx(found["layers_sum"])
    assert found["layers"]["conv1"] > 0


def test_what_was_measured_before_is_not_measured_again(printed) -> None:
    def when(*arguments: str) -> list[float]:
        return [one["when"] for one in json.loads(printed(NETWORK, "--json", *arguments))]

    first = when()
    assert when() == first
    assert when("--batch", "2") != first
    again = when("--again")
    assert again > first
    assert when() == again


def test_a_table_puts_shares_of_time_beside_shares_of_flops(printed) -> None:
    out = printed(NETWORK, "--stages")
    stages = {line.split()[0]: line for line in out.splitlines() if line.startswith(("conv", "fc", "sum"))}
    assert list(stages) == ["conv1", "conv2_x", "conv3_x", "conv4_x", "fc", "sum"]
    assert stages["sum"].count("100 %") == 2
    assert "9.22 k" in stages["conv1"]
    assert "whole pass" in out
    assert "difference" in out
    assert "fp32, forward pass in eval mode, torch " in out
    assert "layers are timed with time.perf_counter" in out


def test_csv_has_a_row_for_each_layer_with_all_digits(printed) -> None:
    rows = list(csv.DictReader(io.StringIO(printed(NETWORK, "--layers", "--format", "csv"))))
    by_name = {row["name"]: row for row in rows}
    assert int(by_name["conv1"]["macs"]) == CONV_MACS
    assert int(by_name["fc"]["macs"]) == FC_MACS
    assert by_name["layer1.0.add"]["kind"] == "add"
    for share in ("time_share", "macs_share"):
        assert sum(float(row[share]) for row in rows) == pytest.approx(1)


def test_batches_are_a_list_or_powers_of_two(printed, refused) -> None:
    def sizes(text: str) -> list[int]:
        rows = csv.DictReader(io.StringIO(printed(NETWORK, "--batches", text, "--format", "csv")))
        return [int(row["batch"]) for row in rows]

    assert sizes("1,3") == [1, 3]
    assert sizes("1..5") == [1, 2, 4]
    for wrong in ("0", "a", "4..2", ""):
        assert f"got {wrong!r}" in refused(NETWORK, "--batches", wrong)
    assert "choose --batch or --batches" in refused(NETWORK, "--batch", "1", "--batches", "1")


@pytest.mark.parametrize(
    ("form", "begins"), [("markdown", "| network |"), ("latex", r"\begin{tabular}"), ("html", "<table>")]
)
def test_other_formats_have_both_tables(form: str, begins: str, printed) -> None:
    out = printed(NETWORK, "--stages", "--format", form)
    assert out.startswith(begins)
    assert out.count(begins.partition(" ")[0]) >= 2
    assert "conv4" in out


def test_the_unit_of_flops_rules_numbers_and_speeds(printed) -> None:
    def columns(*arguments: str) -> tuple[str, str]:
        *_, flops, speed = printed(NETWORK, "--format", "markdown", *arguments).splitlines()[2].split("|")[:-1]
        return flops.strip(), speed.strip()

    (macs, _), (operations, _) = columns(), columns("--unit", "operations")
    assert float(operations.split()[0]) == pytest.approx(2 * float(macs.split()[0]), rel=0.01)


def test_several_networks_of_presets_and_files_keep_their_order(printed, tmp_path: Path) -> None:
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(to_json(TINY)))
    found: list[dict[str, Any]] = json.loads(printed(NETWORK, str(path), "--json"))
    assert [one["spec"]["architecture"]["blocks"] for one in found] == [[3, 3, 3], [1, 1, 1]]


def test_a_network_of_ones_own_is_measured(printed, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    code = (
        "from torch import nn\n\ndef make():\n    return nn.Sequential(nn.Conv2d(3, 4, 16), nn.ReLU(), nn.Flatten())\n"
    )
    path.write_text(code)
    arguments = ("--module", f"{path}:make", "--image-size", "16", "--json")
    [found] = json.loads(printed(*arguments))
    assert set(found["layers"]) == {"0", "1", "2"}
    assert not list((tmp_path / "data").rglob("*.json"))  # its code may be another one the next time


def test_what_does_not_fit_is_named_and_the_rest_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "resnet152", NETWORK, "--batch", "60000", "--set", "image=224", "--set", "channels=3"]) == 1
    out, err = capsys.readouterr()
    assert out.count("to measure 60,000 images at once") == 2
    assert err == ""
    assert main(["measure", NETWORK, "--batches", "1,65536", "--set", "image=128", "--format", "csv"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "to measure 65,536 images at once" in err


def test_wrong_command_lines_say_what_to_write(refused) -> None:
    assert "name an architecture" in refused()
    assert "choose --stages or --layers" in refused(NETWORK, "--stages", "--layers")
    assert "cuda:99 is not available" in refused(NETWORK, "--device", "cuda:99")
    assert "--channels is for --module" in refused(NETWORK, "--channels", "3")


def test_a_damaged_file_is_named_on_stderr(printed, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    printed(NETWORK)
    [file] = (tmp_path / "data").rglob("*.json")
    file.write_text("{")
    assert main(["measure", NETWORK, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)
    assert file.name in err
