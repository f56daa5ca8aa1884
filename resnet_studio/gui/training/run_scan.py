"""Reading the runs and experiments of a folder, in a background thread."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from resnet_studio.gui.background import failure_reason
from resnet_studio.gui.training.run_state import Cost, cost_from_events
from resnet_studio.training.degradation.experiment import EXPERIMENT, Experiment, ExperimentError, read_experiment
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Event
from resnet_studio.training.runs.labels import Label, LabelError, derived_color, free_color, read_label, write_label
from resnet_studio.training.runs.reader import HEARTBEAT_TIMEOUT, RunReader
from resnet_studio.training.runs.run_folder import Manifest, NewerRunError, RunError

CHUNK, BATCH = 50_000, 500_000
"""Bytes to read of one run at a time (some milliseconds, holding the GIL), and in all before the due runs are chosen
anew."""
PAUSE = 0.001
"""Seconds that the reading thread sleeps after each run, so that the UI thread can run."""

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run found by a scan. Its manifest is read only if the run was not known before."""

    folder: Path
    label: Label
    manifest: Manifest | None = None
    problem: str = ""
    """Why its manifest can't be read."""
    label_problem: str = ""
    """Why its label can't be read."""
    requests: frozenset[str] = frozenset()
    """The request files in its folder."""
    newer: bool = False
    """Whether a newer version of the program wrote its manifest."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan has found."""

    runs: Sequence[FoundRun]
    """Oldest first."""
    experiments: Mapping[Path, Experiment]
    """Those that were not known before."""
    damaged: Mapping[Path, str]
    """Why experiments can't be read."""


@dataclass(frozen=True, slots=True)
class RunUpdates:
    """New events of a run."""

    reader: RunReader
    events: tuple[Event, ...] = ()
    cost: Cost | None = None
    position: int = 0
    """Bytes of its events that have been read so far."""
    more: bool = False
    """Whether there may be more to read right away."""
    problem: str = ""
    """Why its events can't be read."""


def scan(folders: Iterable[Path], known: Collection[Path], without_runs: Collection[Path] = ()) -> Scan:
    """All runs in these folders, each once, and the experiments that they belong to or that have no runs yet.

    Manifests and experiments that are known are not read again.
    """
    there: dict[Path, None] = {}
    for folder in folders:
        there.update(dict.fromkeys([folder] if run_folder.is_run(folder) else run_folder.find_runs(folder)))
    experiments: dict[Path, Experiment] = {}
    damaged: dict[Path, str] = {}
    for folder in sorted({run.parent for run in there}.union(without_runs).difference(known)):
        if os.path.lexists(folder / EXPERIMENT):
            experiment, problem, _ = _read(read_experiment, folder)
            if experiment is None:
                damaged[folder] = problem
            else:
                experiments[folder] = experiment
    return Scan(_find_runs(there, known), experiments, damaged)


def _find_runs(folders: Iterable[Path], known: Collection[Path]) -> list[FoundRun]:
    """These runs, oldest first, with their labels, and manifests unless known.

    A run without a color is assigned one, which is written to its label if possible. A damaged run is left as it is.
    """
    found = sorted((_inspect(folder, folder in known) for folder in folders), key=_created)
    colors = [
        found_run.label.colour or (derived_color(found_run.folder) if _damaged(found_run) else "")
        for found_run in found
    ]
    for number, found_run in enumerate(found):
        if not (colors[number] or found_run.folder in known):
            colors[number] = free_color(colors)
            found[number] = replace(found_run, label=_colored(found_run, colors[number]))
    return found


def _inspect(folder: Path, known: bool) -> FoundRun:
    """Read a run's label and manifest."""
    label, label_problem, _ = _read(read_label, folder)
    if label_problem:
        label_problem = f"{label_problem}: its custom name and color were lost"
    manifest, problem, newer = (None, "", False) if known else _read(run_folder.read_manifest, folder)
    return FoundRun(folder, label or Label(), manifest, problem, label_problem, requests_in(folder), newer)


def _read(read_file: Callable[[Path], Read], folder: Path) -> tuple[Read | None, str, bool]:
    """What is read from a folder; or None, the reason, and whether a newer version of the program wrote it.

    No error leaves here, so that none can hide the other run_folder.
    """
    try:
        return read_file(folder), "", False
    except (RunError, ExperimentError, LabelError) as error:
        return None, str(error), isinstance(error, NewerRunError)
    except Exception as error:
        return None, f"{folder.name} can't be read: {failure_reason(error)}", False


def requests_in(folder: Path) -> frozenset[str]:
    """The request files in a run's folder: `STOP`, `STOP_NOW`, `PAUSE`."""
    return frozenset(
        what for what in (run_folder.STOP, run_folder.STOP_NOW, run_folder.PAUSE) if os.path.lexists(folder / what)
    )


def _damaged(found: FoundRun) -> bool:
    return bool(found.problem or found.label_problem)


def _created(found: FoundRun) -> float:
    created = found.manifest.created if found.manifest else 0.0
    return created if math.isfinite(created) else 0.0


def _colored(found: FoundRun, color: str) -> Label:
    """Write the color to the run's label and return the new label, or the old one if it can't be written."""
    label = replace(found.label, colour=color)
    try:
        write_label(found.folder, label)
    except OSError:
        return found.label
    return label


def read(readers: Sequence[RunReader], emit: Callable[[RunUpdates], None]) -> None:
    """Emit the new events of these runs, a chunk of each, until `BATCH` bytes were read; the rest stays due."""
    size = 0
    for reader in readers:
        before = reader.position
        try:
            events = tuple(reader.new_events(CHUNK))
            cost, more = cost_from_events(events), reader.position - before >= CHUNK
            emit(RunUpdates(reader, events, cost, reader.position, more))
        except Exception as error:  # an error in one run must not stop reading the others
            problem = f"{reader.folder.name}: its training events can't be read: {failure_reason(error)}"
            emit(RunUpdates(reader, problem=problem))
            continue
        size += reader.position - before
        if size >= BATCH:
            return
        time.sleep(PAUSE if events else 0)


def event_sizes(folder: Path) -> dict[Path, int]:
    """Bytes of the events of a run, or of each run of an experiment."""
    sizes: dict[Path, int] = {}
    for path in (folder, *run_folder.find_runs(folder)):
        with suppress(OSError):
            sizes[path] = (path / run_folder.EVENTS).stat().st_size
    return sizes


def has_recent_heartbeat(folder: Path) -> bool:
    """Whether the run, or one of the experiment's, has a recent heartbeat: PyTorch may take long to load."""
    for path in (folder, *run_folder.find_runs(folder)):
        with suppress(OSError):
            if time.time() - (path / run_folder.HEARTBEAT).stat().st_mtime < HEARTBEAT_TIMEOUT:
                return True
    return False
