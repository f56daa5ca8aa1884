"""`train` on the command line: its output, its options, and what it rejects before it starts."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_studio.cli.main import main
from resnet_studio.cli.train import build_recipe, in_epochs
from resnet_studio.networks.presets import preset
from resnet_studio.training.recipe import Recipe, learning_rate, to_json
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.summary import summarize
from resnet_studio.training.runs.writer import RunWriter

SMALL = ("--set", "width=4", "--set", "blocks=1,1,1")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `train` on a small network in this process, with runs in the test's folder: code, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(["train", *arguments, "--runs", str(tmp_path / "runs"), "--threads", "1"])
        return code, *capsys.readouterr()

    return call


def chosen(architecture: str = "resnet20-cifar", **options: object) -> Recipe:
    values = {"data": None, "name": None, "changed": {}, "changes": (), **options}
    return build_recipe(preset(architecture), **values)  # type: ignore[arg-type]


def test_json_and_nothing_else(run: Run, tmp_path: Path) -> None:
    code, out, err = run("resnet20-cifar", *SMALL, "--data", "digits", "--epochs", "1", "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    folder = tmp_path / "runs" / result["name"]
    assert result["folder"] == str(folder)
    assert (result["how"], result["steps"], result["data"], result["shortcut"], result["depth"]) == (
        "finished", 11, "digits", "A", 8,
    )  # fmt: skip
    assert 0 <= result["best_error"] == result["test_error"] <= 1
    assert result == summarize(folder).to_json()
    manifest = run_folder.read_manifest(folder)
    assert manifest.command[:3] == ("resnet-studio", *manifest.command[1:3])
    assert {"python", "torch", "torchvision", "numpy", "resnet-studio"} == manifest.versions.keys()
    assert (manifest.threads, manifest.workers) == (1, 1)


def test_text_output(run: Run) -> None:
    code, out, err = run("resnet20-cifar", *SMALL, "--epochs", "1", "--name", "mine")
    assert (code, err) == (0, "")
    first, second, *others, last = out.splitlines()
    assert "network adapted to the data: channels 3 → 1, image 32 → 8" in others
    assert first.startswith("mine finished after 11 steps, ")
    assert second.startswith("test error ")
    assert last.startswith("saved in ")


def test_every_option_of_the_recipe(run: Run, tmp_path: Path) -> None:
    options = ["--epochs", "1", "--batch-size", "256", "--lr", "0.02", "--seed", "3", "--precision", "bf16"]
    changes = ["--change", "schedule=linear", "--change", "label_smoothing=0.1", "--change", "warmup=0"]
    code, _, err = run("resnet20-cifar", *SMALL, *options, *changes, "--name", "mine")
    assert (code, err) == (0, "")
    recipe = run_folder.read_manifest(tmp_path / "runs" / "mine").recipe
    assert recipe == replace(
        RECIPES["digits-quick"], length=1, batch_size=256, lr=0.02, seed=3, precision="bf16", schedule="linear",
        label_smoothing=0.1,
    )  # fmt: skip


def test_a_recipe_from_a_file(run: Run, tmp_path: Path) -> None:
    path, value = tmp_path / "mine.json", Recipe(length=1, batch_size=512, lr=0.01)
    path.write_text(json.dumps(to_json(value)))
    assert run("resnet20-cifar", *SMALL, "--recipe", str(path), "--name", "mine")[0] == 0
    assert run_folder.read_manifest(tmp_path / "runs" / "mine").recipe == value


def test_runs_without_a_name_get_one_each(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        assert run("resnet20-cifar", "--epochs", "1", "--batch-size", "1024", "--set", "width=2")[0] == 0
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert len(names) == 2
    assert [name[-2:] for name in names] == ["-1", "-2"]


def test_the_data_determine_the_default_recipe() -> None:
    assert chosen() == RECIPES["digits-quick"]
    assert chosen(data="cifar10") == RECIPES["paper-cifar"]
    assert chosen("resnet110-cifar", data="cifar100") == replace(RECIPES["paper-cifar-110"], data="cifar100")
    assert chosen(data="/photos") == replace(RECIPES["folder-quick"], data="/photos")
    assert chosen(name="digits-degradation") == RECIPES["digits-degradation"]
    assert chosen(data="mnist", name="paper-cifar") == replace(RECIPES["paper-cifar"], data="mnist")


def test_the_papers_iterations_as_epochs() -> None:
    """64k iterations of 128 images are 164 epochs of CIFAR-10's 50,000; the rate falls after 82 and 123."""
    recipe = chosen(data="cifar10", changed={"length": 164})
    assert (recipe.unit, recipe.length, recipe.milestones, recipe.schedule) == ("epochs", 164, (82, 123), "steps")
    per_epoch = 50_000 // 128
    for step in (0, 31_900, 32_100, 47_900, 48_100, 63_900):
        expected = learning_rate(RECIPES["paper-cifar"], step, per_epoch)
        assert learning_rate(recipe, step, per_epoch) == pytest.approx(expected), step
    deep = in_epochs(RECIPES["paper-cifar-110"], 164)
    assert (deep.warmup, deep.warmup_lr) == (1, 0.01)  # 390 iterations for the paper's 400


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 10])
@pytest.mark.parametrize("name", RECIPES)
def test_any_recipe_can_be_shortened_to_few_epochs(name: str, epochs: int) -> None:
    recipe = chosen(name=name, changed={"length": epochs})
    assert (recipe.unit, recipe.length) == ("epochs", epochs)
    assert all(learning_rate(recipe, step, 10) >= 0 for step in range(10 * epochs))
    assert learning_rate(recipe, 0, 10) > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet21-cifar"], "unknown preset 'resnet21-cifar'"),
        ([], "train needs an architecture, as in `train resnet20-cifar --data digits`, or --resume RUN"),
        (
            ["resnet20-cifar", "--data", "cfar10"],
            "cfar10: directory or data set not found. Data sets: digits, mnist",
        ),
        (["resnet20-cifar", "--recipe", "digit-quick"], "unknown recipe 'digit-quick': did you mean digits-quick"),
        (["resnet20-cifar", "--recipe", "absent.json"], "absent.json does not exist"),
        (["resnet20-cifar", "--change", "lr"], "--change lr: must be FIELD=VALUE"),
        (["resnet20-cifar", "--change", "speed=3"], "speed: unknown field"),
        (["resnet20-cifar", "--change", "lr=fast"], "lr: must be a number from 0 to 1000, got 'fast'"),
        (["resnet20-cifar", "--epochs", "0"], "--epochs must be at least 1, got 0"),
        (["resnet20-cifar", "--precision", "fp8"], "precision: must be one of fp32, bf16, fp16"),
        (["resnet20-cifar", "--set", "depth=21"], "depth"),
        (["--resume", "absent"], "absent is not a run"),
        (["resnet20-cifar", "--set", "channels=12"], "--set channels=12: Digits (scikit-learn) has 1, and the network"),
        (["resnet20-cifar", "--set", "classes=7"], "--set classes=7: Digits (scikit-learn) has 10, and the network"),
        (["resnet20-cifar", "--data", "mnist", "--set", "image=32"], "--set image=32: MNIST has 28, and the network"),
        (["resnet20-cifar", "--epochs", "3", "--change", "length=4"], "--change length=4: length is set twice"),
        (["resnet20-cifar", "--change", "milestones=1"], "--change milestones=1 has no effect with schedule"),
    ],
)
def test_invalid_arguments_are_rejected_before_a_run_is_created(
    run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_name_that_is_taken(run: Run, tmp_path: Path) -> None:
    run_folder.create(tmp_path / "runs" / "mine", run_folder.Manifest("mine", preset("resnet20-cifar"), Recipe(), 0.0))
    code, _, err = run("resnet20-cifar", "--name", "mine")
    assert code == 2
    assert "mine: a run with this name already exists" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "cifar10"], "CIFAR-10 is not downloaded. Use --download to get 170 MB into"),
        (["--data", "cifar10", "--download"], "CIFAR-10 could not be downloaded"),
        (["--device", "cuda:7"], "cuda:7 is not available on this machine"),
        (["--lr", "1000", "--change", "weight_decay=10"], "the loss is not finite from step"),
    ],
)
def test_later_failures_are_one_line_and_a_failed_run(
    run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, out, err = run("resnet20-cifar", *SMALL, "--name", "mine", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    state = summarize(tmp_path / "runs" / "mine")
    assert (state.how, message in state.why) == ("failed", True)


def test_a_data_folder_is_recorded_by_its_absolute_path(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A run may be resumed from another directory."""
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    code, _, err = run("resnet20-cifar", "--data", "photos", "--name", "mine")
    assert code == 2
    assert "photos: it has no folders in it; each class needs one with its images" in err
    assert run_folder.read_manifest(tmp_path / "runs" / "mine").recipe.data == str(tmp_path / "photos")


def stop_after(folder: Path, steps: int) -> threading.Timer:
    """Request a stop once the run has trained so many steps."""

    def check() -> None:
        if (folder / run_folder.MANIFEST).exists() and summarize(folder).steps >= steps:
            run_folder.make_request(folder, run_folder.STOP)
        else:
            stop_after(folder, steps)

    timer = threading.Timer(0.05, check)
    timer.start()
    return timer


def test_a_stopped_run_is_resumed_by_name_or_path(run: Run, tmp_path: Path) -> None:
    folder, seen = tmp_path / "runs" / "mine", [0]
    for arguments in (("resnet20-cifar", *SMALL, "--epochs", "500", "--name", "mine"), ("--resume", "mine"),
                      ("--resume", str(folder))):  # fmt: skip
        stop_after(folder, seen[-1] + 1)
        code, out, _ = run(*arguments, "--json")
        assert (code, json.loads(out)["how"]) == (0, "stopped")
        seen.append(json.loads(out)["steps"])
    assert sorted(set(seen)) == seen


def created_run(tmp_path: Path) -> Path:
    """A run that was created, as by the window, and has not begun."""
    folder = tmp_path / "runs" / "mine"
    architecture = replace(preset("resnet20-cifar"), width=4, blocks=(1, 1, 1))
    run_folder.make_run(folder, architecture, replace(RECIPES["digits-quick"], length=1), threads=1)
    return folder


def begin_or_resume(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    return main(["train", *arguments]), *capsys.readouterr()


@pytest.mark.parametrize("by_name", [True, False])
def test_a_created_run_is_begun_once_and_then_only_resumed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, by_name: bool
) -> None:
    folder = created_run(tmp_path)
    manifest = (folder / run_folder.MANIFEST).read_bytes()
    named = ["mine", "--runs", str(folder.parent)] if by_name else [str(folder)]
    code, out, err = begin_or_resume(capsys, "--resume", *named)
    assert (code, out) == (2, "")
    assert err == "resnet-studio: mine has not begun yet. Use --run to begin it\n"
    code, out, err = begin_or_resume(capsys, "--run", *named, "--json")
    assert (code, err) == (0, "")
    assert (json.loads(out)["how"], json.loads(out)["steps"]) == ("finished", 11)
    assert (folder / run_folder.MANIFEST).read_bytes() == manifest
    code, out, err = begin_or_resume(capsys, "--run", *named)
    assert (code, out) == (2, "")
    assert err == "resnet-studio: mine has begun already. Use --resume to continue it\n"
    assert summarize(folder).steps == 11


def test_a_run_whose_process_was_killed_before_it_began_is_listed_and_can_be_begun(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = created_run(tmp_path)
    os.utime(folder / run_folder.MANIFEST, (0, 0))
    assert main(["runs", "--runs", str(folder.parent), "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["name"], listed["how"], listed["steps"]) == ("mine", "killed", 0)
    assert begin_or_resume(capsys, "--run", str(folder))[0] == 0
    assert summarize(folder).how == "finished"


def test_a_run_that_another_process_is_beginning_is_left_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = created_run(tmp_path)
    with RunWriter(folder):  # it has loaded PyTorch, but written no event yet
        for option in ("--run", "--resume"):
            code, out, err = begin_or_resume(capsys, option, str(folder))
            assert (code, out) == (2, "")
            assert err.startswith(f"resnet-studio: mine is still running in process {os.getpid()} on ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--run", "mine", "resnet18"], "--run begins a run with its own settings. Remove ARCH"),
        (["--run", "mine", "--epochs", "3", "--change", "lr=1", "--data", "digits"],
         "--run begins a run with its own settings. Remove --change, --data, --epochs"),
        (["--run", "mine", "--threads", "0"], "--run begins a run with its own settings. Remove --threads"),
        (["--run", "mine", "--resume", "mine"], "--run begins a run with its own settings. Remove --resume"),
        (["--run", "absent"], "absent is not a run"),
        (["--resume", "mine", "resnet18", "--name", "x"],
         "--resume keeps the run's network and name. Remove --name, ARCH"),
        (["--resume", "mine", "--set", "width=4"], "--resume keeps the run's network and name. Remove --set"),
    ],
)  # fmt: skip
def test_options_that_contradict_an_existing_run_are_rejected(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    folder = created_run(tmp_path)
    code, out, err = begin_or_resume(capsys, *arguments, "--runs", str(folder.parent))
    assert (code, out) == (2, "")
    assert err.startswith(f"resnet-studio: {message}")
    assert err.count("\n") == 1
    assert not run_folder.has_begun(folder)


def test_a_terminal_gets_progress_and_its_cursor_back(tmp_path: Path) -> None:
    """A real terminal and Ctrl+C: the bar is drawn, the run stops with a checkpoint, and the cursor is shown again."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "resnet_studio", "train", "resnet20-cifar", *SMALL, "--epochs", "5000"]
    process = subprocess.Popen(
        [*command, "--runs", str(tmp_path), "--name", "mine", "--threads", "1"], stdin=theirs, stdout=theirs,
        stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"}, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"test error" not in seen:
        seen += os.read(ours, 65536)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            seen += os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
    os.close(ours)
    assert process.wait() == 0
    assert b"mine: loading PyTorch" in seen
    assert b"mine stopped after " in seen
    assert b"Finishing this step and saving a checkpoint. Press Ctrl+C again to stop immediately." in seen
    assert seen.rindex(b"\x1b[?25h") > seen.rindex(b"\x1b[?25l"), "the cursor is shown again"


@pytest.mark.parametrize("name", [".", "..", "../x", "a/b", ""])
def test_a_name_outside_of_the_runs_folder_is_rejected(run: Run, tmp_path: Path, name: str) -> None:
    code, out, err = run("resnet20-cifar", *SMALL, "--epochs", "1", "--name", name)
    assert (code, out) == (2, "")
    assert err.startswith(f"resnet-studio: {name!r} is not a valid run name")
    assert list(tmp_path.iterdir()) == []
