"""Networks with weights: calibrated random ones, published ones, or a file's, with labels and preprocessing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from resnet_studio.files import FileRefusedError, display_name
from resnet_studio.formatting import join_names
from resnet_studio.inference.compute import checkpoint_file, transforms
from resnet_studio.inference.compute.checkpoint_file import Checkpoint
from resnet_studio.inference.compute.translation import translate
from resnet_studio.inference.compute.weights_metadata import TORCHVISION_PREFIX, class_metadata, numbered_labels
from resnet_studio.inference.errors import SuggestedFix, WeightsError, WeightsMismatch
from resnet_studio.inference.images import references
from resnet_studio.inference.values import (
    SAMPLES,
    PublishedWeights,
    RandomWeights,
    WeightsFile,
    WeightsInfo,
    WeightsSource,
    weights_title,
)
from resnet_studio.inference.weights.architecture_inference import fits, without_batch_counters
from resnet_studio.inference.weights.former_names import current_name
from resnet_studio.inference.weights.identity import identity_card
from resnet_studio.inference.weights.normalizations import IMAGENET
from resnet_studio.inference.weights.provenance import TrainingProvenance
from resnet_studio.inference.weights.published import cache_path, entry_by_hash, find_entry
from resnet_studio.inference.weights.recognition import (
    BATCH_COUNTER,
    FoundNetwork,
    Shapes,
    find_networks,
    find_prefixes,
)
from resnet_studio.inference.weights.suggested_fixes import original_architecture, suggested_fixes
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.layers import NOTHING
from resnet_studio.networks.modules.baseline import allocate, skeleton
from resnet_studio.networks.modules.calibration import calibrate
from resnet_studio.networks.modules.network import build, empty
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.networks.plan import head_layer, plan

PHOTOGRAPHS = SAMPLES[:2]
MIN_VALUES = 32
"""Values per channel that batch norm needs for statistics; if two photographs have fewer, all samples are used."""
MAX_FILE_BYTES = 2_000_000_000
"""Largest file that is read, unless the network is larger."""
OWN_WEIGHTS = "can't be loaded into {}, a network of your own: have its function load them"
STRIDE_CAVEAT = "stride position unknown: {} need it on the {}, or predictions are wrong"
OWN_NAMES = ("torchvision", "resnet-studio")
"""Dialects whose names this program's networks have themselves."""
CHECKPOINT_STEM = "weights"
"""The stem of a run's weights files, which all have the same name."""
STRIDE_ASSUMED = "stride assumed to be on the {}, as in {}"


def load(architecture: Architecture, source: WeightsSource) -> tuple[nn.Module, WeightsInfo]:
    """The network in eval mode on the CPU, in float32, and what is known of its weights.

    Raises `WeightsError` for a file that can't be used (`WeightsMismatch` for one of another network) and
    `MemoryError` for a network that this machine can't hold.
    """
    memory.check(architecture, memory.to_run(architecture), "to run")
    if isinstance(architecture, OwnModule):
        return _own(architecture, source)
    if isinstance(source, RandomWeights):
        return _random(architecture, source.seed)
    if isinstance(source, PublishedWeights):
        return _published_network(architecture, source)
    return _from_file(architecture, source)


def _own(architecture: OwnModule, source: WeightsSource) -> tuple[nn.Module, WeightsInfo]:
    """A network of the user's own with the weights that its code gives it: random ones, or those that it loads."""
    if not isinstance(source, RandomWeights):
        raise WeightsError(weights_title(source), OWN_WEIGHTS.format(architecture.name))
    if not architecture.fixed_weights:
        network, info = _random(architecture, source.seed)
        return network, replace(info, source=f"random, by {architecture.name}, seed {source.seed}")
    network = build(architecture, source.seed)
    return network.eval(), WeightsInfo(
        f"those that {architecture.name} returns", True, transforms.imagenet(architecture.image),
        numbered_labels(architecture.classes), notes=("the same at every call, so taken to be trained",),
    )  # fmt: skip


def head_name(architecture: Architecture) -> str:
    """Name of the layer that gives the logits."""
    return head_layer(architecture).name


def _random(architecture: Architecture, seed: int) -> tuple[nn.Module, WeightsInfo]:
    network = build(architecture, seed)
    if any(layer.kind == "batch norm" and layer.called for layer in plan(architecture)):
        calibrate(network, _calibration_images(architecture, seed))
    preprocessing = transforms.imagenet(architecture.image)
    return network.eval(), WeightsInfo(
        f"random, seed {seed}", False, preprocessing, numbered_labels(architecture.classes)
    )


def _calibration_images(architecture: Architecture, seed: int) -> Tensor:
    """N×channels×height×width; noise if the network takes neither 1 nor 3 channels."""
    norms = (layer for layer in plan(architecture) if layer.kind == "batch norm" and layer.output != NOTHING)
    smallest = min((layer.output[1] * layer.output[2] for layer in norms), default=1)
    names = PHOTOGRAPHS if len(PHOTOGRAPHS) * smallest >= MIN_VALUES else SAMPLES
    if architecture.channels not in (1, 3):
        shape = len(names), *architecture.input_shape
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
    network = skeleton(architecture) if isinstance(architecture, Baseline) else empty(architecture)
    state = network.state_dict()
    tables = {name: tensor for name, tensor in state.items() if tensor.ndim and not tensor.is_floating_point()}
    expected = {name: tuple(tensor.shape) for name, tensor in state.items() if name not in tables}
    weight_bytes = sum(4 * math.prod(shape) for shape in expected.values())
    # A checkpoint with its optimizer's state and averages is a few times as large as its weights.
    read = checkpoint_file.read(source.path, max_bytes=max(MAX_FILE_BYTES, 8 * weight_bytes))
    found = _choose_network(architecture, source, read)
    if isinstance(architecture, Baseline):
        found = replace(found, entries={current_name(name): entry for name, entry in found.entries.items()})
    head = head_name(architecture)
    random_head = not source.head or _lacks_only_head(found, read, expected, head)
    if random_head:
        found = _without(found, f"{head}.")
        expected = {name: shape for name, shape in expected.items() if not name.startswith(f"{head}.")}
    _check_fits(architecture, source, read, found, expected)
    found = found.made_for(architecture)
    tensors = _read_tensors(source, read, found, expected)
    converted, broken = _value_notes(tensors)
    headless = [_add_random_head(architecture, tensors, found)] if random_head else []
    state.update({**tables, **tensors})  # which says of which version its modules are
    allocate(network).load_state_dict(state)
    placement, unused_layers = _placement_notes(found, read, source, random_head=random_head)
    metadata = class_metadata(
        architecture, source.path, read.contents, lambda: read.sha256, own_head=not random_head,
        normalization=found.usual.get("normalization", IMAGENET),
    )  # fmt: skip
    likely_architecture, stride, stride_caveats = _stride(architecture, found, read)
    origin = read.contents.provenance
    info = WeightsInfo(
        source=_name(source, origin),
        trained=not random_head and (origin is None or origin.step > 0),
        preprocessing=metadata.preprocessing,
        labels=metadata.labels,
        sha256=read.sha256,
        notes=(
            *read.contents.notes, *placement, *headless, *unused_layers, *converted, *broken, *metadata.notes,
            *metadata.caveats, *stride,
        ),
        caveats=(*headless, *unused_layers, *broken, *metadata.caveats, *stride_caveats),
        likely_architecture=likely_architecture,
    )  # fmt: skip
    return network.eval(), info


def _read_tensors(
    source: WeightsFile, read: Checkpoint, found: FoundNetwork, expected: Shapes
) -> dict[str, Tensor]:  # fmt: skip
    """The network's tensors, with counters of batches at 0 where the file has none, as before torch 0.4."""
    entries = {name: entry for name, entry in found.entries.items() if name in expected}
    tensors = translate(read.load({one for entry in entries.values() for one in entry.sources}), entries)
    _check_real(source, tensors)
    for name in expected:
        if name.endswith(BATCH_COUNTER) and (name not in tensors or tensors[name].ndim):
            tensors[name] = torch.tensor(0)
    return tensors


def architecture_of(source: WeightsFile) -> Architecture:
    """The architecture that a weights file was made for; `WeightsError` if it can't be inferred.

    What does not follow from shapes (the stride's place, padding or no shortcut) gets its usual value.
    """
    read = checkpoint_file.read(source.path, MAX_FILE_BYTES)
    _choose_network(None, source, read)
    answers = {"head": source.head_layer} if source.head_layer else {}
    card = identity_card(read.contents, source.path, source.prefix, answers)
    if card.architecture is None:
        cause = f"is for a network that can't be inferred from its tensors. {' '.join(card.doubts)}"
        raise WeightsError(display_name(source.path), cause)
    return card.architecture


def _shapes(read: Checkpoint) -> dict[str, tuple[int, ...]]:
    return read.contents.shapes


def _choose_network(architecture: Architecture | None, source: WeightsFile, read: Checkpoint) -> FoundNetwork:
    """The requested network in the file; else the only one, or the only one that fits."""
    shapes = _shapes(read)
    if source.prefix and not any(name.startswith(source.prefix) for name in shapes):
        available = join_names(list(find_prefixes(shapes)) or list(shapes))
        raise WeightsError(
            display_name(source.path), f"has no tensors with prefix {source.prefix!r}. Available: {available}"
        )
    if source.head_layer and f"{source.head_layer}.weight" not in shapes:
        raise WeightsError(display_name(source.path), f"has no layer {source.head_layer!r} to use as the head")
    found = find_networks(shapes, source.prefix, source.head_layer)
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
    return WeightsMismatch(_name(source, read.contents.provenance), (), (), (), "", None, fixes, available)


def _placement_notes(
    found: FoundNetwork, read: Checkpoint, source: WeightsFile, *, random_head: bool
) -> tuple[list[str], list[str]]:
    """Notes on how the network was in the file, and caveats about layers of the file that it lacks."""
    notes = [f"using the tensors under '{found.prefix}'"] if found.place else []
    if found.dialect and found.dialect.key not in OWN_NAMES:
        notes.append(f"names of {found.dialect.title} translated")
    if any(entry.less for entry in found.entries.values()):
        notes.append("the convolutions' biases became part of the batch norms' means")
    if any(entry.orders for entry in found.entries.values()):
        notes.append("channels were reordered, as the file's shortcuts pad on both sides")
    if found.head and not random_head and not found.usual_head:
        notes.append(f"the file's {found.head} is used as the head")
    prefixes_found = tuple(network.prefix for network in find_networks(_shapes(read))) if found.prefix else ()
    layers = [
        name
        for name in found.others
        if name.endswith("weight")
        and len(read.contents.tensors[name].shape) > 1
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


def _lacks_only_head(found: FoundNetwork, read: Checkpoint, expected: Shapes, head: str) -> bool:
    """Whether the file lacks the head and has everything else."""
    own = found.shapes(read.contents.shapes)
    rest = {name: shape for name, shape in expected.items() if not name.startswith(f"{head}.")}
    return len(rest) < len(expected) and without_batch_counters(own) == without_batch_counters(rest)


def _without(found: FoundNetwork, beginning: str) -> FoundNetwork:
    """Without the tensors whose names begin so."""
    return replace(found, entries={name: one for name, one in found.entries.items() if not name.startswith(beginning)})


def _stride(
    architecture: Architecture, found: FoundNetwork, read: Checkpoint
) -> tuple[Architecture | None, list[str], list[str]]:  # fmt: skip
    """For weights of unknown source: the architecture that they are likelier made for, notes, and caveats."""
    known_source = read.contents.provenance is not None or entry_by_hash(read.sha256) is not None
    if known_source or not isinstance(architecture, Residual):
        return None, [], []
    if len(architecture.block.choices().get("stride_on", ())) < 2:
        return None, [], []
    usual = found.usual.get("stride_on", "3x3")
    place, source = usual.replace("x", "×"), found.dialect.title if found.dialect and usual != "3x3" else ""
    if architecture.values()["stride_on"] == usual:
        return None, [STRIDE_ASSUMED.format(place, source or "most code")], []
    caveat = STRIDE_CAVEAT.format(f"most files of {source}" if source else "most files", place)
    return architecture.with_values({"stride_on": usual}), [caveat], [caveat]


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


def _add_random_head(architecture: Architecture, tensors: dict[str, Tensor], found: FoundNetwork) -> str:
    """Add a random head of seed 0; return the note about it."""
    head, random_state = head_name(architecture), build(architecture, seed=0).state_dict()
    tensors |= {name: tensor for name, tensor in random_state.items() if name.startswith(f"{head}.")}
    reason = "" if found.head else ", as the file has none"
    if found.head_layers:
        reason = f", as the file's has {len(found.head_layers)} layers ({join_names(found.head_layers)})"
    return f"{head} is random{reason}, the rest is from the file: predictions are meaningless"


def _check_fits(
    architecture: Architecture, source: WeightsFile, read: Checkpoint, found: FoundNetwork, expected: Shapes
) -> None:  # fmt: skip
    """Raise `WeightsMismatch`, with suggested fixes, if these are not the network's tensors."""
    own, wanted = without_batch_counters(found.shapes(read.contents.shapes)), without_batch_counters(expected)
    missing = tuple(name for name in wanted if name not in own)
    unexpected = tuple(name for name in own if name not in wanted)
    shapes = tuple((name, own[name], shape) for name, shape in wanted.items() if own.get(name, shape) != shape)
    if not (missing or unexpected or shapes):
        return
    found_shapes = _shapes(read)
    recognized = (
        read.contents.provenance.architecture
        if read.contents.provenance
        else original_architecture(found_shapes, read.sha256, architecture)
    )
    fixes = suggested_fixes(architecture, source, found_shapes, recognized)
    recognized = recognized or next((fix.architecture for fix in fixes if fix.architecture != architecture), None)
    name, head = _name(source, read.contents.provenance), head_name(architecture)
    raise WeightsMismatch(name, missing, unexpected, shapes, head, recognized, fixes)


def _value_notes(tensors: dict[str, Tensor]) -> tuple[list[str], list[str]]:
    """Notes on precisions that loading converts, and caveats about NaN or infinite values."""
    real = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    types = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in real.values()} - {"float32"})
    broken = [name for name, tensor in real.items() if not tensor.float().isfinite().all()]
    return [f"{kind} converted to float32" for kind in types], (
        [f"NaN or infinite values in {join_names(broken)}"] if broken else []
    )
