"""Files that version 0.1 of the program wrote still open, and say the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fork_server import ForkServer
from resnet_studio.gui.session_file import restore, to_text
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.values import WeightsFile
from resnet_studio.networks import architecture as architectures
from resnet_studio.training import recipe as recipes
from resnet_studio.training import snapshots
from resnet_studio.training.degradation.experiment import read_experiment, to_json
from resnet_studio.training.runs import events, run_folder
from resnet_studio.training.runs.summary import summarize
from small import TINY, read_curves, read_events

FILES = Path(__file__).parents[1] / "files_of_0_1"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FILES, tmp_path / "files"))


def test_a_session_keeps_every_entry(files: Path) -> None:
    before = json.loads((files / "session.json").read_text())
    state, problem = restore(files / "session.json")
    assert problem == ""
    after = json.loads(to_text(state))
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(("name", "module"), [("architecture", architectures), ("recipe", recipes)])
def test_values_are_read_and_written_alike(name: str, module) -> None:
    text = (FILES / f"{name}.json").read_text()
    assert module.to_json(module.from_json(text)) == json.loads(text)


def test_a_manifest_keeps_every_entry() -> None:
    for path in FILES.glob("runs/**/run.json"):
        before = json.loads(path.read_text())
        assert run_folder.to_json(run_folder.read_manifest(path.parent)) == before


def test_every_event_is_read_and_written_alike() -> None:
    count = 0
    for path in FILES.glob("runs/**/events.jsonl"):
        for line in path.read_text().splitlines():
            event = events.from_line(line)
            assert event is not None
            assert json.loads(events.to_line(event)) == json.loads(line)
            count += 1
    assert count > 50


def test_a_run_has_its_curves_and_its_end(files: Path) -> None:
    folder = files / "runs" / "small"
    written = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [event.kind for event in read_events(folder)] == [line["kind"] for line in written]
    curves, summary = read_curves(folder), summarize(folder)
    assert (curves.steps, curves.state) == (22, "finished")
    losses = [loss for line in written if line["kind"] == "stepped" for loss in line["losses"]]
    assert list(curves.per_step("loss").y) == pytest.approx(losses)
    last = [line for line in written if line["kind"] == "measured" and line["split"] == "test"][-1]
    assert summary.test_error == last["error"]


def test_a_run_goes_on_from_its_checkpoint(files: Path, tmp_path: Path, fork_server: ForkServer) -> None:
    folder = files / "runs" / "small"
    child = fork_server.start(tmp_path / "log", "train", "--resume", folder, "--epochs", "3", "--json")
    assert child.wait() == 0, child.output()
    assert read_curves(folder).steps == 33


def test_weights_and_snapshots_open() -> None:
    folder = FILES / "runs" / "small"
    [checkpoint] = (folder / run_folder.CHECKPOINTS).iterdir()
    network, info = load(TINY, WeightsFile(checkpoint / "weights.safetensors"))
    assert info.trained
    assert sum(value.numel() for value in network.parameters()) > 0
    steps = [snapshots.load(path).step for path in sorted((folder / "probes").iterdir())]
    assert steps == [0, 22]


def test_an_experiment_is_read_and_written_alike() -> None:
    path = FILES / "runs" / "twins" / "experiment.json"
    assert to_json(read_experiment(path.parent)) == json.loads(path.read_text())
