"""The activations of one image through one network, safe from later in-place operations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from resnet_studio.inference.compute import transforms
from resnet_studio.inference.images import references
from resnet_studio.inference.values import Photograph

ImageLike: TypeAlias = str | Path | Photograph | Tensor
DEFAULT_IMAGE = 224


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """A network's logits (N×classes) and the outputs of named layers, on the network's device.

    There are no logits if the pass stopped after the last of the layers.
    """

    logits: Tensor | None
    layers: dict[str, Tensor]


class _AllCaptured(BaseException):
    """Raised by a hook to end a pass once all requested layers are captured."""


def capture(network: nn.Module, image: ImageLike, layers: Sequence[str], *, full_pass: bool = True) -> Captured:
    """Run the network in eval mode and keep the outputs of the named layers ("layer1.0.conv1", "layer2.0", …).

    `image` is a path, a `sample:` name or a `Photograph`, prepared as for ImageNet, or a ready N×C×H×W tensor on
    the network's device. A layer that is called several times gives its last output, or its first if `full_pass`
    is False: then the pass ends as soon as every layer has given one. The network, the image and torch's random state
    are left as they were. `ValueError` names a layer that isn't there or is never called.
    """
    _check_names(network, layers)
    images = image if isinstance(image, Tensor) else imagenet_input(network, image)
    with eval_mode(network):
        captured, overwritten = _run(network, images, layers, frozenset(), full_pass=full_pass)
        if overwritten:
            captured, _ = _run(network, images, layers, overwritten, full_pass=full_pass)
    return captured


def imagenet_input(network: nn.Module, source: str | Path | Photograph) -> Tensor:
    """The image as the network's input, 1×C×H×W, by ImageNet's preprocessing at the network's own size."""
    photograph = source if isinstance(source, Photograph) else references.open_reference(str(source))
    architecture = getattr(network, "architecture", None)
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    image = DEFAULT_IMAGE if architecture is None else architecture.image
    images = transforms.preprocess(photograph, transforms.imagenet(image), first.in_channels)
    return images.to(first.weight)


@contextmanager
def eval_mode(network: nn.Module) -> Iterator[None]:
    """Eval mode without gradients; afterwards every module's mode and the random state are as before."""
    training = [module for module in network.modules() if module.training]
    with torch.inference_mode(False), torch.no_grad(), torch.random.fork_rng(devices=[]):
        if training:
            network.eval()
        try:
            yield
        finally:
            for module in training:
                module.training = True


def _check_names(network: nn.Module, layers: Sequence[str]) -> None:
    for layer in layers:
        try:
            found = bool(layer) and network.get_submodule(layer) is not None
        except AttributeError:
            found = False
        if not found:
            known = {name for name, _ in network.named_modules() if name}
            near = get_close_matches(layer, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"available: {', '.join(sorted(known)[:5])}, …"
            raise ValueError(f"unknown layer {layer!r}: {hint}")


def _run(
    network: nn.Module, images: Tensor, layers: Sequence[str], cloned: frozenset[str], *, full_pass: bool
) -> tuple[Captured, frozenset[str]]:
    """One forward pass; also the names of layers whose outputs a later in-place operation has changed.

    Torch counts the in-place changes of every tensor, including those through its views. Running again with those
    few outputs cloned is cheaper than always cloning all of them: only networks with in-place modules need it.
    """
    outputs: dict[str, Tensor] = {}
    versions: dict[str, int] = {}
    wanted = set(layers)
    logits: Tensor | None = None

    def record(name: str, module: nn.Module, output: Any) -> None:
        if isinstance(module, nn.MultiheadAttention):  # which returns its weights, too
            output = output[0]
        if not isinstance(output, Tensor):
            raise ValueError(f"layer {name!r} returns a {type(output).__name__}, not a tensor")
        outputs[name] = output.clone() if name in cloned else output
        versions[name] = outputs[name]._version
        if not full_pass and len(outputs) == len(wanted):
            raise _AllCaptured

    with ExitStack() as hooks:
        for name in layers:
            module = network.get_submodule(name)
            hook = module.register_forward_hook(lambda module, _inputs, output, name=name: record(name, module, output))
            hooks.callback(hook.remove)
        with suppress(_AllCaptured):
            logits = network(images.clone())  # an in-place first layer must not change the caller's image
    for name in layers:
        if name not in outputs:
            raise ValueError(f"layer {name!r} is never called in a forward pass, so it has no output")
    changed = frozenset(name for name, output in outputs.items() if output._version != versions[name])
    return Captured(logits, {name: outputs[name] for name in layers}), changed
