import json
from pathlib import Path

import pytest
import torch

from resnet_studio.inference.compute.transforms import preprocess
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.images.references import open_reference
from resnet_studio.inference.values import RandomWeights, WeightsFile
from resnet_studio.inference.weights.bundled import (
    BUNDLED,
    DIGIT_SAMPLE,
    DIGITS,
    PLAIN_DIGITS,
    bundled_weights,
    is_bundled,
)
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish
from resnet_studio.resources import resource
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.recipes import RECIPES

MAX_ERROR = {DIGITS: 0.015, PLAIN_DIGITS: 0.02}
"""Highest allowed error on the test images."""


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_network_has_the_error_of_its_record(name: str) -> None:
    record = json.loads(resource(f"trained/{name}.json").read_text(encoding="utf-8"))
    source = bundled_weights(preset(name))
    assert source is not None
    network, info = load(preset(name), source)
    data = finish(open_data(RECIPES["digits-quick"], 8, Path("unused")))
    places = torch.arange(len(data.test))
    ((pixels, labels),) = data.test.batches([(None, places)], "none")
    with torch.inference_mode():
        wrong = int((network(data.normalize(pixels)).argmax(1) != labels).sum())
    assert record["architecture"] == name
    assert wrong / len(labels) == record["test_error"]
    assert wrong / len(labels) <= MAX_ERROR[name]
    assert info.trained
    assert info.preprocessing.mean == pytest.approx(data.mean, rel=1e-12)  # sums in another order of threads
    assert info.caveats == ()


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_networks_classify_the_sample_digits(name: str) -> None:
    source = bundled_weights(preset(name))
    assert source is not None
    network, info = load(preset(name), source)
    for digit in range(10):
        image = preprocess(open_reference(f"sample:digit-{digit}"), info.preprocessing, channels=1)
        with torch.inference_mode():
            assert info.labels[int(network(image).argmax())] == str(digit)
    assert DIGIT_SAMPLE == "sample:digit-3"


def test_the_two_bundled_networks_differ_only_in_their_shortcuts() -> None:
    records = [json.loads(resource(f"trained/{name}.json").read_text(encoding="utf-8")) for name in BUNDLED]
    assert records[0]["recipe"] == records[1]["recipe"]
    networks = [load(preset(name), source)[0] for name in BUNDLED if (source := bundled_weights(preset(name)))]
    first, second = (network.state_dict() for network in networks)
    assert {name: tensor.shape for name, tensor in first.items()} == {n: t.shape for n, t in second.items()}
    assert not torch.equal(first["conv1.weight"], second["conv1.weight"])


def test_other_networks_have_no_bundled_weights() -> None:
    assert [name for name in ("resnet18", "resnet20-cifar", "vgg19") if bundled_weights(preset(name))] == []


def test_bundled_weights_are_recognized() -> None:
    assert all(is_bundled(source) for name in BUNDLED if (source := bundled_weights(preset(name))))
    assert not is_bundled(RandomWeights())
    assert not is_bundled(WeightsFile(Path("plain20-digits.safetensors")))
