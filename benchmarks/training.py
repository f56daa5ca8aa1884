"""How fast a run trains, with its events, heartbeat and gradient norms, compared with loops that record nothing."""

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
from resnet_studio.training.compute.data import Data, InMemoryImages, make_normalizer, statistics, training_order
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.compute.run import Training, make_thread_choice
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Event, Stepped
from resnet_studio.training.runs.writer import RunWriter

ROUNDS, WARM_UP_STEPS = 7, 3
"""Rounds, and untimed steps before each."""
WORKERS = (0, 1, 2)
"""Numbers of DataLoader workers to try for the loop in torchvision's style; the fastest is used."""
LONG_RUN_STEPS = 10_000


@dataclass(frozen=True)
class Case:
    """A network, a recipe and a data set to train with."""

    name: str
    architecture: Architecture
    recipe: Recipe
    data: Data
    padding: int
    steps: int
    """Steps of a run."""
    timed_steps: int
    """Timed steps of each loop that it is compared with."""


def measure() -> Iterator[Line]:
    """Runs and loops in turns: on digits, then on 10,000 random images of CIFAR's size."""
    with torch.random.fork_rng(devices=[]):
        for case in (digits_case(), cifar_sized_case()):
            yield from compare_loops(case)
        yield memory_line()


def digits_case() -> Case:
    recipe = RECIPES["digits-quick"]
    architecture = replace(_residual("resnet20-cifar"), image=8, channels=1)
    return Case("ResNet-20 on digits", architecture, recipe, finish(open_data(recipe, 8, Path())), 1, 113, 110)


def cifar_sized_case() -> Case:
    recipe = replace(RECIPES["paper-cifar"], normalise="channel")
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (10_000, 3, 32, 32), dtype=torch.uint8, generator=generator)
    training = InMemoryImages(pixels, torch.arange(10_000) % 10)
    mean, deviation = statistics(pixels)
    normalize = make_normalizer(recipe, pixels, mean, deviation)
    data = Data(tuple("0123456789"), training, training.subset(torch.arange(10)), "", normalize, mean, deviation)
    return Case("ResNet-20 on 10,000 images of 3×32×32", _residual("resnet20-cifar"), recipe, data, 4, 33, 30)


def _residual(name: str) -> Residual:
    architecture = preset(name)
    assert isinstance(architecture, Residual)
    return architecture


def compare_loops(case: Case) -> Iterator[Line]:
    """Seconds of a step in a run, and in three kinds of loops."""
    workers = min(WORKERS, key=lambda count: torchvision_loop(case, count))
    loops: dict[str, Callable[[], float]] = {
        "run": lambda: run(case),
        "bare": lambda: fast_loop(case),
        "plain": lambda: plain_loop(case),
        "reference": lambda: torchvision_loop(case, workers),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(ROUNDS):
        for name, loop in loops.items():
            seconds[name].append(loop())
    description = "a bare loop on the same tensors, with the same augmentation, layout and optimizer"
    yield speed_line(case, seconds, "bare", 0.97, description)
    yield speed_line(
        case, seconds, "plain", 0.97, "a bare loop on preprocessed float images: no augmentation, torch's defaults"
    )
    yield speed_line(case, seconds, "reference", 1.3, f"torchvision's style (PIL, DataLoader with {workers} workers)")


def speed_line(case: Case, seconds: dict[str, list[float]], peer: str, min_ratio: float, description: str) -> Line:
    """A claim that a run makes at least `min_ratio` times the peer's steps in the same time, paired by round."""
    ratio = median(theirs / ours for ours, theirs in zip(seconds["run"], seconds[peer], strict=True))
    claim = f"{case.name}: steps per second ≥ {min_ratio} ×"
    return Line(
        claim,
        f"{ratio:.3f} ×, {spread(seconds['run'])} per step",
        -ratio,
        -min_ratio,
        f"{description} {spread(seconds[peer])}",
    )


def run(case: Case) -> float:
    """Seconds of a step in a real run; as in `Stepped`, evaluation and saving are not part of the time."""
    times: dict[int, float] = {}

    def record(event: Event) -> None:
        if isinstance(event, Stepped):
            times[event.first + len(event.losses)] = event.seconds

    recipe = replace(case.recipe, length=case.steps, unit="steps", schedule="constant", milestones=())
    train(case, recipe, record)
    first_step = min(step for step in times if step >= WARM_UP_STEPS)
    last = max(times)
    return (times[last] - times[first_step]) / (last - first_step)


def train(case: Case, recipe: Recipe, listener: Callable[[Event], object]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        run_folder.create(folder, run_folder.Manifest("run", case.architecture, recipe, time.time()))
        with RunWriter(folder, listener) as journal:
            Training(
                folder, recipe, case.architecture, case.data, torch.device("cpu"), journal, Workers(),
                make_thread_choice(None, ()),
            ).run()  # fmt: skip


def seconds_per_step(
    step: Callable[[Tensor, Tensor], object], batches: Iterator[tuple[Tensor, Tensor]], count: int
) -> float:
    """Seconds of a step, without the warm-up."""
    for images, labels in islice(batches, WARM_UP_STEPS):
        step(images, labels)
    began = time.perf_counter()
    for images, labels in islice(batches, count):
        step(images, labels)
    return (time.perf_counter() - began) / count


def make_step(
    network: nn.Module, optimizer: torch.optim.Optimizer
) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The training step of all loops: forward, loss, backward and update."""

    def step(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        output = network(images)
        loss = nn.functional.cross_entropy(output, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach(), output.detach()

    return step


def fast_loop(case: Case) -> float:
    """Only training, with the same memory layout, optimizer and augmentation as a run."""
    network = build(case.architecture).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), case.recipe.lr, 0.9, weight_decay=1e-4, fused=True)
    pixels, labels = training_tensors(case)
    augment = augment_batch(case.recipe.augmentation)
    batches = (
        (case.data.normalize(augment(pixels[places])), labels[places])
        for _, places in training_order(len(pixels), case.recipe, 0)
    )
    return seconds_per_step(make_step(network, optimizer), batches, case.timed_steps)


def plain_loop(case: Case) -> float:
    """Only training, on normalized images, with torch's defaults."""
    network = build(case.architecture)
    optimizer = torch.optim.SGD(network.parameters(), case.recipe.lr, 0.9, weight_decay=1e-4)
    pixels, labels = training_tensors(case)
    images = case.data.normalize(pixels).contiguous()
    batches = (
        (images[places], labels[places]) for _, places in training_order(len(pixels), case.recipe, 0)
    )  # fmt: skip
    return seconds_per_step(make_step(network, optimizer), batches, case.timed_steps)


def training_tensors(case: Case) -> tuple[Tensor, Tensor]:
    assert isinstance(case.data.training, InMemoryImages)
    return case.data.training.pixels, case.data.training.labels


class PILImages(Dataset[tuple[Tensor, int]]):
    """The images as PIL images, as torchvision's data sets return them."""

    def __init__(self, case: Case) -> None:
        pixels, labels = training_tensors(case)
        self.pixels, self.labels = pixels.permute(0, 2, 3, 1).squeeze(3).numpy(), labels.tolist()
        side = case.architecture.image
        steps: list[Callable[[object], object]] = [transforms.RandomCrop(side, case.padding)]
        if case.recipe.augmentation == "crop-flip":
            steps.append(transforms.RandomHorizontalFlip())
        steps += [transforms.ToTensor(), transforms.Normalize(case.data.mean, case.data.std)]
        self.transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def torchvision_loop(case: Case, workers: int) -> float:
    """The style of torchvision's references/classification/train.py: its step, and its metrics after each."""
    network = build(case.architecture)
    optimizer = torch.optim.SGD(network.parameters(), case.recipe.lr, 0.9, weight_decay=1e-4)
    loader = DataLoader(
        PILImages(case), case.recipe.batch_size, shuffle=True, num_workers=workers, drop_last=True,
        persistent_workers=workers > 0,
    )  # fmt: skip
    step = make_step(network, optimizer)
    log: list[tuple[float, ...]] = []

    def logged(images: Tensor, labels: Tensor) -> None:
        loss, output = step(images, labels)
        right = output.topk(5, 1)[1].t() == labels[None]
        log.append((loss.item(), *(float(right[:k].sum()) / len(labels) for k in (1, 5))))

    def endless() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield from loader

    return seconds_per_step(logged, endless(), case.timed_steps)


def memory_line() -> Line:
    """Growth of this process's memory from a tenth of a long run to its end."""
    case = digits_case()
    architecture = replace(_residual("resnet20-cifar"), image=8, channels=1, width=2, blocks=(1, 1, 1))
    recipe = replace(case.recipe, length=LONG_RUN_STEPS, unit="steps", schedule="constant", batch_size=16, lr=0.01)
    sizes: dict[int, float] = {}

    def record(event: Event) -> None:
        if isinstance(event, Stepped):
            sizes[event.first + len(event.losses)] = resident_megabytes()

    train(replace(case, architecture=architecture), recipe, record)
    early = sizes[min(step for step in sizes if step >= LONG_RUN_STEPS // 10)]
    growth = sizes[LONG_RUN_STEPS] / early - 1
    text = (
        f"{100 * growth:.1f} %: {early:.0f} MB after {LONG_RUN_STEPS // 10:,}, "
        f"{sizes[LONG_RUN_STEPS]:.0f} MB after {LONG_RUN_STEPS:,}"
    )
    return Line(
        f"memory growth of a run ≤ 2 %, steps {LONG_RUN_STEPS // 10:,} to {LONG_RUN_STEPS:,}", text, growth, 0.02
    )


def resident_megabytes() -> float:
    """The resident memory of this process in MB."""
    with open("/proc/self/statm", encoding="ascii") as values:
        return int(values.read().split()[1]) * 4096 / 1e6
