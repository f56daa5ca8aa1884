"""The command `train`. torch is imported after the run's folder has been created."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resnet_studio.children import SAFE_PATH
from resnet_studio.cli.parsing import resolve_architecture
from resnet_studio.cli.terminal import PROGRAM, echo, echo_json
from resnet_studio.cli.usage_errors import reject_options
from resnet_studio.cores import CoreShare
from resnet_studio.formatting import percent
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.image_size import image_text
from resnet_studio.plain import plain, printable
from resnet_studio.training.datasets import DATASETS, data_title, is_folder
from resnet_studio.training.folders.class_folders import read_class_folders
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.recipe_edits import with_absolute_data, with_texts
from resnet_studio.training.recipes import default_recipe, load_recipe, no_effect_reason
from resnet_studio.training.residual_paths import check_residual_paths
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Event
from resnet_studio.training.runs.resuming import check_change, check_length, current_recipe
from resnet_studio.training.runs.run_folder import RunError

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from resnet_studio.training.runs.summary import Summary

MAX_LAUNCH_ID_LENGTH = 10_000
"""Characters of torchrun's run ID that are compared."""
RUN_OPTIONS = {"run", "runs_folder", "download", "as_json"}
"""Parameters that are allowed with --run."""
NEW_RUN_OPTIONS = {"name", "settings", "run_name"}
"""Parameters that are not allowed with --resume."""

Name = Annotated[str | None, typer.Argument(metavar="ARCH", help="Preset name or architecture JSON file.")]
DataName = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="DATA",
        help="digits, mnist, fashion-mnist, cifar10, cifar100, or a directory of class folders.",
    ),
]
RecipeName = Annotated[str | None, typer.Option("--recipe", metavar="NAME|FILE", help="Recipe name or JSON file.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--change", metavar="FIELD=VALUE", help="Set a recipe field: schedule=cosine. Repeatable."),
]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set an architecture field.")]
Runs = Annotated[Path | None, typer.Option("--runs", metavar="DIR", help="Directory of runs.")]
Download = Annotated[bool, typer.Option("--download", help="Download the data set if necessary.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print only JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(train)


def train(
    context: typer.Context,
    name: Name = None,
    data: DataName = None,
    recipe: RecipeName = None,
    epochs: Annotated[int | None, typer.Option("--epochs", metavar="N", min=1)] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", metavar="N", help="Total over all workers.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", metavar="X", help="Peak learning rate.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N")] = None,
    device: Annotated[str | None, typer.Option("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps.")] = None,
    precision: Annotated[str | None, typer.Option("--precision", metavar="P", help="fp32, bf16 or fp16.")] = None,
    changes: Changes = None,
    settings: Settings = None,
    runs_folder: Runs = None,
    run_name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Run name.")] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Begin a run created by the window.")] = None,
    resume: Annotated[str | None, typer.Option("--resume", metavar="RUN", help="Resume a run.")] = None,
    threads: Annotated[
        int, typer.Option("--threads", metavar="N", min=0, max=512, help="CPU threads; 0: automatic.")
    ] = 0,
    download: Download = False,
    as_json: AsJson = False,
) -> None:
    """Train a network. The run is a directory that the window can open, during training or years later.

    Ctrl+C finishes the step and saves a checkpoint; a second Ctrl+C stops immediately. --resume continues the curves.
    For several processes, use torchrun.
    """
    where = runs_folder or run_folder.runs_folder()
    if run is not None:
        reject_options(context, context.params.keys() - RUN_OPTIONS, "--run begins a run with its own settings")
        folder = _find_created_run(run, where)
        again = _claim_launch(folder)
        print_summary(train_run(folder, resume=again, download=download), as_json=as_json)
        return
    changed = {
        "length": epochs, "batch_size": batch_size, "lr": lr, "seed": seed, "device": device, "precision": precision,
    }  # fmt: skip
    if resume is not None:
        reject_options(context, NEW_RUN_OPTIONS, "--resume keeps the run's network and name")
        folder = _find_resumable_run(resume, where)
        chosen = resumed_recipe(folder, data, recipe, changed, changes or (), threads)
        _record_launch(folder)
        print_summary(train_run(folder, resume=True, download=download, recipe=chosen), as_json=as_json)
        return
    if name is None:
        raise ValueError("train needs an architecture, as in `train resnet20-cifar --data digits`, or --resume RUN")
    architecture = resolve_architecture(name, settings)
    chosen = with_absolute_data(build_recipe(architecture, data, recipe, changed, changes or ()))
    check_data_fields(architecture, chosen, settings or ())
    check_residual_paths(chosen, architecture)
    folder = run_folder.new_folder(where, free_run_name(where, architecture, chosen) if run_name is None else run_name)
    again = create_run(folder, architecture, chosen, threads)
    print_summary(train_run(folder, resume=again, download=download), as_json=as_json)


def build_recipe(
    architecture: Architecture, data: str | None, name: str | None, changed: Mapping[str, Any], changes: Sequence[str]
) -> Recipe:
    """The recipe of a command line: a named one or the data set's default, with the given changes."""
    recipe = load_recipe(name or default_recipe(data or "digits", architecture.depth))
    return with_changes(recipe, data, changed, changes)


def with_changes(recipe: Recipe, data: str | None, changed: Mapping[str, Any], changes: Sequence[str]) -> Recipe:
    """A recipe with the changes of a command line: from dedicated options, then from `--change`, in any order.

    `ValueError` if a field is set twice or a change has no effect.
    """
    fields = {field: value for field, value in {**changed, "data": data}.items() if value is not None}
    texts: dict[str, str] = {}
    for change in changes:
        field, equals, text = (part.strip() for part in change.partition("="))
        if not equals:
            raise ValueError(f"--change {change}: must be FIELD=VALUE, as in --change schedule=cosine")
        if field in texts or field in fields:
            raise ValueError(f"--change {change}: {field} is set twice. Remove one of the two")
        texts[field] = text
    if epochs := fields.pop("length", None):
        recipe = in_epochs(recipe, epochs)
    recipe, wrong = with_texts(replace(recipe, **fields), texts)
    for error in wrong.values():
        raise error
    for field in texts:
        if reason := no_effect_reason(recipe, field):
            raise ValueError(f"--change {field}={texts[field]} has no effect {reason}. Remove it")
    return recipe


def resumed_recipe(
    folder: Path, data: str | None, name: str | None, changed: Mapping[str, Any], changes: Sequence[str], threads: int
) -> Recipe:  # fmt: skip
    """The recipe of a resumed run: its own with the changes of the command line; `ValueError` if not allowed."""
    from resnet_studio.training.runs.curves import read_run_curves

    manifest, curves = run_folder.read_manifest(folder), read_run_curves(folder)
    if threads not in (0, manifest.threads):
        raise ValueError(f"--threads {threads}: a resumed run keeps its number of threads. Remove the option")
    before = current_recipe(manifest.recipe, curves.changes)
    base = before if name is None else replace(load_recipe(name), data=before.data)
    after = with_changes(base, data, changed, changes)
    after = after if data is None else with_absolute_data(after)
    check_change(before, after)
    if curves.state == "finished" and after == before:
        raise RunError(f"{folder.name} has finished. Use --epochs N to train longer")
    if curves.prepared is not None:
        per_epoch = curves.prepared.steps_per_epoch
        ends = [recipe.in_steps(recipe.length, per_epoch) for recipe in (before, after)]
        if curves.state == "finished" or ends[0] != ends[1]:
            check_length(after, per_epoch, curves.steps)
    return after


def check_data_fields(architecture: Architecture, recipe: Recipe, settings: Sequence[str]) -> None:
    """`ValueError` if `--set` gives a field that the data determine a different value."""
    given = {setting.partition("=")[0].strip() for setting in settings} & {"channels", "image", "classes"}
    if not given:
        return
    if is_folder(recipe.data):
        known = {"channels": 3, "classes": len(read_class_folders(Path(recipe.data)).classes)}
    else:
        dataset = DATASETS[recipe.data]
        known = {"channels": dataset.channels, "image": dataset.image, "classes": dataset.classes}
    for field in sorted(given & known.keys()):
        if getattr(architecture, field) != known[field]:
            raise ValueError(
                f"--set {field}={image_text(getattr(architecture, field))}: {data_title(recipe.data)} has "
                f"{known[field]:,}, and the network must match its data. Remove it"
            )


def in_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The recipe with a length in epochs. A schedule in steps is scaled: half way through stays half way.

    So the paper's milestones at 32k and 48k of 64k iterations become epochs 82 and 123 of 164.
    """
    if recipe.unit == "epochs":
        return replace(recipe, length=epochs, warmup=min(recipe.warmup, epochs - 1))
    scaled = sorted({round(epochs * milestone / recipe.length) for milestone in recipe.milestones})
    milestones = tuple(milestone for milestone in scaled if 0 < milestone < epochs)
    warmup = min(round(epochs * recipe.warmup / recipe.length), epochs - 1)
    schedule = recipe.schedule if milestones or recipe.schedule != "steps" else "constant"
    return replace(
        recipe, length=epochs, unit="epochs", milestones=milestones, warmup=warmup, schedule=schedule
    )  # fmt: skip


def free_run_name(where: Path, architecture: Architecture, recipe: Recipe) -> str:
    """A name for a run without --name. Under torchrun it is required, as each worker would generate its own."""
    if _under_torchrun():
        raise ValueError("under torchrun, a run needs a name shared by all workers: --name NAME")
    return run_folder.free_name(where, architecture, recipe.data)


def create_run(folder: Path, architecture: Architecture, recipe: Recipe, threads: int) -> bool:
    """Create the run's folder; True if it existed, because torchrun restarted this worker after one had died."""
    if _is_main_worker() and not _restarted(folder):
        run_folder.make_run(
            folder, architecture, recipe, command=(PROGRAM, *sys.argv[1:]), threads=threads,
            workers=int(os.environ.get("WORLD_SIZE", "1")),
        )  # fmt: skip
    return _claim_launch(folder)


def _claim_launch(folder: Path) -> bool:
    """Record which torchrun launch trains the run; True if it is the same as before, after a worker had died."""
    if not _is_main_worker():
        return False
    again = _restarted(folder)
    _record_launch(folder)
    return again


def train_run(
    folder: Path, *, resume: bool, download: bool = False, listener: Callable[[Event], object] | None = None,
    parents: Sequence[Path] = (), recipe: Recipe | None = None,
) -> Summary:  # fmt: skip
    """Train a run from its folder and return its summary; without a listener its progress is displayed.

    Requests in the folders `parents` count too. Under torchrun, only torchrun ends the process.
    """
    from resnet_studio.training.runs.summary import summarize
    from resnet_studio.training.runs.writer import NullSink, RunWriter, stop_on_signals

    with ExitStack() as stack:
        cores = stack.enter_context(CoreShare().claimed())
        if not _is_main_worker():
            sink = NullSink()
            stack.enter_context(stop_on_signals(sink))
            _train(folder, sink, cores, resume=resume, download=download, recipe=recipe)
            return summarize(folder)
        listener = listener or stack.enter_context(progress_listener(folder.name))
        writer = stack.enter_context(RunWriter(folder, listener, may_exit=not _under_torchrun(), parents=parents))
        stack.enter_context(stop_on_signals(writer, _explain_ctrl_c))
        _train(folder, writer, cores, resume=resume, download=download, recipe=recipe)
    return summarize(folder)


def _explain_ctrl_c(signals: int) -> None:
    """On a terminal, say what Ctrl+C does, as stopping may take long."""
    if signals == 1 and sys.stderr.isatty() and not _under_torchrun():
        sys.stderr.write("Finishing this step and saving a checkpoint. Press Ctrl+C again to stop immediately.\n")


def _train(
    folder: Path, sink: Any, cores: CoreShare, *, resume: bool, download: bool, recipe: Recipe | None
) -> None:  # fmt: skip
    os.environ[SAFE_PATH] = "1"  # for the image reader processes, if they are not forked
    os.environ.setdefault("TQDM_DISABLE", "1")  # torchvision's own bar; the run reports the progress of a download
    from resnet_studio.training.compute.distributed import join
    from resnet_studio.training.compute.run import run

    with join() as workers:
        run(
            folder, run_folder.data_folder(), sink, workers, resume=resume, download=download, cores=cores,
            recipe=recipe
        )  # fmt: skip


def print_summary(summary: Summary, *, as_json: bool) -> None:
    """Print the summary of a run."""
    if not _is_main_worker():
        return
    if as_json:
        echo_json(summary.to_json())
    else:
        echo("\n".join(summary.lines()))


@contextmanager
def progress_listener(name: str) -> Iterator[Callable[[Event], object]]:
    """A listener that draws a run's progress if stderr is a terminal, and otherwise does nothing."""
    if not sys.stderr.isatty():
        yield lambda event: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    description, error = (TextColumn(f"{{task.{what}}}", markup=False) for what in ("description", "fields[error]"))
    columns = (description, BarColumn(), MofNCompleteColumn(), error, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True, markup=False, emoji=False)) as bar:
        yield _RunProgress(bar, name).on_event


class _RunProgress:
    """A run's events on a rich progress bar."""

    def __init__(self, bar: Bar, name: str) -> None:
        self._bar, self._name = bar, plain(name)
        self._task = bar.add_task(f"{self._name}: loading PyTorch", total=None, error="")

    def on_event(self, event: Event) -> None:
        from resnet_studio.training.runs.events import Ended, Measured, Noted, Prepared, Stepped, Working

        match event:
            case Working():
                self._bar.update(self._task, description=f"{self._name}: {plain(event.what)}")
            case Prepared():
                self._bar.update(self._task, description=self._name, total=event.steps)
            case Stepped():
                self._bar.update(self._task, completed=event.first + len(event.losses))
            case Measured(split="test"):
                self._bar.update(self._task, error=f"test error {percent(event.error)}")
            case Noted():
                self._bar.console.print(f"{self._name}: {printable(event.text)}")
            case Ended():
                self._bar.stop()  # the process may end right after this


def _find_created_run(name_or_path: str, where: Path) -> Path:
    """The folder of a run, given by name or path; `RunError` if it has begun before."""
    folder = run_folder.resolve(name_or_path, where)
    if not _is_shared(folder):
        _check_not_running(folder)
        if run_folder.has_begun(folder):
            raise RunError(f"{folder.name} has begun already. Use --resume to continue it")
    return folder


def _find_resumable_run(name_or_path: str, where: Path) -> Path:
    """The folder of a run, given by name or path; `RunError` if it is running or has never begun."""
    folder = run_folder.resolve(name_or_path, where)
    if not _is_shared(folder):
        _check_not_running(folder)
        if not run_folder.has_begun(folder):
            raise RunError(f"{folder.name} has not begun yet. Use --run to begin it")
    return folder


def _check_not_running(folder: Path) -> None:
    """`RunError` if a process trains the run. Without a heartbeat, none has begun to."""
    from resnet_studio.training.runs.summary import summarize
    from resnet_studio.training.runs.writer import still_running_message

    if summarize(folder).live and (folder / run_folder.HEARTBEAT).exists():
        raise RunError(still_running_message(folder))


def _is_shared(folder: Path) -> bool:
    """Whether other workers of this torchrun launch may be training the run already."""
    return _restarted(folder) or not _is_main_worker()


def _under_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


def _record_launch(folder: Path) -> None:
    """Record which torchrun launch started the run."""
    if _under_torchrun():
        descriptor = run_folder.open_run_file(folder, run_folder.LAUNCH_ID, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with open(descriptor, "w") as file:
            file.write(os.environ["TORCHELASTIC_RUN_ID"])


def _restarted(folder: Path) -> bool:
    """Whether the same torchrun launch started the run before, because a worker died here or on another machine.

    torchrun counts restarts per machine, so its count alone is not enough; but the run ID of a launch without one
    ("none") matches any.
    """
    if not _under_torchrun() or not (folder / run_folder.LAUNCH_ID).exists():
        return False
    launch = os.environ["TORCHELASTIC_RUN_ID"]
    restarted_here = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    with open(run_folder.open_run_file(folder, run_folder.LAUNCH_ID), encoding="utf-8", errors="replace") as file:
        recorded = file.read(MAX_LAUNCH_ID_LENGTH)
    return recorded == launch and (restarted_here or launch != "none")


def _is_main_worker() -> bool:
    """Whether this process writes the run's folder."""
    return not _under_torchrun() or os.environ.get("RANK", "0") == "0"
