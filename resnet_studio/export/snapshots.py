"""The maps that a run has kept as a sequence of pictures, one for each moment of its training. Needs no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from resnet_studio.atomic import write_file
from resnet_studio.export.figure import MapFigure, page, png
from resnet_studio.export.provenance import Provenance
from resnet_studio.inference.feature_maps import MapStyle, layer_maps
from resnet_studio.progress import Progress
from resnet_studio.training.datasets import Probe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.curves import Curves
from resnet_studio.training.runs.run_folder import Manifest
from resnet_studio.training.runs.summary import curves_of, fitted_architecture
from resnet_studio.training.snapshots import SnapshotError, load, maps_of


def picture_steps(
    folder: Path, layers: Sequence[str], image: int, drawing: MapStyle, scale: int, output: Path,
    tell: Callable[[str], object] = lambda text: None,
) -> Generator[Progress, None, list[Path]]:  # fmt: skip
    """Write `step-0000120.png` for each moment of a run, and return what was written.

    Without layers all that were kept are drawn. A moment whose file is damaged is named to `tell` and left out.
    `ProbeError` names what was not kept, or a damaged file where all are.
    """
    manifest, curves = run_folder.read(folder), curves_of(folder)
    if not curves.probes:
        raise SnapshotError(f"{folder.name} has kept no maps. Runs keep them from before their first step on")
    if drawing.contrast == "fixed":
        raise SnapshotError("a run keeps each layer's maps spread over its own range: contrast is channel or layer")
    written: list[Path] = []
    for number, moment in enumerate(curves.probes):
        yield Progress(number, len(curves.probes), f"step {moment.step:,}")
        try:
            probe = load(folder / moment.file)
        except SnapshotError as error:
            if moment is curves.probes[-1] and not written:
                raise
            tell(f"step {moment.step:,} is left out: {error}")
            continue
        names = _known(probe, layers, image)
        stamp = replace(_stamp(manifest, curves, probe, image), layers=names, drawing=drawing, scale=scale)
        maps = tuple(layer_maps(name, maps_of(probe, name, image)) for name in names)
        output.mkdir(exist_ok=True)
        written.append(output / f"step-{moment.step:07d}.png")
        write_file(written[-1], png(page(MapFigure(maps, stamp)), stamp))
    return written


def _known(probe: Probe, layers: Sequence[str], image: int) -> tuple[str, ...]:
    """The layers of a probe that match the patterns; all without any."""
    if image >= len(probe.images):
        raise SnapshotError(f"the run has the probe images 0 to {len(probe.images) - 1}, not {image}")
    found = [name for pattern in layers or ("*",) for name in probe.layers if fnmatchcase(name, pattern)]
    if not found:
        raise SnapshotError(f"the run has kept no maps of {', '.join(layers)}, but of {', '.join(probe.layers)}")
    return tuple(dict.fromkeys(found))


def _stamp(manifest: Manifest, curves: Curves, probe: Probe, image: int) -> Provenance:
    fitted = fitted_architecture(curves) or manifest.architecture
    pixels = probe.images[image]
    return Provenance(
        architecture=fitted,
        weights=f"those of {manifest.name} after step {probe.step:,}",
        trained=probe.step > 0,
        image=f"probe image {image} of {manifest.name} ({probe.truth[image]})",
        layers=(),
        drawing=MapStyle(),
        device=manifest.recipe.device,
        image_sha256=hashlib.sha256(pixels.tobytes()).hexdigest(),
        versions=manifest.versions,
    )
