"""How fast a run trains, with its events, heartbeat and gradient norms, against loops that keep nothing."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.measure import Line, spread
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish
from resnet_studio.training.compute.augmentation import augment_batch
from resnet_studio.training.compute.data import Data, InMemoryImages, normaliser, statistics, training_order
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.compute.run import Training, thread_choice
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Event, Stepped
from resnet_studio.training.runs.writer import RunWriter

ROUNDS, WARM_UP = 7, 3
"""Rounds, and steps before each that are not timed."""
WORKERS = (0, 1, 2)
"""Of the DataLoader in torchvision's style; the best is taken."""
LONG = 10_000


@dataclass(frozen=True)
class Case:
    """What is trained on what."""

    name: str
    architecture: Architecture
    recipe: Recipe
    data: Data
    padding: int
    steps: int
    """Of a run."""
    timed: int
    """Of a round of the loops beside it."""


def measure() -> Iterator[Line]:
    """Runs and loops in turns: the digits, then a made set of 10,000 images of CIFAR's size."""
    with torch.random.fork_rng(devices=[]):
        for case in (digits(), cifar_sized()):
            yield from against_loops(case)
        yield memory()


def digits() -> Case:
    recipe = RECIPES["digits-quick"]
    architecture = replace(_residual("resnet20-cifar"), image=8, channels=1)
    return Case("ResNet-20 on digits", architecture, recipe, finish(open_data(recipe, 8, Path())), 1, 113, 110)


def cifar_sized() -> Case:
    recipe = replace(RECIPES["paper-cifar"], normalise="channel")
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (10_000, 3, 32, 32), dtype=torch.uint8, generator=generator)
    training = InMemoryImages(pixels, torch.arange(10_000) % 10)
    mean, deviation = statistics(pixels)
    normalise = normaliser(recipe, pixels, mean, deviation)
    data = Data(tuple("0123456789"), training, training.part(torch.arange(10)), "", normalise, mean, deviation)
    return Case("ResNet-20 on 10,000 images of 3×32×32", _residual("resnet20-cifar"), recipe, data, 4, 33, 30)


def _residual(name: str) -> Residual:
    architecture = preset(name)
    assert isinstance(architecture, Residual)
    return architecture


def against_loops(case: Case) -> Iterator[Line]:
    """Seconds of a step in a run, and in loops of three kinds."""
    workers = min(WORKERS, key=lambda count: reference(case, count))
    loops: dict[str, Callable[[], float]] = {
        "run": lambda: run(case),
        "bare": lambda: bare(case),
        "plain": lambda: plain(case),
        "reference": lambda: reference(case, workers),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(ROUNDS):
        for name, loop in loops.items():
            seconds[name].append(loop())
    told = "a bare loop on the same tensors, with the same augmentation, layout and optimiser"
    yield faster(case, seconds, "bare", 0.97, told)
    yield faster(case, seconds, "plain", 0.97, "a bare loop on ready float images: no augmentation, torch's defaults")
    yield faster(case, seconds, "reference", 1.3, f"torchvision's style (PIL, DataLoader with {workers} workers)")


def faster(case: Case, seconds: dict[str, list[float]], peer: str, least: float, told: str) -> Line:
    """A claim that a run makes at least so many times the peer's steps in the same time. Each round is a pair."""
    ratio = median(theirs / ours for ours, theirs in zip(seconds["run"], seconds[peer], strict=True))
    what = f"{case.name}: steps per second ≥ {least} ×"
    return Line(
        what, f"{ratio:.3f} ×, {spread(seconds['run'])} a step", -ratio, -least, f"{told} {spread(seconds[peer])}"
    )


def run(case: Case) -> float:
    """A real run in a real folder; its own measuring and saving is not part of the time, as in `Stepped`."""
    times: dict[int, float] = {}

    def note(event: Event) -> None:
        if isinstance(event, Stepped):
            times[event.first + len(event.losses)] = event.seconds

    recipe = replace(case.recipe, length=case.steps, unit="steps", schedule="constant", milestones=())
    train(case, recipe, note)
    first = min(step for step in times if step >= WARM_UP)
    last = max(times)
    return (times[last] - times[first]) / (last - first)


def train(case: Case, recipe: Recipe, listener: Callable[[Event], object]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        run_folder.make(folder, run_folder.Manifest("run", case.architecture, recipe, time.time()))
        with RunWriter(folder, listener) as journal:
            Training(
                folder, recipe, case.architecture, case.data, torch.device("cpu"), journal, Workers(),
                thread_choice(None, ()),
            ).go()  # fmt: skip


def timed(step: Callable[[Tensor, Tensor], object], batches: Iterator[tuple[Tensor, Tensor]], count: int) -> float:
    """Seconds of a step, without the first ones."""
    for images, labels in islice(batches, WARM_UP):
        step(images, labels)
    began = time.perf_counter()
    for images, labels in islice(batches, count):
        step(images, labels)
    return (time.perf_counter() - began) / count


def stepper(network: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """What every loop does."""

    def step(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        output = network(images)
        loss = nn.functional.cross_entropy(output, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach(), output.detach()

    return step


def bare(case: Case) -> float:
    """Nothing but training, in the same layout, with the same optimiser and the same augmentation."""
    network = build(case.architecture).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), case.recipe.lr, 0.9, weight_decay=1e-4, fused=True)
    pixels, labels = held(case)
    augment = augment_batch(case.recipe.augmentation)
    batches = (
        (case.data.normalise(augment(pixels[places])), labels[places])
        for _, places in training_order(len(pixels), case.recipe, 0)
    )
    return timed(stepper(network, optimizer), batches, case.timed)


def plain(case: Case) -> float:
    """Nothing but training, on images that are ready, with torch's defaults."""
    network = build(case.architecture)
    optimizer = torch.optim.SGD(network.parameters(), case.recipe.lr, 0.9, weight_decay=1e-4)
    pixels, labels = held(case)
    images = case.data.normalise(pixels).contiguous()
    batches = (
        (images[places], labels[places]) for _, places in training_order(len(pixels), case.recipe, 0)
    )  # fmt: skip
    return timed(stepper(network, optimizer), batches, case.timed)


def held(case: Case) -> tuple[Tensor, Tensor]:
    assert isinstance(case.data.training, InMemoryImages)
    return case.data.training.pixels, case.data.training.labels


class Pictures(Dataset[tuple[Tensor, int]]):
    """Images as PIL's, as torchvision's own sets give them."""

    def __init__(self, case: Case) -> None:
        pixels, labels = held(case)
        self.pixels, self.labels = pixels.permute(0, 2, 3, 1).squeeze(3).numpy(), labels.tolist()
        side = case.architecture.image
        steps: list[Callable[[object], object]] = [transforms.RandomCrop(side, case.padding)]
        if case.recipe.augmentation == "crop-flip":
            steps.append(transforms.RandomHorizontalFlip())
        steps += [transforms.ToTensor(), transforms.Normalize(case.data.mean, case.data.deviation)]
        self.transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def reference(case: Case, workers: int) -> float:
    """In the style of torchvision's references/classification/train.py: its step, and its numbers after each."""
    network = build(case.architecture)
    optimizer = torch.optim.SGD(network.parameters(), case.recipe.lr, 0.9, weight_decay=1e-4)
    loader = DataLoader(
        Pictures(case), case.recipe.batch_size, shuffle=True, num_workers=workers, drop_last=True,
        persistent_workers=workers > 0,
    )  # fmt: skip
    step = stepper(network, optimizer)
    kept: list[tuple[float, ...]] = []

    def logged(images: Tensor, labels: Tensor) -> None:
        loss, output = step(images, labels)
        right = output.topk(5, 1)[1].t() == labels[None]
        kept.append((loss.item(), *(float(right[:k].sum()) / len(labels) for k in (1, 5))))

    def endless() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield from loader

    return timed(logged, endless(), case.timed)


def memory() -> Line:
    """Memory of this process after a tenth of a long run, and at its end."""
    small = digits()
    architecture = replace(_residual("resnet20-cifar"), image=8, channels=1, width=2, blocks=(1, 1, 1))
    recipe = replace(small.recipe, length=LONG, unit="steps", schedule="constant", batch_size=16, lr=0.01)
    sizes: dict[int, float] = {}

    def note(event: Event) -> None:
        if isinstance(event, Stepped):
            sizes[event.first + len(event.losses)] = resident()

    train(replace(small, architecture=architecture), recipe, note)
    early = sizes[min(step for step in sizes if step >= LONG // 10)]
    growth = sizes[LONG] / early - 1
    text = f"{100 * growth:.1f} %: {early:.0f} MB after {LONG // 10:,}, {sizes[LONG]:.0f} MB after {LONG:,}"
    return Line(f"memory of a run grows ≤ 2 % from step {LONG // 10:,} to {LONG:,}", text, growth, 0.02)


def resident() -> float:
    """Megabytes that this process holds now."""
    with open("/proc/self/statm", encoding="ascii") as values:
        return int(values.read().split()[1]) * 4096 / 1e6
