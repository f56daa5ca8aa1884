"""Runs in their own processes: killed at any moment, stopped by signals, and resumed from the command line."""

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

from fork_server import Child, ForkServer
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.training.compute import checkpoints
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Began, Ended, Gradients
from resnet_studio.training.runs.writer import STOP_TIMEOUT
from small import (
    SHORT,
    TINY,
    age_heartbeat,
    assert_same_outcome,
    events_of,
    make_class_folders,
    make_run,
    read_curves,
    read_events,
    read_outcome,
)
from waiting import wait_until

LONG = replace(SHORT, length=10, augmentation="shift", measure_training=True)
"""110 steps: about a second."""
ENDLESS = replace(SHORT, length=1_000_000)


@pytest.fixture
def resume(fork_server: ForkServer, tmp_path: Path) -> Callable[[Path], Child]:
    """Starts or resumes a run's folder in its own process."""
    count = 0

    def start(folder: Path, **values: int) -> Child:
        nonlocal count
        count += 1
        if not (folder / run_folder.HEARTBEAT).exists():
            (folder / run_folder.HEARTBEAT).touch()
        age_heartbeat(folder)
        option = "--resume" if run_folder.has_begun(folder) else "--run"
        return fork_server.start(
            tmp_path / f"log-{count}", "train", option, folder, "--json",
            values={f"resnet_studio.training.{name}": value for name, value in values.items()},
        )  # fmt: skip

    return start


def has_reached(folder: Path, step: int) -> Callable[[], bool]:
    return lambda: read_curves(folder).steps >= step


def end_of(folder: Path) -> Ended:
    last = read_events(folder)[-1]
    assert isinstance(last, Ended)
    return last


def test_a_run_that_was_killed_three_times_equals_an_uninterrupted_one(
    tmp_path: Path, resume: Callable[[Path], Child]
) -> None:
    whole, folder = make_run(tmp_path / "whole", LONG), make_run(tmp_path / "run", LONG)
    assert resume(whole).wait() == 0
    for step in (14, 40, 80):
        child = resume(folder)
        wait_until(has_reached(folder, step), child.output)
        child.send(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        age_heartbeat(folder)
        assert read_curves(folder).state == "killed"
    assert resume(folder).wait() == 0
    began = [event.step for event in events_of(Began, folder) if isinstance(event, Began)]
    assert len(began) == 4
    assert began == sorted(began)
    assert began[-1] > 0
    assert read_curves(folder).steps == 110
    assert_same_outcome(read_outcome(folder), read_outcome(whole))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_run_with_a_checkpoint(
    tmp_path: Path, resume: Callable[[Path], Child], number: signal.Signals
) -> None:
    folder = make_run(tmp_path / "run", ENDLESS)
    child = resume(folder)
    wait_until(has_reached(folder, 5), child.output)
    child.send(number)
    assert child.wait() == 0
    summary = json.loads(child.output())
    assert (summary["how"], summary["name"]) == ("stopped", "run")
    newest = checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert newest is not None
    assert newest.step == summary["steps"] == read_curves(folder).steps == end_of(folder).step


def test_a_running_or_finished_run_is_not_resumed(
    fork_server: ForkServer, tmp_path: Path, resume: Callable[[Path], Child]
) -> None:
    folder = make_run(tmp_path / "run", ENDLESS)
    child = resume(folder)
    wait_until(has_reached(folder, 1), child.output)
    second = fork_server.start(tmp_path / "second", "train", "--resume", folder)
    assert second.wait() == 2
    assert second.output().startswith(f"resnet-studio: run is still running in process {child.pid} on ")
    run_folder.make_request(folder, run_folder.STOP)
    assert child.wait() == 0
    done = make_run(tmp_path / "done", replace(SHORT, length=1))
    assert resume(done).wait() == 0
    again = fork_server.start(tmp_path / "again", "train", "--resume", "done", "--runs", tmp_path)
    assert again.wait() == 2
    assert "done has finished. Use --epochs N to train longer" in again.output()


def test_a_run_of_a_newer_version_is_not_changed(tmp_path: Path, resume: Callable[[Path], Child]) -> None:
    folder = make_run(tmp_path / "run")
    path = folder / run_folder.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2, "news": "anything"}))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    child = resume(folder)
    assert child.wait() == 2
    assert "run was written by a newer version of this program and was not changed" in child.output()
    assert {path: path.read_bytes() for path in before} == before


LARGE = Residual(Basic(), (8, 8, 8), width=128, stem="cifar", image=8, channels=1, classes=10)
"""A step with all digits takes about a minute."""
MEDIUM = replace(LARGE, blocks=(1, 1, 1), width=64)
"""A step with all digits takes a second or two."""
FULL_BATCH = replace(SHORT, batch_size=1437, length=50)


def test_a_stop_waits_for_a_long_step_and_saves_it(tmp_path: Path, resume: Callable[[Path], Child]) -> None:
    """Even longer than the time in which a run that is not training has to stop."""
    folder = make_run(tmp_path / "run", FULL_BATCH, replace(MEDIUM, blocks=(3, 3, 3)))
    child = resume(folder)
    wait_until(lambda: bool(events_of(Began, folder)), child.output)
    asked = time.monotonic()
    run_folder.make_request(folder, run_folder.STOP)
    assert child.wait() == 0
    assert time.monotonic() - asked > STOP_TIMEOUT
    assert (end_of(folder).how, end_of(folder).why, end_of(folder).lost) == ("stopped", "", 0)
    newest = checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert newest is not None
    assert newest.step == read_curves(folder).steps == 1


@pytest.mark.parametrize("how", ["file", "signals"])
def test_an_immediate_stop_does_not_wait_for_a_long_step(
    tmp_path: Path, resume: Callable[[Path], Child], how: str
) -> None:
    """The process exits in the middle of a step. What was saved before is kept."""
    folder = make_run(tmp_path / "run", FULL_BATCH, LARGE)
    child = resume(folder)
    wait_until(lambda: bool(events_of(Began, folder)), child.output)
    if how == "file":
        run_folder.make_request(folder, run_folder.STOP_NOW)
    else:
        child.send(signal.SIGINT)
        child.send(signal.SIGTERM)
    assert child.wait() == 0
    assert (end_of(folder).how, end_of(folder).why, end_of(folder).lost) == ("stopped", "immediately, as requested", 0)
    assert read_curves(folder).steps == 0


def test_an_immediate_stop_reports_how_many_steps_it_loses(tmp_path: Path, resume: Callable[[Path], Child]) -> None:
    folder = make_run(tmp_path / "run", FULL_BATCH, MEDIUM)
    child = resume(folder)
    wait_until(has_reached(folder, 2), child.output)
    run_folder.make_request(folder, run_folder.STOP_NOW)
    assert child.wait() == 0
    trained = len(events_of(Gradients, folder))
    end, newest = end_of(folder), checkpoints.newest(folder / run_folder.CHECKPOINTS)
    safe = newest.step if newest else 0
    assert (end.step, end.lost) == (safe, trained - safe)
    assert (f"{end.lost} step" in end.why) == (end.lost > 0)


@pytest.fixture
def streaming(resume: Callable[..., Child], tmp_path: Path) -> tuple[Path, Child]:
    """A run whose images are streamed by reader processes, two megabytes per step."""
    data = make_class_folders(tmp_path / "data", {"a": 15, "b": 25})
    recipe = replace(SHORT, data=str(data), length=100_000, batch_size=8)
    folder = make_run(tmp_path / "run", recipe, replace(TINY, image=300, channels=3, stem="imagenet"))
    return folder, resume(folder, **{"compute.folders.MAX_IN_MEMORY": 0})


def test_ctrl_c_in_a_terminal_is_handled_once_though_readers_get_it_too(streaming: tuple[Path, Child]) -> None:
    """The terminal sends SIGINT to every process of the group, readers included."""
    folder, child = streaming
    wait_until(has_reached(folder, 1), child.output)
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait() == 0, child.output()
    assert (end_of(folder).how, end_of(folder).why, end_of(folder).lost) == ("stopped", "", 0)


def test_no_batch_is_sent_through_shared_memory_files(streaming: tuple[Path, Child]) -> None:
    """Shared memory is backed by files, which many containers limit to a few megabytes. The limit here is one."""
    folder, child = streaming
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    wait_until(has_reached(folder, 1), child.output)
    child.send(signal.SIGTERM)
    assert child.wait() == 0, child.output()


def test_readers_exit_when_their_run_is_killed(streaming: tuple[Path, Child]) -> None:
    folder, child = streaming
    wait_until(has_reached(folder, 1), child.output)
    readers = psutil.Process(child.pid).children()
    assert readers
    child.send(signal.SIGKILL)
    child.wait()
    wait_until(lambda: not any(reader.is_running() and reader.status() != psutil.STATUS_ZOMBIE for reader in readers))


def test_a_run_exits_when_its_folder_is_moved(tmp_path: Path, resume: Callable[[Path], Child]) -> None:
    folder = make_run(tmp_path / "run", ENDLESS)
    child = resume(folder)
    wait_until(has_reached(folder, 1), child.output)
    folder.rename(tmp_path / "trash")
    assert child.wait() in (0, 2)
