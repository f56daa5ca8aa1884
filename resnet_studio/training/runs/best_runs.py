"""The best run of every network on every data set, from a folder of runs. Needs neither torch nor Qt."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path

from resnet_studio.analysis.results import RunResult
from resnet_studio.networks.architecture import Architecture
from resnet_studio.training.datasets import data_title
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.curves import Curves
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.run_folder import EVENTS, RunError
from resnet_studio.training.runs.summary import fitted_architecture

CHUNK = 50_000
"""Bytes of events that are read at a time: a few milliseconds, in which no other thread runs Python."""
PAUSE = 0.001
"""Seconds between two chunks, for the other threads."""
Found = tuple[frozenset[Architecture], RunResult]
"""The networks that a run is of, as chosen and as fitted to its data, and what it reached."""


class BestRuns:
    """Reads a folder of runs, and again only those that have changed since."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[int, Found | None]] = {}
        """Of each run the size of its events when they were read, and what they say; None without a measured error."""

    def read(self) -> Mapping[Architecture, tuple[RunResult, ...]]:
        """For each network the best run on each data set, by its title. Runs that can't be read are left out."""
        best: dict[Architecture, dict[str, RunResult]] = {}
        for networks, result in filter(None, map(self._found, run_folder.find_runs(self._folder))):
            for network in networks:
                others = best.setdefault(network, {})
                if result.data not in others or result.error < others[result.data].error:
                    others[result.data] = result
        return {network: tuple(by_data[data] for data in sorted(by_data)) for network, by_data in best.items()}

    def _found(self, folder: Path) -> Found | None:
        size = _events_size(folder)
        known = self._read.get(folder)
        if known is None or known[0] != size:
            self._read[folder] = known = size, _read_run(folder)
        return known[1]


def best_runs(folder: Path) -> Mapping[Architecture, tuple[RunResult, ...]]:
    """For each network that was trained, as chosen and as fitted to its data, the best run on each data set."""
    return BestRuns(folder).read()


def _events_size(folder: Path) -> int:
    try:
        return (folder / EVENTS).stat().st_size
    except OSError:
        return 0


def _read_run(folder: Path) -> Found | None:
    try:
        manifest = run_folder.read_manifest(folder)
    except RunError:
        return None
    curves, reader, position = Curves(), RunReader(folder), -1
    while reader.position != position:
        position = reader.position
        for event in reader.new_events(CHUNK):
            curves.add(event)
        time.sleep(PAUSE)
    if curves.best is None or not math.isfinite(curves.best.error):
        return None
    networks = {manifest.architecture, fitted_architecture(curves) or manifest.architecture}
    changes = curves.prepared.changes if curves.prepared else ()
    return frozenset(networks), RunResult(manifest.name, data_title(manifest.recipe.data), curves.best.error, changes)
