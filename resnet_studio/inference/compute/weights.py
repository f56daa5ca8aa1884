"""Networks with weights: calibrated random ones, published ones, or a file's, with labels and preprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from resnet_studio.files import FileRefusedError, display_name
from resnet_studio.formatting import join_names
from resnet_studio.inference.compute import checkpoint_file, transforms
from resnet_studio.inference.compute.checkpoint_file import Checkpoint
from resnet_studio.inference.errors import SuggestedFix, WeightsError, WeightsMismatch
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
from resnet_studio.inference.weights.architecture_inference import FoundNetwork, find_networks, find_prefixes, fits
from resnet_studio.inference.weights.provenance import TrainingProvenance, complete_provenance
from resnet_studio.inference.weights.published import cache_path, entry_by_hash, find_entry
from resnet_studio.inference.weights.suggested_fixes import (
    IMAGENET_CLASSES,
    found_architecture,
    original_architecture,
    suggested_fixes,
)
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.modules.network import build, empty
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS, title

PHOTOGRAPHS = SAMPLES[:2]
MIN_VALUES = 32
"""Values per channel that batch norm needs for statistics; if two photographs have fewer, all samples are used."""
MAX_FILE_BYTES = 2_000_000_000
"""Largest file that is read, unless the network is larger."""
STRIDE_CAVEAT = "stride position unknown: most files need it on the 3×3, or predictions are wrong"
TORCHVISION_PREFIX = "torchvision's "
CHECKPOINT_STEM = "weights"
"""The stem of a run's weights files, which all have the same name."""
UNREAD = (
    "has training metadata that only a newer version of this program can read: class names are missing and "
    "ImageNet preprocessing is assumed"
)
STRIDE_ASSUMED = "stride assumed to be on the 3×3, as in most code"
Metadata: TypeAlias = tuple[Preprocessing, tuple[str, ...], list[str], list[str]]
"""Preprocessing, labels, notes and caveats."""


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
    """Name of the linear layer that gives the logits."""
    return plan(architecture)[-1].name


def _random(architecture: Architecture, seed: int) -> tuple[nn.Module, WeightsInfo]:
    network = build(architecture, seed)
    _calibrate(network, architecture, seed)
    preprocessing = transforms.imagenet(architecture.image)
    return network.eval(), WeightsInfo(
        f"random, seed {seed}", False, preprocessing, _numbered_labels(architecture.classes)
    )


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
    """N×channels×image×image; noise if the network takes neither 1 nor 3 channels."""
    smallest = min(
        layer.output[1] * layer.output[2] for layer in plan(architecture) if layer.kind == "batch norm" and layer.called
    )
    names = PHOTOGRAPHS if len(PHOTOGRAPHS) * smallest >= MIN_VALUES else SAMPLES
    if architecture.channels not in (1, 3):
        shape = (len(names), architecture.channels, architecture.image, architecture.image)
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    preprocessing = transforms.imagenet(architecture.image)
    opened = map(references.open_reference, names)
    return torch.cat([transforms.preprocess(image, preprocessing, architecture.channels) for image in opened])


def _published_network(architecture: Architecture, source: PublishedWeights) -> tuple[nn.Module, WeightsInfo]:
    path, entry = cache_path(source), find_entry(source)
    network, info = _from_file(architecture, WeightsFile(path))
    if not entry.matches(info.sha256):
        raise WeightsError(path.name, f"differs from the published file (wrong checksum). Remove it from {path.parent}")
    others = tuple(note for note in info.notes if not note.startswith(TORCHVISION_PREFIX))
    return network, replace(info, source=f"{TORCHVISION_PREFIX}{source.model}, {source.name}", notes=others)


def _from_file(architecture: Architecture, source: WeightsFile) -> tuple[nn.Module, WeightsInfo]:
    network = empty(architecture)
    expected = network.state_dict()
    weight_bytes = sum(4 * tensor.numel() for tensor in expected.values())
    # A checkpoint with its optimizer's state and averages is a few times as large as its weights.
    read = checkpoint_file.read(source.path, max_bytes=max(MAX_FILE_BYTES, 8 * weight_bytes))
    found = _choose_network(architecture, source, read)
    tensors = {name: read.tensors[theirs] for name, theirs in found.names.items()}
    for name in expected:
        if name.endswith("num_batches_tracked"):  # missing in files from before torch 0.4
            tensors.setdefault(name, torch.tensor(0))
    random_head = not source.head or _lacks_only_head(architecture, tensors, expected)
    headless = [_replace_head(architecture, tensors, had_head=bool(found.head))] if random_head else []
    _check_fits(architecture, source, read, tensors, expected)
    _check_real(source, tensors)
    placement, unused_layers = _placement_notes(found, read, source, head_name(architecture), random_head=random_head)
    converted, broken = _value_notes(tensors)
    network.to_empty(device="cpu").load_state_dict(tensors)
    preprocessing, labels, class_notes, class_caveats = _metadata(
        architecture, source.path, read, own_head=not random_head
    )
    likely_architecture, stride, stride_caveats = _stride(architecture, read)
    info = WeightsInfo(
        source=_name(source, read.provenance),
        trained=not random_head and (read.provenance is None or read.provenance.step > 0),
        preprocessing=preprocessing,
        labels=labels,
        sha256=read.sha256,
        notes=(
            *read.notes,
            *placement,
            *headless,
            *unused_layers,
            *converted,
            *broken,
            *class_notes,
            *class_caveats,
            *stride,
        ),
        caveats=(*headless, *unused_layers, *broken, *class_caveats, *stride_caveats),
        likely_architecture=likely_architecture,
    )
    return network.eval(), info


def architecture_of(source: WeightsFile) -> Architecture:
    """The architecture that a weights file was made for; `WeightsError` if it can't be inferred.

    What does not follow from shapes (image size, padding or no shortcut) gets its usual value.
    """
    read = checkpoint_file.read(source.path, MAX_FILE_BYTES)
    if read.provenance:
        return read.provenance.architecture
    shapes = _shapes(read)
    if source.prefix:
        made = found_architecture(_choose_network(None, source, read), shapes, None)
    else:
        made = original_architecture(shapes, read.sha256, None)
    if made is None and len(found := find_networks(shapes, source.prefix)) > 1:
        raise _ambiguous(source, read, found, ())
    if made is None:
        raise WeightsError(display_name(source.path), "is for a network that can't be inferred from its tensors alone")
    return made


def _shapes(read: Checkpoint) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in read.tensors.items()}


def _choose_network(architecture: Architecture | None, source: WeightsFile, read: Checkpoint) -> FoundNetwork:
    """The requested network in the file; else the only one, or the only one that fits."""
    shapes = _shapes(read)
    if source.prefix and not any(name.startswith(source.prefix) for name in shapes):
        available = join_names(list(find_prefixes(shapes)) or list(shapes))
        raise WeightsError(
            display_name(source.path), f"has no tensors with prefix {source.prefix!r}. Available: {available}"
        )
    found = find_networks(shapes, source.prefix)
    if len(found) == 1:
        return found[0]
    matching = [network for network in found if architecture and fits(network.shapes(shapes), architecture)]
    if len(matching) == 1:
        return matching[0]
    raise _ambiguous(source, read, found, suggested_fixes(architecture, source, shapes, None) if architecture else ())


def _ambiguous(
    source: WeightsFile, read: Checkpoint, found: Sequence[FoundNetwork], fixes: tuple[SuggestedFix, ...]
) -> WeightsMismatch:  # fmt: skip
    available = tuple(network.prefix for network in found)
    return WeightsMismatch(_name(source, read.provenance), (), (), (), "", None, fixes, available)


def _placement_notes(
    found: FoundNetwork, read: Checkpoint, source: WeightsFile, head: str, *, random_head: bool
) -> tuple[list[str], list[str]]:
    """Notes on where the network was in the file, and caveats about layers of the file that it lacks."""
    notes = [f"using the tensors under '{found.prefix}'"] if found.prefix else []
    if found.head and not random_head and found.head != f"{found.prefix}{head}":
        notes.append(f"the file's {found.head} is used as the head")
    prefixes_found = tuple(network.prefix for network in find_networks(_shapes(read))) if found.prefix else ()
    layers = [
        name
        for name in found.others
        if name.endswith("weight")
        and read.tensors[name].ndim > 1
        and not (prefixes_found and name.startswith(prefixes_found))
    ]
    other_networks = [prefix for prefix in prefixes_found if prefix != found.prefix]
    loose = (
        [name for name in found.others if not name.startswith(tuple(other_networks))]
        if other_networks
        else list(found.others)
    )
    unused = [f"the network under {prefix.removesuffix('.')}" for prefix in other_networks] + loose
    if unused:
        notes.append(f"not used: {join_names(unused)}")
    has_caveat = layers and not random_head and not source.prefix
    return notes, [f"the file has layers that are not in this network: {join_names(layers)}"] if has_caveat else []


def _lacks_only_head(
    architecture: Architecture, tensors: dict[str, Tensor], expected: dict[str, Tensor]
) -> bool:  # fmt: skip
    """Whether the file lacks the head and has everything else."""
    head = f"{head_name(architecture)}."
    rest = {name: tensor.shape for name, tensor in expected.items() if not name.startswith(head)}
    return {name: tensor.shape for name, tensor in tensors.items()} == rest


def _stride(
    architecture: Architecture, read: Checkpoint
) -> tuple[Architecture | None, list[str], list[str]]:  # fmt: skip
    """For weights of unknown source: the architecture that they are likelier made for, notes, and caveats."""
    known_source = read.provenance is not None or entry_by_hash(read.sha256) is not None
    if known_source or not isinstance(architecture, Residual):
        return None, [], []
    if len(architecture.block.choices().get("stride_on", ())) < 2:
        return None, [], []
    if architecture.values()["stride_on"] == "3x3":
        return None, [STRIDE_ASSUMED], []
    return architecture.with_values({"stride_on": "3x3"}), [STRIDE_CAVEAT], [STRIDE_CAVEAT]


def _check_real(source: WeightsFile, tensors: dict[str, Tensor]) -> None:
    try:
        for name, tensor in tensors.items():
            checkpoint_file.check_real(name, tensor)
    except FileRefusedError as refusal:
        raise WeightsError(display_name(source.path), str(refusal)) from None


def _name(source: WeightsFile, provenance: TrainingProvenance | None) -> str:
    """The name of the weights: their file's, or run and step for a run's checkpoint."""
    if provenance is not None and source.path.stem == CHECKPOINT_STEM:
        return f"{provenance.run}, step {provenance.step:,}"
    return display_name(source.path)


def _replace_head(architecture: Architecture, tensors: dict[str, Tensor], *, had_head: bool) -> str:
    """Replace the file's head by a random one of seed 0; return the note about it."""
    head = head_name(architecture)
    for name in [name for name in tensors if name.startswith(f"{head}.")]:
        del tensors[name]
    random_state = build(architecture, seed=0).state_dict()
    tensors |= {name: tensor for name, tensor in random_state.items() if name.startswith(f"{head}.")}
    reason = "" if had_head else ", as the file has none"
    return f"{head} is random{reason}, the rest is from the file: predictions are meaningless"


def _check_fits(
    architecture: Architecture, source: WeightsFile, read: Checkpoint, tensors: dict[str, Tensor],
    expected: dict[str, Tensor],
) -> None:  # fmt: skip
    """Raise `WeightsMismatch`, with suggested fixes, if these are not the network's tensors."""
    missing = tuple(key for key in expected if key not in tensors)
    unexpected = tuple(key for key in tensors if key not in expected)
    shapes = tuple(
        (key, tuple(tensors[key].shape), tuple(tensor.shape))
        for key, tensor in expected.items()
        if key in tensors and tensors[key].shape != tensor.shape
    )
    if not (missing or unexpected or shapes):
        return
    found_shapes = _shapes(read)
    recognized = (
        read.provenance.architecture
        if read.provenance
        else original_architecture(found_shapes, read.sha256, architecture)
    )
    fixes = suggested_fixes(architecture, source, found_shapes, recognized)
    recognized = recognized or next((fix.architecture for fix in fixes if fix.architecture != architecture), None)
    name, head = _name(source, read.provenance), head_name(architecture)
    raise WeightsMismatch(name, missing, unexpected, shapes, head, recognized, fixes)


def _value_notes(tensors: dict[str, Tensor]) -> tuple[list[str], list[str]]:
    """Notes on precisions that loading converts, and caveats about NaN or infinite values."""
    real = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    types = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in real.values()} - {"float32"})
    broken = [name for name, tensor in real.items() if not tensor.float().isfinite().all()]
    return [f"{kind} converted to float32" for kind in types], (
        [f"NaN or infinite values in {join_names(broken)}"] if broken else []
    )


def _metadata(architecture: Architecture, path: Path, read: Checkpoint, *, own_head: bool) -> Metadata:
    """Metadata of a file's weights; `own_head` if the head is the file's."""
    if read.provenance is not None and read.provenance.architecture.channels == architecture.channels:
        return _own_metadata(architecture, path, read.provenance, own_head=own_head)
    preprocessing, labels, notes, caveats = _other_metadata(architecture, read.sha256, own_head=own_head)
    return preprocessing, labels, notes, [*caveats, *([UNREAD] if read.newer_format else [])]


def _own_metadata(
    architecture: Architecture, path: Path, provenance: TrainingProvenance, *, own_head: bool
) -> Metadata:
    """Metadata saved with the program's own trained weights; the preprocessing applies even without their head."""
    provenance, caveat = complete_provenance(path, provenance)
    caveats, image = [caveat] if caveat else [], architecture.image
    mean_image = transforms.resized_mean_image(provenance.mean_image, provenance.architecture.channels, image)
    preprocessing = Preprocessing(
        image, image, provenance.mean, provenance.deviation, middle=True, mean_image=mean_image
    )
    if not own_head or provenance.architecture.classes != architecture.classes:
        return preprocessing, _numbered_labels(architecture.classes), [], caveats
    differs = [_difference_note(provenance.architecture)] if provenance.architecture != architecture else []
    return preprocessing, provenance.classes, [f"{provenance.description} in {provenance.run}"], [*caveats, *differs]


def _other_metadata(architecture: Architecture, sha256: str, *, own_head: bool) -> Metadata:
    """Metadata of weights that the program has not trained."""
    preprocessing, numbered = transforms.imagenet(architecture.image), _numbered_labels(architecture.classes)
    if not own_head or architecture.classes != IMAGENET_CLASSES:
        return preprocessing, numbered, [], []
    if (known := torchvision_entry(sha256)) is None:
        return preprocessing, imagenet_labels(), ["1,000 classes: ImageNet names and preprocessing are assumed"], []
    model, weights = known
    original = PRESETS.get(f"{model}-v1.5", PRESETS[model])
    differs = [_difference_note(original)] if replace(original, image=architecture.image) != architecture else []
    return (
        _scaled(weights.transforms(), architecture.image),
        imagenet_labels(),
        [f"{TORCHVISION_PREFIX}{weights}"],
        differs,
    )


def _difference_note(original: Architecture) -> str:
    return f"made for {title(original)}, which differs from this network: expect worse predictions"


def torchvision_entry(sha256: str) -> tuple[str, Any] | None:
    """The model's name and torchvision's entry (a `WeightsEnum`) for a file that torchvision publishes."""
    if (known := entry_by_hash(sha256)) is None:
        return None
    from torchvision import models  # takes seconds to import, so only when needed

    return known.weights.model, models.get_model_weights(known.weights.model)[known.weights.name]


def imagenet_labels() -> tuple[str, ...]:
    """ImageNet's 1,000 names, in the order of the classes."""
    from torchvision import models

    return tuple(models.ResNet50_Weights.DEFAULT.meta["categories"])


def _numbered_labels(classes: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(classes))


def _scaled(preset: Any, image: int) -> Preprocessing:
    """torchvision's preprocessing of the weights, scaled to the network's image size."""
    (resize,), (crop,) = preset.resize_size, preset.crop_size
    return Preprocessing(round(resize * image / crop), image, tuple(preset.mean), tuple(preset.std))
