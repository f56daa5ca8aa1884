"""Runs as processes of their own: killed at any moment, told to stop by signals, and resumed from the command line."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from nursery import Child, Nursery, until
from resnet_studio.networks.architecture import Residual
from resnet_studio.training.compute import checkpoints
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Began, Ended, Gradients
from resnet_studio.training.runs.writer import STOP_WITHIN
from small import SHORT, TINY, assert_same, class_folders, curves, events, make_run, only, outcome, silence

LONG = replace(SHORT, length=10, augmentation="shift", measure_training=True)
"""110 steps: about a second."""
ENDLESS = replace(SHORT, length=1_000_000)


@pytest.fixture
def resumed(nursery: Nursery, tmp_path: Path) -> Callable[[Path], Child]:
    """A run's folder that goes on (or begins) in a process of its own."""
    count = 0

    def start(folder: Path, **values: int) -> Child:
        nonlocal count
        count += 1
        if not (folder / run_folder.HEARTBEAT).exists():
            (folder / run_folder.HEARTBEAT).touch()
        silence(folder)
        return nursery.start(
            tmp_path / f"log-{count}", "train", "--resume", folder, "--json",
            values={f"resnet_studio.training.{name}": value for name, value in values.items()},
        )  # fmt: skip

    return start


def reached(folder: Path, step: int) -> Callable[[], bool]:
    return lambda: curves(folder).steps >= step


def ended(folder: Path) -> Ended:
    last = events(folder)[-1]
    assert isinstance(last, Ended)
    return last


def test_killed_three_times_a_run_equals_the_unbroken(tmp_path: Path, resumed: Callable[[Path], Child]) -> None:
    whole, folder = make_run(tmp_path / "whole", LONG), make_run(tmp_path / "run", LONG)
    assert resumed(whole).wait() == 0
    for step in (14, 40, 80):
        child = resumed(folder)
        until(reached(folder, step), child.said)
        child.send(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        silence(folder)
        assert curves(folder).state == "killed"
    assert resumed(folder).wait() == 0
    began = [event.step for event in only(Began, folder) if isinstance(event, Began)]
    assert len(began) == 4
    assert began == sorted(began)
    assert began[-1] > 0
    assert curves(folder).steps == 110
    assert_same(outcome(folder), outcome(whole))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_run_with_a_checkpoint(
    tmp_path: Path, resumed: Callable[[Path], Child], number: signal.Signals
) -> None:
    folder = make_run(tmp_path / "run", ENDLESS)
    child = resumed(folder)
    until(reached(folder, 5), child.said)
    child.send(number)
    assert child.wait() == 0
    said = json.loads(child.said())
    assert (said["how"], said["name"]) == ("stopped", "run")
    newest = checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert newest is not None
    assert newest.step == said["steps"] == curves(folder).steps == ended(folder).step


def test_a_run_that_lives_or_has_finished_is_not_resumed(
    nursery: Nursery, tmp_path: Path, resumed: Callable[[Path], Child]
) -> None:
    folder = make_run(tmp_path / "run", ENDLESS)
    child = resumed(folder)
    until(reached(folder, 1), child.said)
    second = nursery.start(tmp_path / "second", "train", "--resume", folder)
    assert second.wait() == 2
    assert second.said().startswith(f"resnet-studio: run is still running: process {child.pid} on ")
    run_folder.request(folder, run_folder.STOP)
    assert child.wait() == 0
    done = make_run(tmp_path / "done", replace(SHORT, length=1))
    assert resumed(done).wait() == 0
    again = nursery.start(tmp_path / "again", "train", "--resume", "done", "--runs", tmp_path)
    assert again.wait() == 2
    assert "done has finished: there is nothing to go on with" in again.said()


def test_a_run_of_a_newer_version_is_left_as_it_is(tmp_path: Path, resumed: Callable[[Path], Child]) -> None:
    folder = make_run(tmp_path / "run")
    path = folder / run_folder.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2, "news": "anything"}))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    child = resumed(folder)
    assert child.wait() == 2
    assert "run was written by a newer version of this program; it is left as it is" in child.said()
    assert {path: path.read_bytes() for path in before} == before


LARGE = Residual("basic", (8, 8, 8), width=128, stem="cifar", image=8, channels=1, classes=10)
"""A step of all digits takes it a minute or so."""
MEDIUM = replace(LARGE, blocks=(1, 1, 1), width=64)
"""A step of all digits takes it a second or two."""
WHOLE = replace(SHORT, batch_size=1437, length=50)


def test_a_stop_waits_for_a_long_step_and_keeps_it(tmp_path: Path, resumed: Callable[[Path], Child]) -> None:
    """Longer than a run that does not train has to stop."""
    folder = make_run(tmp_path / "run", WHOLE, replace(MEDIUM, blocks=(3, 3, 3)))
    child = resumed(folder)
    until(lambda: bool(only(Began, folder)), child.said)
    asked = time.monotonic()
    run_folder.request(folder, run_folder.STOP)
    assert child.wait() == 0
    assert time.monotonic() - asked > STOP_WITHIN
    assert (ended(folder).how, ended(folder).why, ended(folder).lost) == ("stopped", "", 0)
    newest = checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert newest is not None
    assert newest.step == curves(folder).steps == 1


@pytest.mark.parametrize("how", ["file", "signals"])
def test_a_stop_at_once_does_not_wait_for_a_long_step(
    tmp_path: Path, resumed: Callable[[Path], Child], how: str
) -> None:
    """The process ends itself in the middle of a step; what was saved before is there."""
    folder = make_run(tmp_path / "run", WHOLE, LARGE)
    child = resumed(folder)
    until(lambda: bool(only(Began, folder)), child.said)
    if how == "file":
        run_folder.request(folder, run_folder.STOP_NOW)
    else:
        child.send(signal.SIGINT)
        child.send(signal.SIGTERM)
    assert child.wait() == 0
    assert (ended(folder).how, ended(folder).why, ended(folder).lost) == ("stopped", "at once, as asked", 0)
    assert curves(folder).steps == 0


def test_a_stop_at_once_says_how_many_steps_it_loses(tmp_path: Path, resumed: Callable[[Path], Child]) -> None:
    folder = make_run(tmp_path / "run", WHOLE, MEDIUM)
    child = resumed(folder)
    until(reached(folder, 2), child.said)
    run_folder.request(folder, run_folder.STOP_NOW)
    assert child.wait() == 0
    trained = len(only(Gradients, folder))
    end, newest = ended(folder), checkpoints.newest(folder / run_folder.CHECKPOINTS)
    safe = newest.step if newest else 0
    assert (end.step, end.lost) == (safe, trained - safe)
    assert (f"{end.lost} step" in end.why) == (end.lost > 0)


@pytest.fixture
def streaming(resumed: Callable[..., Child], tmp_path: Path) -> tuple[Path, Child]:
    """A run whose images are not held, so that other processes read them: two megabytes a step."""
    data = class_folders(tmp_path / "data", {"a": 15, "b": 25})
    recipe = replace(SHORT, data=str(data), length=100_000, batch_size=8)
    folder = make_run(tmp_path / "run", recipe, replace(TINY, image=300, channels=3, stem="imagenet"))
    return folder, resumed(folder, **{"compute.folders.MOST_HELD": 0})


def test_a_terminals_ctrl_c_is_one_though_it_reaches_the_readers_too(streaming: tuple[Path, Child]) -> None:
    """Ctrl+C goes to every process of the terminal, those that read images included."""
    folder, child = streaming
    until(reached(folder, 1), child.said)
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait() == 0, child.said()
    assert (ended(folder).how, ended(folder).why, ended(folder).lost) == ("stopped", "", 0)


def test_no_batch_goes_through_a_file(streaming: tuple[Path, Child]) -> None:
    """Shared memory is files, too, and of a few megabytes in many containers. Here none may have more than one."""
    folder, child = streaming
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    until(reached(folder, 1), child.said)
    child.send(signal.SIGTERM)
    assert child.wait() == 0, child.said()


def test_a_killed_run_takes_its_readers_along(streaming: tuple[Path, Child]) -> None:
    folder, child = streaming
    until(reached(folder, 1), child.said)
    reading = psutil.Process(child.pid).children()
    assert reading
    child.send(signal.SIGKILL)
    child.wait()
    until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in reading))


def test_a_run_that_is_moved_away_ends_by_itself(tmp_path: Path, resumed: Callable[[Path], Child]) -> None:
    folder = make_run(tmp_path / "run", ENDLESS)
    child = resumed(folder)
    until(reached(folder, 1), child.said)
    folder.rename(tmp_path / "trash")
    assert child.wait() in (0, 2)
