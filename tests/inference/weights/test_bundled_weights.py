import json
from pathlib import Path

import pytest
import torch

from resnet_studio.inference.compute.transforms import preprocess
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.images.references import open_reference
from resnet_studio.inference.values import RandomWeights, WeightsFile
from resnet_studio.inference.weights.bundled import A_DIGIT, DIGITS, PLAIN_DIGITS, SHIPPED, is_shipped, shipped_weights
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish
from resnet_studio.resources import resource
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.recipes import RECIPES

MOST = {DIGITS: 0.015, PLAIN_DIGITS: 0.02}
"""Share of the test images that each may get wrong."""


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_network_is_as_good_as_its_record_says(name: str) -> None:
    record = json.loads(resource(f"trained/{name}.json").read_text(encoding="utf-8"))
    source = shipped_weights(preset(name))
    assert source is not None
    network, info = load(preset(name), source)
    data = finish(open_data(RECIPES["digits-quick"], 8, Path("unused")))
    places = torch.arange(len(data.test))
    ((pixels, labels),) = data.test.batches([(None, places)], "none")
    with torch.inference_mode():
        wrong = int((network(data.normalise(pixels)).argmax(1) != labels).sum())
    assert record["architecture"] == name
    assert wrong / len(labels) == record["test_error"]
    assert wrong / len(labels) <= MOST[name]
    assert info.trained
    assert info.preprocessing.mean == pytest.approx(data.mean, rel=1e-12)  # sums of other threads
    assert info.doubts == ()


@pytest.mark.parametrize("name", SHIPPED)
def test_it_reads_the_sample_digits(name: str) -> None:
    source = shipped_weights(preset(name))
    assert source is not None
    network, info = load(preset(name), source)
    for digit in range(10):
        image = preprocess(open_reference(f"sample:digit-{digit}"), info.preprocessing, channels=1)
        with torch.inference_mode():
            assert info.labels[int(network(image).argmax())] == str(digit)
    assert A_DIGIT == "sample:digit-3"


def test_the_two_differ_in_their_shortcuts_alone() -> None:
    records = [json.loads(resource(f"trained/{name}.json").read_text(encoding="utf-8")) for name in SHIPPED]
    assert records[0]["recipe"] == records[1]["recipe"]
    networks = [load(preset(name), source)[0] for name in SHIPPED if (source := shipped_weights(preset(name)))]
    first, second = (network.state_dict() for network in networks)
    assert {name: tensor.shape for name, tensor in first.items()} == {n: t.shape for n, t in second.items()}
    assert not torch.equal(first["conv1.weight"], second["conv1.weight"])


def test_other_networks_have_none() -> None:
    assert [name for name in ("resnet18", "resnet20-cifar", "vgg19") if shipped_weights(preset(name))] == []


def test_shipped_weights_are_known_as_such() -> None:
    assert all(is_shipped(source) for name in SHIPPED if (source := shipped_weights(preset(name))))
    assert not is_shipped(RandomWeights())
    assert not is_shipped(WeightsFile(Path("plain20-digits.safetensors")))
