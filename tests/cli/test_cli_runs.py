"""Looking at runs and data from the command line."""

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

from nasty import NASTY, SHOWN, hidden
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
    told = {(one["name"], one["steps"], one["how"]) for one in listed}
    assert told == {("one", 110, "finished"), ("two", 110, "finished")}
    assert main(["runs", "--runs", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "an experiment/two" in told
    assert "110" in told


DAMAGE = {
    "cut": b'{"name": "cut", "architecture": {"kind": "resi', "empty": b"", "deep": b"[" * 9000, "text": b"\xff\x00",
    "other": b'{"version": 1}', "list": b"[]", "later": b'{"version": 99}', "number": b"9" * 5000,
}  # fmt: skip


def test_damaged_runs_hide_no_good_one_and_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in DAMAGE.items():
        finished_run(folder / name)
        (folder / name / "run.json").write_bytes(content)
    (finished_run(folder / "missing").folder / "run.json").unlink()
    assert main(["runs", "--runs", str(folder), "--json"]) == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert {one["how"] for name, one in listed.items() if name in ("one", "two")} == {"finished"}
    broken = {name: one["how"] for name, one in listed.items() if name not in ("one", "two")}
    assert broken == dict.fromkeys((*DAMAGE, "missing"), "damaged") | {"later": "newer"}
    assert all(one["why"].startswith(name) and one["steps"] == 110 for name, one in listed.items() if name in broken)
    assert main(["runs", "--runs", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "cut: run.json is damaged (it breaks off before its end)" in told
    assert "later was written by a newer version" in told
    assert all(len(line) < 400 and "Error" not in line for line in told.splitlines())


def test_numbers_that_are_none_and_networks_not_known_hide_no_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = WrittenRun(folder / "nan").make().begin().train(11)
    run.tell(Measured(1.0, "test", 11, math.nan, math.nan, 360, math.nan))
    run.end()
    events = finished_run(folder / "unknown").folder / "events.jsonl"
    events.write_text(events.read_text().replace('"kind": "residual"', '"kind": "transformer"'))
    assert main(["runs", "--runs", str(folder), "--json"]) == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert listed.keys() == {"one", "two", "nan", "unknown"}
    assert listed["nan"]["test_error"] is None
    assert listed["unknown"]["architecture"] == "resnet20-cifar"


def test_damaged_experiments_are_named_beside_their_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in DAMAGE.items():
        finished_run(folder / f"exp-{name}" / "plain20-seed0")
        (folder / f"exp-{name}" / "experiment.json").write_bytes(content)
    assert main(["runs", "--runs", str(folder), "--json"]) == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out) if one["name"] != "plain20-seed0"}
    assert {name: one["how"] for name, one in listed.items()} == {
        "one": "finished", "two": "finished", **{f"exp-{name}": "damaged" for name in DAMAGE}, "exp-later": "newer"
    }  # fmt: skip
    assert main(["runs", "--runs", str(folder)]) == 0
    told = capsys.readouterr().out
    assert told.count("plain20-seed0") == len(DAMAGE)
    assert "exp-cut: experiment.json is damaged (it breaks off before its end)" in told


def test_a_file_is_no_folder_of_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--runs", str(folder / "one" / "run.json")]) == 2
    assert "is a file, not a folder of runs" in capsys.readouterr().err


def test_without_runs_it_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--runs", str(tmp_path / "nowhere")]) == 0
    assert "`train` makes one" in capsys.readouterr().out


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


def test_what_is_no_run_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["curves", "nothing", "--runs", str(tmp_path), "--output", str(tmp_path / "x.csv")]) == 2
    said = capsys.readouterr().err
    assert "nothing is not a run" in said
    assert said.count("\n") == 1


def test_digits_are_counted_as_scikit_learn_has_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "digits", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    counts = np.array(told["training_counts"]) + np.array(told["test_counts"])
    assert counts.tolist() == np.bincount(load_digits().target).tolist()
    assert (sum(told["training_counts"]), sum(told["test_counts"])) == (1437, 360)
    assert told["size"] == [1, 8, 8]


def test_a_folder_is_shown_with_its_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for number in range(5):
            Image.new("RGB", (20, 30), (number, 0, 0)).save(tmp_path / label / f"{number}.png")
    assert main(["data", str(tmp_path), "--image-size", "16"]) == 0
    told = capsys.readouterr().out
    assert [line.split() for line in told.splitlines() if line.startswith(("cat", "dog", "total"))] == [
        ["cat", "4", "1"], ["dog", "4", "1"], ["total", "8", "2"]
    ]  # fmt: skip
    assert "input 3×16×16" in told


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A folder of runs with one by a stranger. faults.md row 43."""
    written = WrittenRun(tmp_path / "runs" / NASTY).make().begin().train(11)
    written.tell(Noted(0.0, NASTY))
    written.end("failed", NASTY)
    return tmp_path / "runs"


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_a_strangers_names_are_text_in_a_table(
    strange: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert main(["runs", "--runs", str(strange)]) == 0
    out, err = capsys.readouterr()
    assert SHOWN in out
    assert hidden(re.sub(r"\x1b\[[0-9;]*m", "", out)) == [], "there are more than rich's own colors"
    assert err == ""
    assert sum("failed" in line for line in out.splitlines()) == 1


def test_a_strangers_names_are_whole_in_json_and_do_nothing(strange: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--runs", str(strange), "--json"]) == 0
    out = capsys.readouterr().out
    assert hidden(out) == []
    (run,) = json.loads(out)
    assert run["name"] == NASTY


@pytest.mark.parametrize(("command", "code"), [("curves", 0), ("train", 2)])
def test_a_strangers_names_are_text_in_a_complaint(
    strange: Path, capsys: pytest.CaptureFixture[str], command: str, code: int, tmp_path: Path
) -> None:
    (strange / NASTY / "run.json").write_text("{")
    more = {"curves": [NASTY, "--output", str(tmp_path / "a.csv")], "train": ["--resume", NASTY]}[command]
    assert main([command, *more, "--runs", str(strange)]) == code
    err = capsys.readouterr().err
    assert hidden(err) == []
    assert err.count("\n") == 1
    assert "<img src='file:picture.png'><h1>[red]␛[31m�2J�txt�" in err


def test_a_strangers_names_are_text_in_a_table_of_numbers(strange: Path, tmp_path: Path) -> None:
    (strange / NASTY).rename(strange / f"={NASTY}")
    assert main(["curves", f"={NASTY}", "--runs", str(strange), "--output", str(tmp_path / "a.csv")]) == 0
    text = (tmp_path / "a.csv").read_text()
    assert hidden(text) == []
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["run"] for row in rows} == {f"'={SHOWN}"}
