"""Which networks the Scatter page plots, by which quantities, and what is measured for it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from PySide6.QtCore import QObject, Signal

from resnet_studio.analysis.network_quantities import (
    QUANTITIES,
    NetworkFigures,
    NetworkQuantity,
    quantities,
    quantity_steps,
)
from resnet_studio.analysis.network_sets import SET_TITLES, networks_of
from resnet_studio.analysis.results import RunResult
from resnet_studio.analysis.scatter import Scatter, conditions, scatter
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.background import BackgroundReader
from resnet_studio.gui.compare.scatter.state import COMPARED, SWEEP, MeasureOffer, ScatterState
from resnet_studio.gui.plots.downsampling import IdleScheduler
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.arguments import network_argument
from resnet_studio.training.runs.best_runs import BestRuns

SECONDS_EACH = 4
"""About how long measuring a network takes, building it included."""


class ScatterController(QObject):
    """Tables the chosen networks a few at a time while the window is idle; only while the page is visible."""

    stateChanged = Signal(object)
    """A `ScatterState`."""
    measuringChanged = Signal(str)
    """How far measuring is; empty when nothing is being measured."""

    def __init__(self, app: AppController) -> None:
        super().__init__()
        self._app, self._session = app, app.session
        self._active = False
        self._sweep: tuple[Architecture, ...] = ()
        self._requested: tuple[Architecture, ...] = ()
        """The networks that this page has asked to be measured."""
        self._missing: tuple[Architecture, ...] = ()
        self._scheduler, self._reader = IdleScheduler(self), BackgroundReader(self)
        self._runs = BestRuns(app.runs_folder)
        self._best: Mapping[Architecture, tuple[RunResult, ...]] = {}
        app.planChanged.connect(self._on_changed)
        app.session.flopUnitChanged.connect(self._on_changed)
        app.measurements.measured.connect(self._on_measured)
        app.measurements.changed.connect(self._on_changed)
        app.measurements.measuringChanged.connect(self._on_measured)

    def set_active(self, active: bool) -> None:
        """Set whether the page is visible."""
        self._active = active
        if active:
            self._reader.run(self._runs.read, self._on_runs_read)
            self.refresh()

    def show_sweep(self, architectures: Sequence[Architecture]) -> None:
        """Plot the networks of a sweep."""
        self._sweep = tuple(architectures)
        self.set_source(SWEEP)

    def set_source(self, source: str) -> None:
        """Plot other networks."""
        self._session.update(scatter_source=source)
        self._on_changed()

    def set_quantity(self, axis: str, key: str) -> None:
        """Let an axis have another quantity; the two change places if the other axis has it."""
        state = self._session.state
        x, y = (key, state.scatter_y) if axis == "x" else (state.scatter_x, key)
        if x == y:
            x, y = state.scatter_y, state.scatter_x
        self._session.update(scatter_x=x, scatter_y=y)
        self._on_changed()

    def command_line(self) -> tuple[str, ...]:
        """The arguments of `resnet-studio` that draw the same networks by the same quantities. `ValueError` for those
        of a sweep, and for networks that have no name on the command line."""
        source, state = self._source(), self._session.state
        if source == SWEEP:
            raise ValueError("The networks of a sweep have no command of their own; copy that of the Sweep page.")
        networks = map(network_argument, self._architectures()) if source == COMPARED else ("--networks", source)
        unit = () if state.flop_unit == "flops" else ("--unit", state.flop_unit)
        axes = ("--x", state.scatter_x, "--y", state.scatter_y)
        return ("catalog", *networks, *axes, *unit, "--output", f"{state.scatter_y}-{state.scatter_x}.svg")

    def refresh(self) -> None:
        """Table the networks again."""
        self._scheduler.start(self, self._steps())

    def close(self) -> None:
        """Stop tabling, and reading runs."""
        self._scheduler.stop()
        self._reader.stop()

    def measure(self) -> None:
        """Measure the networks that have no time."""
        self._requested = self._missing
        measurements = self._app.measurements
        measurements.request_all([measurements.spec(architecture) for architecture in self._missing])
        self._emit_progress()

    def cancel(self) -> None:
        """Stop measuring; what has been measured is kept."""
        self._app.measurements.cancel()

    def _on_changed(self, *_: object) -> None:
        if self._active:
            self.refresh()

    def _on_runs_read(self, best: Mapping[Architecture, tuple[RunResult, ...]]) -> None:
        if best != self._best:
            self._best = best
            self._on_changed()

    def _on_measured(self, *_: object) -> None:
        self._emit_progress()
        self._on_changed()

    def _emit_progress(self) -> None:
        if not self._app.measurements.measuring:
            self._requested = ()
        done = sum(self._app.measurements.find(architecture) is not None for architecture in self._requested)
        self.measuringChanged.emit(f"Measured {done} of {len(self._requested)}" if self._requested else "")

    def _steps(self) -> Generator[None, None, None]:
        x, y = self._quantities()
        figures = [self._figures(one) for one in self._architectures()]
        yield from quantity_steps(figures, (x, y))
        current = self._figures(self._session.architecture)
        yield from quantity_steps([current], tuple(QUANTITIES.values()))
        found = scatter(figures, x, y)
        missing = [one.architecture for one in found.missing if one.seconds is None]
        self._missing = tuple(missing) if found.has_times else ()
        offer = MeasureOffer(len(self._missing), SECONDS_EACH * len(self._missing)) if self._missing else None
        unit = self._session.state.flop_unit
        self.stateChanged.emit(
            ScatterState(self._source(), found, current, unit, offer, bool(self._sweep), self._conditions(found))
        )

    def _source(self) -> str:
        """The session's choice; a sweep that is not there any more gives way to torchvision's networks."""
        source = self._session.state.scatter_source
        return "torchvision" if source == SWEEP and not self._sweep else source

    def _architectures(self) -> tuple[Architecture, ...]:
        """The networks of the source, and the current one."""
        session, source = self._session, self._source()
        chosen: Sequence[Architecture] = self._sweep
        if source == COMPARED:
            chosen = [one or session.architecture for one in session.state.compared]
        for name in SET_TITLES:
            if name == source:
                chosen = networks_of(name)
        return tuple(dict.fromkeys((*chosen, session.architecture)))

    def _quantities(self) -> tuple[NetworkQuantity, NetworkQuantity]:
        state = self._session.state
        known = quantities(state.flop_unit)
        return known[state.scatter_x], known[state.scatter_y]

    def _figures(self, architecture: Architecture) -> NetworkFigures:
        measurement = self._app.measurements.find(architecture)
        seconds = None if measurement is None else measurement.per_image.median
        errors = [100 * run.error for run in self._best.get(architecture, ())]
        return NetworkFigures(architecture, seconds, min(errors, default=None))

    def _conditions(self, found: Scatter) -> str:
        """What the times were measured on, if the plot has any."""
        measured = (
            (self._app.measurements.find(point.architecture) for point in found.points) if found.has_times else ()
        )
        return conditions(one for one in measured if one is not None)
