"""Whole runs in this process: resumed equals unbroken, bit for bit; stops, pauses, and what goes wrong meanwhile."""

from __future__ import annotations

import errno
import math
import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from resnet_studio import atomic
from resnet_studio.networks.modules import network
from resnet_studio.training.compute import checkpoints, folders
from resnet_studio.training.compute import run as running
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.run import run
from resnet_studio.training.datasets import DataError
from resnet_studio.training.errors import TrainingFailedError
from resnet_studio.training.recipe import Recipe, RecipeError
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import (
    Began,
    Ended,
    Event,
    Gradients,
    Measured,
    Noted,
    Paused,
    Prepared,
    Probed,
    Saved,
)
from resnet_studio.training.runs.summary import summarise
from resnet_studio.training.runs.writer import NullSink
from small import (
    SHORT,
    TINY,
    Outcome,
    assert_same,
    class_folders,
    curves,
    events,
    make_run,
    once_at,
    only,
    opened,
    outcome,
    stop_at,
    train,
)

TOTAL, PER_EPOCH = 22, 11


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before, state = torch.get_num_threads(), torch.get_rng_state()
    yield
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_run(tmp_path_factory.mktemp("runs") / "unbroken", replace(SHORT, measure_training=True))
    assert train(folder) == "finished"
    return folder


def how(folder: Path) -> str:
    last = events(folder)[-1]
    assert isinstance(last, Ended)
    return last.how


def test_a_run_tells_its_whole_story(unbroken: Path) -> None:
    told = events(unbroken)
    kinds = [event.kind for event in told]
    assert kinds.index("prepared") < kinds.index("began") < kinds.index("stepped") < kinds.index("measured")
    assert kinds[-1] == "ended"
    times = [event.time for event in told]
    assert times == sorted(times)
    found = curves(unbroken)
    assert (found.state, found.steps) == ("finished", TOTAL)
    assert [(one.split, one.step, one.images) for one in found.measured] == [
        ("training", 11, 1437), ("test", 11, 360), ("training", 22, 1437), ("test", 22, 360),
    ]  # fmt: skip
    assert found.training("loss").y[-1] < found.training("loss").y[0]
    assert [one.step for one in found.gradients] == list(range(TOTAL))
    assert [one.step for one in found.probes] == [0, 1, 2, 4, 8, 11, 22]
    assert all((unbroken / one.file).is_file() for one in found.probes)
    assert found.saved[-1].step == TOTAL
    assert (unbroken / found.saved[-1].folder).is_dir()


def test_what_is_trained_is_fitted_to_the_data(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, length=1), replace(TINY, channels=3, classes=7))
    train(folder)
    [prepared] = only(Prepared, folder)
    assert isinstance(prepared, Prepared)
    assert prepared.changes == ("channels 3 → 1", "classes 7 → 10")
    assert (prepared.training_images, prepared.test_images, prepared.steps_per_epoch, prepared.steps) == (
        1437, 360, 11, 11,
    )  # fmt: skip


def test_the_training_error_at_the_end_is_that_of_the_saved_weights(tmp_path: Path) -> None:
    """Whatever the recipe; the mean of the last epoch's batches is another number."""
    recipe = replace(SHORT, length=3, lr=0.1, augmentation="shift")
    folder = make_run(tmp_path / "run", recipe)
    train(folder)
    data, newest = opened(recipe), checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert newest is not None
    net = network.build(TINY, 1)
    net.load_state_dict(newest.weights)
    with torch.no_grad():
        wrong = (net.eval()(data.normalise(data.training.pixels)).argmax(1) != data.training.labels).double().mean()  # type: ignore[attr-defined]
    summary = summarise(folder)
    assert summary.training_error == pytest.approx(float(wrong))
    assert summary.running_error is not None
    assert abs(summary.running_error - summary.training_error) > 0.005


def test_a_run_can_count_in_steps(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, length=13, unit="steps"))
    train(folder)
    assert [(one.split, one.step) for one in curves(folder).measured] == [("test", 11), ("training", 13), ("test", 13)]
    assert curves(folder).steps == 13


@pytest.mark.parametrize("step", [0, 4, 9, 10, 15, 20, 21])
def test_resumed_after_a_stop_equals_unbroken(unbroken: Path, tmp_path: Path, step: int) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    assert train(folder, stop_at(folder, step)) == "stopped"
    assert how(folder) == "stopped"
    saved = checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert saved is not None
    assert saved.step == step + 1
    assert train(folder, resume=True) == "finished"
    assert_same(outcome(folder), outcome(unbroken))
    assert [one.step for one in curves(folder).probes] == [0, 1, 2, 4, 8, 11, 22]
    assert len(only(Measured, folder)) == 4


def resumed_and_unbroken(tmp_path: Path, recipe: Recipe, *stops: int) -> tuple[Outcome, Outcome]:
    whole, folder = make_run(tmp_path / "whole", recipe), make_run(tmp_path / "run", recipe)
    assert train(whole) == "finished"
    assert train(folder, stop_at(folder, stops[0])) == "stopped"
    for step in stops[1:]:
        assert train(folder, stop_at(folder, step), resume=True) == "stopped"
    assert train(folder, resume=True) == "finished"
    return outcome(folder), outcome(whole)


@pytest.mark.parametrize(
    "changes",
    [
        {"augmentation": "shift"},
        {"augmentation": "crop-flip", "optimizer": "adamw", "lr": 0.003},
        {"augmentation": "resized-crop", "precision": "bf16"},
        {"schedule": "one-cycle", "precision": "fp16"},
        {"schedule": "steps", "milestones": (1,), "warmup": 1, "normalise": "pixel"},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_whatever_the_recipe_a_resumed_run_equals_the_unbroken(tmp_path: Path, changes: dict[str, object]) -> None:
    one, other = resumed_and_unbroken(tmp_path, replace(SHORT, **changes), 3, 12, 13)  # type: ignore[arg-type]
    assert_same(one, other)


def test_dropout_is_resumed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in AlexNet and VGG, which are too large for a test."""

    def with_dropout(*arguments: object) -> nn.Module:
        net = network.build(*arguments)  # type: ignore[arg-type]
        net.avgpool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Dropout(0.3))
        return net

    monkeypatch.setattr(running, "build", with_dropout)
    one, other = resumed_and_unbroken(tmp_path, replace(SHORT, augmentation="shift"), 5)
    assert_same(one, other)
    monkeypatch.undo()
    plain = make_run(tmp_path / "plain", replace(SHORT, augmentation="shift"))
    train(plain)
    assert not np.array_equal(outcome(plain).losses, one.losses)


def test_a_streamed_run_is_resumed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_HELD", 0)
    data = class_folders(tmp_path / "data", {"a": 16, "b": 14})
    recipe = Recipe(data=str(data), length=3, batch_size=8, lr=0.05, augmentation="resized-crop")
    one, other = resumed_and_unbroken(tmp_path, recipe, 4)
    assert len(one.losses) == 9
    assert_same(one, other)


def test_threads_are_recorded_and_restored(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", threads=2)
    train(folder, stop_at(folder, 3))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train(folder, resume=True)
    finally:
        torch.set_num_threads(before)
    assert [event.threads for event in only(Began, folder) if isinstance(event, Began)] == [2, 2]


def test_paused_and_gone_on_equals_unbroken(unbroken: Path, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    at_pause: list[tuple[str, int, int]] = []

    def listen(event: Event) -> None:
        if isinstance(event, Gradients) and event.step == 6:
            run_folder.request(folder, run_folder.PAUSE)
        elif isinstance(event, Paused):
            newest = checkpoints.newest(folder / run_folder.CHECKPOINTS)
            at_pause.append((curves(folder).state, curves(folder).steps, newest.step if newest else -1))
            threading.Timer(0.3, run_folder.withdraw, (folder, run_folder.PAUSE)).start()

    assert train(folder, listen) == "finished"
    assert at_pause == [("paused", 7, 7)], "all steps are told, and a checkpoint is safe"
    assert_same(outcome(folder), outcome(unbroken))


def test_a_paused_run_can_be_stopped(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")

    def listen(event: Event) -> None:
        once_at(6, lambda: run_folder.request(folder, run_folder.PAUSE))(event)
        if isinstance(event, Paused):
            run_folder.request(folder, run_folder.STOP)

    assert train(folder, listen) == "stopped"
    assert curves(folder).steps == 7


def test_a_pause_takes_no_training_time(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, length=1))

    def listen(event: Event) -> None:
        once_at(4, lambda: run_folder.request(folder, run_folder.PAUSE))(event)
        if isinstance(event, Paused):
            threading.Timer(1.0, run_folder.withdraw, (folder, run_folder.PAUSE)).start()

    train(folder, listen)
    pauses = [event.time for event in events(folder) if isinstance(event, Paused)]
    wall = events(folder)[-1].time - events(folder)[0].time
    assert len(pauses) == 1
    assert curves(folder).seconds < wall - 1.0


def test_a_stop_while_measuring_breaks_it_off_and_it_is_measured_when_the_run_goes_on(
    unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    measure, measured = running.measure, []

    def asked_to_stop(*arguments: object) -> torch.Tensor:
        measured.append(1)
        if len(measured) == 2:
            run_folder.request(folder, run_folder.STOP)
        return measure(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "measure", asked_to_stop)
    assert train(folder) == "stopped"
    assert not only(Measured, folder)
    assert curves(folder).steps == 11
    assert train(folder, resume=True) == "finished"
    assert_same(outcome(folder), outcome(unbroken))


def test_a_run_whose_last_step_was_stopped_finishes_when_resumed(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, length=1))
    train(folder, stop_at(folder, 10))
    assert not only(Measured, folder)
    assert train(folder, resume=True) == "finished"
    assert [one.step for one in curves(folder).measured] == [11, 11]


def test_a_loss_that_is_no_number_fails_the_run_with_its_step(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, lr=1000.0, length=10, weight_decay=10.0))
    with pytest.raises(TrainingFailedError, match="lower learning rate"):
        train(folder)
    found, last = curves(folder), events(folder)[-1]
    assert isinstance(last, Ended)
    assert last.how == found.state == "failed"
    losses = found.training("loss").y
    broken = int(np.flatnonzero(~np.isfinite(losses))[0])
    assert f"not a number from step {broken + 1} on, at a learning rate of" in last.why
    assert broken > 0
    assert np.isfinite(losses[:broken]).all(), "the curve stays"
    newest = checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert newest is None or newest.finite


def test_weights_that_are_no_numbers_are_not_saved(tmp_path: Path) -> None:
    """The update of the epoch's last step breaks them; no loss has shown it yet."""
    folder = make_run(tmp_path / "run", replace(SHORT, length=1))

    def spoil(event: Event) -> None:
        if isinstance(event, Gradients) and event.step == 10:
            with torch.no_grad():
                spoilt[0].network.get_parameter("fc.bias")[0] = math.nan

    spoilt: list[running.Training] = []
    made = running.Training.__init__

    def noted(self: running.Training, *arguments: object) -> None:
        made(self, *arguments)  # type: ignore[arg-type]
        spoilt.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running.Training, "__init__", noted)
        with pytest.raises(TrainingFailedError, match="the weights are not numbers after step 11"):
            train(folder, spoil)
    assert checkpoints.newest(folder / run_folder.CHECKPOINTS) is None


def test_checkpoints_come_by_what_they_cost() -> None:
    assert [running.save_interval(cost) for cost in (0.0, 0.05, 0.3, 0.6, 7.0)] == [0.0, 5.0, 30.0, 60.0, 60.0]


def test_checkpoints_take_a_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the test error never improves, they are written all the same; a quarter of the time instead of 1 %."""
    monkeypatch.setattr(running, "TELL_EVERY", 0.0)
    monkeypatch.setattr(running, "SAVE_SHARE", 0.25)
    folder, write, spans = make_run(tmp_path / "run", replace(SHORT, lr=0.0, length=6)), checkpoints.write, []

    def timed(*arguments: object) -> Path:
        began = time.perf_counter()
        place = write(*arguments)  # type: ignore[arg-type]
        spans.append((began, time.perf_counter()))
        return place

    monkeypatch.setattr(checkpoints, "write", timed)
    assert train(folder) == "finished"
    by_time = spans[1:-1]  # the first is the best, and the last one the end's
    assert len(by_time) > 3
    for (earlier, done), (began, _) in pairwise(by_time):
        assert began - done > 3 * (done - earlier), "a quarter of the time at most"


def test_a_run_whose_data_fail_keeps_what_it_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that went away while the run read it."""
    monkeypatch.setattr(folders, "MOST_HELD", 0)
    data = class_folders(tmp_path / "data", {"a": 40, "b": 40})
    folder = make_run(tmp_path / "run", Recipe(data=str(data), length=50, batch_size=8, lr=0.01))

    def listen(event: Event) -> None:
        if isinstance(event, Measured):
            for path in (data / "a").iterdir():
                path.write_bytes(b"")

    with pytest.raises(DataError, match=r"\d+\.png is empty"):
        train(folder, listen)
    newest, end = checkpoints.newest(folder / run_folder.CHECKPOINTS), events(folder)[-1]
    assert isinstance(end, Ended)
    assert newest is not None
    assert (end.how, end.lost) == ("failed", 0)
    assert newest.step == end.step == curves(folder).steps > 7


def full_disk(monkeypatch: pytest.MonkeyPatch, *writes: int) -> None:
    """Let the k-th checkpoints' writing meet a full disk."""
    count, fsync = [0], atomic.write_folder

    def write(path: Path, fill: object) -> None:
        count[0] += 1
        if count[0] in writes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        fsync(path, fill)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoints, "write_folder", write)


def test_a_full_disk_is_noted_and_the_run_goes_on(
    unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk(monkeypatch, 3)
    monkeypatch.setattr(running, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(running, "TELL_EVERY", 0.0)
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    assert train(folder) == "finished"
    [note] = only(Noted, folder)
    assert isinstance(note, Noted)
    assert "the checkpoint of step 2 could not be saved: " in note.text
    assert "the disk is full" in note.text
    assert note.text.endswith(". Earlier ones are kept")
    assert [one.step for one in curves(folder).saved] == [0, 1, *range(3, 23)]
    assert_same(outcome(folder), outcome(unbroken))


def test_a_full_disk_at_the_end_fails_the_run_and_keeps_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk(monkeypatch, 2)
    folder = make_run(tmp_path / "run")
    with pytest.raises(OSError, match="No space left"):
        train(folder)
    assert how(folder) == "failed"
    assert [event.step for event in only(Saved, folder) if isinstance(event, Saved)] == [11]
    newest = checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert newest is not None
    assert newest.step == 11
    monkeypatch.undo()
    assert train(folder, resume=True) == "finished"


def test_maps_that_can_not_be_saved_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(path: Path, probe: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(running.probes, "save", save)
    folder = make_run(tmp_path / "run", replace(SHORT, length=1))
    assert train(folder) == "finished"
    assert not only(Probed, folder)
    assert len(only(Noted, folder)) == 6


def test_a_damaged_newest_checkpoint_is_told_and_the_curve_is_the_same(unbroken: Path, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    train(folder, stop_at(folder, 15))
    [newest] = (folder / run_folder.CHECKPOINTS).glob("*16")
    (newest / checkpoints.WEIGHTS).write_bytes(b"")
    assert train(folder, resume=True) == "finished"
    [note] = only(Noted, folder)
    assert isinstance(note, Noted)
    assert note.text.startswith("step-0000016: weights.safetensors is empty: an earlier")
    assert [event.step for event in only(Began, folder) if isinstance(event, Began)] == [0, 11]
    assert_same(outcome(folder), outcome(unbroken))


def test_without_a_good_checkpoint_a_run_begins_anew(unbroken: Path, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    train(folder, stop_at(folder, 15))
    shutil.rmtree(folder / run_folder.CHECKPOINTS)
    (folder / run_folder.CHECKPOINTS).mkdir()
    assert train(folder, resume=True) == "finished"
    assert_same(outcome(folder), outcome(unbroken))


def test_a_run_whose_folder_is_removed_ends(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, length=10_000))
    with pytest.raises(OSError, match="No such file"):
        train(folder, once_at(0, lambda: shutil.rmtree(folder)))


def test_a_batch_that_workers_can_not_share_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, batch_size=100))
    with pytest.raises(RecipeError, match=r"^batch_size: 100 images .* by 3 workers: choose a multiple of 3"):
        run(folder, tmp_path, NullSink(), Workers(0, 3))
