import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
from torch import Tensor

from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.origin import KEY, Origin, to_metadata
from resnet_studio.inference.values import Preprocessing, WeightsFile
from resnet_studio.inference.weights import load
from resnet_studio.networks.architecture import Residual, to_json
from resnet_studio.networks.network import build

TINY = Residual("basic", (1,), width=4, stem="cifar", channels=1, image=8, classes=3)
ORIGIN = Origin(TINY, "cats & döner", ("cat", "dog", "döner"), (0.25,), (0.5,), "tiny-1", 110)


def trained() -> dict[str, Tensor]:
    return build(TINY, seed=3).state_dict()


def written(path: Path, origin: Origin = ORIGIN) -> bytes:
    data = safetensors.torch.save(trained(), to_metadata(origin, safetensors.torch.save(trained())))
    path.write_bytes(data)
    return data


def test_what_belongs_to_weights_of_a_run_comes_with_them(tmp_path: Path) -> None:
    written(tmp_path / "weights.safetensors")
    network, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.trained
    assert info.labels == ("cat", "dog", "döner")
    assert info.preprocessing == Preprocessing(8, 8, (0.25,), (0.5,))
    assert any("trained on cats & döner, 110 steps in tiny-1" in note for note in info.notes)
    assert all(network.state_dict()[name].equal(tensor) for name, tensor in trained().items())


@pytest.mark.parametrize("place", [0.1, 0.5, 0.99])
def test_a_flipped_bit_in_their_numbers_is_seen(tmp_path: Path, place: float) -> None:
    data = bytearray(written(tmp_path / "weights.safetensors"))
    start = 8 + int.from_bytes(data[:8], "little")
    data[start + int(place * (len(data) - start))] ^= 1
    (tmp_path / "weights.safetensors").write_bytes(data)
    with pytest.raises(WeightsError, match="checksum"):
        load(TINY, WeightsFile(tmp_path / "weights.safetensors"))


def test_another_network_is_told(tmp_path: Path) -> None:
    written(tmp_path / "weights.safetensors")
    _, info = load(replace(TINY, image=16), WeightsFile(tmp_path / "weights.safetensors"))
    assert any("made for" in note and "differs" in note for note in info.notes)


def test_without_its_head_a_file_is_not_called_trained(tmp_path: Path) -> None:
    written(tmp_path / "weights.safetensors")
    _, info = load(replace(TINY, classes=5), WeightsFile(tmp_path / "weights.safetensors", head=False))
    assert not info.trained
    assert info.labels[4] == "class 4"


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.pop("classes"),
        lambda values: values.update(classes=["one"]),
        lambda values: values.update(mean=[0.1, 0.2]),
        lambda values: values.update(architecture={"kind": "transformer"}),
        lambda values: values.update(step="many"),
        lambda values: values.update(step=math.inf),
        lambda values: values.update(mean=[math.nan]),
        lambda values: values.update(deviation=[0.0]),
        lambda values: values.update(classes=["one"], architecture=to_json(replace(TINY, classes=1))),
    ],
)
def test_a_header_of_another_version_keeps_no_weights_away(tmp_path: Path, change) -> None:
    metadata = to_metadata(ORIGIN, safetensors.torch.save(trained()))
    values = json.loads(metadata[KEY])
    change(values)
    metadata[KEY] = json.dumps(values)
    (tmp_path / "weights.safetensors").write_bytes(safetensors.torch.save(trained(), metadata))
    _, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.labels == ("class 0", "class 1", "class 2")
