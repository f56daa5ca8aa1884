"""Layer responses: the standard deviations of every block's F(x) and of its input x, over the depth of networks."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from functools import partial

from torch import Tensor

from resnet_studio.inference.compute import forward
from resnet_studio.inference.compute.capture import eval_mode
from resnet_studio.inference.compute.prepare import PreparedForward, prepare_steps
from resnet_studio.inference.counterparts import Responses
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.block_tensors import all_block_tensors
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress


def responses_steps(specs: tuple[ForwardSpec, ...]) -> Generator[Progress, None, tuple[Responses, ...]]:
    """The responses of each network to its image, one pass per network. Raises the errors of `forward_steps`."""
    measured = []
    for number, spec in enumerate(specs):
        yield Progress(number, len(specs), f"measuring {title(spec.architecture)}")
        measured.append((yield from forward.guarded(spec.device, partial(_measure_steps, spec))))
    return tuple(measured)


def _measure_steps(spec: ForwardSpec) -> Generator[Progress, None, Responses]:
    ready = yield from prepare_steps(spec)
    blocks = all_block_tensors(spec.architecture).values()
    stds = _standard_deviations(ready, {name for block in blocks for name in (block.x, block.residual)})
    return Responses(
        spec=spec,
        source=ready.weights.source,
        trained=ready.weights.trained,
        blocks=tuple(block.block for block in blocks),
        residuals=tuple(stds[block.residual] for block in blocks),
        inputs=tuple(stds[block.x] for block in blocks),
    )


def _standard_deviations(ready: PreparedForward, names: set[str]) -> dict[str, float]:
    """Standard deviation of each named layer's output over all values, measured in hooks so that no tensor is kept."""
    found: dict[str, float] = {}

    def measure(name: str, output: Tensor) -> None:
        found[name] = float(output.float().std(correction=0))

    network = ready.network()
    with ExitStack() as hooks:
        for name in names:
            module = network.get_submodule(name)
            hook = module.register_forward_hook(lambda _module, _inputs, output, name=name: measure(name, output))
            hooks.callback(hook.remove)
        with eval_mode(network):
            network(ready.images)
    return found
