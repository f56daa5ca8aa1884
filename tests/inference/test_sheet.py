import json

import numpy as np

from resnet_studio.inference.maps import layer_maps
from resnet_studio.inference.sheet import last_of_stages, sheet, to_json, write_npz
from resnet_studio.inference.values import Look, Preprocessing, WeightsInfo
from resnet_studio.networks.presets import preset


def test_what_each_stage_hands_on():
    assert last_of_stages(preset("resnet50")) == ("relu", "layer1.2", "layer2.3", "layer3.5", "layer4.2")
    assert last_of_stages(preset("vgg19"))[:2] == ("features.3", "features.8")


def test_layers_stand_below_one_another_on_white():
    wide = layer_maps("wide", np.arange(4 * 5 * 5, dtype=np.float32).reshape(4, 5, 5))
    small = layer_maps("small", np.zeros((1, 2, 2), np.float32))
    page = sheet([wide, small])
    assert page.shape == (11 + 8 + 2, 11, 3)  # 2 × 2 maps of 5 pixels and a gap of 1; a margin of 8
    assert (page[11:19] == 255).all()
    assert (page[19:, 2:] == 255).all()
    assert not (page[19:, :2] == 255).all()


def test_values_come_back_bit_for_bit(tmp_path):
    layer = layer_maps("layer1.0.conv1", np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32))
    write_npz(tmp_path / "values.npz", [layer])
    with np.load(tmp_path / "values.npz") as values:
        assert values["layer1.0.conv1"].tobytes() == layer.values.tobytes()


def test_what_is_not_a_number_is_null():
    layer = layer_maps("layer", np.full((1, 2, 2), np.nan, np.float32))
    weights = WeightsInfo("random, seed 0", False, Preprocessing(8, 8, (0.0,), (1.0,)), ("class 0",))
    look = Look((), np.zeros((8, 8, 3), np.uint8), (0.0, 0.0, 8.0, 8.0), weights, "cpu", (layer,), 0.0)
    assert json.loads(json.dumps(to_json(look), allow_nan=False)) == {
        "predictions": [],
        "trained": False,
        "device": "cpu",
        "layers": [{"name": "layer", "shape": [1, 2, 2], "mean": None, "std": None, "zeros": 0.0}],
    }
