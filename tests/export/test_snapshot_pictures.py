"""A run's snapshots as a sequence of images, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnet_studio.cli.main import main
from resnet_studio.export.provenance import KEY
from resnet_studio.inference.feature_maps import MapStyle, apply_colormap, layer_maps, mosaic
from resnet_studio.training import snapshots
from resnet_studio.training.datasets import Snapshot
from resnet_studio.training.runs.events import Probed
from written_runs import WrittenRun

LAYERS = {"relu": (4, 6, 6), "layer1.2": (3, 6, 6)}


def values(step: int, layer: str, image: int) -> np.ndarray:
    seed = [step, list(LAYERS).index(layer), image]
    return np.random.default_rng(seed).normal(size=LAYERS[layer]).astype(np.float32)


@pytest.fixture
def run(tmp_path: Path) -> WrittenRun:
    """A run with maps of two images after 0 and 20 steps."""
    run = WrittenRun(tmp_path / "runs" / "one").create().begin()
    for step in (0, 20):
        layers = {
            name: tuple(
                mosaic(layer_maps(name, values(step, name, image)).values, MapStyle("layer"))[0] for image in range(2)
            )
            for name in LAYERS
        }
        pictures = (np.zeros((8, 8, 3), np.uint8), np.ones((8, 8, 3), np.uint8))
        probe = Snapshot(
            step, pictures, layers, dict(LAYERS), ((("3", 1.0),), ()), ("3", "7"), np.zeros((5, 5, 3), np.uint8)
        )
        file = f"probes/step-{step:07d}.npz"
        snapshots.save(run.folder / file, probe)
        run.emit(Probed(run.created, step, file))
    return run


def draw(run: WrittenRun, *options: object) -> tuple[int, Path]:
    output = run.folder.parent.parent / "pictures"
    given = ("maps", "--run", run.folder, "--output", output, *options)
    return main([str(one) for one in given]), output


def test_each_snapshot_becomes_an_image(run: WrittenRun) -> None:
    code, output = draw(run, "--layer", "relu", "--contrast", "layer", "--probe-image", 1, "--scale", 2)
    assert code == 0
    assert sorted(path.name for path in output.iterdir()) == ["step-0000000.png", "step-0000020.png"]
    for step in (0, 20):
        with Image.open(output / f"step-{step:07d}.png") as picture:
            indices = mosaic(values(step, "relu", 1), MapStyle("layer"))[0]
            expected = apply_colormap(indices, "viridis").repeat(2, axis=0).repeat(2, axis=1)
            np.testing.assert_array_equal(np.asarray(picture), expected)
            provenance = json.loads(picture.info[KEY])
        assert provenance["weights"] == {"source": f"run one, step {step}", "sha256": "", "trained": step > 0}
        assert provenance["image"]["name"] == "probe image 1 of one (7)"
        assert provenance["layers"] == ["relu"]
        assert provenance["architecture"]["channels"] == 1  # as fitted to the digits


def test_without_a_layer_all_are_drawn(run: WrittenRun) -> None:
    _, output = draw(run)
    with Image.open(output / "step-0000000.png") as picture:
        assert picture.size == (13, 13 + 8 + 13)  # two mosaics of two by two maps, six pixels each


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--layer", "fc"), "has no maps of fc, only of relu, layer1.2"),
        (("--probe-image", 2), "has no probe image 2, only 0 to 1"),
        (("--contrast", "0,1"), "contrast must be channel or layer"),
    ],
)
def test_what_was_not_saved_is_named(
    run: WrittenRun, capsys: pytest.CaptureFixture[str], options: tuple[object, ...], message: str
) -> None:
    code, output = draw(run, *options)
    assert code == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_a_run_without_maps_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, output = draw(WrittenRun(tmp_path / "runs" / "bare").create().begin())
    assert code == 2
    assert "bare has no saved maps" in capsys.readouterr().err
    assert not output.exists()


def test_a_damaged_snapshot_is_named_and_the_others_are_written(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run.folder / "probes" / "step-0000000.npz"
    first.write_bytes(first.read_bytes()[:100])
    code, output = draw(run, "--layer", "relu")
    output_text = capsys.readouterr()
    assert (code, [path.name for path in output.iterdir()]) == (1, ["step-0000020.png"])
    assert output_text.err.count("\n") == 1
    assert "step 0 skipped: step-0000000.npz is damaged" in output_text.err
    (run.folder / "probes" / "step-0000020.npz").unlink()
    code, _ = draw(run, "--layer", "relu")
    assert code == 2
