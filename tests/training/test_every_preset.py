"""Presets of every kind, the shallowest and the deepest, run through every part of the program: from a forward pass to
export and training.

Images are small and networks narrow where possible, as errors depend on the structure and not on the size.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import captum.attr  # noqa: F401  (imports matplotlib, which logs about its fonts on first import)
import numpy as np
import pytest

from architectures import OWN_PRESETS
from resnet_studio.export.figure import stage_outputs
from resnet_studio.export.rendering import RenderJob
from resnet_studio.export.writers import WRITERS
from resnet_studio.inference.ab import ABPair, SideBOverrides, apply_overrides, difference
from resnet_studio.inference.attribution import METHODS, layers_with_maps
from resnet_studio.inference.compute import forward
from resnet_studio.inference.compute.attribution import attribution_steps
from resnet_studio.inference.compute.folding import folded_layers
from resnet_studio.inference.compute.forward import forward_steps
from resnet_studio.inference.compute.kernels import kernels_steps
from resnet_studio.inference.compute.layer_statistics import layer_statistics_steps
from resnet_studio.inference.compute.occlusion import occlusion_steps
from resnet_studio.inference.compute.responses import responses_steps
from resnet_studio.inference.counterparts import plain_counterpart
from resnet_studio.inference.transforms import ImageTransforms, Occluder
from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsFile
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS
from resnet_studio.progress import finish
from small import SHORT, make_class_folders, make_run, read_curves, train

PHOTOGRAPHS = ("sample:china", "sample:flower")


@pytest.fixture(autouse=True, scope="module")
def cleared_caches() -> Iterator[None]:
    yield
    forward.clear_caches()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_class_folders(tmp_path_factory.mktemp("data") / "images", {"a": 5, "b": 5})


def small(architecture: Architecture) -> Architecture:
    if isinstance(architecture, Baseline):
        return replace(architecture, image=63 if architecture.name == "alexnet" else 32, classes=10)
    width = max(4, 64 // getattr(architecture.block, "width_per_group", 64))  # at least one channel in each group
    return replace(architecture, image=min(architecture.image, 32), width=width, classes=10)


def check_all_layers(subject: ForwardSpec) -> None:
    layers = tuple(layer.name for layer in plan(subject.architecture) if layer.called)
    found = finish(forward_steps(subject, layers))
    shapes = {layer.name: layer.output for layer in plan(subject.architecture)}
    assert {maps.name: maps.values.shape for maps in found.layers} == {name: shapes[name] for name in layers}
    assert all(np.isfinite(maps.values).all() for maps in found.layers)
    assert found.predictions
    assert len(found.predictions) == 5


def check_preview(subject: ForwardSpec) -> None:
    """Previews by the folded network equal the full computation, whichever layer is captured.

    Within float32's accuracy: after 56 plain layers of random weights it differs from float64 by up to 1 %.
    """
    moved = replace(subject, transforms=ImageTransforms(zoom=1.5, rotation=20, occluder=Occluder(0.5, 0.5, 0.25)))
    architecture = subject.architecture
    quick = folded_layers(architecture)[-4:] if isinstance(architecture, Residual) else ("avgpool",)
    inner = next(layer.name for layer in plan(architecture) if layer.called)
    for layers in (quick, (inner,)):
        preview, full = (finish(forward_steps(moved, layers, preview=how)) for how in (True, False))
        assert preview.predictions
        assert full.predictions
        assert [one.probability for one in preview.predictions] == pytest.approx(
            [one.probability for one in full.predictions], abs=0.03
        )
        for one, other in zip(preview.layers, full.layers, strict=True):
            assert np.abs(one.values - other.values).max() <= 0.03 * np.abs(other.values).max()


def check_occlusion(subject: ForwardSpec) -> None:
    side = subject.architecture.image
    occlusion = finish(occlusion_steps(subject, side // 2, side // 2))
    assert occlusion.computed == occlusion.positions >= 4
    assert ((occlusion.probabilities >= 0) & (occlusion.probabilities <= 1)).all()


def check_statistics(subject: ForwardSpec) -> None:
    names = dict.fromkeys([*stage_outputs(subject.architecture)[-1:], plan(subject.architecture)[0].name])
    for layer in names:
        if not next((one.called for one in plan(subject.architecture) if one.name == layer), True):
            continue
        found = finish(layer_statistics_steps(subject, PHOTOGRAPHS, layer))
        assert found.skipped == ()
        assert found.statistics is not None
        assert np.isfinite(found.statistics.mean).all()


def check_ab(subject: ForwardSpec) -> None:
    other = plain_counterpart(subject.architecture)
    side_b = apply_overrides(subject, SideBOverrides(other, RandomWeights(1), PHOTOGRAPHS[1]))
    layer = stage_outputs(subject.architecture)[0]
    a = finish(forward_steps(subject, (layer,)))
    b = finish(forward_steps(side_b, (ABPair(a, a, layer).b_layer or layer,)))
    one, two = ABPair(a, b, layer).maps
    assert one is not None
    assert two is not None
    differences = difference(one.values, two.values)
    assert differences is not None
    assert np.abs(differences).max() > 0


def check_attribution(subject: ForwardSpec) -> None:
    side = subject.architecture.image
    for method in METHODS:
        found = finish(attribution_steps(subject, method, steps=2, patch=side // 2, stride=side // 2))
        assert found.at_input.shape == (side, side)
        assert np.isfinite(found.at_input).all()
    first = next(layer.name for layer in plan(subject.architecture) if layer.kind == "relu")
    assert first in list(layers_with_maps(subject.architecture))
    assert np.isfinite(finish(attribution_steps(subject, "grad-cam", first)).values).all()


def check_export(subject: ForwardSpec, folder: Path) -> None:
    layers = stage_outputs(subject.architecture)
    for suffix in WRITERS:
        drawn = finish(RenderJob(subject, layers[:1] if suffix == ".npy" else layers).steps(subject.image))
        drawn.write(folder / f"maps{suffix}")
        assert (folder / f"maps{suffix}").stat().st_size > 100
    finish(RenderJob(subject, (), method="grad-cam").steps(subject.image)).write(folder / "attribution.png")
    assert (folder / "attribution.png").stat().st_size > 100


def check_kernels_and_responses(subject: ForwardSpec) -> None:
    convolutions = [layer.name for layer in plan(subject.architecture) if layer.kind == "conv" and layer.called]
    for layer in (convolutions[0], convolutions[-1]):
        assert np.isfinite(finish(kernels_steps(subject.architecture, subject.weights, layer)).values).all()
    if isinstance(subject.architecture, Residual):
        [found] = finish(responses_steps((subject,)))
        assert len(found.residuals) == sum(subject.architecture.blocks)


def check_training(subject: ForwardSpec, images: Path, folder: Path) -> None:
    """Two steps with snapshots, measurement and checkpoint; then a forward pass with its weights."""
    recipe = replace(SHORT, data=str(images), length=2, unit="steps", batch_size=4, lr=0.001)
    make_run(folder, recipe, subject.architecture)
    assert train(folder) == "finished"
    found = read_curves(folder)
    assert (found.steps, found.measured[-1].images) == (2, 2)
    assert 0 in [one.step for one in found.probes]
    weights = folder / found.saved[-1].folder / "weights.safetensors"
    architecture = (
        replace(subject.architecture, classes=2, channels=3)
        if isinstance(subject.architecture, Residual)
        else replace(subject.architecture, classes=2)
    )
    result = finish(forward_steps(ForwardSpec(PHOTOGRAPHS[0], architecture, WeightsFile(weights)), ()))
    assert {one.label for one in result.predictions or ()} == {"a", "b"}
    shutil.rmtree(folder)  # AlexNet's checkpoints are half a gigabyte


def shallowest_and_deepest() -> list[str]:
    """Of the presets that differ only in how many blocks their stages have, those with the fewest and the most."""
    alike: dict[Architecture, list[str]] = {}
    for name in OWN_PRESETS:
        network = small(PRESETS[name])
        kind = replace(network, blocks=(1,) * len(network.blocks)) if isinstance(network, Residual) else network
        alike.setdefault(kind, []).append(name)
    by_depth = (sorted(names, key=lambda name: len(plan(PRESETS[name]))) for names in alike.values())
    return [name for names in by_depth for name in dict.fromkeys((names[0], names[-1]))]


@pytest.mark.parametrize("name", shallowest_and_deepest())
def test_presets_of_every_kind_work_in_every_part_of_the_program(name: str, images: Path, tmp_path: Path) -> None:
    subject = ForwardSpec(PHOTOGRAPHS[0], small(PRESETS[name]))
    check_all_layers(subject)
    check_preview(subject)
    check_occlusion(subject)
    check_statistics(subject)
    check_ab(subject)
    check_attribution(subject)
    check_kernels_and_responses(subject)
    check_export(subject, tmp_path)
    if name != "vgg19":  # whose checkpoints take 20 s; AlexNet is trained by the same code
        check_training(subject, images, tmp_path / "run")
