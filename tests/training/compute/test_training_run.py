"""Whole runs in this process: resumed ones equal uninterrupted ones bit for bit; stops, pauses and failures."""

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
from resnet_studio.training.compute import run as run_module
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
from resnet_studio.training.runs.summary import summarize
from resnet_studio.training.runs.writer import NullSink
from small import (
    SHORT,
    TINY,
    RunResult,
    after_step,
    assert_same_outcome,
    events_of,
    make_class_folders,
    make_run,
    open_recipe_data,
    read_curves,
    read_events,
    read_outcome,
    stop_after,
    train,
)

TOTAL, PER_EPOCH = 22, 11


@pytest.fixture(autouse=True)
def restored_torch_state() -> Iterator[None]:
    before, state = torch.get_num_threads(), torch.get_rng_state()
    yield
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_run(tmp_path_factory.mktemp("runs") / "uninterrupted", replace(SHORT, measure_training=True))
    assert train(folder) == "finished"
    return folder


def how_ended(folder: Path) -> str:
    last = read_events(folder)[-1]
    assert isinstance(last, Ended)
    return last.how


def test_a_run_emits_all_events_in_order(uninterrupted: Path) -> None:
    emitted = read_events(uninterrupted)
    kinds = [event.kind for event in emitted]
    assert kinds.index("prepared") < kinds.index("began") < kinds.index("stepped") < kinds.index("measured")
    assert kinds[-1] == "ended"
    times = [event.time for event in emitted]
    assert times == sorted(times)
    found = read_curves(uninterrupted)
    assert (found.state, found.steps) == ("finished", TOTAL)
    assert [(one.split, one.step, one.images) for one in found.measured] == [
        ("training", 11, 1437), ("test", 11, 360), ("training", 22, 1437), ("test", 22, 360),
    ]  # fmt: skip
    assert found.per_step("loss").y[-1] < found.per_step("loss").y[0]
    assert [one.step for one in found.gradients] == list(range(TOTAL))
    assert [one.step for one in found.probes] == [0, 1, 2, 4, 8, 11, 22]
    assert all((uninterrupted / one.file).is_file() for one in found.probes)
    assert found.saved[-1].step == TOTAL
    assert (uninterrupted / found.saved[-1].folder).is_dir()


def test_the_network_is_fitted_to_the_data(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, length=1), replace(TINY, channels=3, classes=7))
    train(folder)
    [prepared] = events_of(Prepared, folder)
    assert isinstance(prepared, Prepared)
    assert prepared.changes == ("channels 3 → 1", "classes 7 → 10")
    assert (prepared.training_images, prepared.test_images, prepared.steps_per_epoch, prepared.steps) == (
        1437, 360, 11, 11,
    )  # fmt: skip


def test_the_final_training_error_is_that_of_the_saved_weights(tmp_path: Path) -> None:
    """With any recipe. The mean over the last epoch's batches differs from it."""
    recipe = replace(SHORT, length=3, lr=0.1, augmentation="shift")
    folder = make_run(tmp_path / "run", recipe)
    train(folder)
    data, newest = open_recipe_data(recipe), checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert newest is not None
    net = network.build(TINY, 1)
    net.load_state_dict(newest.weights)
    with torch.no_grad():
        wrong = (net.eval()(data.normalize(data.training.pixels)).argmax(1) != data.training.labels).double().mean()  # type: ignore[attr-defined]
    summary = summarize(folder)
    assert summary.training_error == pytest.approx(float(wrong))
    assert summary.running_error is not None
    assert abs(summary.running_error - summary.training_error) > 0.005


def test_a_run_can_count_in_steps(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, length=13, unit="steps"))
    train(folder)
    assert [(one.split, one.step) for one in read_curves(folder).measured] == [
        ("test", 11),
        ("training", 13),
        ("test", 13),
    ]
    assert read_curves(folder).steps == 13


@pytest.mark.parametrize("step", [0, 4, 9, 10, 15, 20, 21])
def test_a_run_resumed_after_a_stop_equals_an_uninterrupted_one(uninterrupted: Path, tmp_path: Path, step: int) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    assert train(folder, stop_after(folder, step)) == "stopped"
    assert how_ended(folder) == "stopped"
    saved = checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert saved is not None
    assert saved.step == step + 1
    assert train(folder, resume=True) == "finished"
    assert_same_outcome(read_outcome(folder), read_outcome(uninterrupted))
    assert [one.step for one in read_curves(folder).probes] == [0, 1, 2, 4, 8, 11, 22]
    assert len(events_of(Measured, folder)) == 4


def resumed_and_uninterrupted(tmp_path: Path, recipe: Recipe, *stops: int) -> tuple[RunResult, RunResult]:
    whole, folder = make_run(tmp_path / "whole", recipe), make_run(tmp_path / "run", recipe)
    assert train(whole) == "finished"
    assert train(folder, stop_after(folder, stops[0])) == "stopped"
    for step in stops[1:]:
        assert train(folder, stop_after(folder, step), resume=True) == "stopped"
    assert train(folder, resume=True) == "finished"
    return read_outcome(folder), read_outcome(whole)


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
def test_a_resumed_run_equals_an_uninterrupted_one_with_any_recipe(tmp_path: Path, changes: dict[str, object]) -> None:
    one, other = resumed_and_uninterrupted(tmp_path, replace(SHORT, **changes), 3, 12, 13)  # type: ignore[arg-type]
    assert_same_outcome(one, other)


def test_dropout_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As AlexNet and VGG have it, which are too large for a test."""

    def with_dropout(*arguments: object) -> nn.Module:
        net = network.build(*arguments)  # type: ignore[arg-type]
        net.avgpool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Dropout(0.3))
        return net

    monkeypatch.setattr(run_module, "build", with_dropout)
    one, other = resumed_and_uninterrupted(tmp_path, replace(SHORT, augmentation="shift"), 5)
    assert_same_outcome(one, other)
    monkeypatch.undo()
    plain = make_run(tmp_path / "plain", replace(SHORT, augmentation="shift"))
    train(plain)
    assert not np.array_equal(read_outcome(plain).losses, one.losses)


def test_a_streamed_run_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_IN_MEMORY", 0)
    data = make_class_folders(tmp_path / "data", {"a": 16, "b": 14})
    recipe = Recipe(data=str(data), length=3, batch_size=8, lr=0.05, augmentation="resized-crop")
    one, other = resumed_and_uninterrupted(tmp_path, recipe, 4)
    assert len(one.losses) == 9
    assert_same_outcome(one, other)


def test_threads_are_recorded_and_restored(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, length=4, unit="steps"), threads=2)
    train(folder, stop_after(folder, 1))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train(folder, resume=True)
    finally:
        torch.set_num_threads(before)
    assert [event.threads for event in events_of(Began, folder) if isinstance(event, Began)] == [2, 2]


def test_a_paused_run_equals_an_uninterrupted_one(uninterrupted: Path, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    at_pause: list[tuple[str, int, int]] = []

    def listen(event: Event) -> None:
        if isinstance(event, Gradients) and event.step == 6:
            run_folder.make_request(folder, run_folder.PAUSE)
        elif isinstance(event, Paused):
            newest = checkpoints.newest(folder / run_folder.CHECKPOINTS)
            at_pause.append((read_curves(folder).state, read_curves(folder).steps, newest.step if newest else -1))
            threading.Timer(0.3, run_folder.withdraw_request, (folder, run_folder.PAUSE)).start()

    assert train(folder, listen) == "finished"
    assert at_pause == [("paused", 7, 7)], "all steps are reported, and a checkpoint is saved"
    assert_same_outcome(read_outcome(folder), read_outcome(uninterrupted))


def test_a_paused_run_can_be_stopped(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")

    def listen(event: Event) -> None:
        after_step(6, lambda: run_folder.make_request(folder, run_folder.PAUSE))(event)
        if isinstance(event, Paused):
            run_folder.make_request(folder, run_folder.STOP)

    assert train(folder, listen) == "stopped"
    assert read_curves(folder).steps == 7


def test_a_pause_does_not_count_as_training_time(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, length=1))

    def listen(event: Event) -> None:
        after_step(4, lambda: run_folder.make_request(folder, run_folder.PAUSE))(event)
        if isinstance(event, Paused):
            threading.Timer(1.0, run_folder.withdraw_request, (folder, run_folder.PAUSE)).start()

    train(folder, listen)
    pauses = [event.time for event in read_events(folder) if isinstance(event, Paused)]
    wall = read_events(folder)[-1].time - read_events(folder)[0].time
    assert len(pauses) == 1
    assert read_curves(folder).seconds < wall - 1.0


def test_a_stop_interrupts_an_evaluation_and_a_resumed_run_repeats_it(
    uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    measure, measured = run_module.evaluate, []

    def asked_to_stop(*arguments: object) -> torch.Tensor:
        measured.append(1)
        if len(measured) == 2:
            run_folder.make_request(folder, run_folder.STOP)
        return measure(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(run_module, "evaluate", asked_to_stop)
    assert train(folder) == "stopped"
    assert not events_of(Measured, folder)
    assert read_curves(folder).steps == 11
    assert train(folder, resume=True) == "finished"
    assert_same_outcome(read_outcome(folder), read_outcome(uninterrupted))


def test_a_run_whose_last_step_was_stopped_finishes_when_resumed(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, length=1))
    train(folder, stop_after(folder, 10))
    assert not events_of(Measured, folder)
    assert train(folder, resume=True) == "finished"
    assert [one.step for one in read_curves(folder).measured] == [11, 11]


def test_a_nan_loss_fails_the_run_and_names_the_step(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, lr=1000.0, length=10, weight_decay=10.0))
    with pytest.raises(TrainingFailedError, match="lower learning rate"):
        train(folder)
    found, last = read_curves(folder), read_events(folder)[-1]
    assert isinstance(last, Ended)
    assert last.how == found.state == "failed"
    losses = found.per_step("loss").y
    broken = int(np.flatnonzero(~np.isfinite(losses))[0])
    assert f"not finite from step {broken + 1} on, at a learning rate of" in last.why
    assert broken > 0
    assert np.isfinite(losses[:broken]).all(), "the curve is kept"
    newest = checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert newest is None or newest.is_finite


def test_nan_weights_are_not_saved(tmp_path: Path) -> None:
    """The epoch's last update makes them NaN, which no loss has shown yet."""
    folder = make_run(tmp_path / "run", replace(SHORT, length=1))

    def break_weights(event: Event) -> None:
        if isinstance(event, Gradients) and event.step == 10:
            with torch.no_grad():
                trainings[0].network.get_parameter("fc.bias")[0] = math.nan

    trainings: list[run_module.Training] = []
    original_init = run_module.Training.__init__

    def record_training(self: run_module.Training, *arguments: object) -> None:
        original_init(self, *arguments)  # type: ignore[arg-type]
        trainings.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module.Training, "__init__", record_training)
        with pytest.raises(TrainingFailedError, match="the weights are not finite after step 11"):
            train(folder, break_weights)
    assert checkpoints.newest(folder / run_folder.CHECKPOINTS) is None


def test_the_interval_of_checkpoints_depends_on_their_cost() -> None:
    assert [run_module.save_interval(cost) for cost in (0.0, 0.05, 0.3, 0.6, 7.0)] == [0.0, 5.0, 30.0, 60.0, 60.0]


def test_checkpoints_take_a_limited_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are written although the test error never improves; here for a quarter of the time instead of 1 %."""
    monkeypatch.setattr(run_module, "REPORT_INTERVAL", 0.0)
    monkeypatch.setattr(run_module, "SAVE_SHARE", 0.25)
    folder, write, spans = make_run(tmp_path / "run", replace(SHORT, lr=0.0, length=6)), checkpoints.write, []

    def timed(*arguments: object) -> Path:
        began = time.perf_counter()
        place = write(*arguments)  # type: ignore[arg-type]
        spans.append((began, time.perf_counter()))
        return place

    monkeypatch.setattr(checkpoints, "write", timed)
    assert train(folder) == "finished"
    by_time = 0
    for ((earlier, done), (began, _)), saved in zip(pairwise(spans[:-1]), events_of(Saved, folder)[1:-1], strict=True):
        if not saved.best:  # the batch norms' statistics change, and with them the test error
            by_time += 1
            assert began - done > 3 * (done - earlier), "a quarter of the time at most"
    assert by_time > 3


def test_a_run_whose_data_fail_saves_what_it_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images that are emptied while the run reads them."""
    monkeypatch.setattr(folders, "MAX_IN_MEMORY", 0)
    data = make_class_folders(tmp_path / "data", {"a": 40, "b": 40})
    folder = make_run(tmp_path / "run", Recipe(data=str(data), length=50, batch_size=8, lr=0.01))

    def listen(event: Event) -> None:
        if isinstance(event, Measured):
            for path in (data / "a").iterdir():
                path.write_bytes(b"")

    with pytest.raises(DataError, match=r"\d+\.png is empty"):
        train(folder, listen)
    newest, end = checkpoints.newest(folder / run_folder.CHECKPOINTS), read_events(folder)[-1]
    assert isinstance(end, Ended)
    assert newest is not None
    assert (end.how, end.lost) == ("failed", 0)
    assert newest.step == end.step == read_curves(folder).steps > 7


def full_disk(monkeypatch: pytest.MonkeyPatch, *writes: int) -> None:
    """Let the writing of the k-th checkpoints fail with a full disk."""
    count, fsync = [0], atomic.write_folder

    def write(path: Path, fill: object) -> None:
        count[0] += 1
        if count[0] in writes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        fsync(path, fill)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoints, "write_folder", write)


def test_a_full_disk_is_noted_and_the_run_continues(
    uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk(monkeypatch, 3)
    monkeypatch.setattr(run_module, "MAX_SAVE_INTERVAL", 0.0)
    monkeypatch.setattr(run_module, "REPORT_INTERVAL", 0.0)
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    assert train(folder) == "finished"
    [note] = events_of(Noted, folder)
    assert isinstance(note, Noted)
    assert "the checkpoint of step 2 could not be saved: " in note.text
    assert "the disk is full" in note.text
    assert note.text.endswith(". Earlier checkpoints are kept")
    assert [one.step for one in read_curves(folder).saved] == [0, 1, *range(3, 23)]
    assert_same_outcome(read_outcome(folder), read_outcome(uninterrupted))


def test_a_full_disk_at_the_end_fails_the_run_and_keeps_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk(monkeypatch, 2)
    folder = make_run(tmp_path / "run")
    with pytest.raises(OSError, match="No space left"):
        train(folder)
    assert how_ended(folder) == "failed"
    assert [event.step for event in events_of(Saved, folder) if isinstance(event, Saved)] == [11]
    newest = checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert newest is not None
    assert newest.step == 11
    monkeypatch.undo()
    assert train(folder, resume=True) == "finished"


def test_snapshots_that_can_not_be_saved_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(path: Path, probe: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(run_module, "save_snapshot", save)
    folder = make_run(tmp_path / "run", replace(SHORT, length=1))
    assert train(folder) == "finished"
    assert not events_of(Probed, folder)
    assert len(events_of(Noted, folder)) == 6


def test_a_damaged_newest_checkpoint_is_noted_and_the_curve_is_the_same(uninterrupted: Path, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    train(folder, stop_after(folder, 15))
    [newest] = (folder / run_folder.CHECKPOINTS).glob("*16")
    (newest / checkpoints.WEIGHTS).write_bytes(b"")
    assert train(folder, resume=True) == "finished"
    [note] = events_of(Noted, folder)
    assert isinstance(note, Noted)
    assert note.text.startswith("step-0000016: weights.safetensors is empty: using an earlier")
    assert [event.step for event in events_of(Began, folder) if isinstance(event, Began)] == [0, 11]
    assert_same_outcome(read_outcome(folder), read_outcome(uninterrupted))


def test_without_an_intact_checkpoint_a_run_starts_over(uninterrupted: Path, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, measure_training=True))
    train(folder, stop_after(folder, 15))
    shutil.rmtree(folder / run_folder.CHECKPOINTS)
    (folder / run_folder.CHECKPOINTS).mkdir()
    assert train(folder, resume=True) == "finished"
    assert_same_outcome(read_outcome(folder), read_outcome(uninterrupted))


def test_a_run_fails_if_its_folder_is_removed(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, length=10_000))
    with pytest.raises(OSError, match="No such file"):
        train(folder, after_step(0, lambda: shutil.rmtree(folder)))


def test_a_batch_that_workers_can_not_split_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, batch_size=100))
    with pytest.raises(RecipeError, match=r"^batch_size: 100 images .* across 3 workers: choose a multiple of 3"):
        run(folder, tmp_path, NullSink(), Workers(0, 3))
