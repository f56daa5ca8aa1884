"""Every preset goes every way that the program has for a network, from the first look to a training and a file.

Images are small and networks narrow where they can be: what breaks is a structure, not a size.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import captum.attr  # noqa: F401  (matplotlib comes with it, and speaks of its fonts where it is first imported)
import numpy as np
import pytest

from resnet_studio.export.figure import last_of_stages
from resnet_studio.export.rendering import RenderJob
from resnet_studio.export.writers import WRITERS
from resnet_studio.inference.ab import ABPair, SideBOverrides, apply_overrides, difference, twin
from resnet_studio.inference.attribution import METHODS, layers_with_maps
from resnet_studio.inference.compute import forward
from resnet_studio.inference.compute.attribution import attribution_steps
from resnet_studio.inference.compute.folding import served
from resnet_studio.inference.compute.forward import forward_steps
from resnet_studio.inference.compute.kernels import kernels_steps
from resnet_studio.inference.compute.layer_statistics import survey_steps
from resnet_studio.inference.compute.occlusion import sweep_steps
from resnet_studio.inference.compute.responses import responses_steps
from resnet_studio.inference.transforms import ImageTransforms, Occluder
from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsFile
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS
from resnet_studio.progress import finish
from small import SHORT, class_folders, curves, make_run
from small import train as trained

PHOTOGRAPHS = ("sample:china", "sample:flower")


@pytest.fixture(autouse=True, scope="module")
def nothing_kept() -> Iterator[None]:
    yield
    forward.forget()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_folders(tmp_path_factory.mktemp("data") / "images", {"a": 5, "b": 5})


def small(architecture: Architecture) -> Architecture:
    if isinstance(architecture, Baseline):
        return replace(architecture, image=63 if architecture.name == "alexnet" else 32, classes=10)
    return replace(architecture, image=min(architecture.image, 32), width=4, classes=10)


def at_rest(subject: ForwardSpec) -> None:
    layers = tuple(layer.name for layer in plan(subject.architecture) if layer.called)
    found = finish(forward_steps(subject, layers))
    shapes = {layer.name: layer.output for layer in plan(subject.architecture)}
    assert {maps.name: maps.values.shape for maps in found.layers} == {name: shapes[name] for name in layers}
    assert all(np.isfinite(maps.values).all() for maps in found.layers)
    assert found.predictions
    assert len(found.predictions) == 5


def dragged(subject: ForwardSpec) -> None:
    """Brief looks are those of the plain network, whichever layer is watched.

    As far as float32 goes: it is up to a hundredth from float64 itself after 56 plain layers of random weights.
    """
    moved = replace(subject, handles=ImageTransforms(zoom=1.5, rotation=20, occluder=Occluder(0.5, 0.5, 0.25)))
    architecture = subject.architecture
    quick = served(architecture)[-4:] if isinstance(architecture, Residual) else ("avgpool",)
    inner = next(layer.name for layer in plan(architecture) if layer.called)
    for layers in (quick, (inner,)):
        brief, rest = (finish(forward_steps(moved, layers, brief=how)) for how in (True, False))
        assert brief.predictions
        assert rest.predictions
        assert [one.probability for one in brief.predictions] == pytest.approx(
            [one.probability for one in rest.predictions], abs=0.03
        )
        for one, other in zip(brief.layers, rest.layers, strict=True):
            assert np.abs(one.values - other.values).max() <= 0.03 * np.abs(other.values).max()


def covered(subject: ForwardSpec) -> None:
    side = subject.architecture.image
    sweep = finish(sweep_steps(subject, side // 2, side // 2))
    assert sweep.done == sweep.positions >= 4
    assert ((sweep.probabilities >= 0) & (sweep.probabilities <= 1)).all()


def surveyed(subject: ForwardSpec) -> None:
    names = dict.fromkeys([*last_of_stages(subject.architecture)[-1:], plan(subject.architecture)[0].name])
    for layer in names:
        if not next((one.called for one in plan(subject.architecture) if one.name == layer), True):
            continue
        found = finish(survey_steps(subject, PHOTOGRAPHS, layer))
        assert found.damaged == ()
        assert found.statistics is not None
        assert np.isfinite(found.statistics.mean).all()


def side_by_side(subject: ForwardSpec) -> None:
    other = twin(subject.architecture)
    beside = apply_overrides(subject, SideBOverrides(other, RandomWeights(1), PHOTOGRAPHS[1]))
    layer = last_of_stages(subject.architecture)[0]
    a = finish(forward_steps(subject, (layer,)))
    b = finish(forward_steps(beside, (ABPair(a, a, layer).counterpart or layer,)))
    one, two = ABPair(a, b, layer).maps
    assert one is not None
    assert two is not None
    apart = difference(one.values, two.values)
    assert apart is not None
    assert np.abs(apart).max() > 0


def explained(subject: ForwardSpec) -> None:
    side = subject.architecture.image
    for method in METHODS:
        found = finish(attribution_steps(subject, method, steps=2, patch=side // 2, stride=side // 2))
        assert found.at_input.shape == (side, side)
        assert np.isfinite(found.at_input).all()
    first = next(layer.name for layer in plan(subject.architecture) if layer.kind == "relu")
    assert first in list(layers_with_maps(subject.architecture))
    assert np.isfinite(finish(attribution_steps(subject, "grad-cam", first)).values).all()


def written(subject: ForwardSpec, folder: Path) -> None:
    layers = last_of_stages(subject.architecture)
    for suffix in WRITERS:
        drawn = finish(RenderJob(subject, layers[:1] if suffix == ".npy" else layers).steps(subject.image))
        drawn.write(folder / f"maps{suffix}")
        assert (folder / f"maps{suffix}").stat().st_size > 100
    finish(RenderJob(subject, (), method="grad-cam").steps(subject.image)).write(folder / "why.png")
    assert (folder / "why.png").stat().st_size > 100


def measured(subject: ForwardSpec) -> None:
    convolutions = [layer.name for layer in plan(subject.architecture) if layer.kind == "conv" and layer.called]
    for layer in (convolutions[0], convolutions[-1]):
        assert np.isfinite(finish(kernels_steps(subject.architecture, subject.weights, layer)).values).all()
    if isinstance(subject.architecture, Residual):
        [found] = finish(responses_steps((subject,)))
        assert len(found.residuals) == sum(subject.architecture.blocks)


def train(subject: ForwardSpec, images: Path, folder: Path) -> None:
    """Two steps with snapshots, measurement and checkpoint; then its weights are looked at."""
    recipe = replace(SHORT, data=str(images), length=2, unit="steps", batch_size=4, lr=0.001)
    make_run(folder, recipe, subject.architecture)
    assert trained(folder) == "finished"
    found = curves(folder)
    assert (found.steps, found.measured[-1].images) == (2, 2)
    assert 0 in [one.step for one in found.probes]
    weights = folder / found.saved[-1].folder / "weights.safetensors"
    architecture = (
        replace(subject.architecture, classes=2, channels=3)
        if isinstance(subject.architecture, Residual)
        else replace(subject.architecture, classes=2)
    )
    seen = finish(forward_steps(ForwardSpec(PHOTOGRAPHS[0], architecture, WeightsFile(weights)), ()))
    assert {one.label for one in seen.predictions or ()} == {"a", "b"}
    shutil.rmtree(folder)  # VGG-19's checkpoint is a gigabyte


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_goes_every_way(name: str, images: Path, tmp_path: Path) -> None:
    subject = ForwardSpec(PHOTOGRAPHS[0], small(PRESETS[name]))
    at_rest(subject)
    dragged(subject)
    covered(subject)
    surveyed(subject)
    side_by_side(subject)
    explained(subject)
    measured(subject)
    written(subject, tmp_path)
    train(subject, images, tmp_path / "run")
