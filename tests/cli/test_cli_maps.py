"""The command `maps`: images, values, patterns, folders, and errors."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_studio.export.provenance import KEY
from resnet_studio.inference.attribution import attribution_style, heatmap
from resnet_studio.inference.compute.attribution import attribution_steps
from resnet_studio.inference.feature_maps import MapStyle, apply_colormap, channel_order, layer_maps, mosaic
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

CIFAR = ("--architecture", "resnet20-cifar")


@pytest.fixture
def read(run):
    """Run a command that must succeed, and parse its JSON."""

    def call(*arguments: object):
        code, out, err = run(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return call


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        return np.asarray(image)


def values(path: Path, layer: str) -> np.ndarray:
    with np.load(path) as arrays:
        return arrays[layer]


def test_maps_writes_a_picture_and_the_values(read, tmp_path):
    png, npz = tmp_path / "maps.png", tmp_path / "maps #1.npz"
    wanted = ("--layer", "layer1.0.conv1", "--layer", "layer4.1")
    small = ("--architecture", "resnet18", "--image-size", "64", "--output", png, "--raw", npz)
    summary = read("maps", "sample:china", *small, *wanted)
    assert set(summary) == {"predictions", "trained", "device", "layers", "stamp"}
    assert (summary["trained"], summary["device"]) == (False, "cpu")
    assert len(summary["predictions"]) == 5
    assert all(0 <= prediction["probability"] <= 1 for prediction in summary["predictions"])
    assert [(layer["name"], layer["shape"]) for layer in summary["layers"]] == [
        ("layer1.0.conv1", [64, 16, 16]),
        ("layer4.1", [512, 2, 2]),
    ]
    for layer in summary["layers"]:
        kept = values(npz, layer["name"])
        assert (kept.dtype, list(kept.shape)) == (np.float32, layer["shape"])
        assert layer["mean"] == pytest.approx(kept.mean(dtype=np.float64))
        assert layer["std"] == pytest.approx(kept.std(dtype=np.float64))
        assert layer["zeros"] == pytest.approx((kept == 0).mean())
        assert (layer["least"], layer["greatest"]) == (kept.min(), kept.max())
    with Image.open(png) as picture:
        assert json.loads(picture.info[KEY]) == summary["stamp"]
    assert summary["stamp"]["image"]["name"] == "china"


def test_maps_reports_untrained_and_draws_the_last_layer_of_every_stage(run, tmp_path):
    code, out, err = run("maps", "sample:digit-3", *CIFAR, "--output", tmp_path / "a.png")
    assert (code, err) == (0, "")
    assert "untrained" in out
    names = [line.split()[0] for line in out.partition("std")[2].splitlines()[2:-1]]
    assert names == ["relu", "layer1.2", "layer2.2", "layer3.2"]


def test_a_pattern_selects_every_matching_layer(read, tmp_path):
    summary = read("maps", "sample:digit-3", *CIFAR, "--output", tmp_path / "a.npz", "--layer", "layer[13].*.add")
    assert summary["stamp"]["layers"] == [f"layer{stage}.{block}.add" for stage in (1, 3) for block in range(3)]


@pytest.mark.parametrize(
    ("options", "drawn"),
    [
        ((), MapStyle()),
        (("--contrast", "layer", "--colormap", "grey", "--sort", "mean"), MapStyle("layer", "grey", None, "mean")),
        (("--contrast", "-1,2.5", "--colormap", "magma"), MapStyle("fixed", "magma", (-1.0, 2.5))),
        (("--contrast", "-1,2.5", "--colormap", "diverging"), MapStyle("fixed", "diverging", (-2.5, 2.5))),
        (("--colormap", "diverging", "--sort", "variance"), MapStyle("channel", "diverging", None, "variance")),
    ],
)
def test_the_image_is_drawn_with_the_given_options(read, tmp_path, options, drawn):
    png, npz = tmp_path / "a.png", tmp_path / "a.npz"
    wanted = ("--layer", "layer2.0.add", "--scale", 3, "--handle", "zoom=2", "--handle", "flipped")
    summary = read("maps", "sample:china", *CIFAR, *wanted, *options, "--output", png, "--raw", npz)
    expected = apply_colormap(mosaic(values(npz, "layer2.0.add"), drawn)[0], drawn.colours)
    np.testing.assert_array_equal(pixels(png), expected.repeat(3, axis=0).repeat(3, axis=1))
    assert summary["stamp"]["image"]["handles"] == {"zoom": 2, "flipped": True}


def test_one_channel_and_the_order_of_a_difference(read, tmp_path):
    png, layer = tmp_path / "a.png", ("--layer", "layer2.0.add")
    for image in ("china", "flower"):
        read("maps", f"sample:{image}", *CIFAR, *layer, "--output", tmp_path / f"{image}.npz")
    china, flower = (values(tmp_path / f"{image}.npz", "layer2.0.add") for image in ("china", "flower"))
    summary = read(
        "maps", "sample:china", *CIFAR, *layer, "--output", png, "--sort", "difference", "--reference", "sample:flower"
    )
    assert summary["stamp"]["drawing"]["reference"] == "flower"
    order = np.argsort(-np.abs(china - flower).mean(axis=(1, 2)), kind="stable")
    np.testing.assert_array_equal(order, channel_order(china, "difference", flower))
    np.testing.assert_array_equal(pixels(png), apply_colormap(mosaic(china, MapStyle(), order=order)[0], "viridis"))
    read("maps", "sample:china", *CIFAR, *layer, "--output", png, "--channel", 5)
    np.testing.assert_array_equal(pixels(png), apply_colormap(mosaic(china[5:6], MapStyle())[0], "viridis"))


@pytest.mark.parametrize("ending", ["svg", "npz", "npy", "csv"])
def test_the_suffix_determines_the_file_format(read, tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    read("maps", "sample:digit-3", *CIFAR, "--layer", "layer1.0", "--output", path)
    begins = {"svg": b"<?xml", "npz": b"PK", "npy": b"\x93NUMPY", "csv": b"# image: digit 3"}
    assert path.read_bytes().startswith(begins[ending])
    assert (tmp_path / "a.npy.json").exists() == (ending == "npy")


def test_maps_accepts_weights_from_a_file_or_a_seed(read, tmp_path):
    import torch

    from resnet_studio import build

    torch.save(build(preset("resnet20-cifar"), seed=3).state_dict(), tmp_path / "three.pth")
    arguments = ("maps", "sample:digit-3", *CIFAR, "--layer", "layer1.0", "--output", tmp_path / "a.png")
    summary = read(*arguments, "--weights", tmp_path / "three.pth")
    assert summary["trained"]
    assert summary["stamp"]["weights"]["source"] == "three.pth"
    assert len(summary["stamp"]["weights"]["sha256"]) == 64
    assert read(*arguments, "--weights", "random:3")["stamp"]["weights"]["source"] == "random, seed 3"


def test_a_folder_of_images_becomes_a_folder_of_pictures(run, tmp_path):
    images, output = tmp_path / "images", tmp_path / "maps"
    images.mkdir()
    rng = np.random.default_rng(0)
    for name in ("b.png", "a.png", "a.bmp"):
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(images / name)
    (images / "notes.txt").write_text("no image")
    (images / "._a.png").write_text("of macOS")
    code, out, err = run("maps", images, "sample:digit-3", *CIFAR, "--layer", "layer1.0", "--output", output)
    assert (code, err) == (0, "")
    assert out == (
        f"4 of 4 images saved in {output}\n"
        "skipped in images: 1 hidden file or folder (._a.png), 1 .txt file (notes.txt)\n"
    )
    assert sorted(path.name for path in output.iterdir()) == [
        "a.bmp.png", "a.png.png", "b.png", "sample-digit-3.png",
    ]  # fmt: skip
    assert len({pixels(path).tobytes() for path in output.iterdir()}) == 4


def test_a_damaged_image_is_reported_counted_and_skipped(run, tmp_path):
    images, output = tmp_path / "images", tmp_path / "maps"
    images.mkdir()
    (images / "bad.jpg").write_text("no photograph")
    Image.new("RGB", (40, 40), "red").save(images / "good.png")
    arguments = ("maps", images, *CIFAR, "--layer", "layer1.0", "--output", output)
    code, out, err = run(*arguments)
    assert (code, err.count("\n")) == (1, 1)
    assert "bad.jpg" in err
    assert out == f"1 of 2 images saved in {output}; 1 could not be opened\n"
    assert [path.name for path in output.iterdir()] == ["good.png"]
    code, out, _ = run(*arguments, "--json")
    summary = json.loads(out)
    assert code == 1
    assert list(summary["failed"]) == [str(images / "bad.jpg")]
    assert [one["file"] for one in summary["images"]] == [str(output / "good.png")]
    assert summary["images"][0]["stamp"]["image"]["name"] == "good.png"


@pytest.mark.parametrize(
    ("arguments", "summary"),
    [
        (["--output", "{}/a.jpg"], "end in one of .png, .svg, .npz, .npy, .csv"),
        (["--output", "{}/none/a.png"], "directory not found"),
        (["--output", "{}/a.png", "--raw", "{}/a.zip"], "end in .npz"),
        (["--output", "{}/a.npy"], "holds one layer, not 4"),
        (["--output", "{}/a.png", "--layer", "layer9"], "layer9"),
        (["--output", "{}/a.png", "--layer", "layer9.*"], "no layer matches 'layer9.*'"),
        (["--output", "{}/a.png", "--device", "cuda:7"], "cuda:7 is not available on this machine"),
        (["--output", "{}/a.png", "--weights", "{}/none.pth"], "none.pth"),
        (["--output", "{}/a.png", "--weights", "random:x"], "random:SEED must be an integer"),
        (["--output", "{}/a.png", "--weights", "published:resnet50"], "published:resnet50:IMAGENET1K_V2"),
        (["--output", "{}/a.png", "--contrast", "loud"], "two values such as 0,2.5"),
        (["--output", "{}/a.png", "--contrast", "2,1"], "must be less than the second"),
        (["--output", "{}/a.png", "--handle", "zoom=99"], "zoom: must be a number from 0.25 to 16, got 99"),
        (["--output", "{}/a.png", "--sort", "difference"], "must be used together"),
        (["--output", "{}/a.png", "--channel", "16", "--layer", "layer1.0"], "has no channel 16, only 0 to 15"),
        (["sample:digit-1", "--output", "{}/a.png"], "--output must be a directory"),
        (["--run", "one", "--output", "{}/a"], "takes neither images nor an architecture"),
    ],
)
def test_invalid_arguments_are_rejected_before_anything_is_written(run, tmp_path, arguments, summary):
    given = [argument.format(tmp_path) for argument in arguments]
    code, out, err = run("maps", "sample:digit-0", *CIFAR, *given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert summary in err
    assert list(tmp_path.iterdir()) == []


def test_maps_names_the_image_that_it_cannot_open(run, tmp_path):
    (tmp_path / "text.jpg").write_text("no photograph")
    (tmp_path / "empty").mkdir()
    for image, output in (("text.jpg", "a.png"), ("none.jpg", "a.png"), ("empty", "maps")):
        code, out, err = run("maps", tmp_path / image, *CIFAR, "--output", tmp_path / output)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert image in err
    assert not (tmp_path / "maps").exists()


def test_missing_arguments_are_named(run, tmp_path):
    for given, lacking in (((), "an image"), (("sample:china",), "--architecture"), (CIFAR, "an image")):
        code, _, err = run("maps", *given, "--output", tmp_path / "a.png")
        assert code == 2
        assert f"maps needs {lacking}" in err


def test_maps_of_one_value(read, tmp_path):
    read("maps", "sample:digit-3", *CIFAR, "--layer", "fc", "--output", tmp_path / "a.png", "--raw", tmp_path / "a.npz")
    kept = layer_maps("fc", values(tmp_path / "a.npz", "fc"))
    expected = apply_colormap(mosaic(kept.values, MapStyle("layer"), gap=0)[0], "viridis")
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), expected)


def test_an_attribution_is_drawn_over_the_input(read, run, tmp_path):
    png, npz = tmp_path / "why.png", tmp_path / "why.npz"
    weights = bundled_weights(preset("resnet20-digits"))
    given = ("maps", "sample:digit-3", "--architecture", "resnet20-digits", "--weights", weights.path)
    why = ("--attribution", "grad-cam", "--layer", "layer2.2")
    summary = read(*given, *why, "--output", png, "--raw", npz, "--scale", 4)
    assert (summary["method"], summary["target"], summary["label"], summary["layer"]) == (
        "grad-cam",
        3,
        "3",
        "layer2.2",
    )
    assert summary["trained"]
    assert summary["probability"] > 0.5
    spec = ForwardSpec("sample:digit-3", preset("resnet20-digits"), weights)
    found = finish(attribution_steps(spec, "grad-cam", "layer2.2"))
    np.testing.assert_array_equal(values(npz, "grad-cam")[0], found.at_input)
    mixed = (found.model_input.astype(float) + heatmap(found.at_input, attribution_style(found))) / 2
    np.testing.assert_array_equal(pixels(png)[::4, ::4], np.rint(mixed))
    with Image.open(png) as image:
        stamp = json.loads(image.info[KEY])
        assert "attribution: Grad-CAM for 3 (class 3) at layer2.2" in image.info["Description"]
    assert stamp == summary["stamp"]
    assert stamp["explained"] == {"method": "grad-cam", "title": "Grad-CAM", "target": 3, "label": "3"}
    other = read(*given, *why, "--class", 5, "--output", tmp_path / "five.png")
    assert other["target"] == 5
    code, out, err = run(*given, *why, "--output", tmp_path / "why.svg")
    assert (code, err) == (0, "")
    assert out.startswith("Grad-CAM at layer2.2: 3 (class 3), ")
    output = tmp_path / "all"
    assert run(*given[:1], "sample:digit-3", *given[1:], "--attribution", "saliency", "--output", output)[0] == 0
    assert (output / "1-sample-digit-3.png").exists()


@pytest.mark.parametrize(
    ("options", "summary"),
    [
        (("--attribution", "guess"), "unknown method 'guess'. Available: grad-cam"),
        (("--class", 3), "--class requires a method"),
        (("--attribution", "grad-cam", "--class", 10), "10"),
        (
            ("--attribution", "grad-cam", "--layer", "layer*.0"),
            "takes one layer, got 3 (layer1.0, layer2.0, layer3.0)",
        ),
        (("--attribution", "grad-cam", "--layer", "fc"), "'fc' is not a layer with feature maps"),
    ],
)
def test_invalid_attributions_are_rejected_with_a_reason(run, tmp_path, options, summary):
    code, out, err = run("maps", "sample:digit-3", *CIFAR, *options, "--output", tmp_path / "a.png")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert summary in err
    assert list(tmp_path.iterdir()) == []


def test_a_network_with_bundled_weights_needs_no_weights_option(read, tmp_path):
    wanted = ("sample:digit-3", "--architecture", "resnet20-digits", "--output", tmp_path / "maps.png")
    summary = read("maps", *wanted)
    assert summary["trained"]
    assert summary["predictions"][0]["label"] == "3"
    assert not read("maps", *wanted, "--weights", "random:0")["trained"]


def checkpoint(path: Path, kind: str) -> Path:
    """A checkpoint as other programs save it: a ResNet-20 for two classes, or for ten."""
    cifar = preset("resnet20-cifar")
    two = build(replace(cifar, classes=2), 1).state_dict()
    ten, other = (build(cifar, seed).state_dict() for seed in (1, 2))
    backbone = {f"backbone.{name}": tensor for name, tensor in ten.items() if not name.startswith("fc.")}
    content = {
        "lightning.ckpt": {"state_dict": {f"model.{name}": tensor for name, tensor in two.items()}},
        "moco.pth.tar": {"state_dict": {f"{which}.{name}": tensor for which, state in
                                        (("encoder_q", ten), ("encoder_k", other)) for name, tensor in state.items()}},
        "net.pth": {"net": ten, "epoch": 3},
        "mapped.pth": backbone | {"head.fc.weight": ten["fc.weight"], "head.fc.bias": ten["fc.bias"]},
        "headless.pth": backbone,
    }  # fmt: skip
    torch.save(content[kind], path / kind)
    return path / kind


@pytest.mark.parametrize("kind", ["net.pth", "mapped.pth", "headless.pth"])
@pytest.mark.parametrize("named", [True, False])
def test_checkpoints_of_others_load(run, tmp_path, kind, named):
    file = checkpoint(tmp_path, kind)
    code, out, err = run(
        "maps", "sample:china", *(CIFAR if named else ()), "--weights", file, "--output", tmp_path / "a.png"
    )
    assert (code, err) == (0, "")
    assert f"weights: {kind}" in out
    assert ("fc is random, as the file has none" in out) == (kind == "headless.pth")
    assert ("names of OpenMMLab's mmpretrain translated" in out) == (kind == "mapped.pth")


def test_suggested_options_load_mismatched_weights(run, tmp_path):
    """Every suggestion in the message is tried."""
    for kind, ways in (
        ("lightning.ckpt", {"remove --architecture": "Switch to resnet20-cifar, 2 classes",
                            "--new-head": "Load all but the head"}),
        ("moco.pth.tar", {"--prefix encoder_q": "Load encoder_q",
                          "--prefix encoder_k": "Load encoder_k (momentum copy)"}),
    ):  # fmt: skip
        line = ["maps", "sample:china", "--weights", checkpoint(tmp_path, kind), "--output", tmp_path / "a.png"]
        code, out, err = run(*line, *CIFAR)
        assert (code, out) == (2, "")
        result = "; or ".join(f"{options} ({what})" for options, what in ways.items())
        assert err.endswith(f"To load it: {result}\n")
        for options in ways:
            more = () if options.startswith("remove") else (*CIFAR, *shlex.split(options))
            code, out, err = run(*line, *more)
            assert (code, err) == (0, ""), options
            assert ("fc is random" in out) == (options == "--new-head")


def test_two_networks_in_one_file_are_both_suggested(run, tmp_path):
    file = checkpoint(tmp_path, "moco.pth.tar")
    line = ("maps", "sample:china", "--weights", file, "--output", tmp_path / "a.png")
    code, _, err = run(*line)
    assert code == 2
    assert err.endswith("Choose one. To load it: --prefix encoder_q; or --prefix encoder_k\n")
    code, out, _ = run(*line, "--prefix", "encoder_k.")
    assert code == 0
    assert "using the tensors under 'encoder_k.'" in out


def test_the_network_comes_from_the_weights_and_its_fields_can_be_changed(read, tmp_path):
    own = bundled_weights(preset("resnet20-digits"))
    result = read("maps", "sample:digit-3", "--weights", own.path, "--output", tmp_path / "a.png")
    assert result["stamp"]["architecture"]["blocks"] == [3, 3, 3]
    assert result["predictions"][0]["label"] == "3"
    changed = read("maps", "sample:china", "--weights", checkpoint(tmp_path, "net.pth"), "--image-size", 48,
                   "--output", tmp_path / "a.png")  # fmt: skip
    assert changed["stamp"]["architecture"]["image"] == 48


def test_a_class_without_a_label_is_named_once(run, tmp_path):
    png = tmp_path / "a.png"
    why = ("--attribution", "saliency", "--class", 7, "--weights", "random:1")
    code, out, _ = run("maps", "sample:china", *CIFAR, *why, "--output", png)
    assert code == 0
    assert out.startswith("Saliency: class 7, ")
    with Image.open(png) as image:
        assert "attribution: Saliency for class 7" in image.info["Description"]
