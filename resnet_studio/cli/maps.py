"""The command `maps`: draws the feature maps or an attribution of images."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from resnet_studio.cli.module import Channels, Module, chosen_architecture
from resnet_studio.cli.parsing import check_output, resolve_architecture, with_settings
from resnet_studio.cli.terminal import echo, echo_json, print_error, print_grid, run_with_progress
from resnet_studio.cli.train import AsJson, Runs
from resnet_studio.cli.weights import Head, NewHead, Prefix, Weights, read_run_weights, suggest_options, weights_source
from resnet_studio.formatting import about_percent, significant
from resnet_studio.inference.colormaps import Colormap
from resnet_studio.progress import Progress, map_progress

if TYPE_CHECKING:
    from resnet_studio.export.rendering import Rendered, RenderJob
    from resnet_studio.inference.attribution import Attribution
    from resnet_studio.inference.feature_maps import MapStyle
    from resnet_studio.inference.values import ForwardResult, ForwardSpec, WeightsSource
    from resnet_studio.networks.architecture import Architecture

FAILED = 1
"""Exit code where some of several images could not be opened."""

Images = Annotated[
    list[str] | None,
    typer.Argument(metavar="IMAGE", help="Images, directories of images, sample:china, data:digits:test:17."),
]
ArchitectureName = Annotated[
    str | None,
    typer.Option(
        "--architecture",
        metavar="ARCH",
        help="Preset name or JSON file. Default: the network that the --weights file was made for.",
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output", metavar="FILE|DIR",
        help="A .png, .svg, .npz, .npy or .csv file; for several images, a directory for one PNG each.",
    ),
]  # fmt: skip
Layers = Annotated[
    list[str] | None,
    typer.Option("--layer", metavar="PATTERN", help="Name or pattern: layer1.0, layer3.*.add. Repeatable."),
]
Contrast = Annotated[str, typer.Option("--contrast", metavar="channel|layer|LOW,HIGH", help="Contrast range.")]
Sort = Annotated[
    Literal["index", "mean", "maximum", "variance", "difference"],
    typer.Option("--sort", help="Channel order, highest first; difference is relative to --reference."),
]
Reference = Annotated[
    str | None, typer.Option("--reference", metavar="IMAGE", help="Reference image for --sort difference.")
]
Channel = Annotated[int | None, typer.Option("--channel", metavar="N", min=0, help="Only this channel of each layer.")]
Scale = Annotated[int, typer.Option("--scale", metavar="N", min=1, max=32, help="Upscaling factor.")]
TransformOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--handle", metavar="NAME=VALUE", help="Transform: zoom=2, rotation=30, blur=1, flipped, … Repeatable."
    ),
]
Method = Annotated[
    str | None,
    typer.Option(
        "--attribution", metavar="METHOD", help="Draw an attribution map: grad-cam, integrated-gradients, occlusion, …"
    ),
]
Target = Annotated[
    int | None, typer.Option("--class", metavar="K", help="Class to explain. Default: the most probable one.")
]
Raw = Annotated[Path | None, typer.Option("--raw", metavar="FILE.npz", help="Also save the raw values.")]
DeviceName = Annotated[str, typer.Option("--device", help="cpu, cuda:0, …")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set an architecture field.")]
ImageSize = Annotated[str | None, typer.Option("--image-size", metavar="N|HxW", help="Same as --set image=…")]
Run = Annotated[
    str | None, typer.Option("--run", metavar="RUN", help="Draw the feature maps saved in a run, one PNG per snapshot.")
]
ProbeImage = Annotated[int, typer.Option("--probe-image", metavar="N", min=0, help="Index of the run's probe image.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(maps)


def maps(
    output: Output,
    images: Images = None,
    name: ArchitectureName = None,
    module: Module = None,
    channels: Channels = None,
    weights: Weights = None,
    prefix: Prefix = "",
    new_head: NewHead = False,
    head: Head = "",
    layers: Layers = None,
    contrast: Contrast = "channel",
    colormap: Annotated[Colormap, typer.Option("--colormap")] = "viridis",
    sort: Sort = "index",
    reference: Reference = None,
    channel: Channel = None,
    scale: Scale = 1,
    transforms: TransformOptions = None,
    attribution: Method = None,
    target: Target = None,
    run: Run = None,
    probe_image: ProbeImage = 0,
    runs_folder: Runs = None,
    raw: Raw = None,
    device: DeviceName = "cpu",
    settings: Settings = None,
    image_size: ImageSize = None,
    as_json: AsJson = False,
) -> None:
    """Draw the feature maps of a network for images.

    Without --layer, the last layer of every stage is drawn. Output files record how they were made.
    """
    from resnet_studio.inference import parsing

    style = parsing.parse_map_style(contrast, colormap, sort)
    if (sort == "difference") != (reference is not None):
        raise ValueError("--sort difference and --reference IMAGE must be used together")
    if run is not None:
        if images or name or module:
            raise ValueError("--run draws the maps saved in a run and takes neither images nor an architecture")
        _draw_run(run, runs_folder, layers, probe_image, style, scale, output, as_json)
        return
    if not images:
        raise ValueError("maps needs an image, as in `maps photo.jpg --architecture resnet18 --output maps.png`")
    source = weights_source(weights, prefix, head=not new_head, layer=head)
    with suggest_options(name):
        if name or module or channels is not None:
            architecture = chosen_architecture(name, module, settings, image_size, channels)
        else:
            architecture = _architecture_for(source, settings, image_size)
    names = _layer_names(architecture, layers, attribution, target)
    spec = _spec(images[0], architecture, source, device, transforms)
    from resnet_studio.export.rendering import RenderJob

    job = RenderJob(spec, names, style, reference or "", channel, scale, attribution or "", target)
    with suggest_options(name, architecture):
        _draw(job, images, output, raw, as_json)


def _layer_names(
    architecture: Architecture, layers: list[str] | None, attribution: str | None, target: int | None
) -> tuple[str, ...]:
    """The layers to draw; by default, unless it is an attribution, the last of every stage."""
    from resnet_studio.export.figure import stage_outputs
    from resnet_studio.inference.parsing import parse_layers

    names = () if attribution else stage_outputs(architecture)
    names = parse_layers(architecture, layers) if layers else names
    _check_attribution(attribution, target, names)
    return names


def _spec(
    image: str, architecture: Architecture, source: WeightsSource | None, device: str, transforms: list[str] | None
) -> ForwardSpec:
    """What is run for an image; images of data sets and weights of runs can then be opened."""
    from resnet_studio.inference.images import references
    from resnet_studio.inference.transforms import parse_transforms
    from resnet_studio.inference.values import ForwardSpec, RandomWeights
    from resnet_studio.inference.weights.bundled import bundled_weights
    from resnet_studio.training import dataset_images

    references.OPENERS[dataset_images.PREFIX] = dataset_images.open_reference
    read_run_weights()
    source = source or bundled_weights(architecture) or RandomWeights()
    return ForwardSpec(image, architecture, source, device, parse_transforms(transforms or ()))


def _draw(job: RenderJob, images: list[str], output: Path, raw: Path | None, as_json: bool) -> None:
    from resnet_studio.inference.parsing import parse_images

    if len(images) > 1 or Path(images[0]).is_dir():
        paths, skipped = parse_images(images)
        _draw_all(job, paths, skipped, output, raw, as_json)
    else:
        _draw_one(job, output, raw, as_json)


def _architecture_for(source: WeightsSource | None, settings: list[str] | None, image_size: str | None) -> Architecture:
    """The network of the weights, for a command line without --architecture."""
    from resnet_studio.inference.values import PublishedWeights, WeightsFile
    from resnet_studio.inference.weights.published import find_entry

    if isinstance(source, PublishedWeights):
        return resolve_architecture(find_entry(source).preset, settings, image_size)
    if not isinstance(source, WeightsFile):
        raise ValueError("maps needs --architecture, as in --architecture resnet18, or a weights file in --weights")
    from resnet_studio.inference.compute.weights import architecture_of

    return with_settings(architecture_of(source), [*(settings or ()), *([f"image={image_size}"] if image_size else [])])


def _draw_one(job: RenderJob, output: Path, raw: Path | None, as_json: bool) -> None:
    from resnet_studio.export.writers import check_writable
    from resnet_studio.inference.values import ForwardResult

    check_writable(output, 1 if job.method else len(job.layers))
    for path, suffix in ((output, output.suffix.lower()), (raw, ".npz")):
        if path is not None:
            check_output(path, suffix)
    rendered = run_with_progress(job.steps(job.spec.image))
    for path in filter(None, (output, raw)):
        rendered.write(path)
    if as_json:
        echo_json(rendered.summary)
    elif isinstance(rendered.result, ForwardResult):
        _print_forward(rendered.result, output)
    else:
        _print_attribution(rendered.result, output)


def _check_attribution(method: str | None, target: int | None, layers: Sequence[str]) -> None:
    from resnet_studio.formatting import join_names
    from resnet_studio.inference.attribution import METHODS

    if method is None:
        if target is not None:
            raise ValueError("--class requires a method, as in --attribution grad-cam")
    elif method not in METHODS:
        raise ValueError(f"unknown method {method!r}. Available: {', '.join(METHODS)}")
    elif len(layers) > 1:
        raise ValueError(f"--attribution takes one layer, got {len(layers)} ({join_names(layers)}). Choose one")


def _draw_all(
    job: RenderJob, images: Sequence[str], skipped: Sequence[str], output: Path, raw: Path | None, as_json: bool
) -> None:
    """Draw a PNG of each image; unreadable images and other files in their folders are skipped and reported."""
    if raw is not None:
        raise ValueError("--raw works with one image only")
    _check_folder(output, "several images produce several files")
    written: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    run_with_progress(_all_steps(job, images, output, written, failed))
    for message in failed.values():
        print_error(message)
    if as_json:
        echo_json({"images": written, "failed": failed, "passed_over": list(skipped)})
    else:
        note = f"; {len(failed)} could not be opened" if failed else ""
        echo(f"{len(written)} of {len(images)} images saved in {output}{note}")
        for sentence in skipped:
            echo(sentence)
    raise typer.Exit(FAILED if failed else 0)


def _numbered(
    steps: Generator[Progress, None, Rendered], number: int, total: int, name: str
) -> Generator[Progress, None, Rendered]:
    """The steps of one image of many, whose progress is that of all."""
    return map_progress(steps, lambda step: Progress(number, total, f"{name}: {step.what}"))


def _all_steps(
    job: RenderJob, images: Sequence[str], output: Path, written: list[dict[str, Any]], failed: dict[str, str]
) -> Generator[Progress, None, None]:
    from resnet_studio.export.provenance import image_name
    from resnet_studio.inference.errors import ImageError
    from resnet_studio.inference.parsing import output_stems

    for number, (image, stem) in enumerate(zip(images, output_stems(images), strict=True)):
        name = image_name(image)
        yield Progress(number, len(images), name)
        try:
            rendered = yield from _numbered(job.steps(image), number, len(images), name)
        except ImageError as error:
            failed[image] = str(error)
            continue
        output.mkdir(exist_ok=True)
        path = output / f"{stem}.png"
        rendered.write(path)
        written.append({"image": image, "file": str(path), **rendered.summary})


def _draw_run(
    run: str, runs_folder: Path | None, layers: list[str] | None, image: int, style: MapStyle, scale: int,
    output: Path, as_json: bool,
) -> None:  # fmt: skip
    from resnet_studio.export.snapshots import export_steps
    from resnet_studio.training.runs import run_folder

    _check_folder(output, "a run has several snapshots")
    folder = run_folder.resolve(run, runs_folder or run_folder.runs_folder())
    left_out: list[str] = []
    steps = export_steps(folder, layers or (), image, style, scale, output, left_out.append)
    paths = run_with_progress(steps, "opening the run")
    for sentence in left_out:
        print_error(sentence)
    if as_json:
        echo_json([str(path) for path in paths])
    else:
        echo(f"{len(paths)} images saved in {output}")
    if left_out:
        raise typer.Exit(1)


def _check_folder(output: Path, reason: str) -> None:
    from resnet_studio.export.writers import WRITERS

    if output.suffix.lower() in WRITERS or output.is_file():
        raise ValueError(f"{output}: {reason}, so --output must be a directory")
    if not output.absolute().parent.is_dir():
        raise ValueError(f"{output}: directory not found: {output.parent}")


def _print_attribution(attribution: Attribution, output: Path) -> None:
    from resnet_studio.inference.attribution import METHODS
    from resnet_studio.inference.values import class_title

    at = f" at {attribution.layer}" if attribution.layer else ""
    what = class_title(attribution.label, attribution.target)
    echo(f"{METHODS[attribution.method].title}{at}: {what}, {about_percent(attribution.probability)}")
    if not attribution.weights.trained:
        echo(f"weights: {attribution.weights.source}, untrained: predictions are meaningless")
    echo(f"saved to {output}")


def _print_forward(result: ForwardResult, output: Path) -> None:
    from resnet_studio.analysis.grids import Grid, shape

    trained = "" if result.weights.trained else ", untrained: predictions are meaningless"
    echo(f"weights: {result.weights.source}{trained}; device: {result.spec.device}; {1000 * result.seconds:.0f} ms")
    for note in result.weights.notes:
        echo(note)
    if result.weights.likely_architecture:
        echo("use --set stride_on=3x3 to move the stride")
    predictions = tuple((found.label, about_percent(found.probability)) for found in result.predictions or ())
    print_grid(Grid(("prediction", "probability"), predictions, frozenset({1})))
    rows = tuple(
        (maps.name, shape(maps.values.shape), significant(maps.mean), significant(maps.std), about_percent(maps.zeros))
        for maps in result.layers
    )
    print_grid(Grid(("layer", "output", "mean", "std", "zeros"), rows, frozenset({2, 3, 4})))
    echo(f"saved in this order to {output}")
