import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from resnet_studio.inference import cropping
from resnet_studio.inference.compute import forward, transforms
from resnet_studio.inference.compute.forward import forward_steps, layers_to_capture
from resnet_studio.inference.compute.prepare import prepare_steps
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import DeviceError, WeightsError
from resnet_studio.inference.images import references
from resnet_studio.inference.images.loader import ImageError
from resnet_studio.inference.transforms import ImageTransforms, Occluder
from resnet_studio.inference.values import ForwardResult, ForwardSpec, RandomWeights, WeightsFile, WeightsSource
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.modules.network import ResNet
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

TINY = Residual(Basic(), (1, 1), width=8, stem="cifar", image=16, classes=10)
DIGIT = ForwardSpec("sample:digit-3", TINY)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    forward.clear_caches()
    yield
    forward.clear_caches()


def run(
    *layers: str, image: str = "sample:china", architecture: Architecture = TINY, source: WeightsSource | None = None
) -> ForwardResult:
    return finish(forward_steps(ForwardSpec(image, architecture, source or RandomWeights(0)), layers))


def count_passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every forward pass of a residual network from now on."""
    made: list[int] = []
    forward = ResNet.forward

    def noted(network: ResNet, images: Tensor) -> Tensor:
        made.append(1)
        return forward(network, images)

    monkeypatch.setattr(ResNet, "forward", noted)
    return made


def test_a_forward_result_is_what_the_network_outputs() -> None:
    result = run("layer1.0.conv1", "layer2.0", "fc")
    network, info = load(TINY, RandomWeights(0))
    photograph = references.open_reference("sample:china")
    images = transforms.preprocess(photograph, info.preprocessing, 3)
    with torch.no_grad():
        logits = network(images)
        first = network.get_submodule("layer1.0.conv1")(network[:3](images))  # type: ignore[index]
    probabilities, classes = logits.softmax(1)[0].sort(descending=True)
    assert [p.label for p in result.predictions or ()] == [f"class {number}" for number in classes[:5]]
    assert [p.probability for p in result.predictions or ()] == pytest.approx(probabilities[:5].tolist(), rel=1e-4)
    assert [(maps.name, maps.values.shape) for maps in result.layers] == [
        ("layer1.0.conv1", (8, 16, 16)),
        ("layer2.0", (16, 8, 8)),
        ("fc", (10, 1, 1)),
    ]
    assert np.allclose(result.layers[0].values, first[0], atol=1e-5)
    assert result.layers[1].zeros > 0.2
    assert np.array_equal(result.model_input, transforms.denormalized(images, info.preprocessing))
    left, top, width, height = cropping.crop_box(640, 427, info.preprocessing)
    assert result.frame.corners[0] == pytest.approx((left, top))
    assert result.frame.corners[2] == pytest.approx((left + width, top + height))
    assert (result.weights, result.spec) == (info, ForwardSpec("sample:china", TINY))


def test_fewer_than_five_classes_are_all_predicted() -> None:
    predictions = run(architecture=replace(TINY, classes=3)).predictions
    assert len(predictions) == 3
    assert sum(p.probability for p in predictions) == pytest.approx(1)


def test_progress_counts_up_to_the_end() -> None:
    steps = list(forward_steps(DIGIT, ("layer1",)))
    assert [(step.done, step.of) for step in steps] == [(0, 4), (1, 4), (2, 4)]
    assert list(forward_steps(DIGIT, ("layer2",))) == []  # none of it is slow


def test_another_layer_of_the_same_image_costs_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    run("conv1")
    made = count_passes(monkeypatch)
    first, second = run("layer1.0.relu1"), run("layer2", "layer2.0.add")
    assert made == []
    assert first.seconds == second.seconds
    run("conv1", image="sample:flower")
    assert made == [1]
    run("conv1")  # the image before is still there
    assert made == [1]


def test_a_preview_is_the_same_and_caches_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    transformed = replace(DIGIT, transforms=ImageTransforms(zoom=2, occluder=Occluder(0.2, 0.7, 0.3)))
    preview = finish(forward_steps(transformed, ("layer1.0.relu1",), preview=True))
    full = finish(forward_steps(transformed, ("layer1.0.relu1", "layer1.0.bn1")))
    assert preview.predictions is not None
    assert [one.label for one in preview.predictions] == [one.label for one in full.predictions or ()]
    top = np.abs(full.layers[0].values).max()
    assert np.allclose(preview.layers[0].values, full.layers[0].values, atol=1e-4 * top)
    made = count_passes(monkeypatch)
    assert finish(forward_steps(transformed, ("layer2.0",))).layers  # the full pass before has it
    assert made == []
    finish(forward_steps(replace(transformed, image="sample:china"), ("layer1.0.relu1",), preview=True))
    finish(forward_steps(replace(transformed, image="sample:china"), ("layer2.0",)))
    assert made == [1, 1]


def test_a_pass_without_predictions_ends_after_the_last_layer() -> None:
    met: list[str] = []
    network = network_for(DIGIT)
    hooks = [
        part.register_forward_hook(lambda *_, name=name: met.append(name)) for name, part in network.named_children()
    ]
    result = finish(forward_steps(DIGIT, ("layer1.0.bn1", "bn1"), predictions=False, preview=True))
    for hook in hooks:
        hook.remove()
    assert met == ["conv1", "bn1", "relu"]  # layer1 itself is never done
    assert result.predictions is None
    full = run("layer1.0.bn1", "bn1", image="sample:digit-3")
    for ours, theirs in zip(result.layers, full.layers, strict=True):
        assert np.array_equal(ours.values, theirs.values)


def network_for(spec: ForwardSpec) -> nn.Module:
    return finish(prepare_steps(spec)).network()


def test_transforms_change_the_model_input() -> None:
    flipped = finish(forward_steps(replace(DIGIT, transforms=ImageTransforms(flipped=True)), ()))
    assert np.array_equal(flipped.model_input, run(image="sample:digit-3").model_input[:, ::-1])


def test_a_full_result_has_the_same_numbers_after_any_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = run("layer2.0").layers[0].values
    forward.clear_caches()
    finish(forward_steps(ForwardSpec("sample:china", TINY), ("layer2.0",), preview=True))  # through the folded network
    made = count_passes(monkeypatch)
    run("layer1.0.bn2")
    assert made == [1]
    assert np.array_equal(run("layer2.0").layers[0].values, alone)
    assert np.array_equal(run("layer2").layers[0].values, alone)
    assert made == [1]


def test_results_are_copies() -> None:
    run("conv1").layers[0].values.fill(0)
    assert run("conv1").layers[0].values.any()


def test_memory_bounds_what_is_captured() -> None:
    names = layers_to_capture(preset("resnet50"), ("conv1",))
    assert {layer.name for layer in plan(preset("resnet50"))} < set(names)
    assert layers_to_capture(replace(preset("resnet50"), image=2048), ("conv1",)) == ("conv1",)
    assert layers_to_capture(replace(preset("resnet152"), image=4096), ("layer1",)) == ("layer1",)
    assert set(layers_to_capture(preset("resnet152"), ("layer1",))) == {
        *(layer.block for layer in plan(preset("resnet152")) if layer.block),
        *(layer.name for layer in plan(preset("resnet152"))),
        *("layer1", "layer2", "layer3", "layer4"),
    }
    assert "layer1.0.unused_conv" not in layers_to_capture(preset("article18"), ("conv1",))
    assert "features.0" in layers_to_capture(preset("vgg19"), ("classifier.6",))


def test_a_replaced_weights_file_is_read_again(tmp_path: Path) -> None:
    source = WeightsFile(tmp_path / "weights.pth")
    shown = []
    for seed in (1, 2):
        torch.save(load(TINY, RandomWeights(seed))[0].state_dict(), source.path)
        os.utime(source.path, (seed, seed))
        shown.append(run("fc", source=source).layers[0].values)
    assert not np.array_equal(*shown)


def test_errors_are_reported_and_later_requests_work(tmp_path: Path) -> None:
    (tmp_path / "bad.pth").write_text("hello")
    with pytest.raises(WeightsError, match=r"bad\.pth is not a weights file"):
        run("conv1", source=WeightsFile(tmp_path / "bad.pth"))
    with pytest.raises(ImageError):
        run("conv1", image=str(tmp_path / "bad.pth"))
    with pytest.raises(ValueError, match=r"'conv9'.*did you mean"):
        run("conv9")
    with pytest.raises(ValueError, match="this network takes 5"):
        run("conv1", architecture=replace(TINY, channels=5))
    with pytest.raises(DeviceError, match="cuda:99 is not available on this machine"):
        finish(forward_steps(ForwardSpec("sample:china", TINY, device="cuda:99"), ()))
    assert run("conv1").layers


def test_nan_weights_predict_nothing_and_have_maps(tmp_path: Path) -> None:
    state = load(TINY, RandomWeights(0))[0].state_dict()
    state["conv1.weight"][2] = torch.nan
    torch.save(state, tmp_path / "nan.pth")
    result = run("conv1", source=WeightsFile(tmp_path / "nan.pth"))
    assert result.predictions == ()
    assert np.isnan(result.layers[0].values[2]).all()
    assert np.isfinite(result.layers[0].mean)
    assert result.weights.notes == ("NaN or infinite values in conv1.weight",)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nmore"),
        RuntimeError("CUDA error: device-side assert triggered"),
    ],
)
def test_a_device_that_fails_is_freed_and_the_cpu_offered(error: RuntimeError, monkeypatch: pytest.MonkeyPatch) -> None:
    run("conv1")

    def fails(*_: object) -> Tensor:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(ResNet, "forward", fails)
        with pytest.raises(DeviceError, match="Choose the CPU") as caught:
            run("conv1", image="sample:flower")
    assert caught.value.__context__ is None  # a traceback would keep the device's tensors alive
    assert forward._passes == []
    assert run("conv1", image="sample:flower").predictions


def test_another_error_of_a_pass_is_raised_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Tensor:
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(ResNet, "forward", fails)
    with pytest.raises(RuntimeError, match="shapes"):
        run("conv1")
