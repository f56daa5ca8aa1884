"""The measurements of memory that were made on this machine, one small file each. Needs no torch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from resnet_studio import codec
from resnet_studio.analysis.measurement import library_versions
from resnet_studio.analysis.measurement_cache import measurements_folder
from resnet_studio.analysis.memory_measurement import MemoryMeasurement, MemorySpec, from_json
from resnet_studio.atomic import write_file
from resnet_studio.files import FileRefusedError

VERSION = 1
MAX_BYTES = 100_000


class MemoryCache:
    """Measurements in a folder. A file that is damaged, or from a newer version, counts as none."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or measurements_folder() / "memory"

    def find(self, spec: MemorySpec, device_name: str) -> MemoryMeasurement | None:
        """The measurement of this on that device with the installed versions; None if there is none."""
        name = self._name(spec, device_name)
        if not (self.folder / name).exists():
            return None
        try:
            found = codec.read(self.folder, name, MAX_BYTES, VERSION, from_json)
        except FileRefusedError:
            return None
        return found if found.spec == spec else None

    def store(self, measurement: MemoryMeasurement) -> None:
        """Keep a measurement in place of one of the same; `OSError` if it can't be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        values = {"version": VERSION, **measurement.to_json()}
        path = self.folder / self._name(measurement.spec, measurement.device_name)
        write_file(path, json.dumps(values).encode())

    def _name(self, spec: MemorySpec, device_name: str) -> str:
        values = [codec.to_json(spec), device_name, library_versions()]
        return f"{hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]}.json"
