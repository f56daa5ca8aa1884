import json
import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
from torch import Tensor

from resnet_studio.inference.compute.transforms import preprocess, seen
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.values import Photograph, Preprocessing, WeightsFile
from resnet_studio.inference.weights.provenance import HEADER_DIGEST, KEY, VERSION, TrainingProvenance, to_metadata
from resnet_studio.networks.architecture import Residual, to_json
from resnet_studio.networks.modules.network import build

TINY = Residual("basic", (1,), width=4, stem="cifar", channels=1, image=8, classes=3)
ORIGIN = TrainingProvenance(TINY, "cats & döner", ("cat", "dog", "döner"), (0.25,), (0.5,), "tiny-1", 110)


def trained() -> dict[str, Tensor]:
    return build(TINY, seed=3).state_dict()


def written(path: Path, origin: TrainingProvenance = ORIGIN) -> bytes:
    data = safetensors.torch.save(trained(), to_metadata(origin, safetensors.torch.save(trained())))
    path.write_bytes(data)
    return data


def test_what_belongs_to_weights_of_a_run_comes_with_them(tmp_path: Path) -> None:
    written(tmp_path / "weights.safetensors")
    network, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.trained
    assert info.labels == ("cat", "dog", "döner")
    assert info.preprocessing == Preprocessing(8, 8, (0.25,), (0.5,), middle=True)
    assert info.doubts == ()
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


def test_no_flip_in_the_header_changes_anything_silently(tmp_path: Path) -> None:
    data = written(tmp_path / "weights.safetensors")
    (tmp_path / "header.safetensors").write_bytes(data)
    good = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))[1]
    draw = random.Random(0)
    end = 8 + int.from_bytes(data[:8], "little")
    names = data.index(b"cats"), data.index(b'"run')  # flips where 13 of 400 once went unseen: classes, data, mean
    places = [draw.randrange(*names) for _ in range(150)] + [draw.randrange(end) for _ in range(250)]
    refused = 0
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << draw.randrange(8)
        (tmp_path / "weights.safetensors").write_bytes(flipped)
        try:
            info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))[1]
        except WeightsError:
            refused += 1
        else:  # a flip in white space, or one that reads the same
            assert replace(info, sha256="") == replace(good, sha256=""), place
    assert refused > 350


def test_a_file_from_before_the_header_had_a_checksum_still_opens(tmp_path: Path) -> None:
    metadata = to_metadata(ORIGIN, safetensors.torch.save(trained()))
    del metadata[HEADER_DIGEST]
    (tmp_path / "old.safetensors").write_bytes(safetensors.torch.save(trained(), metadata))
    assert load(TINY, WeightsFile(tmp_path / "old.safetensors"))[1].labels == ("cat", "dog", "döner")


def test_another_network_is_told(tmp_path: Path) -> None:
    written(tmp_path / "weights.safetensors")
    _, info = load(replace(TINY, image=16), WeightsFile(tmp_path / "weights.safetensors"))
    assert any("made for" in note and "differs" in note for note in info.notes)


def test_without_its_head_a_file_is_not_called_trained(tmp_path: Path) -> None:
    written(tmp_path / "weights.safetensors")
    _, info = load(replace(TINY, classes=5), WeightsFile(tmp_path / "weights.safetensors", head=False))
    assert not info.trained
    assert info.labels[4] == "class 4"
    assert info.preprocessing == Preprocessing(8, 8, (0.25,), (0.5,), middle=True), "what it sees is as before"


def ramp(side: int = 8) -> bytes:
    """A mean image that rises from the left to the right."""
    return np.tile(np.linspace(0, 1, side, dtype="<f4"), (side, 1)).tobytes()


def test_a_mean_image_comes_with_them_bit_for_bit(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((1, 8, 8), np.float32).astype("<f4").tobytes()
    written(tmp_path / "weights.safetensors", replace(ORIGIN, mean_image=image))
    _, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.preprocessing.mean_image == image
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 1), np.uint8).repeat(3, axis=2)
    values = preprocess(Photograph("noise", pixels, ""), info.preprocessing, 1)
    expected = (pixels[:, :, 0] / np.float32(255) - np.frombuffer(image, "<f4").reshape(8, 8)) / np.float32(0.5)
    np.testing.assert_array_equal(values[0, 0].numpy(), expected)
    np.testing.assert_array_equal(seen(values, info.preprocessing), pixels)


def test_a_mean_image_is_stretched_for_a_network_of_another_size_and_that_is_said(tmp_path: Path) -> None:
    written(tmp_path / "weights.safetensors", replace(ORIGIN, mean_image=ramp()))
    _, info = load(replace(TINY, image=32), WeightsFile(tmp_path / "weights.safetensors"))
    stretched = np.frombuffer(info.preprocessing.mean_image, "<f4").reshape(32, 32)
    assert np.abs(stretched - stretched[0]).max() < 1e-6
    assert (np.diff(stretched[0]) >= 0).all()
    assert stretched.mean() == pytest.approx(0.5, abs=1e-6)
    assert any("made for" in doubt for doubt in info.doubts)


@pytest.mark.parametrize("wrong", [b"\0" * 4, ramp(9), ramp() * 3, b"\0" * 255])
def test_a_mean_image_of_another_network_is_not_used_silently(tmp_path: Path, wrong: bytes) -> None:
    written(tmp_path / "weights.safetensors", replace(ORIGIN, mean_image=wrong))
    _, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.preprocessing.mean_image == b""
    assert any("newer version" in doubt for doubt in info.doubts)


def test_a_file_of_a_newer_version_is_doubted(tmp_path: Path) -> None:
    written(tmp_path / "weights.safetensors", replace(ORIGIN, version=VERSION + 1))
    _, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.labels == ("class 0", "class 1", "class 2")
    [doubt] = info.doubts
    assert "newer version" in doubt


def test_a_file_of_the_first_version_that_nobody_knows_is_doubted(tmp_path: Path) -> None:
    """It says mean and deviation of the channels, also where its run subtracted a mean image."""
    written(tmp_path / "weights.safetensors", replace(ORIGIN, version=1))
    _, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.labels == ORIGIN.classes
    [doubt] = info.doubts
    assert "did not say how the images were normalized" in doubt


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
    del metadata[HEADER_DIGEST]
    (tmp_path / "weights.safetensors").write_bytes(safetensors.torch.save(trained(), metadata))
    _, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.labels == ("class 0", "class 1", "class 2")
