"""The measurements that were made on this machine, one small file each. Needs no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import platformdirs

from resnet_studio import codec
from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, from_json, library_versions
from resnet_studio.atomic import write_file
from resnet_studio.files import FileRefusedError
from resnet_studio.networks.own_module import OwnModule

VERSION = 1
MAX_BYTES = 20_000_000
"""Size up to which a file is read: six stages of 1,000 blocks have 60,000 layers."""
MOST_FILES = 2_000
"""Files that are kept; the oldest are removed."""


def measurements_folder() -> Path:
    """The folder of this user's measurements."""
    return Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)) / "measurements"


class MeasurementCache:
    """Measurements in a folder. A file that is damaged, or from a newer version, loses only itself."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or measurements_folder()
        self.problems: list[str] = []
        """What is wrong with files that could not be read, as sentences with their names."""

    def find(
        self, spec: MeasurementSpec, device_name: str, threads: int | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> Measurement | None:  # fmt: skip
        """The newest measurement of this on that device with these versions (default: the installed ones), by so many
        threads; by any number of them if that is None."""
        stem = key(spec, device_name, versions or library_versions())
        names = [f"{stem}-{threads}.json"] if threads else [path.name for path in self.folder.glob(f"{stem}-*.json")]
        found = [measurement for name in names if (measurement := self._read(name)) and measurement.spec == spec]
        return max(found, key=lambda one: one.when, default=None)

    def load(self) -> list[Measurement]:
        """Every measurement in the folder, the oldest first."""
        found = [self._read(path.name) for path in self.folder.glob("*.json")]
        return sorted((one for one in found if one), key=lambda one: one.when)

    def store(self, measurement: Measurement) -> None:
        """Keep a measurement in place of one of the same; `OSError` if it can't be written.

        Those of a user's own module are not kept, as its code may be another one at the next start.
        """
        if isinstance(measurement.spec.architecture, OwnModule):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        stem = key(measurement.spec, measurement.device_name, measurement.versions)
        values = {"version": VERSION, **measurement.to_json()}
        write_file(self.folder / f"{stem}-{measurement.threads}.json", json.dumps(values).encode())
        self._remove_oldest()

    def _read(self, name: str) -> Measurement | None:
        if not (self.folder / name).exists():
            return None
        try:
            return codec.read(self.folder, name, MAX_BYTES, VERSION, from_json)
        except FileRefusedError as refusal:
            self.problems.append(f"measurement {name} {refusal}")
            return None

    def _remove_oldest(self) -> None:
        files = list(self.folder.glob("*.json"))
        if len(files) > MOST_FILES:
            with suppress(OSError):
                for path in sorted(files, key=lambda path: path.stat().st_mtime)[:-MOST_FILES]:
                    path.unlink()


def key(spec: MeasurementSpec, device_name: str, versions: Mapping[str, str]) -> str:
    """A name for all measurements of this, of whatever number of threads."""
    values = [codec.to_json(spec), device_name, dict(versions)]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]
