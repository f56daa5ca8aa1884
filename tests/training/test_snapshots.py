"""Snapshot files: what was saved is loaded again, and damaged files are refused with a one-line message."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resnet_studio.inference.feature_maps import MapStyle, mosaic
from resnet_studio.training import snapshots
from resnet_studio.training.datasets import Snapshot
from resnet_studio.training.snapshots import SnapshotError, snapshot_maps


def make_snapshot(step: int = 110, images: int = 3, size: int = 8) -> Snapshot:
    """A snapshot of two layers with random maps that all differ."""
    random = np.random.default_rng(step)
    shapes = {"relu": (16, size, size), "layer1.2": (5, 4, 6)}
    return Snapshot(
        step=step,
        images=tuple(random.integers(256, size=(size, size, 3), dtype=np.uint8) for _ in range(images)),
        layers={
            name: tuple(mosaic(random.random(shape, np.float32), MapStyle("layer"))[0] for _ in range(images))
            for name, shape in shapes.items()
        },
        shapes=shapes,
        top=tuple((("seven", 0.75), ("Ärmel, 2 €", 0.25)) for _ in range(images)),
        truth=tuple(f"class {number}" for number in range(images)),
        filters=random.integers(256, size=(15, 15, 3), dtype=np.uint8),
    )


def assert_equal(one: Snapshot, other: Snapshot) -> None:
    for field in ("step", "shapes", "top", "truth"):
        assert getattr(one, field) == getattr(other, field)
    assert list(one.layers) == list(other.layers)
    for ours, theirs in [(one.images, other.images), ((one.filters,), (other.filters,))]:
        np.testing.assert_array_equal(np.stack(ours), np.stack(theirs))
    for name, mosaics in one.layers.items():
        np.testing.assert_array_equal(np.stack(mosaics), np.stack(other.layers[name]))


def rewrite(path: Path, **members: Any) -> None:
    """Replace some of a file's arrays; None removes one."""
    with np.load(path) as arrays:
        arrays_by_name = {name: arrays[name] for name in arrays.files}
    arrays_by_name.update(members)
    np.savez_compressed(path, **{name: values for name, values in arrays_by_name.items() if values is not None})


def rewrite_facts(path: Path, **facts: Any) -> None:
    with np.load(path) as arrays:
        known = json.loads(arrays["facts"].tobytes())
    rewrite(path, facts=np.frombuffer(json.dumps(known | facts).encode(), np.uint8))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "step-0000110.npz"
    snapshots.save(path, make_snapshot())
    return path


def test_a_saved_snapshot_loads_as_an_equal_one(path: Path) -> None:
    assert_equal(snapshots.load(path), make_snapshot())
    assert [file.name for file in path.parent.iterdir()] == [path.name], "no temporary file is left"


def test_a_snapshot_without_predictions_can_be_saved(tmp_path: Path) -> None:
    snapshot = replace(make_snapshot(), top=((), (), (("three", 1.0),)))
    snapshots.save(tmp_path / "nan.npz", snapshot)
    assert_equal(snapshots.load(tmp_path / "nan.npz"), snapshot)


def test_a_file_is_smaller_than_its_pixels(tmp_path: Path) -> None:
    blank = np.zeros((455, 455), np.uint8)  # 64 channels of 56×56
    snapshot = replace(make_snapshot(), layers={"relu": (blank,) * 3}, shapes={"relu": (64, 56, 56)})
    snapshots.save(tmp_path / "blank.npz", snapshot)
    assert (tmp_path / "blank.npz").stat().st_size < 3 * blank.size / 50


def test_saving_again_replaces_the_file(path: Path) -> None:
    snapshots.save(path, make_snapshot(step=220))
    assert_equal(snapshots.load(path), make_snapshot(step=220))


def test_a_snapshot_that_is_too_large_to_read_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MAX_BYTES", 2_000)
    with pytest.raises(ValueError, match="exceeds the limit of 0 MB"):
        snapshots.save(tmp_path / "large.npz", make_snapshot())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"images": None}, "images"),
        ({"layer-1": None}, "layer-1"),
        ({"filters": np.zeros((15, 15), np.uint8)}, "not RGB"),
        ({"images": np.zeros((3, 8, 8, 3), np.float32)}, "images is float32, not uint8"),
        ({"images": np.zeros((0, 8, 8, 3), np.uint8)}, "0 images, 3 true classes"),
        ({"layer-0": np.zeros((2, 35, 35), np.uint8)}, "relu: 2 mosaics for 3 images"),
        ({"layer-0": np.zeros((3, 26, 35), np.uint8)}, "is too small for 16×8×8"),
        ({"layer-0": np.zeros((3, 36, 35), np.uint8)}, "is too small for 16×8×8"),
        ({"facts": np.frombuffer(b"{]", np.uint8)}, "property name"),
        ({"facts": np.frombuffer(b"[]", np.uint8)}, "list indices"),
    ],
)
def test_inconsistent_arrays_are_refused(path: Path, members: dict[str, Any], reason: str) -> None:
    rewrite(path, **members)
    with pytest.raises(SnapshotError, match=rf"^{path.name} is damaged \(.*{reason}") as raised:
        snapshots.load(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"version": 2}, "was written by a newer version"),
        ({"shapes": {"relu": [16, 8, 0], "layer1.2": [5, 4, 6]}}, "16×8×0"),
        ({"shapes": {"relu": [16, 8]}}, "is damaged"),
        ({"shapes": {}}, "is damaged"),
        ({"top": [[["seven"]]]}, "is damaged"),
        ({"truth": None}, "is damaged"),
        ({"layers": ["relu", "layer1.2", "layer2"]}, "layer-2"),
    ],
)
def test_invalid_facts_are_refused(path: Path, facts: dict[str, Any], reason: str) -> None:
    rewrite_facts(path, **facts)
    with pytest.raises(SnapshotError, match=reason):
        snapshots.load(path)


def test_python_objects_are_never_unpickled(path: Path) -> None:
    rewrite(path, filters=np.array([{}], dtype=object))
    with pytest.raises(SnapshotError, match="allow_pickle"):
        snapshots.load(path)


def test_a_zip_bomb_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed, packed.open("more.npy", "w") as member:
        for _ in range(70):
            member.write(bytes(1_000_000))
    with pytest.raises(SnapshotError, match="has 70 MB; the limit is 64 MB"):
        snapshots.load(path)


def test_an_array_header_with_an_impossible_size_is_refused(path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 60,)})
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("more.npy", header.getvalue())
    with pytest.raises(SnapshotError, match="is damaged"):
        snapshots.load(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match=r"^gone\.npz does not exist"):
        snapshots.load(tmp_path / "gone.npz")
    with pytest.raises(SnapshotError, match="is a folder"):
        snapshots.load(tmp_path)


@pytest.mark.parametrize("shape", [(16, 8, 8), (5, 4, 6), (1, 7, 7), (64, 1, 1), (3, 56, 56)])
def test_maps_are_cut_out_of_their_mosaic(shape: tuple[int, int, int]) -> None:
    values = np.random.default_rng(0).random(shape, np.float32)
    values[0, 0, 0] = np.nan
    picture, geometry = mosaic(values, MapStyle("layer"))
    snapshot = replace(make_snapshot(images=1), layers={"relu": (picture,)}, shapes={"relu": shape})
    maps = snapshot_maps(snapshot, "relu", 0)
    assert maps.shape == shape
    assert np.isnan(maps[0, 0, 0])
    again = mosaic(maps, MapStyle("layer"), geometry.columns)[0]
    np.testing.assert_array_equal(again, picture)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(data=st.data())
def test_any_damage_gives_a_one_line_message(path: Path, data: st.DataObject) -> None:
    """Cut off or changed bytes give a message, or the same snapshot if only unused fields of the zip were hit."""
    snapshots.save(path, make_snapshot())
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    damaged = bytearray(whole[:cut] if data.draw(st.booleans()) else whole)
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged)
    message, truth = f"{path.name}:", make_snapshot().truth
    try:
        truth = snapshots.load(path).truth
    except SnapshotError as error:
        message = str(error)
    assert message.startswith(path.name)
    assert "\n" not in message
    assert truth == make_snapshot().truth
