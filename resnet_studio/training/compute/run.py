"""One run, from its folder to its end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import torch
from torch import Tensor

from resnet_studio.cores import CoreShare
from resnet_studio.inference.weights.provenance import TrainingProvenance
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.modules.network import build
from resnet_studio.training.compute import checkpoints
from resnet_studio.training.compute.data import Data, ImageSource, measuring_order, training_order
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.loop import Step, make_optimizer, measure, train
from resnet_studio.training.compute.setup import check_batch_norm, computing_with, failure, opened, prepared, the_device
from resnet_studio.training.compute.snapshots import SnapshotRecorder, probe_steps
from resnet_studio.training.compute.step_events import Stopwatch, advice, stage_norms, stage_weights, stepped
from resnet_studio.training.datasets import DataError, fitted
from resnet_studio.training.errors import CheckpointError, TrainingFailedError
from resnet_studio.training.recipe import Recipe, RecipeError, steps_per_epoch
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import (
    Began,
    Ended,
    Event,
    Gradients,
    How,
    Measured,
    Noted,
    Paused,
    Prepared,
    Probed,
    Saved,
    Split,
    Threads,
)
from resnet_studio.training.runs.fingerprint import differences
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.resuming import changed, recipe_of
from resnet_studio.training.runs.run_folder import PAUSE, STOP
from resnet_studio.training.runs.writer import EventSink, reason
from resnet_studio.training.snapshots import save as save_probe
from resnet_studio.training.threads import ThreadChoice, recorded

TELL_EVERY = 0.25
"""Seconds between two words on what was trained."""
SAVE_EVERY, SAVE_SHARE = 60.0, 0.01
"""Seconds after which a checkpoint is due at the latest, and the share of a run's time that checkpoints may take until
then. Those of a lower test error, of a pause and of an end come on top."""
SAVE_FIRST, DISK_SPEED = 0.02, 100e6
"""What a checkpoint is taken to cost before one was written: seconds, and bytes a second on top."""
LOOK_EVERY = 0.1
"""Seconds between two looks whether a paused run may go on."""
GRADIENT_POINTS = 50
"""How often in a run the gradients' norms are taken, about."""
GOING, TELLING, PAUSING, STOPPING = range(4)
"""What a worker can want after a step. They do what is last of all they want."""


def run(
    folder: Path, data_root: Path, journal: EventSink, workers: Workers, *, resume: bool = False,
    download: bool = False, cores: CoreShare | None = None, recipe: Recipe | None = None,
) -> How:  # fmt: skip
    """Train what the folder's manifest asks for, until its end or until it is asked to stop; how it ended.

    A run that goes on may do so with another `recipe` than it has had; its data have to be those that it began with.
    The journal is the first worker's; others have a mute one. Without `cores` nobody else is thought to compute here.
    torch's random state is left as it was. What goes wrong is raised: `DataError`, `ArchitectureError`,
    `DeviceError`, `MemoryError`, `TrainingFailedError`, `OSError`.
    """
    manifest = run_folder.read(folder)
    resume = workers.agree(resume) > 0
    earlier = list(RunReader(folder).new_events(-1)) if resume else []
    before = recipe_of(manifest.recipe, earlier)
    recipe = recipe or before
    if recipe.batch_size % workers.count:
        told = f"{recipe.batch_size} images can't be shared evenly by {workers.count} workers"
        raise RecipeError("batch_size", f"{told}: choose a multiple of {workers.count}")
    device = the_device(recipe.device, workers)
    try:
        with torch.random.fork_rng(devices=[]), computing_with(manifest.threads):
            with workers.in_turn() if download else nullcontext():
                data = opened(recipe, manifest.architecture.image, data_root, journal, download=download)
            channels, image, _ = data.size
            architecture, changes = fitted(manifest.architecture, channels, image, len(data.classes))
            now = prepared(architecture, changes, data, recipe)
            check_same_data(recipe.data, earlier, now)
            journal.tell(now)
            check_batch_norm(architecture, recipe, len(data.training), workers)
            tries = not manifest.threads and workers.count == 1 and device.type == "cpu"
            choice = thread_choice(cores if tries else None, earlier)
            training = Training(folder, recipe, architecture, data, device, journal, workers, choice, cores)
            if resume:
                training.go_on()
                if recipe != before:
                    journal.tell(changed(before, recipe, training.step, now.steps_per_epoch))
                if workers.count != manifest.workers:
                    told = f"begun with {manifest.workers} workers, going on with {workers.count}"
                    journal.tell(Noted(time.time(), f"{told}: the curve is not quite that of an unbroken run"))
            return training.go()
    except (RuntimeError, MemoryError) as error:
        raise failure(device, recipe, error) or error from None


def check_same_data(data: str, earlier: Sequence[Event], now: Prepared) -> None:
    """`DataError` says how a run's data differ from those that it began with."""
    before = next((event for event in earlier if isinstance(event, Prepared)), None)
    if before is not None and (told := differences(before, now)):
        raise DataError(
            f"{data} has changed since this run began: {'; '.join(told)}. Put the images back as they were, or start "
            "a new run"
        )


def thread_choice(cores: CoreShare | None, events: Iterable[Event]) -> ThreadChoice:
    """How the run's threads are chosen; without `cores` they are as many as torch has now."""
    most = torch.get_num_threads()
    if cores is None:
        return ThreadChoice(lambda: most, recorded(events), tries=False)
    return ThreadChoice(lambda: cores.threads(most), recorded(events))


def save_interval(cost: float) -> float:
    """Seconds between two checkpoints of which each takes `cost` seconds."""
    return min(SAVE_EVERY, cost / SAVE_SHARE)


class Training:
    """A network on its way through a recipe."""

    def __init__(
        self, folder: Path, recipe: Recipe, architecture: Architecture, data: Data, device: torch.device,
        journal: EventSink, workers: Workers, choice: ThreadChoice, cores: CoreShare | None = None,
    ) -> None:  # fmt: skip
        self.recipe, self.architecture, self.journal, self.workers = recipe, architecture, journal, workers
        self.folder, self.device = folder, device
        self._choice, self._cores = choice, cores
        self.training, self.test = data.training.to(device), data.test.to(device)
        self.normalise = data.normalise.to(device)
        self.per_epoch = steps_per_epoch(len(data.training), recipe.batch_size)
        self.total = recipe.in_steps(recipe.length, self.per_epoch)
        network = build(architecture, recipe.seed).to(memory_format=torch.channels_last).to(device)
        self.shared, self.network = workers.share(network, device)
        self.optimizer = make_optimizer(self.network, recipe)
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
        self._stages = stage_weights(self.network, architecture)
        self.watch = Stopwatch()
        self.step = 0
        self.error: float | None = None
        """On the test set after the present step, once it is measured."""
        self.best = math.inf
        self._saved_step = -1
        self._save_cost = SAVE_FIRST + checkpoints.size(self.network, recipe.optimizer) / DISK_SPEED
        self._pending: list[Step] = []
        self._told = self._saved = time.perf_counter()
        self._told_seconds = 0.0
        self._told_left_out = 0
        self._forming = SnapshotRecorder(architecture, data, self.normalise)
        self._origin = TrainingProvenance(
            architecture, recipe.data, data.classes, data.mean, data.divisors, folder.name, self.step, data.mean_image
        )
        self._probe_steps = probe_steps(self.total, self.per_epoch)

    def go_on(self) -> None:
        """Take up the newest good checkpoint; without one the run begins anew."""
        most = checkpoints.size(self.network, self.recipe.optimizer) + checkpoints.LARGEST_HEADER
        checkpoint = checkpoints.newest(self.folder / run_folder.CHECKPOINTS, self._note, most)
        step = checkpoint.step if checkpoint else 0
        if self.workers.agree(step) != step:
            raise CheckpointError(f"a worker found no newer checkpoint than that of step {step:,}: all need the folder")
        if checkpoint is None:
            return
        checkpoints.restore(checkpoint, self.network, self.optimizer, self.scaler)
        self.step = self.journal.step = self.journal.trained = self._saved_step = step
        self.error = checkpoint.error
        self.watch.seconds = self._told_seconds = checkpoint.seconds
        self.best = checkpoints.best_error(self.folder / run_folder.CHECKPOINTS, step)

    def go(self) -> How:
        """Train to the end, or until somebody asks the run to stop."""
        torch.set_num_threads(self._choice.count(self.step))
        self._threads = torch.get_num_threads(), False
        self.journal.tell(
            Began(time.time(), self.step, self.watch.seconds, torch.get_num_threads(), str(self.device),
                  self.workers.count)
        )  # fmt: skip
        try:
            how = self._ending(self._between(GOING)) or self._train()
        except DataError:
            self._keep_what_is_trained()
            raise
        self.journal.tell(Ended(time.time(), how, self.step))
        return how

    def _keep_what_is_trained(self) -> None:
        """Save a checkpoint before the run fails between two steps. Workers can't: each would wait for the others."""
        if self.step and self.workers.count == 1:
            with suppress(OSError, TrainingFailedError):
                self._tell_steps()
                self._save_if_due(STOPPING)

    def _train(self) -> How:
        order = training_order(len(self.training), self.recipe, self.step, self.workers.rank, self.workers.count)
        with closing(self.training.batches(order, self.recipe.augmentation)) as batches, self.watch.running():
            recipe, every, first = self.recipe, self.per_epoch, self.step
            steps = train(self.shared, self.optimizer, self.scaler, batches, self.normalise, recipe, every, first)
            while True:  # the batches never end
                self._choose_threads()
                began = time.perf_counter()
                step = next(steps)
                self._choice.note(step.number, time.perf_counter() - began)
                if how := self._after(step):
                    return how

    def _choose_threads(self) -> None:
        """Compute the next step with as many threads as are chosen for it, and tell where those are others."""
        chosen = self._choice.count(self.step), self._choice.in_trial
        if chosen != self._threads:
            torch.set_num_threads(chosen[0])
            self._threads = chosen
            self.journal.tell(Threads(time.time(), self.step, *chosen))

    def _after(self, step: Step) -> How | None:
        """See to what is due after a step; how the run ends, if it does."""
        self._pending.append(step)
        self.step, self.error = self.step + 1, None
        self.journal.trained = self.step
        if step.number % max(1, self.total // GRADIENT_POINTS) == 0:
            self.journal.tell(Gradients(time.time(), step.number, stage_norms(self._stages)))
        word = self.workers.agree(self._word())
        if word == GOING and not self._epoch_ended and self.step not in self._probe_steps:
            return None
        self._tell_steps()
        with self.watch.paused():
            return self._ending(self._between(word))

    def _ending(self, word: int) -> How | None:
        if word == STOPPING:
            return "stopped"
        return "finished" if self.step == self.total else None

    @property
    def _epoch_ended(self) -> bool:
        return self.step > 0 and (self.step % self.per_epoch == 0 or self.step == self.total)

    def _word(self) -> int:
        """What this worker wants of all: to stop, to wait, to tell what was trained, or to go on."""
        if self.journal.asked_to(STOP):
            return STOPPING
        if self.journal.asked_to(PAUSE):
            return PAUSING
        return TELLING if self.workers.leads and time.perf_counter() - self._told > TELL_EVERY else GOING

    def _between(self, word: int) -> int:
        """Between two steps: measure, look and save where it is time to, and wait as long as told; the last word."""
        if word != STOPPING:
            word = max(word, self._look())
        self._save_if_due(word)
        while word == PAUSING:
            word = self._wait()
        if word == STOPPING:
            self._save_if_due(word)
        self._note_left_out()
        return word

    def _look(self) -> int:
        """Measure at an epoch's end, and look at the probe images; `STOPPING` if that broke it off."""
        if self._epoch_ended and self.error is None:
            self.error = self._measure()
            if self.error is None:
                return STOPPING
        if self.workers.leads and self.step in self._probe_steps:
            self._probe()
        return GOING

    def _wait(self) -> int:
        if self.workers.leads:
            self.journal.tell(Paused(time.time(), self.step))
            with self._cores.released() if self._cores else nullcontext():
                while self.journal.asked_to(PAUSE) and not self.journal.asked_to(STOP):
                    time.sleep(LOOK_EVERY)
        return self.workers.agree(self._word())

    def _tell_steps(self) -> None:
        """Write down the steps since the last time. `TrainingFailedError` if a loss is not a number."""
        some, self._pending = self._pending, []
        if not some:
            return
        event = stepped(some, self.workers, self.watch, self._told_seconds)
        self.journal.tell(event)
        self._told, self._told_seconds = time.perf_counter(), event.seconds
        broken = next((step for step, loss in zip(some, event.losses, strict=True) if not math.isfinite(loss)), None)
        if broken is not None:
            raise TrainingFailedError(
                f"the loss is not a number from step {broken.number + 1:,} on, at a learning rate of "
                f"{broken.rate:.3g}. {advice(self.recipe, broken.number)}"
            )

    def _measure(self) -> float | None:
        """Run over the whole test set, and over the training set at the run's end and where the recipe says so; the
        test error.

        None if the run was asked to stop meanwhile: then all is measured when it goes on.
        """
        self.workers.equalise(self.network)
        both = self.recipe.measure_training or self.step == self.total
        sets: dict[Split, ImageSource] = {"training": self.training} if both else {}
        measured: list[Measured] = []
        for split, images in (sets | {"test": self.test}).items():
            loss, wrong, count = map(float, self.workers.total(self._measured(images)))
            if self.workers.agree(self._word()) == STOPPING:
                return None
            if not count:
                raise DataError(f"no image of the {split} set could be read: {self._left_out()[-1]}")
            measured.append(
                Measured(
                    time.time(), split, self.step, loss / count, wrong / count, int(count), self.watch.seconds
                )
            )  # fmt: skip
        for event in measured:
            self.journal.tell(event)
        return measured[-1].error

    def _measured(self, images: ImageSource) -> Tensor:
        order = measuring_order(len(images), self.recipe, self.workers.rank, self.workers.count)
        with closing(images.batches(order, "none")) as batches:
            some = takewhile(lambda _: not self.journal.asked_to(STOP), batches)
            return measure(self.network, some, self.normalise)

    def _save_if_due(self, word: int) -> None:
        """Write a checkpoint. A disk that is full is told, and ends only a run that is at its end anyway."""
        needed = word == STOPPING or self.step == self.total
        better = self.error is not None and self.error < self.best
        late = time.perf_counter() - self._saved > save_interval(self._save_cost)
        if not self.workers.leads or self._saved_step == self.step or not (needed or better or late or word == PAUSING):
            return
        began = time.perf_counter()
        moment = checkpoints.take(self.network, self.optimizer, self.scaler, self.step, self.watch.seconds, self.error)
        if not moment.finite:
            told = f"the weights are not numbers after step {self.step:,}"
            raise TrainingFailedError(f"{told}. {advice(self.recipe, self.step)}")
        try:
            place = checkpoints.write(
                self.folder / run_folder.CHECKPOINTS, moment, replace(self._origin, step=self.step)
            )
        except OSError as failure:
            if needed:
                raise
            told = f"the checkpoint of step {self.step:,} could not be saved: {reason(failure)}"
            self._note(f"{told}. Earlier ones are kept")
            return
        finally:
            self._saved = time.perf_counter()
            self._save_cost = self._saved - began
        if better and self.error is not None:
            self.best = self.error
        self.journal.step = self._saved_step = self.step
        self.journal.tell(Saved(time.time(), self.step, str(place.relative_to(self.folder)), better))

    def _probe(self) -> None:
        """Keep what the probe images look like inside, unless a run that goes on has done so here already."""
        file = f"{run_folder.PROBES}/step-{self.step:07d}.npz"
        if self.step and (self.folder / file).exists():
            return
        try:
            save_probe(self.folder / file, self._forming.take(self.network, self.step))
        except OSError as failure:
            self._note(f"the maps of step {self.step:,} could not be saved: {reason(failure)}")
        else:
            self.journal.tell(Probed(time.time(), self.step, file))

    def _note_left_out(self) -> None:
        """Tell of images that could not be read since the last time."""
        left_out = self._left_out()
        if len(left_out) > self._told_left_out:
            self._note(f"{len(left_out):,} images were left out so far; the last: {left_out[-1]}")
            self._told_left_out = len(left_out)

    def _left_out(self) -> list[str]:
        """Why, of each image that was left out so far."""
        both = (self.training, self.test)
        return list(dict.fromkeys(text for images in both for text in getattr(images, "left_out", ())))

    def _note(self, text: str) -> None:
        self.journal.tell(Noted(time.time(), text))
