"""`experiment degradation` with real training: small networks, interruptions, and the default experiment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fork_server import Child, ForkServer
from resnet_studio import STARTED
from resnet_studio.cli import experiment as cli_experiment
from resnet_studio.cli.experiment_runs import withdraw_stale_request
from resnet_studio.training.degradation import experiment as degradation
from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Ended, Event, Measured, Stepped
from resnet_studio.training.runs.reader import RunReader
from waiting import wait_until
from written_runs import finished_run

TINY = ("experiment", "degradation", "--depths", "8,14", "--epochs", "1")
STEPS = (1797 - 360) // 128
"""Whole batches in an epoch of the digits that are not held out."""
Run = Callable[..., tuple[int, str, str]]


def states(folder: Path) -> dict[str, str]:
    experiment = degradation.read_experiment(folder)
    return {name: curves.state for name, curves in degradation.read_curves(folder, experiment).items()}


def events(folder: Path) -> list[Event]:
    return list(RunReader(folder).new_events(-1))


def test_json_has_every_run_and_the_verdict(run: Run, tmp_path: Path) -> None:
    code, out, err = run(*TINY, "--seeds", "2", "--runs", str(tmp_path), "--json")
    assert (code, err) == (0, "")
    result: dict[str, Any] = json.loads(out)
    assert result["name"] == "degradation-digits-1"
    named = [(one["name"], one["depth"], one["shortcut"], one["seed"]) for one in result["runs"]]
    assert named == [
        (f"{family}{depth}-seed{seed}", depth, shortcut, seed)
        for seed in (0, 1)
        for family, shortcut in (("plain", "none"), ("resnet", "A"))
        for depth in (8, 14)
    ]
    for one in result["runs"]:
        assert (one["state"], one["steps"]) == ("finished", STEPS)
        assert 0 <= one["training_error"] <= 1
        assert one["test_error"] * 360 == pytest.approx(round(one["test_error"] * 360))
    verdict = result["verdict"]
    assert verdict["steps"] == STEPS
    assert f"after {STEPS} steps" in verdict["text"].lower()
    ends = {
        depth: sorted(
            one["training_error"] for one in result["runs"] if one["depth"] == depth and one["shortcut"] != "A"
        )
        for depth in (8, 14)
    }
    medians = {depth: sum(values) / 2 for depth, values in ends.items()}
    assert verdict["plain"]["training_points"] == pytest.approx(100 * (medians[14] - medians[8]))
    assert [one["network"] for one in verdict["gradients"]] == ["plain-8", "plain-14", "ResNet-8", "ResNet-14"]
    assert degradation.read_experiment(tmp_path / "degradation-digits-1").seeds == (0, 1)


def test_a_table_and_the_verdict_are_printed(run: Run, tmp_path: Path) -> None:
    code, out, err = run(*TINY, "--runs", str(tmp_path), "--name", "mine")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split("  ")[0] == "run"
    assert [line.split()[:4] for line in lines[2:6]] == [
        ["plain8-seed0", "8", "none", "finished"], ["plain14-seed0", "14", "none", "finished"],
        ["resnet8-seed0", "8", "A", "finished"], ["resnet14-seed0", "14", "A", "finished"],
    ]  # fmt: skip
    assert "egradation observed" in out
    assert "Worse means" in out
    assert lines[-1] == f"saved in {tmp_path / 'mine'}"


def test_resuming_keeps_finished_runs_and_trains_the_rest(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    assert run(*TINY, "--runs", str(tmp_path), "--name", "mine")[0] == 0
    before = {part.name: events(folder / part.name) for part in degradation.read_experiment(folder).runs}
    for name in run_folder.MANIFEST, run_folder.EVENTS:
        (folder / "resnet14-seed0" / name).unlink()
    code, out, _ = run("experiment", "degradation", "--runs", str(tmp_path), "--resume", "mine", "--json")
    assert code == 0
    assert {one["state"] for one in json.loads(out)["runs"]} == {"finished"}
    for name in ("plain8-seed0", "plain14-seed0", "resnet8-seed0"):
        assert events(folder / name) == before[name]
    again = events(folder / "resnet14-seed0")
    result = [
        [event.losses for event in one if isinstance(event, Stepped)] for one in (before["resnet14-seed0"], again)
    ]
    assert sum(result[0], ()) == sum(result[1], ())
    assert sum(isinstance(event, Ended) for event in again) == 1


def test_a_second_experiment_of_the_same_name_is_rejected(run: Run, tmp_path: Path) -> None:
    degradation.create(tmp_path / "mine", Experiment())
    code, out, err = run(*TINY, "--runs", str(tmp_path), "--name", "mine")
    assert (code, out) == (2, "")
    assert "already" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--depths", "20"), "at least two"), (("--depths", "20,x"), "depths: must be integers"),
        (("--depths", "18,34"), "8×8"), (("--seeds", "0"), "seeds"), (("--epochs", "0"), "epochs"),
        (("--data", "/no/such/folder"), "directory or data set not found"),
        (("--resume", "nothing"), "not an experiment"),
        (("--resume", "nothing", "--epochs", "3", "--change", "lr=1"),
         "with its original settings. Remove --change, --epochs"),
        (("--resume", "nothing", "--depths", "20,56"), "with its original settings. Remove --depths"),
        (("--resume", "nothing", "--seed", "0", "--name", "x"), "with its original settings. Remove --name, --seed"),
    ],
)  # fmt: skip
def test_invalid_options_leave_no_files(run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = run("experiment", "degradation", *arguments, "--runs", str(tmp_path / "runs"))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not (tmp_path / "runs").exists()


def test_a_failed_run_does_not_stop_the_others(run: Run, tmp_path: Path) -> None:
    code, out, err = run(*TINY, "--runs", str(tmp_path), "--change", "lr=1000", "--json")
    result = json.loads(out)
    assert (code, err) == (1, "")
    assert len(result["runs"]) == 4
    assert "failed" in {one["state"] for one in result["runs"]}
    for one in result["runs"]:
        assert one["state"] == "finished" or "Use a lower learning rate" in one["why"]


def test_a_damaged_run_is_named_and_the_others_are_trained(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    degradation.create(
        folder, Experiment(depths=(8, 14), recipe=replace(RECIPES["digits-degradation"], length=1, warmup=0))
    )
    finished_run(folder / "plain14-seed0")
    (folder / "plain14-seed0" / "run.json").write_text('{"name": "cut')
    code, out, err = run("experiment", "degradation", "--resume", str(folder), "--json")
    result = {one["name"]: one for one in json.loads(out)["runs"]}
    assert (code, err) == (1, "")
    assert result.pop("plain14-seed0")["state"] == "damaged"
    assert {one["state"] for one in result.values()} == {"finished"}
    assert len(result) == 3


def test_a_stop_that_comes_while_libraries_load_counts(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    degradation.create(folder, Experiment(depths=(8, 14)))
    run_folder.make_request(folder, run_folder.STOP)  # newer than the start of this process
    code, out, _ = run("experiment", "degradation", "--resume", str(folder), "--json")
    assert (code, json.loads(out)["runs"]) == (0, [])
    os.utime(folder / run_folder.STOP, (STARTED - 60, STARTED - 60))
    withdraw_stale_request(folder, run_folder.STOP)
    assert not (folder / run_folder.STOP).exists()


def trained_steps(where: Path) -> int:
    return sum(isinstance(event, Stepped) for one in run_folder.find_runs(where) for event in events(one))


def begun(fork_server: ForkServer, folder: Path, *arguments: str | Path) -> Child:
    """An experiment in a process, once it trains."""
    before = trained_steps(folder.parent)
    child = fork_server.start(folder.parent / "log", "experiment", "degradation", *arguments)
    wait_until(lambda: child.poll() is not None or trained_steps(folder.parent) > before)
    assert child.poll() is None, child.output()
    return child


@pytest.mark.parametrize("how", ["file", "signal"])
def test_a_stop_ends_the_experiment_and_it_can_be_resumed(fork_server: ForkServer, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "mine"
    options = ("--depths", "8,14", "--epochs", "200", "--runs", tmp_path, "--name", "mine", "--json")
    child = begun(fork_server, folder, *options)
    if how == "file":
        run_folder.make_request(folder, run_folder.STOP)
    else:
        child.send(signal.SIGINT)
    assert child.wait() == 0
    assert states(folder) == {"plain8-seed0": "stopped"}
    end = events(folder / "plain8-seed0")[-1]
    assert isinstance(end, Ended)
    assert (end.why, end.lost) == ("", 0)
    result = json.loads(child.output())  # of stdout and stderr, so nothing else was said
    assert result["verdict"]["seen"] is None
    assert "waiting for plain-8 and plain-14" in result["verdict"]["text"]
    run_folder.make_request(folder, run_folder.STOP)  # a stale request; resuming withdraws it
    child = begun(fork_server, folder, "--resume", folder)
    child.send(signal.SIGINT)
    child.wait()
    assert states(folder) == {"plain8-seed0": "stopped"}
    steps = [event.first for event in events(folder / "plain8-seed0") if isinstance(event, Stepped)]
    assert steps == sorted(steps)


def test_the_training_error_is_measured_at_the_end_for_any_recipe(run: Run, tmp_path: Path) -> None:
    """The verdict and the table never use the mean over the last epoch's batches."""
    arguments = [
        "--depths",
        "8,14",
        "--recipe",
        "digits-quick",
        "--epochs",
        "2",
        "--runs",
        str(tmp_path),
        "--name",
        "it",
    ]
    code, out, _ = run("experiment", "degradation", *arguments, "--runs", str(tmp_path), "--json")
    assert code == 0
    result = json.loads(out)
    for one in result["runs"]:
        training = [event for event in events(tmp_path / "it" / one["name"]) if isinstance(event, Measured)]
        assert [event.step for event in training if event.split == "training"] == [2 * STEPS]
        assert one["training_error"] == next(event.error for event in training if event.split == "training")
    ends = {one["name"]: one["training_error"] for one in result["runs"]}
    assert result["verdict"]["plain"]["training_points"] == pytest.approx(
        100 * (ends["plain14-seed0"] - ends["plain8-seed0"])
    )
    assert result["verdict"]["from_epoch"] is None


def test_the_degradation_problem_on_digits(run: Run, tmp_path: Path) -> None:
    code, out, err = run("experiment", "degradation", "--runs", str(tmp_path), "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    training = {one["name"]: one["training_error"] for one in result["runs"]}
    assert {one["steps"] for one in result["runs"]} == {10 * STEPS}
    assert training["plain56-seed0"] > 0.40
    assert training["resnet56-seed0"] < 0.02
    assert training["plain20-seed0"] < 0.02
    assert training["resnet20-seed0"] < 0.02
    assert result["verdict"]["seen"] is True
    assert result["verdict"]["gradients_vanished"] is False
    flows = {one["network"]: one for one in result["verdict"]["gradients"]}
    assert flows["plain-56"]["first_step_ratio"] > 10 * flows["ResNet-56"]["first_step_ratio"]


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys; from resnet_studio.cli.main import main; main(['experiment', 'degradation', '--help']); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "torchvision", "sklearn", "PySide6", "pyqtgraph"} & set(done.stderr.split())
    assert cli_experiment.experiment.info.help
