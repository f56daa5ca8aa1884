"""The sweep of the current architecture: worked out in time slices whenever its form or its base changes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence

from PySide6.QtCore import QObject, Signal

from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.predicted_time import PROBES, LayerTimes, PredictionError, error_steps, guess_note
from resnet_studio.analysis.sweep import Sweep, SweepError, SweepResult, sweep_steps, variable_fields
from resnet_studio.analysis.sweep_text import BUDGET, read_budget, read_fields
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.compare.sweep.model import EVERY, SweepTable, sweep_table_steps
from resnet_studio.gui.compare.sweep.view import Prediction, SweepView
from resnet_studio.gui.plots.downsampling import IdleScheduler
from resnet_studio.inference.values import HALF_SUFFIX
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.arguments import network_argument
from resnet_studio.progress import map_progress

NO_TIMES = "can't be predicted before layers are measured on this device: press Measure layers"
NO_LAYERS = "can't be predicted, as single layers can't be timed on this device"


class SweepController(QObject):
    """Works out the sweep that the session holds, only while its page is visible."""

    trainingRequested = Signal(object)
    scatterRequested = Signal(object)

    def __init__(self, view: SweepView, app: AppController) -> None:
        super().__init__(view)
        self._view, self._app = view, app
        self._active = False
        self._scheduler = IdleScheduler(self)
        self._times: LayerTimes | None = None
        self._error: PredictionError | None = None
        session, measurements = app.session, app.measurements
        view.textsChanged.connect(self.set_texts)
        view.architectureSelected.connect(session.set_architecture)
        view.layersRequested.connect(self._measure_layers)
        view.measurementsRequested.connect(self._measure)
        app.planChanged.connect(self._refresh_if_active)
        session.flopUnitChanged.connect(self._on_unit_changed)
        measurements.changed.connect(self._refresh_if_active)
        measurements.measuringChanged.connect(self._on_measuring_changed)
        view.set_unit(session.state.flop_unit)
        view.form.show_fields(variable_fields(session.architecture))
        view.show_texts(session.state.sweep)
        view.show_measuring(measurements.measuring)

    @property
    def busy(self) -> bool:
        """Whether something is still being worked out."""
        return self._scheduler.busy

    def set_active(self, active: bool) -> None:
        """Set whether the page is visible."""
        if active and not self._active:
            self._active = True
            self.refresh()
        elif not active:
            self._active = False
            self._scheduler.stop()

    def set_texts(self, texts: Mapping[str, str]) -> None:
        """Sweep with these texts of the form."""
        self._app.session.update(sweep=dict(texts))
        self.refresh()

    def command_line(self) -> tuple[str, ...]:
        """The arguments of `resnet-studio` that make the same table; `ValueError` if nothing is varied."""
        state, base = self._app.session.state, self._app.session.architecture
        texts = state.sweep
        varied = [(field, texts[field]) for field in variable_fields(base) if field in texts]
        if not varied:
            raise ValueError("Nothing is varied yet: type the values of a field first.")
        limits = {limit: texts[limit] for limit in (*BUDGET, "batch", "best") if limit in texts}
        if "max_memory" not in limits:
            limits.pop("batch", None)
        if "max_macs" in limits and state.flop_unit == "operations":
            limits["max_macs"] = str(read_budget(texts, state.flop_unit)[0].macs)
        if state.device != "cpu" and "max_ms" in limits:
            limits["device"] = state.device.removesuffix(HALF_SUFFIX)
        if state.flop_unit != "flops":
            limits["unit"] = state.flop_unit
        return (
            "sweep", network_argument(base),
            *(word for field, text in varied for word in ("--vary", f"{field}={text.replace(' ', '')}")),
            *(word for limit, text in limits.items() for word in (f"--{limit.replace('_', '-')}", text)),
        )  # fmt: skip

    def refresh(self) -> None:
        """Work everything out again; what is wrong in the form is said there instead."""
        self._scheduler.stop()
        base, texts = self._app.session.architecture, self._app.session.state.sweep
        self._view.form.show_fields(variable_fields(base))
        variations, problems = read_fields(texts, base)
        budget, of_budget = read_budget(texts, self._app.session.state.flop_unit)
        problems |= of_budget
        times = self._layer_times()
        if budget.seconds is not None and times is None:
            problems["max_ms"] = NO_LAYERS if self._lacks_layers() else NO_TIMES
        try:
            sweep = Sweep(base, variations)
        except SweepError as error:
            problems[error.field] = error.reason
        self._view.show_problems(problems)
        if problems:
            return
        if not variations:
            self._view.show_table(None)
            return
        self._view.show_busy()
        steps = sweep_steps(sweep, budget, self._view.form.best, times.seconds if times else None)
        self._scheduler.start(self, self._steps(steps))

    def _steps(self, sweeping: Generator[object, None, SweepResult]) -> Iterator[None]:
        """The table, and then how far its times are off."""
        if self._times:
            yield from self._times.fit_steps()
        try:
            result = yield from map_progress(sweeping, lambda _: None)
        except SweepError as error:
            self._view.show_problems({error.field: error.reason})
            return
        measured = yield from self._measured_steps(result)
        table: SweepTable = yield from sweep_table_steps(result, self._app.session.state.flop_unit, measured)
        self._view.show_table(table)
        yield
        if self._times and self._error is None:
            self._error = yield from error_steps(self._times.measurements)
        self._show_prediction()

    def _measured_steps(self, result: SweepResult) -> Generator[None, None, dict[Architecture, float]]:
        """Measured seconds of the candidates that were measured on this device."""
        found = {}
        for number, candidate in enumerate(result.candidates):
            if measurement := self._app.measurements.find(candidate.architecture):
                found[candidate.architecture] = measurement.per_image.median
            if number % EVERY == 0:
                yield
        return found

    def _layer_times(self) -> LayerTimes | None:
        """From what times on the current device are predicted; None before its layers were measured."""
        found = [self._app.measurements.find(probe) for probe in PROBES]
        known: list[Measurement] = [one for one in found if one and one.layers]
        if len(known) < len(PROBES):
            self._times = self._error = None
        elif self._times is None or list(self._times.measurements) != known:
            self._times, self._error = LayerTimes(known), None
        self._show_prediction()
        return self._times

    def _lacks_layers(self) -> bool:
        """Whether networks were measured here, but not their layers."""
        found = self._app.measurements.find(PROBES[0])
        return found is not None and not found.layers

    def _show_prediction(self) -> None:
        if self._times is None:
            self._view.show_prediction(Prediction(known=False))
            return
        words = ""
        if self._error:
            words = f"{self._error.words} ({self._times.where}; each from the layers of the others)."
            if kinds := self._times.guessed(self._app.session.architecture):
                words += f" {guess_note(kinds)}."
        self._view.show_prediction(Prediction(known=True, words=words))

    def _measure_layers(self) -> None:
        measurements = self._app.measurements
        measurements.request_all([measurements.spec(probe) for probe in PROBES], again=self._times is not None)

    def _measure(self, architectures: Sequence[Architecture]) -> None:
        measurements = self._app.measurements
        measurements.request_all([measurements.spec(architecture) for architecture in architectures], again=True)

    def _on_measuring_changed(self, measuring: bool) -> None:
        self._view.show_measuring(measuring)
        if not measuring:
            self._refresh_if_active()

    def _on_unit_changed(self, unit: str) -> None:
        self._view.set_unit("operations" if unit == "operations" else "flops")
        self._refresh_if_active()

    def _refresh_if_active(self, *_: object) -> None:
        if self._active:
            self.refresh()
