"""The labels and the preprocessing that belong to weights: from their file, from the user, or as is usual."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resnet_studio.inference.compute import transforms
from resnet_studio.inference.values import Preprocessing
from resnet_studio.inference.weights.contents import CheckpointContents
from resnet_studio.inference.weights.metadata import WeightsMetadata, find_metadata, stored_metadata
from resnet_studio.inference.weights.normalizations import IMAGENET, NORMALIZATIONS
from resnet_studio.inference.weights.provenance import TrainingProvenance, complete_provenance
from resnet_studio.inference.weights.published import entry_by_hash
from resnet_studio.inference.weights.suggested_fixes import IMAGENET_CLASSES
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.image_size import ImageSize, as_image_size, height_width, scaled
from resnet_studio.networks.presets import PRESETS, title

TORCHVISION_PREFIX = "torchvision's "
RESIZED = "torchvision resizes images for them with {} interpolation, here it is bilinear: results differ slightly"
UNREAD = (
    "has training metadata that only a newer version of this program can read: class names are missing and "
    "ImageNet preprocessing is assumed"
)
INTERPOLATION = "bilinear"
"""That of every resized photograph."""


@dataclass(frozen=True, slots=True)
class ClassMetadata:
    """Labels and preprocessing, with what to say about them."""

    preprocessing: Preprocessing
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()


def class_metadata(
    architecture: Architecture, path: Path, contents: CheckpointContents, sha256: Callable[[], str], *,
    own_head: bool, normalization: str = IMAGENET,
) -> ClassMetadata:  # fmt: skip
    """Those of a file's weights: `own_head` if the head is the file's, `normalization` is usual for such a file."""
    own = contents.provenance
    if own is not None and own.architecture.channels == architecture.channels:
        return _of_a_run(architecture, path, own, own_head=own_head)
    said = stored_metadata(sha256()).over(find_metadata(contents, path))
    found = _with_usual(architecture, sha256(), said, own_head=own_head, normalization=normalization)
    return replace(found, caveats=(*found.caveats, UNREAD)) if contents.newer_format else found


def _of_a_run(
    architecture: Architecture, path: Path, provenance: TrainingProvenance, *, own_head: bool
) -> ClassMetadata:  # fmt: skip
    """Those saved with the program's own trained weights; the preprocessing applies even without their head."""
    provenance, caveat = complete_provenance(path, provenance)
    caveats, image = (caveat,) if caveat else (), architecture.image
    shape, size = provenance.architecture.input_shape, architecture.image_size
    mean_image = transforms.resized_mean_image(provenance.mean_image, shape, size)
    preprocessing = Preprocessing(
        image, image, provenance.mean, provenance.deviation, middle=True, mean_image=mean_image
    )
    if not own_head or provenance.architecture.classes != architecture.classes:
        return ClassMetadata(preprocessing, numbered_labels(architecture.classes), caveats=caveats)
    differs = (_difference_note(provenance.architecture),) if provenance.architecture != architecture else ()
    origin = f"{provenance.description} in {provenance.run}"
    return ClassMetadata(preprocessing, provenance.classes, (origin,), (*caveats, *differs))


def _with_usual(
    architecture: Architecture, sha256: str, said: WeightsMetadata, *, own_head: bool, normalization: str
) -> ClassMetadata:  # fmt: skip
    """What is said of weights that the program has not trained, and what is usual where nothing is."""
    usual = _usual(architecture, sha256, own_head=own_head, normalization=normalization)
    labels = own_head and len(said.labels) == architecture.classes
    normalized = len(said.mean) == architecture.channels
    preprocessing = usual.preprocessing
    if normalized:
        preprocessing = replace(preprocessing, mean=said.mean, std=said.std)
    if said.crop and said.resize:
        preprocessing = replace(preprocessing, resize=_resized(architecture.image, said.crop, said.resize))
    notes = [] if labels and normalized else [*usual.notes]
    if labels or normalized:
        what = " and ".join(filter(None, ("class names" if labels else "", "normalization" if normalized else "")))
        notes.append(f"{what} from {said.source}")
    if said.interpolation not in ("", INTERPOLATION) and not said.interpolation.startswith("random"):
        notes.append(f"made for {said.interpolation} resizing; here it is {INTERPOLATION}")
    return replace(
        usual, preprocessing=preprocessing, labels=said.labels if labels else usual.labels, notes=tuple(notes)
    )


def _usual(
    architecture: Architecture, sha256: str, *, own_head: bool, normalization: str
) -> ClassMetadata:  # fmt: skip
    """Those of torchvision's own files, which are known by their hash, and of others as is usual."""
    preprocessing = transforms.imagenet(architecture.image)
    mean, std = NORMALIZATIONS[normalization]
    if normalization != IMAGENET and architecture.channels == len(mean):
        preprocessing = replace(preprocessing, mean=mean, std=std)
    if not own_head or architecture.classes != IMAGENET_CLASSES:
        assumed = (f"{normalization} normalization is assumed",) if normalization != IMAGENET else ()
        return ClassMetadata(preprocessing, numbered_labels(architecture.classes), assumed)
    if (known := torchvision_entry(sha256)) is None:
        assumed = ("1,000 classes: ImageNet names and preprocessing are assumed",)
        return ClassMetadata(preprocessing, imagenet_labels(), assumed)
    model, weights = known
    original = PRESETS.get(f"{model}-v1.5", PRESETS[model])
    same = original.with_values({"image": architecture.image}) == architecture
    differs = () if same else (_difference_note(original),)
    theirs = weights.transforms()
    scaled_preset = _scaled(theirs, architecture.image)
    resized = () if theirs.interpolation.value == "bilinear" else (RESIZED.format(theirs.interpolation.value),)
    return ClassMetadata(scaled_preset, imagenet_labels(), (f"{TORCHVISION_PREFIX}{weights}", *resized), differs)


def _resized(image: ImageSize, crop: ImageSize, resize: ImageSize) -> ImageSize:
    """What images are resized to for an input of this size, in the proportion of another's."""
    pairs = zip(height_width(image), height_width(resize), height_width(crop), strict=True)
    return as_image_size(round(side * larger / smaller) for side, larger, smaller in pairs)


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


def numbered_labels(classes: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(classes))


def _scaled(preset: Any, image: ImageSize) -> Preprocessing:
    """torchvision's preprocessing of the weights, scaled to the network's image size."""
    (resize,), (crop,) = preset.resize_size, preset.crop_size
    return Preprocessing(scaled(image, resize, crop), image, tuple(preset.mean), tuple(preset.std))
