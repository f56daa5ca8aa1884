"""The best run of every network on every data set."""

from __future__ import annotations

from pathlib import Path

from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset
from resnet_studio.training.datasets import DATASETS, fit_architecture
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs.best_runs import BestRuns, best_runs
from written_runs import WrittenRun, finished_run

DIGITS = DATASETS["digits"]


def fitted(name: str) -> Architecture:
    architecture, _ = fit_architecture(preset(name), DIGITS.channels, DIGITS.image, DIGITS.classes)
    return architecture


def trained(folder: Path, error: float, architecture: str = "resnet20-cifar") -> WrittenRun:
    """A run with this error on the test set, and a larger one afterwards."""
    run = WrittenRun(folder, architecture).create().begin()
    run.emit(run.stepped(0, [1.0] * 11, [0.5] * 11))
    run.measure(11, error)
    run.measure(22, error + 0.1)
    return run


def test_the_lowest_error_of_the_best_run_counts(tmp_path: Path) -> None:
    trained(tmp_path / "one", 0.25)
    trained(tmp_path / "two", 0.125)
    trained(tmp_path / "an experiment" / "three", 0.5)
    trained(tmp_path / "plain", 0.75, "plain20-cifar")
    found = best_runs(tmp_path)
    (result,) = found[preset("resnet20-cifar")]
    assert (result.run, result.data, result.error) == ("two", DIGITS.title, 0.125)
    assert result.fitted == ("channels 3 → 1", "image 32 → 8")
    assert found[preset("plain20-cifar")][0].error == 0.75
    assert preset("resnet56-cifar") not in found


def test_the_network_that_was_fitted_to_the_data_has_the_result_too(tmp_path: Path) -> None:
    trained(tmp_path / "one", 0.25)
    assert best_runs(tmp_path)[fitted("resnet20-cifar")] == best_runs(tmp_path)[preset("resnet20-cifar")]
    assert best_runs(tmp_path).keys() == {preset("resnet20-cifar"), fitted("resnet20-cifar")}


def test_each_data_set_has_its_own_best_run(tmp_path: Path) -> None:
    trained(tmp_path / "digits", 0.25)
    run = WrittenRun(tmp_path / "cifar", recipe=Recipe(data="cifar10", length=10)).create().begin()
    run.measure(11, 0.5)
    results = best_runs(tmp_path)[preset("resnet20-cifar")]
    assert {result.data: result.error for result in results} == {DIGITS.title: 0.25, DATASETS["cifar10"].title: 0.5}


def test_only_runs_that_have_changed_are_read_again(tmp_path: Path) -> None:
    runs = BestRuns(tmp_path)
    assert runs.read() == {}
    run = trained(tmp_path / "one", 0.25)
    other = trained(tmp_path / "two", 0.5, "plain20-cifar")
    assert runs.read()[preset("resnet20-cifar")][0].error == 0.25
    run.measure(33, 0.0625)
    (other.folder / "run.json").unlink()  # its events are as they were
    (other.folder / "run.json").write_text("{}")
    found = runs.read()
    assert found[preset("resnet20-cifar")][0].error == 0.0625
    assert found[preset("plain20-cifar")][0].error == 0.5


def test_what_has_no_error_is_left_out(tmp_path: Path) -> None:
    WrittenRun(tmp_path / "begun").create().begin()
    trained(tmp_path / "diverged", float("nan"))
    damaged = finished_run(tmp_path / "damaged")
    (damaged.folder / "run.json").write_text("{")
    assert best_runs(tmp_path) == {}
    assert best_runs(tmp_path / "no folder") == {}
