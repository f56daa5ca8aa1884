"""One run, from its folder to its end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from resnet_studio.inference import devices
from resnet_studio.inference.origin import Origin
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.network import build
from resnet_studio.training import checkpoints, forming, probes, runs
from resnet_studio.training.data import Batches, Data, Images, measuring_order, training_order
from resnet_studio.training.events import (
    Began,
    Ended,
    Gradients,
    How,
    Measured,
    Noted,
    Paused,
    Prepared,
    Probed,
    Saved,
    Split,
    Stepped,
    Working,
)
from resnet_studio.training.following import first_threads
from resnet_studio.training.forming import Forming
from resnet_studio.training.gradients import stage_norms
from resnet_studio.training.journal import Tells, reason
from resnet_studio.training.loop import Step, make_optimizer, measure, train
from resnet_studio.training.opening import open_data
from resnet_studio.training.recipe import Recipe, steps_per_epoch
from resnet_studio.training.runs import PAUSE, STOP
from resnet_studio.training.sources import fitted
from resnet_studio.training.workers import Workers

TELL_EVERY = 0.25
"""Seconds between two words on what was trained."""
SAVE_EVERY = 60.0
"""Seconds after which a checkpoint is due, whatever the epoch."""
LOOK_EVERY = 0.1
"""Seconds between two looks whether a paused run may go on."""
GRADIENT_POINTS = 50
"""How often in a run the gradients' norms are taken, about."""
GOING, TELLING, STOPPING = range(3)
"""What the workers agree on after each step."""


class TrainingFailedError(RuntimeError):
    """The loss is no number any more."""


def run(
    folder: Path, data_root: Path, journal: Tells, workers: Workers, *, resume: bool = False, download: bool = False
) -> How:
    """Train what the folder's manifest asks for, until its end or until it is asked to stop; how it ended.

    The journal is the first worker's; others have a mute one. torch's random state is left as it was. What goes
    wrong is raised: `DataError`, `ArchitectureError`, `DeviceError`, `MemoryError`, `TrainingFailedError`, `OSError`.
    """
    manifest = runs.read(folder)
    threads = first_threads(folder) if resume else manifest.threads
    if threads:
        torch.set_num_threads(threads)
    device = the_device(manifest.recipe.device, workers)
    try:
        with torch.random.fork_rng(devices=[]):
            data = _opened(manifest.recipe, manifest.architecture.image, data_root, journal, download=download)
            channels, image, _ = data.size
            architecture, changes = fitted(manifest.architecture, channels, image, len(data.classes))
            journal.tell(prepared(architecture, changes, data, manifest.recipe))
            training = Training(folder, manifest.recipe, architecture, data, device, journal, workers)
            if resume:
                training.go_on()
            return training.go()
    except RuntimeError as error:
        raise devices.failure(str(device), error) or error from None


def the_device(name: str, workers: Workers) -> torch.device:
    """The recipe's device; "cuda" alone is each worker's own GPU. `DeviceError` if it is not on this machine."""
    if name == "cuda":
        name = f"cuda:{workers.local}"
    devices.check(name)
    return torch.device(name)


def prepared(architecture: Architecture, changes: tuple[str, ...], data: Data, recipe: Recipe) -> Prepared:
    """What is trained on what, as an event."""
    per_epoch = steps_per_epoch(len(data.training), recipe.batch_size)
    return Prepared(
        time=time.time(), architecture=to_json(architecture), changes=changes, classes=data.classes,
        training_images=len(data.training), test_images=len(data.test), test_of=data.test_of,
        steps_per_epoch=per_epoch, steps=recipe.in_steps(recipe.length, per_epoch), held=data.training.held,
        mean=data.mean, deviation=data.deviation,
    )  # fmt: skip


def _opened(recipe: Recipe, image: int, root: Path, journal: Tells, *, download: bool) -> Data:
    steps = open_data(recipe, image, root, download=download)
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            data: Data = end.value
            break
        journal.tell(Working(time.time(), progress.what, progress.done / max(1, progress.of)))
    for note in data.notes:
        journal.tell(Noted(time.time(), note))
    return data


class Training:
    """A network on its way through a recipe."""

    def __init__(
        self, folder: Path, recipe: Recipe, architecture: Architecture, data: Data, device: torch.device,
        journal: Tells, workers: Workers,
    ) -> None:  # fmt: skip
        self.recipe, self.architecture, self.journal, self.workers = recipe, architecture, journal, workers
        self.folder, self.device = folder, device
        self.training, self.test = data.training.to(device), data.test.to(device)
        self.normalise = data.normalise.to(device)
        self.per_epoch = steps_per_epoch(len(data.training), recipe.batch_size)
        self.total = recipe.in_steps(recipe.length, self.per_epoch)
        network = build(architecture, recipe.seed).to(memory_format=torch.channels_last).to(device)
        self.shared, self.network = workers.share(network, device)
        self.optimizer = make_optimizer(self.network, recipe)
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
        self.watch = Stopwatch()
        self.step = 0
        self.best = math.inf
        self._pending: list[Step] = []
        self._told = self._saved = time.perf_counter()
        self._told_seconds = 0.0
        self._left_out = 0
        self._forming = Forming(architecture, data, self.normalise)
        self._origin = Origin(
            architecture, recipe.data, data.classes, data.mean, data.deviation, folder.name, self.step
        )
        self._probe_steps = forming.probe_steps(self.total, self.per_epoch)

    def go_on(self) -> None:
        """Take up the newest good checkpoint; without one the run begins anew."""
        checkpoint = checkpoints.newest(self.folder / runs.CHECKPOINTS)
        if checkpoint is None:
            return
        checkpoints.restore(checkpoint, self.network, self.optimizer, self.scaler)
        self.step = self.journal.step = checkpoint.step
        self.watch.seconds = self._told_seconds = checkpoint.seconds
        self.best = checkpoints.best_error(self.folder / runs.CHECKPOINTS)

    def go(self) -> How:
        """Train to the end, or until somebody asks the run to stop."""
        self.journal.tell(
            Began(time.time(), self.step, self.watch.seconds, torch.get_num_threads(), str(self.device),
                  self.workers.count)
        )  # fmt: skip
        if self.step == 0:
            self._probe()
        with closing(self._batches()) as batches, self.watch.running():
            steps = train(
                self.shared,
                self.optimizer,
                self.scaler,
                batches,
                self.normalise,
                self.recipe,
                self.per_epoch,
                self.step,
            )
            how = self._follow(steps) if self.step < self.total else "finished"
        self.journal.tell(Ended(time.time(), how, self.step))
        return how

    def _follow(self, steps: Iterator[Step]) -> How:
        for step in steps:
            self._pending.append(step)
            self.step += 1
            if step.number % max(1, self.total // GRADIENT_POINTS) == 0:
                self.journal.tell(Gradients(time.time(), step.number, stage_norms(self.network, self.architecture)))
            word = self.workers.agree(self._word())
            over = self.step == self.total
            epoch_ends = over or self.step % self.per_epoch == 0
            if word == GOING and not epoch_ends and self.step not in self._probe_steps:
                continue
            self._tell_steps()
            with self.watch.paused():
                self._look_up(epoch_ends=epoch_ends, stopping=word == STOPPING)
            if over or word == STOPPING:
                return "finished" if over else "stopped"
        raise AssertionError("the batches never end")

    def _batches(self) -> Batches:
        order = training_order(len(self.training), self.recipe, self.step, self.workers.rank, self.workers.count)
        return self.training.batches(order, self.recipe.augmentation)

    def _word(self) -> int:
        """What the first worker wants of all: to stop, to tell what was trained, or to go on."""
        if not self.workers.leads:
            return GOING
        if self.journal.asked_to(PAUSE):
            self._wait()
        if self.journal.asked_to(STOP):
            return STOPPING
        return TELLING if time.perf_counter() - self._told > TELL_EVERY else GOING

    def _wait(self) -> None:
        with self.watch.paused():
            self.journal.tell(Paused(time.time(), self.step))
            while self.journal.asked_to(PAUSE) and not self.journal.asked_to(STOP):
                time.sleep(LOOK_EVERY)

    def _look_up(self, *, epoch_ends: bool, stopping: bool) -> None:
        """Between two steps: measure, save and probe where it is time to."""
        error = self._measure() if epoch_ends else None
        if self.workers.leads and self.step in self._probe_steps:
            self._probe()
        better = error is not None and error < self.best
        last = stopping or self.step == self.total
        if better or last or time.perf_counter() - self._saved > SAVE_EVERY:
            self._save(error, better=better, needed=last)
        self._note_left_out()

    def _tell_steps(self) -> None:
        """Write down the steps since the last time. `TrainingFailedError` if a loss is not a number."""
        some, self._pending = self._pending, []
        if not some:
            return
        counted = torch.tensor([[0.0, 0.0, float(step.images)] for step in some], dtype=torch.float64)
        counted[:, 0] = torch.stack([step.loss for step in some]).double().cpu() * counted[:, 2]
        counted[:, 1] = torch.stack([step.wrong for step in some]).double().cpu()
        losses, wrong, images = self.workers.total(counted).T
        values = (losses / images).tolist()
        seconds = self.watch.seconds
        self.journal.tell(
            Stepped(
                time.time(), some[0].number, tuple(values), tuple((wrong / images).tolist()),
                tuple(step.rate for step in some), seconds,
                float(images.sum()) / max(seconds - self._told_seconds, 1e-9),
            )
        )  # fmt: skip
        self._told, self._told_seconds = time.perf_counter(), seconds
        broken = next((step for step, value in zip(some, values, strict=True) if not math.isfinite(value)), None)
        if broken is not None:
            raise TrainingFailedError(
                f"the loss is not a number from step {broken.number + 1:,} on, at a learning rate of {broken.rate:.3g}"
                ". Choose a lower learning rate, or a longer warm-up"
            )

    def _measure(self) -> float:
        """Run over the whole test set, and over the training set where the recipe says so; the test error."""
        self.workers.equalise(self.network)
        if self.recipe.measure_training:
            self._measure_on("training", self.training)
        return self._measure_on("test", self.test)

    def _measure_on(self, split: Split, images: Images) -> float:
        order = measuring_order(len(images), self.workers.rank, self.workers.count)
        total = measure(self.network, images.batches(order, "none"), self.normalise, self.recipe.precision)
        loss, wrong, count = map(float, self.workers.total(total))
        error = wrong / count
        self.journal.tell(Measured(time.time(), split, self.step, loss / count, error, int(count), self.watch.seconds))
        return error

    def _save(self, error: float | None, *, better: bool, needed: bool) -> None:
        """Write a checkpoint. A disk that is full is told, and ends only a run that is at its end anyway."""
        self._saved = time.perf_counter()
        if not self.workers.leads:
            return
        moment = checkpoints.take(self.network, self.optimizer, self.scaler, self.step, self.watch.seconds, error)
        try:
            place = checkpoints.write(self.folder / runs.CHECKPOINTS, moment, replace(self._origin, step=self.step))
        except OSError as failure:
            if needed:
                raise
            told = f"the checkpoint of step {self.step:,} could not be saved: {reason(failure)}. Earlier ones are kept"
            self.journal.tell(Noted(time.time(), told))
            return
        if better and error is not None:
            self.best = error
        self.journal.step = self.step
        self.journal.tell(Saved(time.time(), self.step, str(place.relative_to(self.folder)), better))

    def _probe(self) -> None:
        if self.workers.leads:
            file = f"{runs.PROBES}/step-{self.step:07d}.npz"
            probes.save(self.folder / file, self._forming.take(self.network, self.step))
            self.journal.tell(Probed(time.time(), self.step, file))

    def _note_left_out(self) -> None:
        """Tell of images that could not be read since the last time."""
        left_out: Sequence[str] = getattr(self.training, "left_out", ())
        if len(left_out) > self._left_out:
            self.journal.tell(
                Noted(time.time(), f"{len(left_out):,} images were left out so far; the last: {left_out[-1]}")
            )
            self._left_out = len(left_out)


class Stopwatch:
    """Adds up the time of training alone."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        return self._before + (0.0 if self._since is None else time.perf_counter() - self._since)

    @seconds.setter
    def seconds(self, value: float) -> None:
        self._before = value

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of a block."""
        self._since = time.perf_counter()
        try:
            yield
        finally:
            self._before, self._since = self.seconds, None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the time of a block out."""
        self._before, self._since = self.seconds, None
        try:
            yield
        finally:
            self._since = time.perf_counter()
