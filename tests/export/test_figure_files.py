"""Exported pixels, values, statistics and provenance, read back from the files by other means."""

from __future__ import annotations

import csv
import json
from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from resnet_studio.atomic import WRITING
from resnet_studio.export.figure import MapFigure, figure_image, layer_image, stage_outputs, to_json
from resnet_studio.export.provenance import KEY, Provenance, provenance_of, versions
from resnet_studio.export.writers import write
from resnet_studio.inference.feature_maps import MapStyle, apply_colormap, channel_order, layer_maps, mosaic
from resnet_studio.inference.transforms import ImageTransforms, Occluder
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Frame, LayerMaps, Preprocessing, WeightsInfo
from resnet_studio.networks.architecture import from_json
from resnet_studio.networks.presets import preset

SVG = "{http://www.w3.org/2000/svg}"
WEIGHTS = WeightsInfo("random, seed 0", False, Preprocessing(37, 32, (0.5,) * 3, (0.25,) * 3), ("class 0",), "ab" * 32)
TRANSFORMS = ImageTransforms(zoom=2, flipped=True, occluder=Occluder(0.5, 0.25, 0.125))


def forward_result(*layers: LayerMaps, image: str = "/home/somebody/pictures/a photo.jpg") -> ForwardResult:
    spec = ForwardSpec(image, preset("resnet20-cifar"), transforms=TRANSFORMS)
    pixels = np.zeros((32, 32, 3), np.uint8)
    return ForwardResult(spec, "cd" * 32, Frame(16, 16, 32, 32), pixels, WEIGHTS, layers, 0.1)


def map_figure(*layers: LayerMaps, style: MapStyle = MapStyle(), **provenance: object) -> MapFigure:  # noqa: B008
    names = tuple(layer.name for layer in layers)
    return MapFigure(layers, provenance_of(forward_result(*layers), names, style, **provenance))  # type: ignore[arg-type]


@pytest.fixture
def layer() -> LayerMaps:
    return layer_maps("layer1.0.conv1", np.random.default_rng(0).normal(size=(6, 4, 5)).astype(np.float32))


def test_stage_outputs_are_the_last_blocks() -> None:
    assert stage_outputs(preset("resnet50")) == ("relu", "layer1.2", "layer2.3", "layer3.5", "layer4.2")
    assert stage_outputs(preset("vgg19"))[:2] == ("features.3", "features.8")


def test_layers_stand_below_one_another_on_white() -> None:
    wide = layer_maps("wide", np.arange(4 * 5 * 5, dtype=np.float32).reshape(4, 5, 5))
    small = layer_maps("small", np.arange(4, dtype=np.float32).reshape(1, 2, 2))
    whole = figure_image(map_figure(wide, small))
    assert whole.shape == (11 + 8 + 2, 11, 3)  # 2 × 2 maps of 5 pixels and a gap of 1; a margin of 8
    assert (whole[11:19] == 255).all()
    assert (whole[19:, 2:] == 255).all()
    assert not (whole[19:, :2] == 255).all()


@pytest.mark.parametrize("scale", [1, 3])
def test_a_picture_is_the_mosaic_enlarged(layer: LayerMaps, scale: int) -> None:
    style = MapStyle("fixed", "diverging", (-1.0, 1.0), "variance")
    pixels = layer_image(layer, map_figure(layer, style=style, scale=scale))
    indices, geometry = mosaic(layer.values, style)
    assert pixels.shape[:2] == tuple(side * scale for side in geometry.shape)
    np.testing.assert_array_equal(pixels[::scale, ::scale], apply_colormap(indices, "diverging"))
    np.testing.assert_array_equal(pixels[scale - 1 :: scale, scale - 1 :: scale], pixels[::scale, ::scale])


@pytest.mark.parametrize("style", [MapStyle(), MapStyle("layer", "magma"), MapStyle("layer", sort="maximum")])
def test_a_channel_has_the_same_colors_as_in_the_mosaic(layer: LayerMaps, style: MapStyle) -> None:
    indices, geometry = mosaic(layer.values, style)
    x, y = geometry.corner(3)
    alone = layer_image(layer, map_figure(layer, style=style, channel=3))
    np.testing.assert_array_equal(alone, apply_colormap(indices[y : y + 4, x : x + 5], style.colours))


def test_an_order_from_a_reference_is_followed(layer: LayerMaps) -> None:
    order = channel_order(layer.values, "difference", np.zeros_like(layer.values))
    style = MapStyle("layer", sort="difference")
    pixels = layer_image(layer, replace(map_figure(layer, style=style), orders={layer.name: order}))
    strongest = int(np.abs(layer.values).mean(axis=(1, 2)).argmax())
    np.testing.assert_array_equal(
        pixels[:4, :5], layer_image(layer, map_figure(layer, style=MapStyle("layer"), channel=strongest))
    )


def test_maps_of_one_value_have_one_scale_and_no_gaps() -> None:
    pixels = layer_image(fc := layer_maps("fc", np.arange(4.0)), map_figure(fc, style=MapStyle(colours="grey")))
    assert pixels[..., 0].tolist() == [[0, 85], [170, 255]]


def test_a_channel_that_is_not_there_is_refused(layer: LayerMaps) -> None:
    with pytest.raises(ValueError, match=r"layer1.0.conv1 has no channel 6, only 0 to 5"):
        map_figure(layer, channel=6)


def test_the_provenance_has_all_that_the_file_depends_on(layer: LayerMaps) -> None:
    provenance = map_figure(
        layer, style=MapStyle("fixed", "magma", (0.0, 2.0)), channel=3, scale=2
    ).provenance.to_json()
    assert from_json({name: value for name, value in provenance["architecture"].items() if name != "title"}) == preset(
        "resnet20-cifar"
    )
    assert provenance["weights"] == {"source": "random, seed 0", "sha256": "ab" * 32, "trained": False}
    assert provenance["image"] == {
        "name": "a photo.jpg",
        "sha256": "cd" * 32,
        "handles": {"zoom": 2.0, "flipped": True, "occluder": [0.5, 0.25, 0.125]},
    }
    assert provenance["preprocessing"] == {
        "resize": 37, "crop": 32, "mean": (0.5,) * 3, "std": (0.25,) * 3, "middle": False, "mean_image": "",
    }  # fmt: skip
    assert provenance["layers"] == ["layer1.0.conv1"]
    assert provenance["drawing"] == {
        "contrast": "fixed", "colours": "magma", "limits": (0.0, 2.0), "sort": "index",
        "reference": "", "channel": 3, "scale": 2,
    }  # fmt: skip
    assert provenance["explained"] is None
    assert provenance["device"] == "cpu"
    assert provenance["versions"] == versions()
    assert set(provenance["versions"]) == {"resnet-studio", "torch", "torchvision", "numpy"}


def test_the_captions_lines(layer: LayerMaps) -> None:
    lines = map_figure(layer, style=MapStyle("layer", sort="variance"), scale=2).provenance.caption()
    assert lines[:4] == (
        "image: a photo.jpg, zoom 2, flipped, occluder 0.5 0.25 0.125, SHA-256 cdcdcdcdcdcd…",
        "network: resnet20-cifar, weights: random, seed 0, untrained, SHA-256 abababababab…",
        "input: shorter side resized to 37, center crop 32, minus 0.5 0.5 0.5, divided by 0.25 0.25 0.25",
        "style: viridis, per-layer range, sorted by variance, upscaled 2×",
    )
    assert lines[4].endswith("on cpu")


def test_png_has_pixels_and_provenance(layer: LayerMaps, tmp_path: Path) -> None:
    write(tmp_path / "a.png", exported := map_figure(layer))
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), figure_image(exported))
        assert json.loads(image.info[KEY]) == as_json(exported.provenance)
        assert image.info["Description"] == "\n".join(exported.provenance.caption())


def test_svg_shows_picture_scale_and_caption(layer: LayerMaps, tmp_path: Path) -> None:
    exported = map_figure(layer, style=MapStyle("fixed", "magma", (-1.5, 2.0)))
    write(tmp_path / "a.svg", exported)
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert json.loads(root.findtext(f"{SVG}metadata") or "") == as_json(exported.provenance)
    shown, scale = (decoded(image) for image in root.iter(f"{SVG}image"))
    times = 480 // figure_image(exported).shape[1]
    np.testing.assert_array_equal(shown, figure_image(exported).repeat(times, axis=0).repeat(times, axis=1))
    assert scale.shape == (1, 254, 3)
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert texts[0] == "layer1.0.conv1"
    assert texts[1].startswith("6 channels of 4×5: mean ")
    assert texts[2] == "−1.5  to  2"
    assert " ".join(" ".join(texts[3:]).split()) == " ".join(exported.provenance.caption())


def test_svg_accepts_names_with_control_characters(layer: LayerMaps, tmp_path: Path) -> None:
    odd = provenance_of(forward_result(layer, image="/a/<b>&\x01\udcff.jpg"), (layer.name,), MapStyle())
    for name in ("a.svg", "a.png", "a.csv", "a.npz", "a.npy"):
        write(tmp_path / name, MapFigure((layer,), odd))
    texts = [text.text or "" for text in ElementTree.parse(tmp_path / "a.svg").getroot().iter(f"{SVG}text")]
    assert any("image: <b>&␁\ufffd.jpg" in line for line in texts)


def test_values_come_back_bit_for_bit(layer: LayerMaps, tmp_path: Path) -> None:
    other = layer_maps("layer1.1", np.ones((2, 3, 3)))
    write(tmp_path / "a.npz", exported := map_figure(layer, other))
    with np.load(tmp_path / "a.npz") as values:
        assert values["layer1.0.conv1"].tobytes() == layer.values.tobytes()
        assert values["layer1.1"].shape == (2, 3, 3)
        assert json.loads(str(values["stamp"])) == as_json(exported.provenance)
    write(tmp_path / "a.npy", single := map_figure(layer, channel=2))
    assert np.load(tmp_path / "a.npy").tobytes() == layer.values[2].tobytes()
    assert json.loads((tmp_path / "a.npy.json").read_text()) == as_json(single.provenance)
    with pytest.raises(ValueError, match=r"one layer, not 2"):
        write(tmp_path / "b.npy", exported)


def test_csv_has_one_line_per_channel(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)
    values[0, :2] = 0
    values[1, 0, 0] = np.nan
    values[2] = np.inf
    write(tmp_path / "a.csv", exported := map_figure(layer_maps("layer1.0", values)))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    comments = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    assert tuple(comments[:-1]) == exported.provenance.caption()
    assert json.loads(comments[-1]) == as_json(exported.provenance)
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert [(row["layer"], row["channel"]) for row in rows] == [("layer1.0", str(n)) for n in range(3)]
    known = [values[0].ravel(), values[1].ravel()[1:]]
    for row, numbers in zip(rows, known, strict=False):
        wide = numbers.astype(np.float64)
        expected = {"mean": wide.mean(), "deviation": wide.std(), "least": wide.min(), "greatest": wide.max()}
        assert {name: float(row[name]) for name in expected} == pytest.approx(expected, rel=1e-12)
    assert [float(row["zeros"]) for row in rows] == [10 / 20, 0, 0]
    assert np.isnan([float(rows[2][name]) for name in ("mean", "deviation", "least", "greatest")]).all()


def test_other_endings_are_refused(layer: LayerMaps, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a.jpg: the name must end in one of .png, .svg, .npz, .npy, .csv"):
        write(tmp_path / "a.jpg", map_figure(layer))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_leaves_the_old_file(
    layer: LayerMaps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "a.png", map_figure(layer))
    assert (tmp_path / "a.png").read_bytes() == b"old"
    assert not list(tmp_path.glob(f"{WRITING}*"))


def test_what_is_not_a_number_is_null() -> None:
    layer = layer_maps("layer", np.full((1, 2, 2), np.nan, np.float32))
    texts = to_json(forward_result(layer), map_figure(layer).provenance)
    assert json.loads(json.dumps(texts, allow_nan=False))["layers"] == [
        {"name": "layer", "shape": [1, 2, 2], "mean": None, "std": None, "zeros": 0.0, "least": None, "greatest": None}
    ]


def as_json(provenance: Provenance) -> object:
    return json.loads(json.dumps(provenance.to_json()))


def decoded(image: ElementTree.Element) -> np.ndarray:
    with Image.open(BytesIO(b64decode(image.attrib["href"].partition(",")[2]))) as opened:
        return np.asarray(opened)
