"""Weights for an architecture: random ones that don't explode, or a file's, with what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from resnet_studio.files import Refusal, shown
from resnet_studio.formatting import listed
from resnet_studio.inference.compute import checkpoint_file
from resnet_studio.inference.compute import transforms as preprocessing
from resnet_studio.inference.compute.checkpoint_file import Checkpoint
from resnet_studio.inference.errors import Remedy, WeightsError, WeightsMismatch
from resnet_studio.inference.images import references
from resnet_studio.inference.values import (
    SAMPLES,
    Preprocessing,
    PublishedWeights,
    RandomWeights,
    WeightsFile,
    WeightsInfo,
    WeightsSource,
)
from resnet_studio.inference.weights.architecture_inference import FoundNetwork, fits, networks_in, prefixes
from resnet_studio.inference.weights.provenance import TrainingProvenance, completed
from resnet_studio.inference.weights.published import by_hash, cached, entry_of
from resnet_studio.inference.weights.suggested_fixes import IMAGENET_CLASSES, made_for, network_of, remedies
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.modules.network import build, empty
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS, title

PHOTOGRAPHS = SAMPLES[:2]
FEWEST = 32
"""Values of a channel that statistics need; where two photographs have fewer, all samples are taken."""
MOST = 2_000_000_000
"""Bytes of a file that is read, unless the network is larger."""
STRIDE_DOUBTED = "no shape tells where the stride is: most files need it on the 3×3, or predict wrong"
TORCHVISIONS = "torchvision's "
CHECKPOINT = "weights"
"""The stem of a run's file of weights: its name alone would tell nothing."""
UNREAD = (
    "says what it was trained on as only a newer version of this program can read: the classes have no names and "
    "ImageNet's preprocessing is assumed"
)
STRIDE_ASSUMED = "the stride is taken to be on the 3×3, as in most code: no shape tells"
Belonging: TypeAlias = tuple[Preprocessing, tuple[str, ...], list[str], list[str]]
"""Preprocessing, labels, what is to be known, and what is to be doubted."""


def load(architecture: Architecture, source: WeightsSource) -> tuple[nn.Module, WeightsInfo]:
    """The network in eval mode on the CPU, in float32, and what is known of its weights.

    Raises `WeightsError` for a file that can't be used (`WeightsMismatch` for one of another network) and
    `MemoryError` for a network that this machine can't hold.
    """
    memory.check(architecture, memory.to_run(architecture), "to run")
    if isinstance(source, RandomWeights):
        return _random(architecture, source.seed)
    if isinstance(source, PublishedWeights):
        return _published_network(architecture, source)
    return _from_file(architecture, source)


def head_name(architecture: Architecture) -> str:
    """Name of the linear layer that gives the classes."""
    return plan(architecture)[-1].name


def _random(architecture: Architecture, seed: int) -> tuple[nn.Module, WeightsInfo]:
    network = build(architecture, seed)
    _calibrate(network, architecture, seed)
    usual = preprocessing.imagenet(architecture.image)
    return network.eval(), WeightsInfo(f"random, seed {seed}", False, usual, _numbered(architecture.classes))


def _calibrate(network: nn.Module, architecture: Architecture, seed: int) -> None:
    """Set every batch norm's statistics to those of the sample images, by one pass in train mode.

    Without it activations grow from block to block: an untrained ResNet-152 gives logits of 3e7 in eval mode.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    if not norms:
        return
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(_calibration_images(architecture, seed))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _calibration_images(architecture: Architecture, seed: int) -> Tensor:
    """N×channels×image×image; noise where no photograph has that many channels."""
    smallest = min(
        layer.output[1] * layer.output[2] for layer in plan(architecture) if layer.kind == "batch norm" and layer.called
    )
    names = PHOTOGRAPHS if len(PHOTOGRAPHS) * smallest >= FEWEST else SAMPLES
    if architecture.channels not in (1, 3):
        shape = (len(names), architecture.channels, architecture.image, architecture.image)
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    usual = preprocessing.imagenet(architecture.image)
    opened = map(references.open_reference, names)
    return torch.cat([preprocessing.preprocess(image, usual, architecture.channels) for image in opened])


def _published_network(architecture: Architecture, source: PublishedWeights) -> tuple[nn.Module, WeightsInfo]:
    path, entry = cached(source), entry_of(source)
    network, info = _from_file(architecture, WeightsFile(path))
    if not entry.is_file(info.sha256):
        raise WeightsError(path.name, f"is not what was published: its checksum differs. Remove it from {path.parent}")
    others = tuple(note for note in info.notes if not note.startswith(TORCHVISIONS))
    return network, replace(info, source=f"{TORCHVISIONS}{source.model}, {source.name}", notes=others)


def _from_file(architecture: Architecture, source: WeightsFile) -> tuple[nn.Module, WeightsInfo]:
    network = empty(architecture)
    expected = network.state_dict()
    weight_bytes = sum(4 * tensor.numel() for tensor in expected.values())
    # A checkpoint with its optimizer's state and averages is a few times as large as its weights.
    read = checkpoint_file.read(source.path, most=max(MOST, 8 * weight_bytes))
    found = _network_in(architecture, source, read)
    tensors = {name: read.tensors[theirs] for name, theirs in found.names.items()}
    for name in expected:
        if name.endswith("num_batches_tracked"):  # which files from before torch 0.4 lack
            tensors.setdefault(name, torch.tensor(0))
    fresh = not source.head or _lacks_only_head(architecture, tensors, expected)
    headless = [_without_head(architecture, tensors, had=bool(found.head))] if fresh else []
    _check_fits(architecture, source, read, tensors, expected)
    _check_real(source, tensors)
    how, lacking = _how_found(found, read, source, head_name(architecture), fresh=fresh)
    converted, broken = _values(tensors)
    network.to_empty(device="cpu").load_state_dict(tensors)
    usual, labels, more, differs = _belonging(architecture, source.path, read, named=not fresh)
    likelier, stride, stride_doubts = _stride(architecture, read)
    info = WeightsInfo(
        source=_name(source, read.origin),
        trained=not fresh and (read.origin is None or read.origin.step > 0),
        preprocessing=usual,
        labels=labels,
        sha256=read.sha256,
        notes=(*read.notes, *how, *headless, *lacking, *converted, *broken, *more, *differs, *stride),
        doubts=(*headless, *lacking, *broken, *differs, *stride_doubts),
        likelier=likelier,
    )
    return network.eval(), info


def architecture_of(source: WeightsFile) -> Architecture:
    """The network that a file of weights was made for; `WeightsError` if it can't be told.

    What no shape tells (the image's size, padding or no shortcut) is as is usual.
    """
    read = checkpoint_file.read(source.path, MOST)
    if read.origin:
        return read.origin.architecture
    shapes = _shapes(read)
    if source.prefix:
        made = network_of(_network_in(None, source, read), shapes, None)
    else:
        made = made_for(shapes, read.sha256, None)
    if made is None and len(found := networks_in(shapes, source.prefix)) > 1:
        raise _several(source, read, found, ())
    if made is None:
        raise WeightsError(shown(source.path), "is of no network that this program can build from its tensors alone")
    return made


def _shapes(read: Checkpoint) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in read.tensors.items()}


def _network_in(architecture: Architecture | None, source: WeightsFile, read: Checkpoint) -> FoundNetwork:
    """The network in the file that is asked for; else the only one, or the only one that fits."""
    shapes = _shapes(read)
    if source.prefix and not any(name.startswith(source.prefix) for name in shapes):
        there = listed(list(prefixes(shapes)) or list(shapes))
        raise WeightsError(
            shown(source.path), f"holds nothing whose name begins with {source.prefix}: there are {there}"
        )
    found = networks_in(shapes, source.prefix)
    if len(found) == 1:
        return found[0]
    fitting = [one for one in found if architecture and fits(one.shapes(shapes), architecture)]
    if len(fitting) == 1:
        return fitting[0]
    raise _several(source, read, found, remedies(architecture, source, shapes, None) if architecture else ())


def _several(
    source: WeightsFile, read: Checkpoint, found: Sequence[FoundNetwork], offered: tuple[Remedy, ...]
) -> WeightsMismatch:  # fmt: skip
    there = tuple(one.prefix for one in found)
    return WeightsMismatch(_name(source, read.origin), (), (), (), "", None, offered, there)


def _how_found(
    found: FoundNetwork, read: Checkpoint, source: WeightsFile, head: str, *, fresh: bool
) -> tuple[list[str], list[str]]:
    """What to say of where the network was in the file, and of layers that the file has beside it."""
    said = [f"the tensors under '{found.prefix}' are used"] if found.prefix else []
    if found.head and not fresh and found.head != f"{found.prefix}{head}":
        said.append(f"the file's {found.head} is taken for the head")
    elsewhere = tuple(one.prefix for one in networks_in(_shapes(read))) if found.prefix else ()
    layers = [
        name
        for name in found.others
        if name.endswith("weight") and read.tensors[name].ndim > 1 and not (elsewhere and name.startswith(elsewhere))
    ]
    beside = [one for one in elsewhere if one != found.prefix]
    alone = [name for name in found.others if not name.startswith(tuple(beside))] if beside else list(found.others)
    unused = [f"the network under {one.removesuffix('.')}" for one in beside] + alone
    if unused:
        said.append(f"not used: {listed(unused)}")
    doubted = layers and not fresh and not source.prefix
    return said, [f"the file has layers that this network lacks: {listed(layers)}"] if doubted else []


def _lacks_only_head(
    architecture: Architecture, tensors: dict[str, Tensor], expected: dict[str, Tensor]
) -> bool:  # fmt: skip
    """Whether the file has no head at all, and everything else of the network."""
    head = f"{head_name(architecture)}."
    rest = {name: tensor.shape for name, tensor in expected.items() if not name.startswith(head)}
    return {name: tensor.shape for name, tensor in tensors.items()} == rest


def _stride(
    architecture: Architecture, read: Checkpoint
) -> tuple[Architecture | None, list[str], list[str]]:  # fmt: skip
    """Of weights of unknown source: the network that they are likelier of, what to say of that, and why to doubt."""
    told = read.origin is not None or by_hash(read.sha256) is not None
    if told or not isinstance(architecture, Residual) or architecture.block != "bottleneck":
        return None, [], []
    if architecture.variant == "article" or architecture.stride_on == "3x3":
        return None, [] if architecture.variant == "article" else [STRIDE_ASSUMED], []
    return replace(architecture, stride_on="3x3"), [STRIDE_DOUBTED], [STRIDE_DOUBTED]


def _check_real(source: WeightsFile, tensors: dict[str, Tensor]) -> None:
    try:
        for name, tensor in tensors.items():
            checkpoint_file.check_real(name, tensor)
    except Refusal as refusal:
        raise WeightsError(shown(source.path), str(refusal)) from None


def _name(source: WeightsFile, origin: TrainingProvenance | None) -> str:
    """What the weights are called: as their file, or as the moment of the run where that tells nothing."""
    if origin is not None and source.path.stem == CHECKPOINT:
        return f"{origin.run}, step {origin.step:,}"
    return shown(source.path)


def _without_head(architecture: Architecture, tensors: dict[str, Tensor], *, had: bool) -> str:
    """Put the random head of seed 0 in the place of the file's; what to say of it."""
    head = head_name(architecture)
    for name in [name for name in tensors if name.startswith(f"{head}.")]:
        del tensors[name]
    fresh = build(architecture, seed=0).state_dict()
    tensors |= {name: tensor for name, tensor in fresh.items() if name.startswith(f"{head}.")}
    why = "" if had else ", as the file has none"
    return f"{head} is random{why}, the rest is the file's: the predictions mean nothing"


def _check_fits(
    architecture: Architecture, source: WeightsFile, read: Checkpoint, tensors: dict[str, Tensor],
    expected: dict[str, Tensor],
) -> None:  # fmt: skip
    """Raise `WeightsMismatch`, with what can be done about it, if these are not the network's tensors."""
    missing = tuple(key for key in expected if key not in tensors)
    unexpected = tuple(key for key in tensors if key not in expected)
    shapes = tuple(
        (key, tuple(tensors[key].shape), tuple(tensor.shape))
        for key, tensor in expected.items()
        if key in tensors and tensors[key].shape != tensor.shape
    )
    if not (missing or unexpected or shapes):
        return
    found = _shapes(read)
    recognised = read.origin.architecture if read.origin else made_for(found, read.sha256, architecture)
    offered = remedies(architecture, source, found, recognised)
    recognised = recognised or next((one.architecture for one in offered if one.architecture != architecture), None)
    name, head = _name(source, read.origin), head_name(architecture)
    raise WeightsMismatch(name, missing, unexpected, shapes, head, recognised, offered)


def _values(tensors: dict[str, Tensor]) -> tuple[list[str], list[str]]:
    """What to say of the values: of other precisions, which loading converts, and of values that are none."""
    real = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    types = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in real.values()} - {"float32"})
    broken = [name for name, tensor in real.items() if not tensor.float().isfinite().all()]
    return [f"{kind} converted to float32" for kind in types], (
        [f"NaN or infinite values in {listed(broken)}"] if broken else []
    )


def _belonging(architecture: Architecture, path: Path, read: Checkpoint, *, named: bool) -> Belonging:
    """What belongs to a file's weights, and what is only assumed of them; `named` where the head is the file's."""
    if read.origin is not None and read.origin.architecture.channels == architecture.channels:
        return _of_own_training(architecture, path, read.origin, named=named)
    usual, labels, notes, doubts = _of_others(architecture, read.sha256, named=named)
    return usual, labels, notes, [*doubts, *([UNREAD] if read.unread else [])]


def _of_own_training(architecture: Architecture, path: Path, origin: TrainingProvenance, *, named: bool) -> Belonging:
    """What the program wrote down with weights that it trained: without their head they see no other images."""
    origin, doubt = completed(path, origin)
    doubts, image = [doubt] if doubt else [], architecture.image
    mean_image = preprocessing.resized(origin.mean_image, origin.architecture.channels, image)
    usual = Preprocessing(image, image, origin.mean, origin.deviation, middle=True, mean_image=mean_image)
    if not named or origin.architecture.classes != architecture.classes:
        return usual, _numbered(architecture.classes), [], doubts
    differs = [_differs(origin.architecture)] if origin.architecture != architecture else []
    return usual, origin.classes, [f"{origin.told} in {origin.run}"], [*doubts, *differs]


def _of_others(architecture: Architecture, sha256: str, *, named: bool) -> Belonging:
    """What belongs to weights that are not of the program's own training."""
    usual, numbered = preprocessing.imagenet(architecture.image), _numbered(architecture.classes)
    if not named or architecture.classes != IMAGENET_CLASSES:
        return usual, numbered, [], []
    if (known := published(sha256)) is None:
        return usual, imagenet_labels(), ["1,000 classes: ImageNet's names and preprocessing are assumed"], []
    model, weights = known
    original = PRESETS.get(f"{model}-v1.5", PRESETS[model])
    differs = [_differs(original)] if replace(original, image=architecture.image) != architecture else []
    return _scaled(weights.transforms(), architecture.image), imagenet_labels(), [f"{TORCHVISIONS}{weights}"], differs


def _differs(original: Architecture) -> str:
    return f"made for {title(original)}, which differs from this network: expect worse predictions"


def published(sha256: str) -> tuple[str, Any] | None:
    """The model's name and torchvision's entry (a `WeightsEnum`) for a file that torchvision publishes."""
    if (known := by_hash(sha256)) is None:
        return None
    from torchvision import models  # takes seconds to import: only for who has such a file

    return known.weights.model, models.get_model_weights(known.weights.model)[known.weights.name]


def imagenet_labels() -> tuple[str, ...]:
    """ImageNet's 1,000 names, in the order of the classes."""
    from torchvision import models

    return tuple(models.ResNet50_Weights.DEFAULT.meta["categories"])


def _numbered(classes: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(classes))


def _scaled(transforms: Any, image: int) -> Preprocessing:
    """The weights' own preprocessing, in proportion where the network takes images of another size."""
    (resize,), (crop,) = transforms.resize_size, transforms.crop_size
    return Preprocessing(round(resize * image / crop), image, tuple(transforms.mean), tuple(transforms.std))
