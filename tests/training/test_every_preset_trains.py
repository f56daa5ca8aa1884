"""Every preset trains: from its data to its end, with snapshots, measurements and a checkpoint."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from small import SHORT, class_folders, curves, make_run, train

from resnet_studio.networks.architecture import Architecture, Baseline
from resnet_studio.networks.presets import PRESETS


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_folders(tmp_path_factory.mktemp("data") / "images", {"a": 5, "b": 5})


def small(architecture: Architecture) -> Architecture:
    """The preset on small images, and narrow where it can be: what takes time is not its structure."""
    if isinstance(architecture, Baseline):
        return replace(architecture, image=63 if architecture.name == "alexnet" else 32)
    return replace(architecture, image=32, width=4)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_trains(name: str, images: Path, tmp_path: Path) -> None:
    recipe = replace(SHORT, data=str(images), length=1, unit="steps", batch_size=4, lr=0.001)
    folder = make_run(tmp_path / "run", recipe, small(PRESETS[name]))
    assert train(folder) == "finished"
    found = curves(folder)
    assert (found.steps, [one.step for one in found.probes], found.measured[-1].images) == (1, [0, 1], 2)
    assert found.saved[-1].step == 1
    shutil.rmtree(folder)  # VGG-19's checkpoint is a gigabyte
