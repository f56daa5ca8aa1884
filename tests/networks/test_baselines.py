"""Baselines without torch: their plans against torchvision's metadata, and which images they take."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest

from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import ArchitectureError, Baseline, from_json, to_json
from resnet_studio.networks.baselines import NAMES, PublishedCost
from resnet_studio.networks.layers import window_output
from resnet_studio.networks.plan import first_activation, layers_by_name, plan
from resnet_studio.networks.receptive_field import Box, pixels_read, receptive_field

PUBLISHED = [(name, cost) for name in NAMES for cost in baselines.info(name).published]


def test_there_are_seventy() -> None:
    """torchvision's eighty classification networks, less ten ResNets: residual networks have presets of their own."""
    assert len(NAMES) == 80 - 10


@pytest.mark.parametrize(("name", "cost"), PUBLISHED)
def test_a_plan_costs_what_torchvisions_metadata_say(name: str, cost: PublishedCost) -> None:
    layers = plan(Baseline(name, cost.image))
    macs = Decimal(sum(layer.macs for layer in layers)) / 10**9
    assert sum(layer.parameters for layer in layers) == cost.parameters
    assert str(macs.quantize(Decimal("0.001"), ROUND_HALF_EVEN)) == cost.giga_macs


@pytest.mark.parametrize("name", NAMES)
def test_a_baseline_has_the_image_of_its_weights_by_default(name: str) -> None:
    architecture = Baseline(name)
    assert architecture.image == baselines.info(name).image
    assert from_json(to_json(architecture)) == from_json({"kind": "baseline", "name": name}) == architecture


@pytest.mark.parametrize(
    ("name", "image", "words"),
    [
        ("inception_v3", 74, "at least 75"),
        ("vit_b_16", 225, "multiple of 16"),
        ("vit_h_14", 512, "multiple of 14"),
        ("vit_b_16", (224, 448), "square"),
        ("maxvit_t", 250, "multiple of 224"),
        ("maxvit_t", (224, 448), "square"),
        ("swin_t", 3, "at least 4"),
    ],
)
def test_an_image_that_torchvision_refuses_is_refused_with_the_reason(name: str, image: object, words: str) -> None:
    with pytest.raises(ArchitectureError, match=words) as caught:
        Baseline(name, image)  # type: ignore[arg-type]
    assert caught.value.field == "image"


@pytest.mark.parametrize(("name", "image"), [("maxvit_t", 221), ("maxvit_t", 446), ("vit_b_16", 384)])
def test_other_images_are_taken(name: str, image: int) -> None:
    assert Baseline(name, image).image == image


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "mobilenet"}, "did you mean mobilenet_v2"),
        ({"name": "resnet50"}, "unknown network"),
        ({"name": 3}, "must be a classification network of torchvision"),
        ({"name": "vgg16", "image": None}, "must be an integer"),
    ],
)
def test_a_wrong_baseline_says_what_is_wrong(values: dict[str, object], words: str) -> None:
    with pytest.raises(ArchitectureError, match=words):
        from_json({"kind": "baseline", **values})


def test_a_pool_that_rounds_up_never_starts_outside() -> None:
    """GoogLeNet's pools: 3 with stride 2 on 112 gives 56. One of 2 with stride 2 and padding 1 has no fourth window
    on 5 pixels, as that would begin behind the last."""
    assert window_output(112, 3, 2, 0, ceil=True) == 56
    assert window_output(111, 3, 2, 0, ceil=True) == window_output(111, 3, 2, 0) == 55
    assert window_output(5, 2, 2, 1, ceil=True) == 3


def test_names_are_unique_and_inputs_come_first() -> None:
    for name in NAMES:
        seen: set[str] = set()
        for layer in plan(Baseline(name)):
            assert layer.name not in seen
            assert seen.issuperset(layer.inputs)
            seen.add(layer.name)


@pytest.mark.parametrize("name", NAMES)
def test_stages_are_consecutive(name: str) -> None:
    stages = [layer.stage for layer in plan(Baseline(name))]
    changes = [stage for stage, before in zip(stages, [None, *stages], strict=False) if stage != before]
    assert len(changes) == len(set(changes)) <= 60


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("vgg16", "features.1"), ("mobilenet_v2", "features.0.2"), ("efficientnet_b0", "features.0.2"),
        ("vit_b_16", "conv_proj"), ("swin_t", "features.0.0"), ("googlenet", "conv1"),
    ],
)  # fmt: skip
def test_the_first_layer_to_look_at(name: str, layer: str) -> None:
    assert first_activation(Baseline(name)) == layer


def test_a_receptive_field_is_that_of_the_largest_branch() -> None:
    """Inception's first module on 35×35 maps: two 3×3 in a row reach two pixels to each side, one 5×5 as well."""
    network = Baseline("inception_v3")
    whole, branch = (receptive_field(network, layer, 17, 17) for layer in ("Mixed_5b", "Mixed_5b.branch3x3dbl_3"))
    assert whole == branch
    assert whole.width > receptive_field(network, "Mixed_5b.branch1x1", 17, 17).width


def test_a_squeezing_gate_is_no_window() -> None:
    """EfficientNet's first block is one 3×3 behind the 3×3/2 of the stem: 3 + 2 · 2 pixels."""
    assert receptive_field(Baseline("efficientnet_b0"), "features.1.0.block.2.0", 50, 50).width == 7


def test_attention_in_windows_sees_its_window() -> None:
    """Swin: 4×4 patches, windows of 7×7 of them, shifted by 3 in every second block."""
    network = Baseline("swin_t")
    assert receptive_field(network, "features.1.0.attn", 0, 8) == Box(28, 0, 56, 28)
    shifted = pixels_read(network, "features.1.1.attn", 0, 8)
    assert (shifted.top, shifted.bottom) == (0, 28)  # the rows above the shift, seen through the first block's windows
    assert (shifted.left, shifted.right) == (0, 56)  # columns 3 … 9 of patches, which are in two of those windows


@pytest.mark.parametrize("name", ["vit_b_16", "maxvit_t"])
def test_global_attention_sees_everything(name: str) -> None:
    network = Baseline(name)
    attention = next(layer.name for layer in plan(network) if layer.kind == "attention")
    assert pixels_read(network, attention, 0, 0) == Box(0, 0, 224, 224)


def test_windows_of_one_by_seven() -> None:
    layer = layers_by_name(Baseline("inception_v3"))["Mixed_6b.branch7x7_2.conv"]
    assert layer.windows == ((1, 0), (7, 3))
    assert layer.kernel_text == "1×7"
    assert layer.parameters == 128 * 7 * 128
    assert layer.macs == layer.parameters * 17 * 17
