"""The command `identify`: cards as text and JSON, and what is kept with the weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from resnet_studio.networks.architecture import Residual, from_json
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.modules.network import build

SMALL = Residual(Bottleneck("3x3"), (1, 1, 1), width=8, classes=3)


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.save(build(SMALL, 0).state_dict(), tmp_path / "resnet110.pth")
    return tmp_path / "resnet110.pth"


def test_a_card_is_printed(run, file: Path) -> None:
    code, out, err = run("identify", file)
    assert (code, err) == (0, "")
    assert "torchvision" in out
    assert "fc, 3 classes" in out
    assert "! Named resnet110, but it has 11 layers" in out
    assert "--set stride_on=1x1" in out
    assert "--set dilated=1" in out


def test_the_json_has_the_architecture(run, file: Path) -> None:
    code, out, err = run("identify", file, "--json")
    assert (code, err) == (0, "")
    card = json.loads(out)
    assert from_json(card["architecture"]) == SMALL
    assert card["dialect"] == "torchvision"
    assert card["bytes"] == file.stat().st_size
    assert {"field": "stride_on", "value": "1x1"} in card["assumptions"][0]["alternatives"]


def test_what_is_given_is_kept_with_the_weights(run, file: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("ant\nbee\ncow\n")
    given = ("--labels", tmp_path / "labels.txt", "--mean", "0.1,0.2,0.3", "--std", "0.4,0.5,0.6", "--image-size", "96")
    code, out, err = run("identify", file, *given)
    assert (code, err) == (0, "")
    assert "ant, bee, cow (given by you)" in out
    _, out, _ = run("identify", file, "--json")
    card = json.loads(out)
    assert (card["labels"], card["mean"], card["std"]) == (["ant", "bee", "cow"], [0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    assert card["architecture"]["image"] == 96
    run("identify", file, "--image-size", "64")
    _, out, _ = run("identify", file, "--json")
    assert json.loads(out)["labels"] == ["ant", "bee", "cow"]  # what is not given again stays


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mean", "0.5,0.5,0.5"), "--mean and --std must be used together"),
        (("--mean", "0.5", "--std", "0.5"), "--mean has 1 values, resnet110.pth takes 3 channels"),
        (("--mean", "a,b,c", "--std", "1,1,1"), "--mean must be numbers"),
        (("--mean", "0,0,0", "--std", "1,0,1"), "--std must be greater than 0"),
        (("--labels", "two.txt"), "--labels has 2 names, resnet110.pth has 3 classes"),
        (("--labels", "none.txt"), "does not exist"),
    ],
)
def test_what_can_not_belong_to_the_weights_is_refused(
    options: tuple[str, ...], message: str, run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    Path("two.txt").write_text("one\ntwo\n")
    code, out, err = run("identify", file, *options)
    assert (code, out) == (2, "")
    assert message in err


def test_a_file_without_weights_is_named(run, tmp_path: Path) -> None:
    (tmp_path / "page.pth").write_text("<html><body>Sign in</body></html>")
    code, _, err = run("identify", tmp_path / "page.pth")
    assert code == 2
    assert "web page" in err
