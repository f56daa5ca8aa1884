"""Resuming with changes: they are recorded, fixed fields are rejected, changed data are noticed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from resnet_studio.cli.main import main
from resnet_studio.training.compute import folders
from resnet_studio.training.recipe import Recipe, RecipeError, learning_rate, to_json
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Changed, Prepared
from resnet_studio.training.runs.fingerprint import differences, digest
from resnet_studio.training.runs.resuming import change_event, check_change, check_length, current_recipe
from small import (
    SHORT,
    TINY,
    assert_same_outcome,
    events_of,
    make_class_folders,
    make_run,
    noise_image,
    read_curves,
    read_events,
    read_outcome,
    stop_after,
    train,
)

PER_EPOCH = 11
CONSTANT = replace(SHORT, schedule="constant")


def go_on(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> tuple[int, str]:
    """`train --resume` with some options, in this process: its exit code and output."""
    code = main(["train", "--resume", str(folder), *options])
    out, err = capsys.readouterr()
    return code, out + err


def changes(folder: Path) -> list[tuple[int, tuple[str, ...]]]:
    return [(event.step, event.changes) for event in events_of(Changed, folder) if isinstance(event, Changed)]


def test_a_finished_run_can_be_extended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At a constant learning rate the result equals that of a run of the full length."""
    whole = make_run(tmp_path / "whole", replace(CONSTANT, length=2))
    folder = make_run(tmp_path / "run", replace(CONSTANT, length=1))
    assert train(whole) == train(folder) == "finished"
    code, message = go_on(capsys, folder, "--epochs", "2")
    assert code == 0
    assert "run finished after 22 steps" in message
    assert "from step 12 on: length 1 → 2" in message
    assert changes(folder)[0][0] == PER_EPOCH
    one, other = read_outcome(folder), read_outcome(whole)
    assert_same_outcome(replace(one, measured=[], gradients=[]), replace(other, measured=[], gradients=[]))


def test_a_stopped_run_resumes_at_another_learning_rate_and_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    folder = make_run(tmp_path / "run", CONSTANT)
    assert train(folder, stop_after(folder, 3)) == "stopped"
    assert go_on(capsys, folder, "--lr", "0.01", "--change", "schedule=linear")[0] == 0
    rates = read_curves(folder).per_step("rate").y.tolist()
    gentler = replace(CONSTANT, lr=0.01, schedule="linear")
    assert rates == [0.05] * 4 + [learning_rate(gentler, step, PER_EPOCH) for step in range(4, 22)]
    assert changes(folder) == [
        (4, ("lr 0.05 → 0.01", "schedule constant → linear", "the learning rate continues at 0.00818 instead of 0.05"))
    ]
    assert run_folder.read_manifest(folder).recipe == CONSTANT, "the original configuration is kept"
    assert current_recipe(CONSTANT, read_events(folder)) == gentler


def test_a_change_persists_when_the_run_is_resumed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path / "run", CONSTANT)
    train(folder, stop_after(folder, 3))
    for length in (3, 4):
        assert go_on(capsys, folder, "--epochs", str(length))[0] == 0
    assert go_on(capsys, folder)[0] == 2
    assert read_curves(folder).steps == 44
    assert [text[0] for _, text in changes(folder)] == ["length 2 → 3", "length 3 → 4"]


@pytest.mark.parametrize(
    "options",
    [
        ("--precision", "fp16"),
        ("--precision", "bf16"),
        ("--change", "momentum=0"),
        ("--change", "augmentation=shift"),
        ("--change", "warmup=1", "--change", "warmup_lr=0.001"),
        ("--change", "schedule=steps", "--change", "milestones=1"),
        ("--change", "milestones=1", "--change", "schedule=steps"),
        ("--change", "unit=steps", "--change", "length=13"),
        ("--recipe", "digits-degradation"),
    ],
    ids=" ".join,
)
def test_changeable_fields_change(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]) -> None:
    folder = make_run(tmp_path / "run", CONSTANT)
    train(folder, stop_after(folder, 3))
    code, message = go_on(capsys, folder, *options)
    assert code == 0, message
    assert read_curves(folder).state == "finished"
    assert len(changes(folder)) == 1
    assert current_recipe(CONSTANT, read_events(folder)) != CONSTANT


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--batch-size", "64"],
            "batch_size: can't change on resuming: its steps use batches",
        ),
        (["--change", "batch_size=64"], "batch_size: can't change"),
        (["--seed", "3"], "seed: can't change on resuming: its image order depends on seed 0"),
        (["--change", "optimizer=adamw"], "optimizer: can't change on resuming: its checkpoint has the state"),
        (["--change", "holdout=100"], "holdout: can't change on resuming: it would be tested on images it"),
        (["--change", "normalise=pixel"], "normalise: can't change on resuming"),
        (["--data", "mnist"], "data: can't change on resuming: it was started with digits"),
        (["--epochs", "1"], "length: the run has already trained 1.455 epochs; set a greater length"),
        (["--change", "unit=steps", "--change", "length=16"], "length: the run has already trained 16 steps"),
        (["--set", "width=8"], "--resume keeps the run's network and name. Remove --set"),
        (["resnet20-cifar"], "Remove ARCH"),
        (["--name", "other"], "Remove --name"),
        (["--threads", "2"], "--threads 2: a resumed run keeps its number of threads"),
        (["--lr", "0.1", "--change", "lr=0.2"], "--change lr=0.2: lr is set twice"),
        (["--change", "lr=0.1", "--change", "lr=0.2"], "--change lr=0.2: lr is set twice"),
        (
            ["--change", "milestones=1"],
            "--change milestones=1 has no effect with schedule constant, only",
        ),
        (["--change", "warmup_lr=0.1"], "--change warmup_lr=0.1 has no effect without warm-up"),
        (["--change", "speed=3"], "speed: unknown field"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_fixed_fields_are_rejected_and_the_run_is_unchanged(
    stopped: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    before = (stopped / run_folder.EVENTS).read_bytes()
    code, text = go_on(capsys, stopped, *options)
    assert code == 2
    assert message in text
    assert text.count("\n") == 1
    assert (stopped / run_folder.EVENTS).read_bytes() == before


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_run(tmp_path_factory.mktemp("runs") / "run", CONSTANT)
    assert train(folder, stop_after(folder, 15)) == "stopped"
    return folder


def test_every_field_is_either_fixed_or_recorded_as_changed() -> None:
    """Fails for a new field until it is added here."""
    other = {
        "data": "/photos", "length": 9, "unit": "steps", "lr": 1.0, "momentum": 0.5, "weight_decay": 0.1,
        "schedule": "linear", "warmup": 1, "warmup_lr": 0.1, "label_smoothing": 0.1, "augmentation": "shift",
        "measure_training": True, "damaged": "skip", "precision": "bf16", "device": "cuda", "milestones": (1,),
        "stochastic_depth": 0.2,
    }  # fmt: skip
    before = replace(CONSTANT, data="/images")
    for field in (one.name for one in fields(before)):
        if field in other:
            after = replace(before, **{field: other[field]})
            check_change(before, after)
            assert any(text.startswith(f"{field} ") for text in change_event(before, after, 4, 11).changes)
        else:
            fixed = {
                "batch_size": 1, "optimizer": "adamw", "seed": 1, "normalise": "pixel", "holdout": 1,
                "zero_init_residual": True,
            }  # fmt: skip
            with pytest.raises(RecipeError, match=f"^{field}: can't change"):
                check_change(before, replace(before, **{field: fixed[field]}))  # type: ignore[arg-type]


def test_a_length_must_exceed_the_trained_steps() -> None:
    check_length(replace(SHORT, length=3), 11, 32)
    with pytest.raises(RecipeError, match=r"has already trained 3 epochs"):
        check_length(replace(SHORT, length=3), 11, 33)


def test_a_damaged_change_is_ignored() -> None:
    good = Changed(0.0, 1, to_json(replace(SHORT, lr=0.01)), ())
    bad = Changed(0.0, 2, {"lr": "fast"}, ())
    assert current_recipe(SHORT, [good, bad]) == replace(SHORT, lr=0.01)


# Data that changed.

COLOR = replace(TINY, channels=3)


@pytest.fixture(params=["held", "streamed"])
def on_images(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Images in class folders, and a stopped run on them."""
    if request.param == "streamed":
        monkeypatch.setattr(folders, "MAX_IN_MEMORY", 0)
    data = make_class_folders(tmp_path / "data", {"cat": 12, "dog": 12})
    folder = make_run(tmp_path / "run", Recipe(data=str(data), length=3, batch_size=8, lr=0.01), COLOR)
    assert train(folder, stop_after(folder, 2)) == "stopped"
    return data, folder


def renamed(data: Path) -> None:
    (data / "dog").rename(data / "hound")


def added(data: Path) -> None:
    make_class_folders(data, {"bird": 3})


def removed(data: Path) -> None:
    shutil.rmtree(data / "cat")
    make_class_folders(data, {"ant": 2, "bee": 2})


def one_less(data: Path) -> None:
    (data / "cat" / "003.png").unlink()


def one_other_name(data: Path) -> None:
    (data / "cat" / "003.png").rename(data / "cat" / "zzz.png")


def one_replaced(data: Path) -> None:
    noise_image(77, (40, 40)).save(data / "cat" / "003.png")


def moved_between(data: Path) -> None:
    (data / "cat" / "003.png").rename(data / "dog" / "a.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (renamed, "class dog is missing; class hound is new"),
        (added, "class bird is new"),
        (removed, "class cat is missing; classes ant, bee are new"),
        (one_less, "class cat had 12 images, now 11"),
        (one_other_name, "files were renamed or replaced"),
        (one_replaced, "files were renamed or replaced"),
        (moved_between, "class cat had 12 images, now 11; class dog had 12 images, now 13"),
    ],
)
def test_changed_data_are_noticed(
    on_images: tuple[Path, Path], capsys: pytest.CaptureFixture[str], change: Callable[[Path], None], message: str
) -> None:
    data, folder = on_images
    change(data)
    code, text = go_on(capsys, folder)
    assert code == 2
    assert f"{data} has changed since this run started: {message}. Restore the original images" in text
    assert read_curves(folder).steps == 3


def test_moved_data_are_the_same(on_images: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    data, folder = on_images
    moved = data.with_name("moved")
    data.rename(moved)
    code, text = go_on(capsys, folder)
    assert code == 2
    assert str(data) in text
    code, text = go_on(capsys, folder, "--data", str(moved))
    assert code == 0, text
    assert read_curves(folder).state == "finished"
    assert changes(folder) == [(3, (f"data {data} → {moved}",))]


def test_a_digest_is_of_names_classes_and_sizes(tmp_path: Path) -> None:
    data = make_class_folders(tmp_path / "data", {"a": 2, "b": 2})
    examples = [(str(path), int(path.parent.name == "b")) for path in sorted(data.rglob("*.png"))]
    first = digest(data, examples)
    assert digest(data, examples[::-1]) == first
    assert digest(data, [(examples[0][0], 1), *examples[1:]]) != first
    assert digest(data, examples[1:]) != first


def test_an_older_run_without_digest_is_compared_by_its_totals() -> None:
    before = Prepared(
        0.0, {}, (), ("a", "b"), 8, 2, "", 1, 1, "", (0.0,), (1.0,)
    )  # fmt: skip
    now = replace(before, images_of_class=(5, 5), digest="abc")
    assert differences(before, now) == []
    assert differences(before, replace(now, training_images=7)) == [
        "there were 8 training and 2 test images, now 7 and 2"
    ]
    many = replace(now, classes=tuple("abcdefgh"), images_of_class=(1,) * 8)
    lines = differences(many, replace(many, images_of_class=(2,) * 8))
    assert lines[-1] == "3 more classes also changed"
    assert len(lines) == 6
