"""One run in this process: training from a run's folder to its end, with events, checkpoints and snapshots."""

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
from resnet_studio.networks.image_size import as_image_size
from resnet_studio.networks.modules.network import build
from resnet_studio.training.compute import checkpoints
from resnet_studio.training.compute.data import (
    Data,
    ImageSource,
    evaluation_order,
    restored_random_state,
    training_order,
)
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.loop import Step, evaluate, make_optimizer, train
from resnet_studio.training.compute.residual_paths import set_residual_paths
from resnet_studio.training.compute.setup import (
    check_batch_norm,
    device_failure,
    open_data_reporting,
    prepared_event,
    resolve_device,
    torch_threads,
)
from resnet_studio.training.compute.snapshots import SnapshotRecorder, snapshot_steps
from resnet_studio.training.compute.step_events import (
    Stopwatch,
    advice,
    stage_gradient_norms,
    stage_weights,
    stepped_event,
)
from resnet_studio.training.datasets import DataError, fit_architecture
from resnet_studio.training.errors import CheckpointError, TrainingFailedError
from resnet_studio.training.recipe import Recipe, RecipeError, steps_per_epoch
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import (
    Began,
    Ended,
    Event,
    Gradients,
    Measured,
    Noted,
    Outcome,
    Paused,
    Prepared,
    Probed,
    Saved,
    Split,
    Threads,
)
from resnet_studio.training.runs.fingerprint import differences
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.resuming import change_event, current_recipe
from resnet_studio.training.runs.run_folder import PAUSE, STOP
from resnet_studio.training.runs.writer import EventSink, end_reason
from resnet_studio.training.snapshots import save as save_snapshot
from resnet_studio.training.threads import ThreadChoice, read_thread_record

REPORT_INTERVAL = 0.25
"""Seconds between two events about trained steps."""
MAX_SAVE_INTERVAL, SAVE_SHARE = 60.0, 0.01
"""Maximum seconds between checkpoints, and the share of a run's time that they may take if they are more frequent.
Checkpoints for a lower test error, a pause or the end come on top."""
INITIAL_SAVE_COST, DISK_SPEED = 0.02, 100e6
"""Assumed cost before the first checkpoint was written: fixed seconds, and bytes per second of the disk."""
POLL_INTERVAL = 0.1
"""Seconds between two checks whether a paused run may continue."""
GRADIENT_POINTS = 50
"""Approximate number of steps in a run at which gradient norms are recorded."""
CONTINUING, REPORTING, PAUSING, STOPPING = range(4)
"""What a worker can request after a step, in increasing priority. All workers take the highest of their requests."""


def run(
    folder: Path, data_root: Path, sink: EventSink, workers: Workers, *, resume: bool = False,
    download: bool = False, cores: CoreShare | None = None, recipe: Recipe | None = None,
) -> Outcome:  # fmt: skip
    """Train what the folder's manifest describes until it is finished or asked to stop, and return how it ended.

    A resumed run may get another `recipe`, but its data must not have changed. Only the main worker's `sink` writes
    events; the others have a `NullSink`. Without `cores` the run uses all threads, as if no other process computed
    here. torch's random state is left as it was, on the CPU and on the run's device. Raises `DataError`,
    `ArchitectureError`, `DeviceError`, `MemoryError`, `TrainingFailedError` or `OSError`.
    """
    manifest = run_folder.read_manifest(folder)
    resume = workers.all_reduce_max(resume) > 0
    past_events = list(RunReader(folder).new_events(-1)) if resume else []
    past_recipe = current_recipe(manifest.recipe, past_events)
    recipe = recipe or past_recipe
    if recipe.batch_size % workers.world_size:
        text = f"{recipe.batch_size} images can't be split evenly across {workers.world_size} workers"
        raise RecipeError("batch_size", f"{text}: choose a multiple of {workers.world_size}")
    device = resolve_device(recipe.device, workers)
    try:
        with restored_random_state(device), torch_threads(manifest.threads):
            with workers.local_main_first() if download else nullcontext():
                data = open_data_reporting(recipe, manifest.architecture.image, data_root, sink, download=download)
            channels, *sides = data.size
            image = as_image_size(sides)
            architecture, changes = fit_architecture(manifest.architecture, channels, image, len(data.classes))
            prepared = prepared_event(architecture, changes, data, recipe)
            check_same_data(recipe.data, past_events, prepared)
            sink.emit(prepared)
            check_batch_norm(architecture, recipe, len(data.training), workers)
            run_trials = not manifest.threads and workers.world_size == 1 and device.type == "cpu"
            threads = make_thread_choice(cores if run_trials else None, past_events)
            training = Training(folder, recipe, architecture, data, device, sink, workers, threads, cores)
            if resume:
                training.resume()
                if recipe != past_recipe:
                    sink.emit(change_event(past_recipe, recipe, training.step, prepared.steps_per_epoch))
                if workers.world_size != manifest.workers:
                    text = f"started with {manifest.workers} workers, continuing with {workers.world_size}"
                    sink.emit(Noted(time.time(), f"{text}: the curve will differ slightly from an uninterrupted run"))
            return training.run()
    except (RuntimeError, MemoryError) as error:
        raise device_failure(device, recipe, error) or error from None


def check_same_data(data: str, past_events: Sequence[Event], after: Prepared) -> None:
    """`DataError` if a run's data differ from those it began with; the message says how."""
    before = next((event for event in past_events if isinstance(event, Prepared)), None)
    if before is not None and (found := differences(before, after)):
        raise DataError(
            f"{data} has changed since this run started: {'; '.join(found)}. Restore the original images, or "
            "start a new run"
        )


def make_thread_choice(cores: CoreShare | None, events: Iterable[Event]) -> ThreadChoice:
    """The choice of the run's threads; without `cores` it is torch's present number."""
    count = torch.get_num_threads()
    if cores is None:
        return ThreadChoice(lambda: count, read_thread_record(events), run_trials=False)
    return ThreadChoice(lambda: cores.threads(count), read_thread_record(events))


def save_interval(cost: float) -> float:
    """Seconds between two checkpoints if writing one takes `cost` seconds."""
    return min(MAX_SAVE_INTERVAL, cost / SAVE_SHARE)


class Training:
    """The training of a network by a recipe: its state, and what is done after each step."""

    def __init__(
        self, folder: Path, recipe: Recipe, architecture: Architecture, data: Data, device: torch.device,
        sink: EventSink, workers: Workers, thread_choice: ThreadChoice, cores: CoreShare | None = None,
    ) -> None:  # fmt: skip
        self.recipe, self.architecture, self.sink, self.workers = recipe, architecture, sink, workers
        self.folder, self.device = folder, device
        self._thread_choice, self._cores = thread_choice, cores
        self.training, self.test = data.training.to(device), data.test.to(device)
        self.normalize = data.normalize.to(device)
        self.steps_per_epoch = steps_per_epoch(len(data.training), recipe.batch_size)
        self.total_steps = recipe.in_steps(recipe.length, self.steps_per_epoch)
        network = build(architecture, recipe.seed).to(memory_format=torch.channels_last).to(device)
        set_residual_paths(network, architecture, recipe)
        self.parallel_network, self.network = workers.wrap(network, device)
        self.optimizer = make_optimizer(self.network, recipe)
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
        self._stages = stage_weights(self.network, architecture)
        self.stopwatch = Stopwatch()
        self.step = 0
        self.test_error: float | None = None
        """Error on the test set after the present step; None until it is measured."""
        self.best_error = math.inf
        self._saved_step = -1
        self._save_cost = INITIAL_SAVE_COST + checkpoints.estimate_bytes(self.network, recipe.optimizer) / DISK_SPEED
        self._pending: list[Step] = []
        self._reported_at = self._saved_at = time.perf_counter()
        self._reported_seconds = 0.0
        self._reported_skipped = 0
        self._recorder = SnapshotRecorder(architecture, data, self.normalize)
        self._provenance = TrainingProvenance(
            architecture, recipe.data, data.classes, data.mean, data.divisors, folder.name, self.step, data.mean_image
        )
        self._snapshot_steps = snapshot_steps(self.total_steps, self.steps_per_epoch)

    def resume(self) -> None:
        """Continue from the newest intact checkpoint; without one the run starts over."""
        max_bytes = checkpoints.estimate_bytes(self.network, self.recipe.optimizer) + checkpoints.MAX_HEADER_BYTES
        checkpoint = checkpoints.newest(self.folder / run_folder.CHECKPOINTS, self._emit_note, max_bytes)
        step = checkpoint.step if checkpoint else 0
        if self.workers.all_reduce_max(step) != step:
            raise CheckpointError(f"a worker found no checkpoint newer than step {step:,}: all need the run folder")
        if checkpoint is None:
            return
        checkpoints.restore(checkpoint, self.network, self.optimizer, self.scaler)
        self.step = self.sink.saved_step = self.sink.trained_steps = self._saved_step = step
        self.test_error = checkpoint.error
        self.stopwatch.seconds = self._reported_seconds = checkpoint.seconds
        self.best_error = checkpoints.best_error(self.folder / run_folder.CHECKPOINTS, step)

    def run(self) -> Outcome:
        """Train to the end, or until the run is asked to stop."""
        torch.set_num_threads(self._thread_choice.count(self.step))
        self._threads = torch.get_num_threads(), False
        self.sink.emit(
            Began(time.time(), self.step, self.stopwatch.seconds, torch.get_num_threads(), str(self.device),
                  self.workers.world_size)
        )  # fmt: skip
        try:
            how = self._how_ended(self._between_steps(CONTINUING)) or self._train()
        except DataError:
            self._save_before_failing()
            raise
        self.sink.emit(Ended(time.time(), how, self.step))
        return how

    def _save_before_failing(self) -> None:
        """Save a checkpoint before the run fails between two steps. Not with several workers, which would deadlock."""
        if self.step and self.workers.world_size == 1:
            with suppress(OSError, TrainingFailedError):
                self._report_steps()
                self._save_if_due(STOPPING)

    def _train(self) -> Outcome:
        order = training_order(len(self.training), self.recipe, self.step, self.workers.rank, self.workers.world_size)
        with closing(self.training.batches(order, self.recipe.augmentation)) as batches, self.stopwatch.running():
            steps = train(
                self.parallel_network,
                self.optimizer,
                self.scaler,
                batches,
                self.normalize,
                self.recipe,
                self.steps_per_epoch,
                self.step,
            )
            while True:  # the batches never end
                self._set_threads()
                began = time.perf_counter()
                step = next(steps)
                self._thread_choice.add_step_time(step.number, time.perf_counter() - began)
                if how := self._after_step(step):
                    return how

    def _set_threads(self) -> None:
        """Set the number of threads for the next step, and emit an event if it changes."""
        chosen = self._thread_choice.count(self.step), self._thread_choice.in_trial
        if chosen != self._threads:
            torch.set_num_threads(chosen[0])
            self._threads = chosen
            self.sink.emit(Threads(time.time(), self.step, *chosen))

    def _after_step(self, step: Step) -> Outcome | None:
        """Do what is due after a step; return how the run ended, or None if it continues."""
        self._pending.append(step)
        self.step, self.test_error = self.step + 1, None
        self.sink.trained_steps = self.step
        if step.number % max(1, self.total_steps // GRADIENT_POINTS) == 0:
            self.sink.emit(Gradients(time.time(), step.number, stage_gradient_norms(self._stages)))
        action = self.workers.all_reduce_max(self._requested_action())
        if action == CONTINUING and not self._epoch_ended and self.step not in self._snapshot_steps:
            return None
        self._report_steps()
        with self.stopwatch.paused():
            return self._how_ended(self._between_steps(action))

    def _how_ended(self, action: int) -> Outcome | None:
        if action == STOPPING:
            return "stopped"
        return "finished" if self.step == self.total_steps else None

    @property
    def _epoch_ended(self) -> bool:
        return self.step > 0 and (self.step % self.steps_per_epoch == 0 or self.step == self.total_steps)

    def _requested_action(self) -> int:
        """What this worker requests: to stop, to pause, to report steps, or to continue."""
        if self.sink.requested(STOP):
            return STOPPING
        if self.sink.requested(PAUSE):
            return PAUSING
        return (
            REPORTING
            if self.workers.is_main and time.perf_counter() - self._reported_at > REPORT_INTERVAL
            else CONTINUING
        )

    def _between_steps(self, action: int) -> int:
        """Evaluate, record and save if due, and wait while paused. Returns the last requested action."""
        if action != STOPPING:
            action = max(action, self._evaluate_and_record())
        self._save_if_due(action)
        while action == PAUSING:
            action = self._wait_while_paused()
        if action == STOPPING:
            self._save_if_due(action)
        self._report_skipped()
        return action

    def _evaluate_and_record(self) -> int:
        """Evaluate at an epoch's end and take a snapshot if due; `STOPPING` if the run was asked to stop meanwhile."""
        if self._epoch_ended and self.test_error is None:
            self.test_error = self._evaluate()
            if self.test_error is None:
                return STOPPING
        if self.workers.is_main and self.step in self._snapshot_steps:
            self._save_snapshot()
        return CONTINUING

    def _wait_while_paused(self) -> int:
        if self.workers.is_main:
            self.sink.emit(Paused(time.time(), self.step))
            with self._cores.released() if self._cores else nullcontext():
                while self.sink.requested(PAUSE) and not self.sink.requested(STOP):
                    time.sleep(POLL_INTERVAL)
        return self.workers.all_reduce_max(self._requested_action())

    def _report_steps(self) -> None:
        """Emit the steps since the last report. `TrainingFailedError` if a loss is NaN or infinite."""
        steps, self._pending = self._pending, []
        if not steps:
            return
        event = stepped_event(steps, self.workers, self.stopwatch, self._reported_seconds)
        self.sink.emit(event)
        self._reported_at, self._reported_seconds = time.perf_counter(), event.seconds
        broken = next((step for step, loss in zip(steps, event.losses, strict=True) if not math.isfinite(loss)), None)
        if broken is not None:
            raise TrainingFailedError(
                f"the loss is not finite from step {broken.number + 1:,} on, at a learning rate of "
                f"{broken.lr:.3g}. {advice(self.recipe, broken.number)}"
            )

    def _evaluate(self) -> float | None:
        """Evaluate on the test set, and on the training set at the run's end or if the recipe says so.

        Returns the test error, or None if the run was asked to stop meanwhile. Then a resumed run evaluates again.
        """
        self.workers.broadcast_buffers(self.network)
        on_training = self.recipe.measure_training or self.step == self.total_steps
        sets: dict[Split, ImageSource] = {"training": self.training} if on_training else {}
        measured: list[Measured] = []
        for split, images in (sets | {"test": self.test}).items():
            loss, wrong, count = map(float, self.workers.all_reduce_sum(self._evaluate_on(images)))
            if self.workers.all_reduce_max(self._requested_action()) == STOPPING:
                return None
            if not count:
                raise DataError(f"none of the images of the {split} set could be read: {self._skipped()[-1]}")
            measured.append(
                Measured(
                    time.time(), split, self.step, loss / count, wrong / count, int(count), self.stopwatch.seconds
                )
            )  # fmt: skip
        for event in measured:
            self.sink.emit(event)
        return measured[-1].error

    def _evaluate_on(self, images: ImageSource) -> Tensor:
        order = evaluation_order(len(images), self.recipe, self.workers.rank, self.workers.world_size)
        with closing(images.batches(order, "none")) as batches:
            until_stop = takewhile(lambda _: not self.sink.requested(STOP), batches)
            return evaluate(self.network, until_stop, self.normalize)

    def _save_if_due(self, action: int) -> None:
        """Write a checkpoint if due. A full disk is only noted, unless the run is ending."""
        needed = action == STOPPING or self.step == self.total_steps
        better = self.test_error is not None and self.test_error < self.best_error
        late = time.perf_counter() - self._saved_at > save_interval(self._save_cost)
        if (
            not self.workers.is_main
            or self._saved_step == self.step
            or not (needed or better or late or action == PAUSING)
        ):
            return
        began = time.perf_counter()
        checkpoint = checkpoints.collect(
            self.network, self.optimizer, self.scaler, self.step, self.stopwatch.seconds, self.test_error
        )
        if not checkpoint.is_finite:
            text = f"the weights are not finite after step {self.step:,}"
            raise TrainingFailedError(f"{text}. {advice(self.recipe, self.step)}")
        try:
            path = checkpoints.write(
                self.folder / run_folder.CHECKPOINTS, checkpoint, replace(self._provenance, step=self.step)
            )
        except OSError as failure:
            if needed:
                raise
            text = f"the checkpoint of step {self.step:,} could not be saved: {end_reason(failure)}"
            self._emit_note(f"{text}. Earlier checkpoints are kept")
            return
        finally:
            self._saved_at = time.perf_counter()
            self._save_cost = self._saved_at - began
        if better and self.test_error is not None:
            self.best_error = self.test_error
        self.sink.saved_step = self._saved_step = self.step
        self.sink.emit(Saved(time.time(), self.step, str(path.relative_to(self.folder)), better))

    def _save_snapshot(self) -> None:
        """Save a snapshot, unless the run has one of this step from before it was resumed."""
        file = f"{run_folder.PROBES}/step-{self.step:07d}.npz"
        if self.step and (self.folder / file).exists():
            return
        try:
            save_snapshot(self.folder / file, self._recorder.record(self.network, self.step))
        except OSError as failure:
            self._emit_note(f"the feature maps of step {self.step:,} could not be saved: {end_reason(failure)}")
        else:
            self.sink.emit(Probed(time.time(), self.step, file))

    def _report_skipped(self) -> None:
        """Emit a note if more images could not be read since the last time."""
        skipped = self._skipped()
        if len(skipped) > self._reported_skipped:
            self._emit_note(f"{len(skipped):,} images were skipped so far; the last: {skipped[-1]}")
            self._reported_skipped = len(skipped)

    def _skipped(self) -> list[str]:
        """The reason for each image that was skipped so far."""
        splits = (self.training, self.test)
        return list(dict.fromkeys(text for images in splits for text in getattr(images, "skipped", ())))

    def _emit_note(self, text: str) -> None:
        self.sink.emit(Noted(time.time(), text))
