"""A run's snapshots of feature maps as a sequence of images, one per snapshot. Needs no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from resnet_studio.atomic import write_file
from resnet_studio.export.figure import MapFigure, figure_image, png_bytes
from resnet_studio.export.provenance import Provenance
from resnet_studio.inference.feature_maps import MapStyle, layer_maps
from resnet_studio.progress import Progress
from resnet_studio.training.datasets import Snapshot
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.curves import Curves, read_run_curves
from resnet_studio.training.runs.run_folder import Manifest
from resnet_studio.training.runs.summary import fitted_architecture
from resnet_studio.training.snapshots import SnapshotError, load, snapshot_maps


def export_steps(
    folder: Path, layers: Sequence[str], image: int, style: MapStyle, scale: int, output: Path,
    on_skipped: Callable[[str], object] = lambda text: None,
) -> Generator[Progress, None, list[Path]]:  # fmt: skip
    """Write `step-0000120.png` for each snapshot of a run, and return the paths.

    Without layers it draws all that the run saved. A damaged snapshot is skipped, with a message to `on_skipped`.
    Raises `SnapshotError` for what the run has not saved, or if every snapshot is damaged.
    """
    manifest, curves = run_folder.read_manifest(folder), read_run_curves(folder)
    if not curves.probes:
        raise SnapshotError(f"{folder.name} has no saved maps yet. A run saves the first ones before its first step")
    if style.contrast == "fixed":
        raise SnapshotError("a run saves its maps with each layer's own range: contrast must be channel or layer")
    written: list[Path] = []
    for number, moment in enumerate(curves.probes):
        yield Progress(number, len(curves.probes), f"step {moment.step:,}")
        try:
            probe = load(folder / moment.file)
        except SnapshotError as error:
            if moment is curves.probes[-1] and not written:
                raise
            on_skipped(f"step {moment.step:,} skipped: {error}")
            continue
        names = _matching_layers(probe, layers, image)
        provenance = _snapshot_provenance(manifest, curves, probe, image)
        provenance = replace(provenance, layers=names, style=style, scale=scale)
        maps = tuple(layer_maps(name, snapshot_maps(probe, name, image)) for name in names)
        output.mkdir(exist_ok=True)
        written.append(output / f"step-{moment.step:07d}.png")
        write_file(written[-1], png_bytes(figure_image(MapFigure(maps, provenance)), provenance))
    return written


def _matching_layers(probe: Snapshot, layers: Sequence[str], image: int) -> tuple[str, ...]:
    """The snapshot's layers that match the patterns; all if there are none."""
    if image >= len(probe.images):
        raise SnapshotError(f"the run has no probe image {image}, only 0 to {len(probe.images) - 1}")
    found = [name for pattern in layers or ("*",) for name in probe.layers if fnmatchcase(name, pattern)]
    if not found:
        raise SnapshotError(f"the run has no maps of {', '.join(layers)}, only of {', '.join(probe.layers)}")
    return tuple(dict.fromkeys(found))


def _snapshot_provenance(manifest: Manifest, curves: Curves, probe: Snapshot, image: int) -> Provenance:
    fitted = fitted_architecture(curves) or manifest.architecture
    pixels = probe.images[image]
    return Provenance(
        architecture=fitted,
        weights=f"run {manifest.name}, step {probe.step:,}",
        trained=probe.step > 0,
        image=f"probe image {image} of {manifest.name} ({probe.truth[image]})",
        layers=(),
        style=MapStyle(),
        device=manifest.recipe.device,
        image_sha256=hashlib.sha256(pixels.tobytes()).hexdigest(),
        versions=manifest.versions,
    )
