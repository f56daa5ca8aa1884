"""Class names and preprocessing: as sources write them, as users give them, and where they are used."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights.identity import identify
from resnet_studio.inference.weights.metadata import (
    WeightsMetadata,
    read_labels,
    store_metadata,
    stored_metadata,
    to_header,
)
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.modules.network import build

TINY = Residual(Basic(), (1, 1), width=8, stem="cifar", image=32, classes=3)
CATS = ("cat", "dog", "eel")
MEAN, STD = (0.5, 0.25, 0.125), (0.25, 0.5, 0.75)


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def saved(tmp_path: Path, beside: dict[str, Any] | None = None, **files: Any) -> Path:
    """A checkpoint with entries next to its state_dict, and JSON files beside it."""
    path = tmp_path / "model.pth"
    torch.save({"state_dict": build(TINY, 0).state_dict(), **(beside or {})}, path)
    for name, values in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    return path


@pytest.mark.parametrize(
    "values",
    [
        {"class_names": list(CATS)},
        {"hyper_parameters": {"classes": list(CATS), "lr": 0.1}},
        {"meta": {"dataset_meta": {"classes": CATS}}},
        {"meta": {"CLASSES": CATS}},
        {"class_to_idx": {"eel": 2, "cat": 0, "dog": 1}},
        {"idx_to_class": {1: "dog", 0: "cat", 2: "eel"}},
        {"args": argparse.Namespace(labels=list(CATS))},
    ],
)
def test_class_names_are_found_under_sources_own_words(values: dict[str, Any], tmp_path: Path) -> None:
    path = saved(tmp_path, values)
    assert identify(path).metadata.labels == CATS
    _, info = load(TINY, WeightsFile(path))
    assert info.labels == CATS
    assert any(note.startswith("class names from the file") for note in info.notes)


@pytest.mark.parametrize(
    "values",
    [
        {"class_names": ["cat", 3, "eel"]},
        {"class_names": 3},
        {"class_to_idx": {"cat": 0, "dog": 2, "eel": 5}},
        {"class_to_idx": {"cat": "first"}},
        {"labels": [0, 1, 2]},
        {"class_names": ["cat", "dog"]},
    ],
)
def test_what_is_no_list_of_the_classes_is_not_used(values: dict[str, Any], tmp_path: Path) -> None:
    _, info = load(TINY, WeightsFile(saved(tmp_path, values)))
    assert info.labels == ("class 0", "class 1", "class 2")


def test_timms_config_is_read(tmp_path: Path) -> None:
    config = {
        "architecture": "resnet18", "num_classes": 3, "label_names": CATS,
        "pretrained_cfg": {
            "mean": MEAN, "std": STD, "input_size": [3, 48, 64], "crop_pct": 0.75, "interpolation": "bicubic",
        },
    }  # fmt: skip
    path = saved(tmp_path, config=config)
    card = identify(path)
    found = card.metadata
    assert (found.labels, found.mean, found.std) == (CATS, MEAN, STD)
    assert (found.crop, found.resize, found.source) == ((48, 64), (64, 85), "config.json")
    assert card.architecture is not None
    assert card.architecture.image_size == (48, 64)
    assert card.normalization == ""
    assert not [one for one in card.assumptions if one.what in ("Normalization", "Input size")]
    _, info = load(card.architecture, WeightsFile(path))
    assert (info.preprocessing.mean, info.preprocessing.std) == (MEAN, STD)
    assert (info.preprocessing.resize_size, info.preprocessing.crop_size) == ((64, 85), (48, 64))
    assert "made for bicubic resizing; here it is bilinear" in info.notes
    _, other = load(TINY, WeightsFile(path))  # at another size, in the same proportion
    assert other.preprocessing.crop_size == (32, 32)
    assert other.preprocessing.resize_size == (round(32 * 64 / 48), round(32 * 85 / 64))


def test_transformers_files_are_read(tmp_path: Path) -> None:
    config = {"architectures": ["ResNetForImageClassification"], "id2label": {"0": "cat", "1": "dog", "2": "eel"}}
    processor = {"image_mean": MEAN, "image_std": STD, "size": {"shortest_edge": 40}, "crop_pct": 0.8}
    found = identify(saved(tmp_path, config=config, preprocessor_config=processor)).metadata
    assert (found.labels, found.mean, found.std, found.crop, found.resize) == (CATS, MEAN, STD, 40, 50)
    assert found.source == "config.json, preprocessor_config.json"


def test_values_of_0_to_255_are_divided(tmp_path: Path) -> None:
    beside = {"hyper_parameters": {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}}
    found = identify(saved(tmp_path, beside)).metadata
    assert found.mean == pytest.approx((0.485, 0.456, 0.406))
    assert found.std == pytest.approx((0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    "values", [{"mean": MEAN}, {"mean": MEAN, "std": (0, 1, 1)}, {"mean": [float("nan")] * 3, "std": STD}, {"mean": 3}]
)
def test_impossible_normalizations_are_not_used(values: dict[str, Any], tmp_path: Path) -> None:
    assert identify(saved(tmp_path, {"args": values})).metadata.mean == ()


def test_what_the_user_gives_is_kept_with_the_weights_and_counts_most(tmp_path: Path) -> None:
    path = saved(tmp_path, {"class_names": ["a", "b", "c"]})
    sha256 = identify(path).sha256
    assert not stored_metadata(sha256).known
    store_metadata(sha256, WeightsMetadata(labels=CATS, mean=MEAN, std=STD, crop=(24, 40)))
    card = identify(path.rename(tmp_path / "elsewhere.pth"))
    assert (card.metadata.labels, card.metadata.mean, card.metadata.crop) == (CATS, MEAN, (24, 40))
    assert card.metadata.source.startswith("given by you")
    assert card.architecture is not None
    assert card.architecture.image_size == (24, 40)
    _, info = load(TINY, WeightsFile(tmp_path / "elsewhere.pth"))
    assert (info.labels, info.preprocessing.std) == (CATS, STD)
    (tmp_path / "data" / "resnet-studio" / "weights" / f"{sha256}.json").write_text("{damaged")
    assert not stored_metadata(sha256).known


def test_metadata_travels_in_a_safetensors_header(tmp_path: Path) -> None:
    metadata = WeightsMetadata(CATS, MEAN, STD, (48, 64), (64, 85), "bicubic", "timm")
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(build(TINY, 0).state_dict(), path, to_header(metadata))
    assert identify(path).metadata == metadata
    assert to_header(WeightsMetadata()) == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", "cat\n dog \n\neel\n"),
        ("labels.json", '["cat", "dog", "eel"]'),
        ("labels.json", '{"1": "dog", "0": "cat", "2": "eel"}'),
        ("config.json", '{"id2label": {"0": "cat", "1": "dog", "2": "eel"}}'),
    ],
)
def test_class_names_are_read_from_files(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert read_labels(tmp_path / name) == CATS


@pytest.mark.parametrize(
    ("text", "why"), [("", "empty"), ("[1, 2]", "no class names"), ("{", "not a list of class names")]
)
def test_files_without_class_names_are_refused(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(ValueError, match=why):
        read_labels(tmp_path / "labels.json")
