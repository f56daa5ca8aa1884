"""The commands `runs`, `curves` and `data`."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from nasty import NASTY, NASTY_SHOWN, control_characters
from resnet_studio.cli.main import main
from resnet_studio.training.runs.events import Measured, Noted
from written_runs import WrittenRun, finished_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    finished_run(tmp_path / "one")
    finished_run(tmp_path / "an experiment" / "two")
    return tmp_path


def test_runs_are_listed_with_those_of_experiments(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--runs", str(folder), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    result = {(entry["name"], entry["steps"], entry["how"]) for entry in listed}
    assert result == {("one", 110, "finished"), ("two", 110, "finished")}
    assert main(["runs", "--runs", str(folder)]) == 0
    result = capsys.readouterr().out
    assert "an experiment/two" in result
    assert "110" in result


DAMAGE = {
    "cut": b'{"name": "cut", "architecture": {"kind": "resi', "empty": b"", "deep": b"[" * 9000, "text": b"\xff\x00",
    "other": b'{"version": 1}', "list": b"[]", "later": b'{"version": 99}', "number": b"9" * 5000,
}  # fmt: skip


def test_damaged_runs_are_named_and_hide_no_other_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in DAMAGE.items():
        finished_run(folder / name)
        (folder / name / "run.json").write_bytes(content)
    (finished_run(folder / "missing").folder / "run.json").unlink()
    assert main(["runs", "--runs", str(folder), "--json"]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert {entry["how"] for name, entry in listed.items() if name in ("one", "two")} == {"finished"}
    broken = {name: entry["how"] for name, entry in listed.items() if name not in ("one", "two")}
    assert broken == dict.fromkeys((*DAMAGE, "missing"), "damaged") | {"later": "newer"}
    assert all(
        entry["why"].startswith(name) and entry["steps"] == 110 for name, entry in listed.items() if name in broken
    )
    assert main(["runs", "--runs", str(folder)]) == 0
    result = capsys.readouterr().out
    assert "cut: run.json is damaged (unexpected end of file)" in result
    assert "later was written by a newer version" in result
    assert all(len(line) < 400 and "Error" not in line for line in result.splitlines())


def test_nan_values_and_unknown_networks_hide_no_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = WrittenRun(folder / "nan").create().begin().train(11)
    run.emit(Measured(1.0, "test", 11, math.nan, math.nan, 360, math.nan))
    run.end()
    events = finished_run(folder / "unknown").folder / "events.jsonl"
    events.write_text(events.read_text().replace('"kind": "residual"', '"kind": "transformer"'))
    assert main(["runs", "--runs", str(folder), "--json"]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert listed.keys() == {"one", "two", "nan", "unknown"}
    assert listed["nan"]["test_error"] is None
    assert listed["unknown"]["architecture"] == "resnet20-cifar"


def test_damaged_experiments_are_listed_with_their_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in DAMAGE.items():
        finished_run(folder / f"exp-{name}" / "plain20-seed0")
        (folder / f"exp-{name}" / "experiment.json").write_bytes(content)
    assert main(["runs", "--runs", str(folder), "--json"]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out) if entry["name"] != "plain20-seed0"}
    assert {name: entry["how"] for name, entry in listed.items()} == {
        "one": "finished", "two": "finished", **{f"exp-{name}": "damaged" for name in DAMAGE}, "exp-later": "newer"
    }  # fmt: skip
    assert main(["runs", "--runs", str(folder)]) == 0
    result = capsys.readouterr().out
    assert result.count("plain20-seed0") == len(DAMAGE)
    assert "exp-cut: experiment.json is damaged (unexpected end of file)" in result


def test_a_file_is_rejected_as_runs_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--runs", str(folder / "one" / "run.json")]) == 2
    assert "is a file, not a directory of runs" in capsys.readouterr().err


def test_without_runs_the_output_says_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--runs", str(tmp_path / "nowhere")]) == 0
    assert "use `train` to create one" in capsys.readouterr().out


def test_curves_are_written_step_by_step(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "curves.csv"
    two = str(folder / "an experiment" / "two")
    assert main(["curves", "one", two, "--runs", str(folder), "--output", str(output)]) == 0
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [int(row["step"]) for row in rows if row["run"] == "one" and row["set"] == "training batch"]
    assert steps == list(range(1, 111))
    assert {row["run"] for row in rows} == {"one", "two"}


def test_a_damaged_run_still_has_its_curves(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "one" / "run.json").write_text('{"name": "on')
    output = tmp_path / "curves.csv"
    two = str(folder / "an experiment" / "two")
    assert main(["curves", "one", two, "--runs", str(folder), "--output", str(output)]) == 0
    assert "one: run.json is damaged" in capsys.readouterr().err
    with output.open(newline="") as file:
        assert {row["run"] for row in csv.DictReader(file)} == {"one", "two"}


def test_a_missing_run_is_reported_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["curves", "nothing", "--runs", str(tmp_path), "--output", str(tmp_path / "x.csv")]) == 2
    error = capsys.readouterr().err
    assert "nothing is not a run" in error
    assert error.count("\n") == 1


def test_digits_are_counted_as_scikit_learn_has_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "digits", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    counts = np.array(result["training_counts"]) + np.array(result["test_counts"])
    assert counts.tolist() == np.bincount(load_digits().target).tolist()
    assert (sum(result["training_counts"]), sum(result["test_counts"])) == (1437, 360)
    assert result["size"] == [1, 8, 8]


def test_a_folder_is_shown_with_its_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for number in range(5):
            Image.new("RGB", (20, 30), (number, 0, 0)).save(tmp_path / label / f"{number}.png")
    assert main(["data", str(tmp_path), "--image-size", "16"]) == 0
    result = capsys.readouterr().out
    assert [line.split() for line in result.splitlines() if line.startswith(("cat", "dog", "total"))] == [
        ["cat", "4", "1"], ["dog", "4", "1"], ["total", "8", "2"]
    ]  # fmt: skip
    assert "input 3×16×16" in result


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A runs folder with an untrusted run. faults.md row 43."""
    written = WrittenRun(tmp_path / "runs" / NASTY).create().begin().train(11)
    written.emit(Noted(0.0, NASTY))
    written.end("failed", NASTY)
    return tmp_path / "runs"


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_untrusted_names_are_plain_text_in_a_table(
    strange: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert main(["runs", "--runs", str(strange)]) == 0
    out, err = capsys.readouterr()
    assert NASTY_SHOWN in out
    assert control_characters(re.sub(r"\x1b\[[0-9;]*m", "", out)) == [], "there are more than rich's own colors"
    assert err == ""
    assert sum("failed" in line for line in out.splitlines()) == 1


def test_untrusted_names_are_complete_and_escaped_in_json(strange: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--runs", str(strange), "--json"]) == 0
    out = capsys.readouterr().out
    assert control_characters(out) == []
    (run,) = json.loads(out)
    assert run["name"] == NASTY


@pytest.mark.parametrize(("command", "code"), [("curves", 0), ("train", 2)])
def test_untrusted_names_are_plain_text_in_an_error(
    strange: Path, capsys: pytest.CaptureFixture[str], command: str, code: int, tmp_path: Path
) -> None:
    (strange / NASTY / "run.json").write_text("{")
    more = {"curves": [NASTY, "--output", str(tmp_path / "a.csv")], "train": ["--resume", NASTY]}[command]
    assert main([command, *more, "--runs", str(strange)]) == code
    err = capsys.readouterr().err
    assert control_characters(err) == []
    assert err.count("\n") == 1
    assert "<img src='file:picture.png'><h1>[red]␛[31m�2J�txt�" in err


def test_untrusted_names_are_plain_text_in_csv(strange: Path, tmp_path: Path) -> None:
    (strange / NASTY).rename(strange / f"={NASTY}")
    assert main(["curves", f"={NASTY}", "--runs", str(strange), "--output", str(tmp_path / "a.csv")]) == 0
    text = (tmp_path / "a.csv").read_text()
    assert control_characters(text) == []
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["run"] for row in rows} == {f"'={NASTY_SHOWN}"}
