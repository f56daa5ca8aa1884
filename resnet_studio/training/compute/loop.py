"""The training loop and the evaluation, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_studio.training.compute.augmentation import Normalizer
from resnet_studio.training.recipe import Recipe, learning_rate

AUTOCAST_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One update of the weights. Its tensors are scalars on the device; reading them synchronizes with it."""

    number: int
    lr: float
    loss: Tensor
    wrong: Tensor
    """How many images of the batch were misclassified, before the update."""
    images: int


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer, fused.

    SGD's momentum buffers are created as zeros, which gives the same first step. torch would allocate them
    uninitialized, and they would stay so if the gradient scaler skips the first step (fp16).
    """
    parameters, decay = list(network.parameters()), recipe.weight_decay
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, recipe.lr, weight_decay=decay, fused=True)
    optimizer = torch.optim.SGD(parameters, recipe.lr, recipe.momentum, weight_decay=decay, fused=True)
    if recipe.momentum:
        for parameter in parameters:
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def train(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    batches: Iterable[tuple[Tensor, Tensor]],
    normalize: Normalizer,
    recipe: Recipe,
    per_epoch: int,
    first_step: int,
) -> Iterator[Step]:
    """Train on uint8 batches from step `first_step` on, and yield after each step. Gradients are kept until the next.

    The network has to be on the batches' device. It is put into train mode once; a caller that changes the mode between
    steps has to restore it.
    """
    network.train()
    for number, (pixels, labels) in enumerate(batches, start=first_step):
        rate = learning_rate(recipe, number, per_epoch)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(pixels.device.type, AUTOCAST_DTYPES[recipe.precision], enabled=recipe.precision != "fp32"):
            logits = network(normalize(pixels))
            loss = functional.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        wrong = (logits.detach().argmax(1) != labels).sum()
        yield Step(number, rate, loss.detach(), wrong, len(labels))


@torch.no_grad()
def evaluate(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], normalize: Normalizer) -> Tensor:
    """Summed loss, misclassified images and number of images, in eval mode: three float64 values on the CPU.

    It computes in float32 whatever the training's precision, as inference with the saved weights does. The network is
    in train mode afterwards.
    """
    network.eval()
    total = torch.zeros(3, dtype=torch.float64)
    for pixels, labels in batches:
        logits = network(normalize(pixels))
        loss = functional.cross_entropy(logits, labels, reduction="sum")
        wrong = (logits.argmax(1) != labels).sum()
        total += torch.stack([loss, wrong, torch.tensor(len(labels), device=loss.device)]).double().cpu()
    network.train()
    return total
