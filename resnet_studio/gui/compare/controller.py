"""The compared networks and their tables, and what was measured of them and reached by training them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal

from resnet_studio.analysis.comparison import Comparison, compare_steps
from resnet_studio.analysis.difference import difference
from resnet_studio.analysis.memory_cache import MemoryCache
from resnet_studio.analysis.memory_measurement import MemoryMeasurement, MemorySpec
from resnet_studio.analysis.result_rows import figure_steps, memory_specs
from resnet_studio.analysis.results import NetworkResults, RunResult
from resnet_studio.analysis.table import LayerTable
from resnet_studio.gui.app_controller import AppController, is_deep
from resnet_studio.gui.background import BackgroundReader
from resnet_studio.gui.plots.downsampling import IdleScheduler
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.arguments import network_argument
from resnet_studio.networks.presets import title
from resnet_studio.progress import finish
from resnet_studio.training.runs.best_runs import BestRuns


class CompareController(QObject):
    """Compares networks whenever something of one of them changes, and has their tables counted; only while active."""

    comparisonChanged = Signal(object)
    measuringChanged = Signal(int)
    """How many of the networks are still to be measured; 0 when nothing is being measured."""

    def __init__(self, app: AppController) -> None:
        super().__init__()
        self._app = app
        self._active = False
        self._scheduler, self._reader = IdleScheduler(self), BackgroundReader(self)
        self._runs = BestRuns(app.runs_folder)
        self._best: Mapping[Architecture, tuple[RunResult, ...]] = {}
        self._memory: dict[MemorySpec, MemoryMeasurement | None] = {}
        """What has been looked up of measured memory; None where there is none."""
        app.followers.append(self._follow_steps)
        app.measurements.measured.connect(self._on_measured)
        app.measurements.changed.connect(self._on_results_changed)
        app.measurements.measuringChanged.connect(self._emit_measuring)

    def set_active(self, active: bool) -> None:
        """Set whether the comparison is visible."""
        self._active = active
        if active:
            self._memory.clear()  # the command line may have measured since
            self._reader.run(self._runs.read, self._on_runs_read)
            if not self._app.updating:
                self.refresh()

    def compare_with(self, architectures: Sequence[Architecture | None]) -> None:
        """Compare these; None stands for the current architecture and follows its edits."""
        self._app.session.update(compared=list(architectures))
        self.refresh()

    def comparison(self) -> Comparison:
        """The networks as they are compared now."""
        return finish(self._comparison_steps())

    def refresh(self) -> None:
        """Compare again, and request the tables that have not been counted."""
        self._compare()
        self._request_tables()
        self._emit_measuring()

    def measure(self) -> None:
        """Measure the networks that have no time yet; if all have one, measure them again."""
        measurements = self._app.measurements
        networks = list(dict.fromkeys(self._architectures()))
        again = all(measurements.find(network) for network in networks)
        measurements.request_all(map(measurements.spec, networks), again=again)
        self._emit_measuring()

    def cancel(self) -> None:
        """Stop measuring; what has been measured is kept."""
        self._app.measurements.cancel()

    def command_line(self) -> tuple[str, ...]:
        """The arguments of `resnet-studio` that compare the same networks. `ValueError` for one network alone, and for
        one that has no name on the command line."""
        networks = self._architectures()
        if len(networks) < 2:
            raise ValueError("Add a second network to compare.")
        return ("compare", *map(network_argument, networks))

    def close(self) -> None:
        """Compare no more, and read no more files."""
        self._scheduler.stop()
        self._reader.stop()

    def _compare(self) -> None:
        """Compare at once, or in time slices where a network is deep."""
        steps = self._compare_steps()
        if any(map(is_deep, self._architectures())):
            self._scheduler.start(self, steps)  # replaces those of the comparison before
        else:
            self._scheduler.stop()
            finish(steps)

    def _follow_steps(self, table: LayerTable) -> Iterator[None]:
        current = self._app.session.architecture  # even if it isn't compared: the view marks the column that equals it
        if self._active and table.architecture in (current, *self._architectures()):
            yield from self._compare_steps()
            if not table.counted:
                self._request_tables()

    def _compare_steps(self) -> Generator[None, None, None]:
        comparison = yield from self._comparison_steps()
        self.comparisonChanged.emit(comparison)
        self._find_memory(comparison.architectures)

    def _request_tables(self) -> None:
        for architecture in self._architectures():
            if not self._app.table_of(architecture).counted:
                self._app.request_table(architecture, _is_about_memory, f"table of {title(architecture)}")

    def _comparison_steps(self) -> Generator[None, None, Comparison]:
        networks = self._architectures()
        yield from figure_steps(networks)
        for network in networks[1:]:
            difference(networks[0], network)
            yield
        tables = [self._app.table_of(network) for network in networks]
        return (yield from compare_steps(tables, {network: self._results(network) for network in networks}))

    def _results(self, network: Architecture) -> NetworkResults:
        inference, training = map(self._memory.get, self._memory_specs(network))
        return NetworkResults(self._app.measurements.find(network), inference, training, self._best.get(network, ()))

    def _memory_specs(self, network: Architecture) -> tuple[MemorySpec, MemorySpec]:
        return memory_specs(network, self._app.measurements.spec(network).device)

    def _find_memory(self, networks: Sequence[Architecture]) -> None:
        """Look up measured memory that has not been looked up since the page was opened."""
        specs = [spec for network in networks for spec in self._memory_specs(network) if spec not in self._memory]
        if specs:
            self._memory |= dict.fromkeys(specs)
            name = self._app.measurements.device_name()
            self._reader.run(partial(_found_memory, specs, name), self._on_memory_found)

    def _on_memory_found(self, found: Mapping[MemorySpec, MemoryMeasurement]) -> None:
        self._memory |= found
        if found:
            self._on_results_changed()

    def _architectures(self) -> list[Architecture]:
        session = self._app.session
        return [other or session.architecture for other in session.state.compared]

    def _on_runs_read(self, best: Mapping[Architecture, tuple[RunResult, ...]]) -> None:
        if best != self._best:
            self._best = best
            self._on_results_changed()

    def _on_measured(self, *_: object) -> None:
        self._on_results_changed()
        self._emit_measuring()

    def _on_results_changed(self) -> None:
        if self._active and not self._app.updating:
            self._compare()

    def _emit_measuring(self, *_: object) -> None:
        networks = self._architectures()
        waiting = {spec.architecture for spec in self._app.measurements.pending}
        self.measuringChanged.emit(sum(network in waiting for network in dict.fromkeys(networks)))


def _is_about_memory(error: Exception) -> bool:
    """Whether an error needs no message: a network that is too large to be counted keeps the plan's table."""
    return isinstance(error, MemoryError)


def _found_memory(specs: Sequence[MemorySpec], device_name: str) -> dict[MemorySpec, MemoryMeasurement]:
    """Those of the specs that were measured on this device."""
    cache = MemoryCache()
    return {spec: found for spec in specs if (found := cache.find(spec, device_name))}
