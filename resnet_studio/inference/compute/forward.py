"""One image through one network, for the window and the command line: predictions, the real input, feature maps."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from torch import Tensor

from resnet_studio.inference.compute import devices, prepare, transforms
from resnet_studio.inference.compute.capture import Captured, capture
from resnet_studio.inference.compute.folding import served
from resnet_studio.inference.compute.prepare import Key, Ready, ready_steps
from resnet_studio.inference.cropping import frame
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Prediction
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.plan import plan
from resnet_studio.progress import Progress

MOST_KEPT = 1 << 30
"""Bytes of activations that are kept for the next layer that is asked for."""
MOST_PREDICTIONS = 5
PASSES = 2
"""Passes that are kept: two, so that two sides can be compared."""
Result = TypeVar("Result")
Told = TypeVar("Told")
Steps: TypeAlias = Generator[Progress, None, Result]


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """A forward pass with what it gave. It stopped early where there are no logits."""

    key: Key
    captured: Captured
    seconds: float
    brief: bool

    def serves(self, key: Key, layers: tuple[str, ...], *, predictions: bool, brief: bool) -> bool:
        """Whether it has what is asked for. What rests is never shown from a brief pass, which may be a folded one."""
        has_logits = self.captured.logits is not None or not predictions
        good = brief or not self.brief
        return self.key == key and good and has_logits and set(layers) <= self.captured.layers.keys()


_passes: list[Pass] = []
"""The last passes, the newest first."""


def forward_steps(
    subject: ForwardSpec, layers: tuple[str, ...], *, predictions: bool = True, brief: bool = False
) -> Steps[ForwardResult]:
    """Look at a subject, at the named layers.

    Image, weights and the last passes are kept: another layer of the same image costs no pass. A `brief` look, one
    of many while a hand moves, captures nothing but what was asked for; without predictions it stops after the
    last of its layers. Raises `ImageError`, `WeightsError`, `DeviceError`, `MemoryError`, and `ValueError` for a
    layer that the network lacks or never calls. A device that fails is given its memory back.
    """
    return (yield from guarded(subject.device, lambda: _steps(subject, layers, predictions=predictions, brief=brief)))


def guarded(device: str, work: Callable[[], Generator[Told, None, Result]]) -> Generator[Told, None, Result]:
    """Do work on a device; if that fails, give its memory back and raise a `DeviceError` that says what to do."""
    devices.check(device)
    try:
        return (yield from work())
    except RuntimeError as error:
        failure = devices.failure(device, error)
        if failure is None:
            raise
    forget()  # only here, as the error's traceback held on to the tensors
    raise failure


def _steps(subject: ForwardSpec, layers: tuple[str, ...], *, predictions: bool, brief: bool) -> Steps[ForwardResult]:
    ready = yield from ready_steps(subject)
    done = next((one for one in _passes if one.serves(ready.key, layers, predictions=predictions, brief=brief)), None)
    if done is None:
        if not brief:
            yield Progress(2, 4, "running the network")
        done = _forward(ready, layers, predictions=predictions, brief=brief)
        _passes[:] = [done, *(one for one in _passes if one.key != ready.key)][:PASSES]
    height, width = ready.photograph.pixels.shape[:2]
    return ForwardResult(
        subject=subject,
        image_sha256=ready.key.image,
        frame=frame(width, height, ready.weights.preprocessing, subject.handles),
        seen=transforms.seen(ready.images, ready.weights.preprocessing),
        weights=ready.weights,
        layers=tuple(layer_maps(name, done.captured.layers[name].float().cpu().numpy().copy()) for name in layers),
        seconds=done.seconds,
        predictions=top(done.captured.logits, ready.weights.labels) if predictions else None,
        brief=brief,
    )


def layers_to_keep(architecture: Architecture, layers: tuple[str, ...]) -> tuple[str, ...]:
    """What a pass for these layers captures: every layer, block and stage, as another is likely to be asked for next.

    Where that would take more than `MOST_KEPT`, nothing is brought along.
    """
    sizes = {layer.name: layer.activation_bytes for layer in plan(architecture) if layer.called}
    if sum(sizes.values()) > MOST_KEPT:
        return layers
    held = served(architecture) if isinstance(architecture, Residual) else ()
    return tuple(dict.fromkeys((*sizes, *held, *layers)))


def forget() -> None:
    """Let go of every network, image and activation."""
    _passes.clear()
    prepare.forget()


def _forward(ready: Ready, layers: tuple[str, ...], *, predictions: bool, brief: bool) -> Pass:
    """A pass; a brief one goes through the folded network where that has what is asked for: faster, and equal to 1e-4.

    What rests goes through the plain one always, whatever was looked at before, so that the window
    and the command line give the very same numbers.
    """
    architecture = ready.subject.architecture
    kept = layers if brief else layers_to_keep(architecture, layers)
    quick = brief and isinstance(architecture, Residual) and set(kept) <= set(served(architecture))
    network = ready.folded() if quick else ready.network()
    started = time.perf_counter()
    captured = capture(network, ready.images, kept, whole=predictions or not brief)
    if captured.logits is not None:  # a GPU has finished only when its numbers are here
        captured = Captured(captured.logits.float().cpu(), captured.layers)
    return Pass(ready.key, captured, time.perf_counter() - started, brief)


def top(logits: Tensor | None, labels: tuple[str, ...], most: int = MOST_PREDICTIONS) -> tuple[Prediction, ...]:
    """The most probable classes; none where the logits are not numbers."""
    if logits is None or not logits.isfinite().all():
        return ()
    probabilities, classes = logits[0].softmax(0).topk(min(most, len(labels)))
    return tuple(
        Prediction(labels[number], probability, number)
        for number, probability in zip(classes.tolist(), probabilities.tolist(), strict=True)
    )
