"""Going on with a run in another way: what is done is recorded, what can't be is refused, changed data are noticed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_studio.cli.main import main
from resnet_studio.training.compute import folders
from resnet_studio.training.recipe import Recipe, RecipeError, learning_rate, to_json
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Changed, Prepared
from resnet_studio.training.runs.fingerprint import differences, digest
from resnet_studio.training.runs.resuming import changed, check_change, check_length, recipe_of
from small import (
    SHORT,
    TINY,
    assert_same,
    class_folders,
    curves,
    events,
    make_run,
    only,
    outcome,
    picture,
    stop_at,
    train,
)

PER_EPOCH = 11
CONSTANT = replace(SHORT, schedule="constant")


def go_on(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> tuple[int, str]:
    """`train --resume` with some options, in this process: its code and what it printed."""
    code = main(["train", "--resume", str(folder), *options])
    out, err = capsys.readouterr()
    return code, out + err


def changes(folder: Path) -> list[tuple[int, tuple[str, ...]]]:
    return [(event.step, event.changes) for event in only(Changed, folder) if isinstance(event, Changed)]


def test_a_finished_run_goes_on_for_longer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At a constant rate the longer run is the one that would have been."""
    whole = make_run(tmp_path / "whole", replace(CONSTANT, length=2))
    folder = make_run(tmp_path / "run", replace(CONSTANT, length=1))
    assert train(whole) == train(folder) == "finished"
    code, said = go_on(capsys, folder, "--epochs", "2")
    assert code == 0
    assert "run finished after 22 steps" in said
    assert "from step 12 on: length 1 → 2" in said
    assert changes(folder)[0][0] == PER_EPOCH
    one, other = outcome(folder), outcome(whole)
    assert_same(replace(one, measured=[], gradients=[]), replace(other, measured=[], gradients=[]))


def test_a_stopped_run_goes_on_at_another_rate_and_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    folder = make_run(tmp_path / "run", CONSTANT)
    assert train(folder, stop_at(folder, 3)) == "stopped"
    assert go_on(capsys, folder, "--lr", "0.01", "--change", "schedule=linear")[0] == 0
    rates = curves(folder).training("rate").y.tolist()
    gentler = replace(CONSTANT, lr=0.01, schedule="linear")
    assert rates == [0.05] * 4 + [learning_rate(gentler, step, PER_EPOCH) for step in range(4, 22)]
    assert changes(folder) == [
        (4, ("lr 0.05 → 0.01", "schedule constant → linear", "the learning rate goes on at 0.00818 instead of 0.05"))
    ]
    assert run_folder.read(folder).recipe == CONSTANT, "what was asked for at first stays"
    assert recipe_of(CONSTANT, events(folder)) == gentler


def test_a_change_holds_for_the_resumes_after_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path / "run", CONSTANT)
    train(folder, stop_at(folder, 3))
    for length in (3, 4):
        assert go_on(capsys, folder, "--epochs", str(length))[0] == 0
    assert go_on(capsys, folder)[0] == 2
    assert curves(folder).steps == 44
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
def test_what_can_change_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]) -> None:
    folder = make_run(tmp_path / "run", CONSTANT)
    train(folder, stop_at(folder, 3))
    code, said = go_on(capsys, folder, *options)
    assert code == 0, said
    assert curves(folder).state == "finished"
    assert len(changes(folder)) == 1
    assert recipe_of(CONSTANT, events(folder)) != CONSTANT


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--batch-size", "64"],
            "batch_size: can't change when a run goes on: its steps are counted in batches",
        ),
        (["--change", "batch_size=64"], "batch_size: can't change"),
        (["--seed", "3"], "seed: can't change when a run goes on: the order of its images follows from seed 0"),
        (["--change", "optimizer=adamw"], "optimizer: can't change when a run goes on: its checkpoint holds the state"),
        (["--change", "holdout=100"], "holdout: can't change when a run goes on: it would be tested on images that"),
        (["--change", "normalise=pixel"], "normalise: can't change when a run goes on"),
        (["--data", "mnist"], "data: can't change when a run goes on: it was begun with digits"),
        (["--epochs", "1"], "length: the run has trained 1.455 epochs already, and can only go on to a later end"),
        (["--change", "unit=steps", "--change", "length=16"], "length: the run has trained 16 steps already"),
        (["--set", "width=8"], "--resume goes on with the network and the name that the run has: leave --set out"),
        (["resnet20-cifar"], "leave ARCH out"),
        (["--name", "other"], "leave --name out"),
        (["--threads", "2"], "--threads 2: a run that goes on computes as it began"),
        (["--lr", "0.1", "--change", "lr=0.2"], "--change lr=0.2: lr is set twice"),
        (["--change", "lr=0.1", "--change", "lr=0.2"], "--change lr=0.2: lr is set twice"),
        (
            ["--change", "milestones=1"],
            "--change milestones=1 has no effect with the schedule constant, only",
        ),
        (["--change", "warmup_lr=0.1"], "--change warmup_lr=0.1 has no effect without a warm-up"),
        (["--change", "speed=3"], "speed: no such field"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_can_not_change_is_refused_and_the_run_is_as_it_was(
    stopped: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    before = (stopped / run_folder.EVENTS).read_bytes()
    code, text = go_on(capsys, stopped, *options)
    assert code == 2
    assert said in text
    assert text.count("\n") == 1
    assert (stopped / run_folder.EVENTS).read_bytes() == before


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_run(tmp_path_factory.mktemp("runs") / "run", CONSTANT)
    assert train(folder, stop_at(folder, 15)) == "stopped"
    return folder


def test_every_field_is_either_kept_or_told() -> None:
    """A field that will be added has to be thought of."""
    other = {
        "data": "/photos", "length": 9, "unit": "steps", "lr": 1.0, "momentum": 0.5, "weight_decay": 0.1,
        "schedule": "linear", "warmup": 1, "warmup_lr": 0.1, "label_smoothing": 0.1, "augmentation": "shift",
        "measure_training": True, "damaged": "skip", "precision": "bf16", "device": "cuda", "milestones": (1,),
    }  # fmt: skip
    before = replace(CONSTANT, data="/images")
    for field in to_json(before):
        if field in other:
            after = replace(before, **{field: other[field]})
            check_change(before, after)
            assert any(text.startswith(f"{field} ") for text in changed(before, after, 4, 11).changes)
        else:
            fixed = {"batch_size": 1, "optimizer": "adamw", "seed": 1, "normalise": "pixel", "holdout": 1}
            with pytest.raises(RecipeError, match=f"^{field}: can't change"):
                check_change(before, replace(before, **{field: fixed[field]}))  # type: ignore[arg-type]


def test_a_length_must_lie_ahead() -> None:
    check_length(replace(SHORT, length=3), 11, 32)
    with pytest.raises(RecipeError, match=r"has trained 3 epochs already"):
        check_length(replace(SHORT, length=3), 11, 33)


def test_a_damaged_change_is_passed_over() -> None:
    good = Changed(0.0, 1, to_json(replace(SHORT, lr=0.01)), ())
    bad = Changed(0.0, 2, {"lr": "fast"}, ())
    assert recipe_of(SHORT, [good, bad]) == replace(SHORT, lr=0.01)


# Data that changed.

COLOUR = replace(TINY, channels=3)


@pytest.fixture(params=["held", "streamed"])
def on_images(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Images in class folders, and a run on them that was stopped."""
    if request.param == "streamed":
        monkeypatch.setattr(folders, "MOST_HELD", 0)
    data = class_folders(tmp_path / "data", {"cat": 12, "dog": 12})
    folder = make_run(tmp_path / "run", Recipe(data=str(data), length=3, batch_size=8, lr=0.01), COLOUR)
    assert train(folder, stop_at(folder, 2)) == "stopped"
    return data, folder


def renamed(data: Path) -> None:
    (data / "dog").rename(data / "hound")


def added(data: Path) -> None:
    class_folders(data, {"bird": 3})


def removed(data: Path) -> None:
    shutil.rmtree(data / "cat")
    class_folders(data, {"ant": 2, "bee": 2})


def one_less(data: Path) -> None:
    (data / "cat" / "003.png").unlink()


def one_other_name(data: Path) -> None:
    (data / "cat" / "003.png").rename(data / "cat" / "zzz.png")


def one_replaced(data: Path) -> None:
    picture(77, (40, 40)).save(data / "cat" / "003.png")


def moved_between(data: Path) -> None:
    (data / "cat" / "003.png").rename(data / "dog" / "a.png")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (renamed, "class dog is gone; class hound is new"),
        (added, "class bird is new"),
        (removed, "class cat is gone; classes ant, bee are new"),
        (one_less, "class cat had 12 images and has 11"),
        (one_other_name, "files were renamed or replaced by others"),
        (one_replaced, "files were renamed or replaced by others"),
        (moved_between, "class cat had 12 images and has 11; class dog had 12 images and has 13"),
    ],
)
def test_data_that_changed_are_noticed(
    on_images: tuple[Path, Path], capsys: pytest.CaptureFixture[str], change: Callable[[Path], None], said: str
) -> None:
    data, folder = on_images
    change(data)
    code, text = go_on(capsys, folder)
    assert code == 2
    assert f"{data} has changed since this run began: {said}. Put the images back as they were" in text
    assert curves(folder).steps == 3


def test_data_that_moved_are_the_same(on_images: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    data, folder = on_images
    moved = data.with_name("moved")
    data.rename(moved)
    code, text = go_on(capsys, folder)
    assert code == 2
    assert str(data) in text
    code, text = go_on(capsys, folder, "--data", str(moved))
    assert code == 0, text
    assert curves(folder).state == "finished"
    assert changes(folder) == [(3, (f"data {data} → {moved}",))]


def test_a_digest_is_of_names_classes_and_sizes(tmp_path: Path) -> None:
    data = class_folders(tmp_path / "data", {"a": 2, "b": 2})
    examples = [(str(path), int(path.parent.name == "b")) for path in sorted(data.rglob("*.png"))]
    first = digest(data, examples)
    assert digest(data, examples[::-1]) == first
    assert digest(data, [(examples[0][0], 1), *examples[1:]]) != first
    assert digest(data, examples[1:]) != first


def test_an_older_run_has_no_digest_and_its_totals_count() -> None:
    before = Prepared(
        0.0, {}, (), ("a", "b"), 8, 2, "", 1, 1, "", (0.0,), (1.0,)
    )  # fmt: skip
    now = replace(before, images_of_class=(5, 5), digest="abc")
    assert differences(before, now) == []
    assert differences(before, replace(now, training_images=7)) == [
        "there were 8 training and 2 test images, and are 7 and 2"
    ]
    many = replace(now, classes=tuple("abcdefgh"), images_of_class=(1,) * 8)
    told = differences(many, replace(many, images_of_class=(2,) * 8))
    assert told[-1] == "3 more classes have other numbers, too"
    assert len(told) == 6
