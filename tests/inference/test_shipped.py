import json
from pathlib import Path

import torch

from resnet_studio.inference.preprocessing import preprocess
from resnet_studio.inference.samples import open_reference
from resnet_studio.inference.shipped import A_DIGIT, DIGITS, shipped_weights
from resnet_studio.inference.weights import load
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish
from resnet_studio.resources import resource
from resnet_studio.training.opening import open_data
from resnet_studio.training.recipes import RECIPES


def test_the_shipped_network_is_as_good_as_its_record_says() -> None:
    record = json.loads(resource(f"trained/{DIGITS}.json").read_text(encoding="utf-8"))
    source = shipped_weights(preset(DIGITS))
    assert source is not None
    network, info = load(preset(DIGITS), source)
    data = finish(open_data(RECIPES["digits-quick"], 8, Path("unused")))
    places = torch.arange(len(data.test))
    ((pixels, labels),) = data.test.batches([(None, places)], "none")
    with torch.inference_mode():
        wrong = int((network(data.normalise(pixels)).argmax(1) != labels).sum())
    assert wrong / len(labels) == record["test_error"]
    assert wrong / len(labels) <= 0.015
    assert info.trained
    assert info.preprocessing.mean == data.mean


def test_it_reads_the_sample_digits() -> None:
    source = shipped_weights(preset(DIGITS))
    assert source is not None
    network, info = load(preset(DIGITS), source)
    for digit in range(10):
        image = preprocess(open_reference(f"sample:digit-{digit}"), info.preprocessing, channels=1)
        with torch.inference_mode():
            assert info.labels[int(network(image).argmax())] == str(digit)
    assert A_DIGIT == "sample:digit-3"


def test_other_networks_have_none() -> None:
    assert [name for name in ("resnet18", "resnet20-cifar", "vgg19") if shipped_weights(preset(name))] == []
