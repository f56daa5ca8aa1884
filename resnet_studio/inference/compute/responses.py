"""How strong every block's F(x) is, and what it is added to, over the depth of networks."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from functools import partial

from torch import Tensor

from resnet_studio.inference.compute import forward
from resnet_studio.inference.compute.capture import evaluating
from resnet_studio.inference.compute.prepare import Ready, ready_steps
from resnet_studio.inference.counterparts import Responses
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.block_tensors import all_blocks
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress


def responses_steps(subjects: tuple[ForwardSpec, ...]) -> Generator[Progress, None, tuple[Responses, ...]]:
    """The responses of each network to its image, one pass a network. Raises what a look raises."""
    measured = []
    for number, subject in enumerate(subjects):
        yield Progress(number, len(subjects), f"measuring {title(subject.architecture)}")
        measured.append((yield from forward.guarded(subject.device, partial(_measured_steps, subject))))
    return tuple(measured)


def _measured_steps(subject: ForwardSpec) -> Generator[Progress, None, Responses]:
    ready = yield from ready_steps(subject)
    paths = all_blocks(subject.architecture).values()
    deviations = _deviations(ready, {name for path in paths for name in (path.x, path.residual)})
    return Responses(
        subject=subject,
        source=ready.weights.source,
        trained=ready.weights.trained,
        blocks=tuple(path.block for path in paths),
        residuals=tuple(deviations[path.residual] for path in paths),
        inputs=tuple(deviations[path.x] for path in paths),
    )


def _deviations(ready: Ready, names: set[str]) -> dict[str, float]:
    """Standard deviation of the named layers' outputs over all values; no tensor is kept longer than its layer."""
    found: dict[str, float] = {}

    def measure(name: str, output: Tensor) -> None:
        found[name] = float(output.float().std(correction=0))

    network = ready.network()
    with ExitStack() as hooks:
        for name in names:
            module = network.get_submodule(name)
            hook = module.register_forward_hook(lambda _module, _inputs, output, name=name: measure(name, output))
            hooks.callback(hook.remove)
        with evaluating(network):
            network(ready.images)
    return found
