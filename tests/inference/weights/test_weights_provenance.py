import json
import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
from torch import Tensor

from resnet_studio.inference.compute.transforms import denormalized, preprocess
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.values import Photograph, Preprocessing, WeightsFile
from resnet_studio.inference.weights.provenance import HEADER_DIGEST, KEY, VERSION, TrainingProvenance, to_metadata
from resnet_studio.networks.architecture import Residual, to_json
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.modules.network import build

TINY = Residual(Basic(), (1,), width=4, stem="cifar", channels=1, image=8, classes=3)
PROVENANCE = TrainingProvenance(TINY, "cats & döner", ("cat", "dog", "döner"), (0.25,), (0.5,), "tiny-1", 110)


def trained_state() -> dict[str, Tensor]:
    return build(TINY, seed=3).state_dict()


def write_weights(path: Path, provenance: TrainingProvenance = PROVENANCE) -> bytes:
    data = safetensors.torch.save(trained_state(), to_metadata(provenance, safetensors.torch.save(trained_state())))
    path.write_bytes(data)
    return data


def test_weights_of_a_run_carry_classes_and_preprocessing(tmp_path: Path) -> None:
    write_weights(tmp_path / "weights.safetensors")
    network, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.trained
    assert info.labels == ("cat", "dog", "döner")
    assert info.preprocessing == Preprocessing(8, 8, (0.25,), (0.5,), middle=True)
    assert info.caveats == ()
    assert any("trained on cats & döner, 110 steps in tiny-1" in note for note in info.notes)
    assert all(network.state_dict()[name].equal(tensor) for name, tensor in trained_state().items())


@pytest.mark.parametrize("position", [0.1, 0.5, 0.99])
def test_a_flipped_bit_in_the_tensors_is_detected(tmp_path: Path, position: float) -> None:
    data = bytearray(write_weights(tmp_path / "weights.safetensors"))
    start = 8 + int.from_bytes(data[:8], "little")
    data[start + int(position * (len(data) - start))] ^= 1
    (tmp_path / "weights.safetensors").write_bytes(data)
    with pytest.raises(WeightsError, match="checksum"):
        load(TINY, WeightsFile(tmp_path / "weights.safetensors"))


def test_no_flip_in_the_header_changes_anything_silently(tmp_path: Path) -> None:
    data = write_weights(tmp_path / "weights.safetensors")
    (tmp_path / "header.safetensors").write_bytes(data)
    good = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))[1]
    draw = random.Random(0)
    end = 8 + int.from_bytes(data[:8], "little")
    names = data.index(b"cats"), data.index(b'"run')  # where 13 of 400 flips once went undetected: classes, data, mean
    positions = [draw.randrange(*names) for _ in range(150)] + [draw.randrange(end) for _ in range(250)]
    refused = 0
    for position in positions:
        flipped = bytearray(data)
        flipped[position] ^= 1 << draw.randrange(8)
        (tmp_path / "weights.safetensors").write_bytes(flipped)
        try:
            info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))[1]
        except WeightsError:
            refused += 1
        else:  # a flip in white space, or one without effect
            assert replace(info, sha256="") == replace(good, sha256=""), position
    assert refused > 350


def test_an_old_file_without_header_checksum_still_opens(tmp_path: Path) -> None:
    metadata = to_metadata(PROVENANCE, safetensors.torch.save(trained_state()))
    del metadata[HEADER_DIGEST]
    (tmp_path / "old.safetensors").write_bytes(safetensors.torch.save(trained_state(), metadata))
    assert load(TINY, WeightsFile(tmp_path / "old.safetensors"))[1].labels == ("cat", "dog", "döner")


def test_a_note_says_that_the_weights_were_made_for_another_network(tmp_path: Path) -> None:
    write_weights(tmp_path / "weights.safetensors")
    _, info = load(replace(TINY, image=16), WeightsFile(tmp_path / "weights.safetensors"))
    assert any("made for" in note and "differs" in note for note in info.notes)


def test_weights_without_their_head_do_not_count_as_trained(tmp_path: Path) -> None:
    write_weights(tmp_path / "weights.safetensors")
    _, info = load(replace(TINY, classes=5), WeightsFile(tmp_path / "weights.safetensors", head=False))
    assert not info.trained
    assert info.labels[4] == "class 4"
    assert info.preprocessing == Preprocessing(8, 8, (0.25,), (0.5,), middle=True), "the preprocessing stays"


def ramp(side: int = 8) -> bytes:
    """A mean image that increases from left to right."""
    return np.tile(np.linspace(0, 1, side, dtype="<f4"), (side, 1)).tobytes()


def test_a_mean_image_is_loaded_bit_for_bit(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((1, 8, 8), np.float32).astype("<f4").tobytes()
    write_weights(tmp_path / "weights.safetensors", replace(PROVENANCE, mean_image=image))
    _, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.preprocessing.mean_image == image
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 1), np.uint8).repeat(3, axis=2)
    values = preprocess(Photograph("noise", pixels, ""), info.preprocessing, 1)
    expected = (pixels[:, :, 0] / np.float32(255) - np.frombuffer(image, "<f4").reshape(8, 8)) / np.float32(0.5)
    np.testing.assert_array_equal(values[0, 0].numpy(), expected)
    np.testing.assert_array_equal(denormalized(values, info.preprocessing), pixels)


def test_a_mean_image_is_resized_for_another_image_size_with_a_caveat(tmp_path: Path) -> None:
    write_weights(tmp_path / "weights.safetensors", replace(PROVENANCE, mean_image=ramp()))
    _, info = load(replace(TINY, image=32), WeightsFile(tmp_path / "weights.safetensors"))
    stretched = np.frombuffer(info.preprocessing.mean_image, "<f4").reshape(32, 32)
    assert np.abs(stretched - stretched[0]).max() < 1e-6
    assert (np.diff(stretched[0]) >= 0).all()
    assert stretched.mean() == pytest.approx(0.5, abs=1e-6)
    assert any("made for" in caveat for caveat in info.caveats)


@pytest.mark.parametrize("wrong", [b"\0" * 4, ramp(9), ramp() * 3, b"\0" * 255])
def test_a_mean_image_of_the_wrong_size_is_not_used(tmp_path: Path, wrong: bytes) -> None:
    write_weights(tmp_path / "weights.safetensors", replace(PROVENANCE, mean_image=wrong))
    _, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.preprocessing.mean_image == b""
    assert any("newer version" in caveat for caveat in info.caveats)


def test_a_file_of_a_newer_version_has_a_caveat(tmp_path: Path) -> None:
    write_weights(tmp_path / "weights.safetensors", replace(PROVENANCE, version=VERSION + 1))
    _, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.labels == ("class 0", "class 1", "class 2")
    [caveat] = info.caveats
    assert "newer version" in caveat


def test_a_file_of_version_1_without_its_run_has_a_caveat(tmp_path: Path) -> None:
    """It has mean and deviation per channel, even if its run subtracted a mean image."""
    write_weights(tmp_path / "weights.safetensors", replace(PROVENANCE, version=1))
    _, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.labels == PROVENANCE.classes
    [caveat] = info.caveats
    assert "did not record how images were normalized" in caveat


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
def test_weights_load_in_spite_of_an_unreadable_header(tmp_path: Path, change) -> None:
    metadata = to_metadata(PROVENANCE, safetensors.torch.save(trained_state()))
    values = json.loads(metadata[KEY])
    change(values)
    metadata[KEY] = json.dumps(values)
    del metadata[HEADER_DIGEST]
    (tmp_path / "weights.safetensors").write_bytes(safetensors.torch.save(trained_state(), metadata))
    _, info = load(TINY, WeightsFile(tmp_path / "weights.safetensors"))
    assert info.labels == ("class 0", "class 1", "class 2")
