"""The summary of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from resnet_studio.formatting import percent
from resnet_studio.networks.presets import preset
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Measured, Noted
from resnet_studio.training.runs.summary import summarize
from written_runs import WrittenRun, finished_run


def test_a_finished_run(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", "plain56-cifar")
    found = summarize(tmp_path / "run")
    tests = [min(1.0, 1.2 * run.error(step)) for step in range(11, 111, 11)]
    assert (found.how, found.why, found.live, found.steps) == ("finished", "", False, 110)
    assert (found.depth, found.shortcut, found.data) == (56, "none", "digits")
    assert found.test_error == pytest.approx(1.2 * run.error(110))
    assert found.best_error == pytest.approx(min(tests))
    assert found.best_step == 11 * (tests.index(min(tests)) + 1)
    assert found.training_error is None
    assert found.running_error == pytest.approx(sum(run.error(step) for step in range(100, 111)) / 11)
    assert found.seconds == pytest.approx(11.0)
    assert f"best {100 * min(tests):.2f} % at step {found.best_step}" in found.lines()[1]
    assert found.lines()[0] == "run finished after 110 steps, 11.0 s of training"


def test_a_training_error_is_labeled_as_running_or_measured(tmp_path: Path) -> None:
    run = WrittenRun(tmp_path / "run").create().begin().train(11)
    found = summarize(tmp_path / "run")
    assert found.training_error is None
    assert found.running_error is not None
    assert f"running training error {percent(found.running_error)}" in found.lines()
    run.emit(Measured(1.0, "training", 11, 0.5, 0.125, 1437, 1.1))
    assert summarize(tmp_path / "run").training_error == 0.125
    assert "measured training error 12.5 %" in summarize(tmp_path / "run").lines()
    assert not any(line.startswith("running") for line in summarize(tmp_path / "run").lines())
    run.train(11)
    assert summarize(tmp_path / "run").training_error is None, "the weights have changed since"


def test_a_failed_run_says_why(tmp_path: Path) -> None:
    WrittenRun(tmp_path / "run").create().begin().train(11).fail()
    found = summarize(tmp_path / "run")
    assert found.lines()[0].startswith("run failed after 14 steps")
    assert found.lines()[0].endswith("The loss of step 14 is not a number")
    assert found.lost == 14
    assert "steps lost since the latest checkpoint: 14" in found.lines()


def test_a_run_that_has_not_begun_has_no_numbers(tmp_path: Path) -> None:
    run = WrittenRun(tmp_path / "run").create()
    found = summarize(tmp_path / "run")
    assert (found.how, found.live, found.steps) == ("starting", True, 0)
    assert (found.training_error, found.test_error, found.best_error, found.best_step) == (None,) * 4
    assert len(found.lines()) == 2
    run.touch_heartbeat(0)
    assert summarize(tmp_path / "run").how == "killed"


def test_a_long_events_file_is_read_completely(tmp_path: Path) -> None:
    """More than a megabyte of events, which the reader yields in portions."""
    run = WrittenRun(tmp_path / "run", recipe=Recipe(length=3000)).create().begin()
    for first in range(0, 33_000, 11):
        run.emit(run.stepped(first, [0.123456789012] * 11, [0.123456789012] * 11))
    run.steps = 33_000
    run.emit(Noted(0.0, "the last word"))
    run.end()
    assert (tmp_path / "run" / run_folder.EVENTS).stat().st_size > 1_500_000
    found = summarize(tmp_path / "run")
    assert (found.how, found.steps, found.notes) == ("finished", 33_000, ("the last word",))


def test_json_is_plain(tmp_path: Path) -> None:
    finished_run(tmp_path / "run")
    values = summarize(tmp_path / "run").to_json()
    assert values["notes"] == []
    assert values["architecture"] == "resnet20-digits"


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(run_folder.RunError, match="is not a run"):
        summarize(tmp_path)
    manifest = run_folder.Manifest("run", replace(preset("resnet18"), classes=3), Recipe(), 0.0)
    run_folder.create(tmp_path / "run", manifest)
    assert summarize(tmp_path / "run").depth == 18
