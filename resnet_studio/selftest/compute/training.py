"""Training on the device: precisions, optimizers, resuming, checkpoints, torchrun, and its speed."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from resnet_studio.children import SAFE_PATH
from resnet_studio.formatting import dimensions
from resnet_studio.inference.compute.forward import forward_steps
from resnet_studio.inference.images import references
from resnet_studio.inference.values import ForwardSpec, WeightsFile
from resnet_studio.inference.weights.bundled import DIGIT_SAMPLE, DIGITS
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish
from resnet_studio.selftest.compute.networks import PHOTOGRAPHS
from resnet_studio.selftest.compute.runs import (
    STEPS,
    WARM_UP_STEPS,
    Case,
    RunResult,
    digits_recipe,
    images_per_second,
    losses,
    train,
)
from resnet_studio.selftest.compute.target import Target, full_float32
from resnet_studio.selftest.report import Check, at_least, at_most, failed, holds, noted
from resnet_studio.training.compute import loop
from resnet_studio.training.compute.augmentation import augment_batch
from resnet_studio.training.compute.data import Data, InMemoryImages, make_normalizer, statistics, training_order
from resnet_studio.training.compute.folders import StreamedImages
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.folders.class_folders import read_class_folders
from resnet_studio.training.recipe import Precision, Recipe, to_json

FIRST_STEPS = {"fp32": 3, "bf16": 3, "fp16": 1}
"""Steps whose losses have to agree; later, rounding errors grow with the weights. In fp16, the first steps are
skipped until the scale is small enough."""
LOSS_BOUNDS = {"fp32": 1e-4, "bf16": 2e-2, "fp16": 2e-2}
"""Relative difference of those losses from the CPU's in float32."""
LEARNING_BOUND = 0.9
"""The mean loss of the last five steps, as a share of the first five's."""
SKIPPING_SCALE, SKIPPING_STEPS = 2.0**24, 24
"""A scale of fp16's gradients with which the first steps overflow and are skipped."""
SPREAD_FACTOR = 10.0
"""How far a resumed run may be from an uninterrupted one, in differences between two uninterrupted ones."""
TORCHRUN_TIMEOUT = 120.0
TORCHRUN_BOUND = 1e-3
LOOP_BOUND, LOOP_ROUNDS = 0.97, 5
"""Least images a second of a run, as a share of a bare loop's: the fastest of some rounds, timed in turns."""
STREAM_BOUND = 0.9
"""Least throughput from files, as a share of what decoding and training allow."""
JPEGS, JPEG_SIZE, HOLDOUT = 512, (500, 375), 32
"""Images of the size of ImageNet's, of which some are held out."""
ADVICE = "Update the driver and PyTorch, or train in fp32; until it passes, train on the CPU"
SPEED_ADVICE = "Close other programs and run the test again"


def precision_checks(target: Target) -> Iterator[Check]:
    """30 steps of ResNet-20 in each precision, and with AdamW, against the CPU's in float32."""
    recipe = digits_recipe(target)
    with full_float32():
        for optimizer in ("sgd", "adamw"):
            chosen = replace(recipe, optimizer=optimizer, lr=0.05 if optimizer == "sgd" else 0.003)
            expected = train(target, f"{optimizer}-cpu", replace(chosen, device="cpu"))
            for precision in (
                "fp32",
                *(("bf16",) if target.has_bfloat16 else ()),
                *(() if target.quick else ("fp16",)),
            ):
                found = train(target, f"{optimizer}-{precision}", replace(chosen, precision=precision))
                yield from _loss_checks(f"{optimizer}, {precision}", precision, found.losses, expected.losses)


def skipped_step_checks(target: Target) -> Iterator[Check]:
    """fp16 with a scale that is too large at first: skipped steps leave weights and momentum intact."""
    recipe = replace(digits_recipe(target), precision="fp16", lr=0.02)
    data = finish(open_data(recipe, 8, target.folder))
    images, normalize = data.training.to(target.device), data.normalize.to(target.device)
    network = build(preset(DIGITS)).to(memory_format=torch.channels_last).to(target.device)
    optimizer = loop.make_optimizer(network, recipe)
    scaler = torch.amp.GradScaler(target.device.type, init_scale=SKIPPING_SCALE)
    before = [weights.detach().clone() for weights in network.parameters()]
    found: list[float] = []
    skipped, intact = 0, True
    with closing(images.batches(training_order(len(images), recipe, 0), "none")) as batches:
        steps = loop.train(network, optimizer, scaler, batches, normalize, recipe, len(images) // recipe.batch_size, 0)
        for step in islice(steps, SKIPPING_STEPS):
            found.append(float(step.loss))
            if scaler.get_scale() == SKIPPING_SCALE / 2.0 ** len(found):  # each so far has halved the scale
                skipped = len(found)
                intact = all(map(torch.equal, before, network.parameters()))
    finite = all(map(math.isfinite, found)) and all(
        bool(value.isfinite().all()) for state in optimizer.state.values() for value in state.values()
    )
    name = "fp16, skipped first steps"
    if not skipped:
        yield failed(name, "no step was skipped, although the scaled gradients overflow", ADVICE)
        return
    learned = finite and fmean(found[-5:]) < fmean(found[:5])
    detail = "weights and momentum stay intact" if intact and learned else "the weights or the momentum are damaged"
    yield replace(holds(name, intact and learned, detail=detail, advice=ADVICE), value=skipped, unit="steps")


def resume_checks(target: Target) -> Iterator[Check]:
    """A run that is stopped half way and resumed, against an uninterrupted one; its checkpoint on the CPU."""
    recipe = digits_recipe(target)
    with deterministic():
        whole, again = (train(target, name, recipe) for name in ("whole", "again"))
        train(target, "resumed", recipe, stop_after=STEPS // 2)
        resumed = train(target, "resumed", recipe, resume=True)
    spread, difference = _distance(whole, again), _distance(whole, resumed)
    detail = "bit for bit" if spread == 0 else f"two uninterrupted runs differ by {spread:.1e}"
    yield at_most(
        "resumed run", difference, SPREAD_FACTOR * spread, detail=f"largest difference of a loss or weight; {detail}",
        advice=ADVICE,
    )  # fmt: skip
    specs = [
        ForwardSpec(DIGIT_SAMPLE, preset(DIGITS), WeightsFile(whole.weights_path), device)
        for device in (target.name, "cpu")
    ]
    with full_float32():
        ours, theirs = (
            {p.number: p.probability for p in finish(forward_steps(s, ())).predictions or ()} for s in specs
        )
    difference = max((abs(ours[number] - theirs.get(number, math.inf)) for number in ours), default=math.inf)
    yield at_most("checkpoint opened on the CPU", difference, 1e-4, detail="difference in probability", advice=ADVICE)


def torchrun_checks(target: Target) -> Iterator[Check]:
    """The same run by torchrun with one process: nccl and synchronized batch norm on a GPU, gloo on the CPU."""
    recipe = replace(digits_recipe(target), length=10)
    with full_float32():
        expected = train(target, "one-process", recipe).losses
    began = time.perf_counter()
    done = _torchrun(target, replace(recipe, device="cuda") if target.is_cuda else recipe)
    name = f"torchrun with one process, {'nccl' if target.is_cuda else 'gloo'}"
    if done.returncode:
        yield failed(name, done.stderr.strip().rpartition("\n")[2], "Run the command with RESNET_STUDIO_DEBUG=1")
        return
    error = _relative(losses(target.folder / "torchrun")[:3], expected[:3])
    detail = f"relative difference of the first losses; {time.perf_counter() - began:.0f} s"
    yield at_most(name, error, TORCHRUN_BOUND, detail=detail, advice=ADVICE)


def loop_checks(target: Target) -> Iterator[Check]:
    """Images a second of a run, with its events and gradient norms, against a bare loop on the same tensors."""
    case, steps = (_digits_case(target), 45) if target.is_cpu else (_cifar_sized_case(target), 200)
    rates: list[tuple[float, float]] = []
    for number in range(LOOP_ROUNDS - 2 if target.quick else LOOP_ROUNDS):
        rates.append((images_per_second(target, f"loop-{number}", case, steps), _bare_loop(target, case, steps)))
    ours, bare = (max(each) for each in zip(*rates, strict=True))  # what else the machine does only slows them down
    detail = f"{ours:,.0f} of {bare:,.0f} images/s, ResNet-20 on {'digits' if target.is_cpu else '3×32×32'}"
    yield at_least("run against a bare loop", ours / bare, LOOP_BOUND, "×", detail=detail, advice=SPEED_ADVICE)


def stream_checks(target: Target) -> Iterator[Check]:
    """Training from a folder of JPEGs against the same images on the device, and what decoding alone allows."""
    architecture = preset("resnet18").with_values({"image": 64 if target.is_cpu else 224, "classes": 2})
    folder = _write_jpegs(target)
    steps = 20 if target.is_cpu else 100
    precision: Precision = "fp32" if target.is_cpu else target.precisions[-1]
    recipe = Recipe(
        data=str(folder), unit="steps", batch_size=32 if target.is_cpu else 64, lr=0.01, schedule="constant",
        augmentation="crop-flip", holdout=HOLDOUT, precision=precision, device=target.name,
    )  # fmt: skip
    case = Case(architecture, recipe, finish(open_data(recipe, architecture.image, target.folder)))
    streamed = StreamedImages(read_class_folders(folder).training, architecture.image, skip_damaged=False)
    decoding = _decoding_rate(streamed, recipe)
    on_device = images_per_second(target, "on-device", case, steps)
    case = replace(case, data=replace(case.data, training=streamed))
    from_files = images_per_second(target, "streamed", case, steps)
    subject = f"ResNet-18 at {dimensions(architecture.image_size)}, {precision}"
    yield noted("data on the device", on_device, "images/s", detail=subject)
    yield noted("decoding JPEGs", decoding, "images/s", detail=f"{JPEG_SIZE[0]}×{JPEG_SIZE[1]}, {os.cpu_count()} cores")
    possible = 1 / (1 / decoding + 1 / on_device) if target.is_cpu else min(decoding, on_device)
    against = "both on the same cores" if target.is_cpu else "the slower of the two"
    yield at_least(
        "data streamed from JPEGs", from_files / possible, STREAM_BOUND, "×",
        detail=f"{from_files:,.0f} images/s, against {against}", advice=SPEED_ADVICE,
    )  # fmt: skip


@contextmanager
def deterministic() -> Iterator[None]:
    """Let cuDNN choose only convolutions that give the same bits every time."""
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before


def _loss_checks(name: str, precision: str, found: Sequence[float], expected: Sequence[float]) -> Iterator[Check]:
    steps = FIRST_STEPS[precision]
    error = _relative(found[:steps], expected[:steps])
    title = f"{name}, first {steps} losses" if steps > 1 else f"{name}, first loss"
    detail = "relative difference from the CPU's in fp32"
    yield at_most(title, error, LOSS_BOUNDS[precision], detail=detail, advice=ADVICE)
    share = fmean(found[-5:]) / fmean(found[:5])
    detail = (
        f"last losses, as a share of the first; {fmean(expected[-5:]) / fmean(expected[:5]):.3f} on the CPU in fp32"
    )
    yield at_most(f"{name}, {STEPS} steps", share, LEARNING_BOUND, detail=detail, advice=ADVICE)


def _relative(found: Sequence[float], expected: Sequence[float]) -> float:
    return max(abs(ours / theirs - 1) for ours, theirs in zip(found, expected, strict=True))


def _distance(one: RunResult, other: RunResult) -> float:
    """The largest difference of a loss or a final weight; infinite if the runs differ in length."""
    if len(one.losses) != len(other.losses):
        return math.inf
    weights = other.weights
    differences = [
        float((values.double() - weights[name].double()).abs().max()) for name, values in one.weights.items()
    ]
    return max([*differences, *(abs(a - b) for a, b in zip(one.losses, other.losses, strict=True))])


def _torchrun(target: Target, recipe: Recipe) -> subprocess.CompletedProcess[str]:
    """Train by torchrun in processes that see only the device under test."""
    (target.folder / "torchrun.json").write_text(json.dumps(to_json(recipe)))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    number = target.device.index or 0
    environment = {**os.environ, SAFE_PATH: "1", "NVIDIA_TF32_OVERRIDE": "0"}
    if target.is_cuda:
        environment["CUDA_VISIBLE_DEVICES"] = visible[number] if number < len(visible) and visible[0] else str(number)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1", "-m", "resnet_studio",
        "train", DIGITS, "--recipe", "torchrun.json", "--runs", str(target.folder), "--name", "torchrun",
        "--threads", str(torch.get_num_threads()),
    ]  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=target.folder, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            output, errors = process.communicate(timeout=TORCHRUN_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.terminate()  # torchrun then ends its workers
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _digits_case(target: Target) -> Case:
    recipe = digits_recipe(target)
    return Case(preset(DIGITS), recipe, finish(open_data(recipe, 8, target.folder)))


def _cifar_sized_case(target: Target) -> Case:
    """10,000 random images of CIFAR's size."""
    recipe = replace(digits_recipe(target), augmentation="crop-flip")
    pixels = torch.randint(256, (10_000, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    training = InMemoryImages(pixels, torch.arange(len(pixels)) % 10)
    mean, std = statistics(pixels)
    normalize = make_normalizer(recipe, pixels, mean, std)
    data = Data(tuple("0123456789"), training, training.subset(torch.arange(128)), "", normalize, mean, std)
    return Case(preset("resnet20-cifar"), recipe, data)


def _bare_loop(target: Target, case: Case, steps: int) -> float:
    """Images a second of a loop that only trains, with a run's memory layout, optimizer and augmentation."""
    recipe, data = case.recipe, case.data
    network = build(case.architecture).to(memory_format=torch.channels_last).to(target.device)
    optimizer = torch.optim.SGD(network.parameters(), recipe.lr, recipe.momentum, weight_decay=1e-4, fused=True)
    images, normalize = data.training.to(target.device), data.normalize.to(target.device)
    assert isinstance(images, InMemoryImages)
    labels, augment = images.labels.to(target.device), augment_batch(recipe.augmentation)

    def step(indices: Tensor) -> None:
        chosen = indices.to(target.device)
        loss = functional.cross_entropy(network(normalize(augment(images.pixels[chosen]))), labels[chosen])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    order = (indices for _, indices in training_order(len(images), recipe, 0))
    for indices in islice(order, WARM_UP_STEPS):
        step(indices)
    target.synchronize()
    began = time.perf_counter()
    for indices in islice(order, steps):
        step(indices)
    target.synchronize()
    return recipe.batch_size * steps / (time.perf_counter() - began)


def _write_jpegs(target: Target) -> Path:
    """Crops of the sample photographs, one class for each."""
    folder, corners = target.folder / "photographs", np.random.default_rng(0)
    for name in PHOTOGRAPHS:
        image = Image.fromarray(references.open_reference(name).pixels)
        label = folder / name.partition(":")[2]
        label.mkdir(parents=True)
        for number in range(JPEGS // len(PHOTOGRAPHS)):
            left, top = (
                int(corners.integers(whole - part + 1)) for whole, part in zip(image.size, JPEG_SIZE, strict=True)
            )
            box = left, top, left + JPEG_SIZE[0], top + JPEG_SIZE[1]
            image.crop(box).save(label / f"{number:03}.jpg", quality=90)
    return folder


def _decoding_rate(streamed: StreamedImages, recipe: Recipe) -> float:
    """Images a second that the reader processes decode if nothing is trained."""
    order = training_order(len(streamed), recipe, 0)
    with closing(streamed.batches(order, recipe.augmentation)) as batches:
        for _ in islice(batches, WARM_UP_STEPS):
            pass
        began, count = time.perf_counter(), max(1, JPEGS // recipe.batch_size)
        for _ in islice(batches, count):
            pass
        return count * recipe.batch_size / (time.perf_counter() - began)
