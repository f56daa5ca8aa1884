"""The measured times of networks: those of earlier sessions, and requests for more. Nothing is measured unasked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal

from resnet_studio.analysis.measurement import (
    Measurement,
    MeasurementFailure,
    MeasurementSpec,
    Mode,
    Precision,
    cpu_name,
    library_versions,
)
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.engine.protocol import CanceledError
from resnet_studio.gui.background import BackgroundReader, failure_reason
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session
from resnet_studio.inference.values import HALF_SUFFIX, Device
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import title

LANE = "measure"


class MeasurementController(QObject):
    """Finds measurements for the current device, and has networks measured on it, one after another."""

    measured = Signal(object)
    """A new `Measurement`."""
    changed = Signal()
    """`find` may have other answers: earlier measurements were read, or the device changed."""
    measuringChanged = Signal(bool)
    """Whether something is being measured."""
    started = Signal()
    """A measurement was requested; an earlier `failed` no longer matters."""
    failed = Signal(str)
    """A network could not be measured, or a file not be read or written; a sentence."""

    def __init__(self, session: Session, engine: EngineClient, cache: MeasurementCache | None = None) -> None:
        """`cache` is that of the user's data folder by default."""
        super().__init__()
        self._session, self._engine, self._cache = session, engine, cache or MeasurementCache()
        self._reader = BackgroundReader(self)
        self._device_names: dict[str, str] = {}
        """Product names of the devices that the engine has found."""
        self._found: dict[tuple[MeasurementSpec, str], Measurement] = {}
        """The newest measurement of each spec, and of the product that it was made on."""
        self._is_read = False
        self._waiting: list[MeasurementSpec] = []
        self._running: tuple[MeasurementSpec, ...] = ()
        self._answered: set[MeasurementSpec] = set()
        """What of the running ones has been measured, or could not be."""

    @property
    def measuring(self) -> bool:
        """Whether something is being measured."""
        return bool(self._running)

    @property
    def pending(self) -> tuple[MeasurementSpec, ...]:
        """What has been requested and is not measured yet."""
        return (*(spec for spec in self._running if spec not in self._answered), *self._waiting)

    def spec(self, architecture: Architecture, batch: int = 1, mode: Mode = "forward") -> MeasurementSpec:
        """What measuring a network on the current device means."""
        device = self._session.state.device
        precision: Precision = "fp16" if device.endswith(HALF_SUFFIX) else "fp32"
        return MeasurementSpec(architecture, device.removesuffix(HALF_SUFFIX), precision, batch, mode)

    def device_name(self) -> str:
        """The product's name of the current device; empty while that is not known."""
        device = self._session.state.device.removesuffix(HALF_SUFFIX)
        return cpu_name() if device == "cpu" else self._device_names.get(device, "")

    def find(self, architecture: Architecture, batch: int = 1, mode: Mode = "forward") -> Measurement | None:
        """The newest measurement on the current device, with the installed versions; None if there is none yet.

        Those of earlier sessions are read when this is first asked; `changed` is emitted once they are there.
        """
        self._read()
        return self._found_for(self.spec(architecture, batch, mode))

    def request(self, architecture: Architecture, batch: int = 1, mode: Mode = "forward") -> None:
        """Measure a network on the current device, whether or not it was measured before."""
        self._add([self.spec(architecture, batch, mode)])

    def request_all(self, specs: Iterable[MeasurementSpec], *, again: bool = False) -> None:
        """Measure these; `again` if also those that have a measurement."""
        self._add([spec for spec in specs if again or self._found_for(spec) is None])

    def cancel(self) -> None:
        """Drop what is not measured yet. Cancel in the status bar does the same."""
        if self.measuring:
            self._engine.cancel(LANE)

    def set_devices(self, devices: Sequence[Device]) -> None:
        """Set the devices of this machine."""
        self._device_names = {device.name: device.label for device in devices if device.name != "cpu"}
        self.changed.emit()

    def stop(self) -> None:
        """Read and write no more files, before the owner is deleted."""
        self._reader.stop()

    def _add(self, specs: Sequence[MeasurementSpec]) -> None:
        known = self.pending
        self._waiting += [spec for spec in dict.fromkeys(specs) if spec not in known]
        if self._waiting and not self.measuring:
            self.started.emit()
            self._start()

    def _start(self) -> None:
        was_measuring, self._running, self._waiting = self.measuring, tuple(self._waiting), []
        self._answered = set()
        if self._running:
            first = title(self._running[0].architecture)
            more = f" and {len(self._running) - 1} more" if len(self._running) > 1 else ""
            self._engine.request(
                "measure", self._running, lane=LANE, label=f"measuring {first}{more}",
                on_part=self._on_part, on_result=lambda _: self._start(), on_error=self._on_error,
            )  # fmt: skip
        if was_measuring != self.measuring:
            self.measuringChanged.emit(self.measuring)

    def _on_part(self, part: Measurement | MeasurementFailure) -> None:
        self._answered.add(part.spec)
        if isinstance(part, MeasurementFailure):
            self.failed.emit(f"{title(part.spec.architecture)} could not be measured: {part.reason}.")
            return
        self._keep([part])
        self._reader.run(
            partial(self._cache.store, part),
            on_error=lambda error: self.failed.emit(f"The measurement could not be saved: {failure_reason(error)}."),
        )
        self.measured.emit(part)

    def _on_error(self, error: Exception) -> bool:
        """Drop what was to be measured; errors other than a cancellation are then reported as any job's."""
        self._waiting, self._running = [], ()
        self.measuringChanged.emit(False)
        return isinstance(error, CanceledError)

    def _keep(self, measurements: Iterable[Measurement]) -> None:
        for one in measurements:
            if one.versions == library_versions():
                self._found[one.spec, one.device_name] = one

    def _found_for(self, spec: MeasurementSpec) -> Measurement | None:
        return self._found.get((spec, self.device_name()))

    def _read(self) -> None:
        if not self._is_read:
            self._is_read = True
            self._reader.run(self._cache.load, self._on_read)

    def _on_read(self, measurements: list[Measurement]) -> None:
        new = dict(self._found)
        self._keep(measurements)
        self._found |= new
        if problems := self._cache.problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            self.failed.emit(f"The {problems[0]}{more}. Measure again.")
        if measurements:
            self.changed.emit()
