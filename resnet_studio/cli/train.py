"""The command that trains: `train`. torch is imported once a run's folder is there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resnet_studio.children import SAFE_PATH
from resnet_studio.cli.parsing import named
from resnet_studio.cli.terminal import PROGRAM, say, say_json
from resnet_studio.cores import CoreShare
from resnet_studio.formatting import percent
from resnet_studio.networks.architecture import Architecture
from resnet_studio.plain import plain, printable
from resnet_studio.training.datasets import SOURCES, DataError, data_title, is_folder
from resnet_studio.training.folders.class_folders import read_class_folders
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.recipe_edits import with_texts
from resnet_studio.training.recipes import recipe as recipe_named
from resnet_studio.training.recipes import usual_recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Event
from resnet_studio.training.runs.resuming import check_change, check_length, recipe_of
from resnet_studio.training.runs.run_folder import Manifest, RunError

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from resnet_studio.training.runs.summary import Summary

LONGEST_ID = 10_000
"""Characters of torchrun's own name that are compared."""

Name = Annotated[str | None, typer.Argument(metavar="ARCH", help="A preset's name or an architecture's JSON file.")]
DataName = Annotated[
    str | None,
    typer.Option(
        "--data", metavar="DATA", help="digits, mnist, fashion-mnist, cifar10, cifar100, or a folder of class folders."
    ),
]
RecipeName = Annotated[str | None, typer.Option("--recipe", metavar="NAME|FILE", help="A named recipe or its JSON.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--change", metavar="FIELD=VALUE", help="Change a field of the recipe: schedule=cosine. Repeatable."),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the architecture.")
]
Runs = Annotated[Path | None, typer.Option("--runs", metavar="DIR", help="Where runs are kept.")]
Download = Annotated[bool, typer.Option("--download", help="Fetch the data set if it is not on this machine.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def add_to(app: typer.Typer) -> None:
    """Give the command line its training command."""
    app.command()(train)


def train(
    name: Name = None,
    data: DataName = None,
    recipe: RecipeName = None,
    epochs: Annotated[int | None, typer.Option("--epochs", metavar="N", min=1)] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", metavar="N", help="Over all workers.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", metavar="X", help="The highest learning rate.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N")] = None,
    device: Annotated[str | None, typer.Option("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps.")] = None,
    precision: Annotated[str | None, typer.Option("--precision", metavar="P", help="fp32, bf16 or fp16.")] = None,
    changes: Changes = None,
    settings: Settings = None,
    runs_folder: Runs = None,
    run_name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The run's name.")] = None,
    resume: Annotated[str | None, typer.Option("--resume", metavar="RUN", help="Go on with a run.")] = None,
    threads: Annotated[int, typer.Option("--threads", metavar="N", min=0, max=512, help="CPU threads; 0 chooses.")] = 0,
    download: Download = False,
    as_json: AsJson = False,
) -> None:
    """Train a network. The run is a folder that the window opens, while it is written or years later.

    Ctrl+C finishes the step and keeps a checkpoint, a second Ctrl+C ends at once; --resume goes on with the same curve.
    Several processes: torchrun.
    """
    where = runs_folder or run_folder.runs_folder()
    changed = {
        "length": epochs, "batch_size": batch_size, "lr": lr, "seed": seed, "device": device, "precision": precision,
    }  # fmt: skip
    if resume is not None:
        _refuse_at_resume({"ARCH": name, "--set": settings, "--name": run_name})
        folder = _existing(resume, where)
        chosen = changed_recipe(folder, data, recipe, changed, changes or (), threads)
        _note_launch(folder)
        finished(carry_on(folder, resume=True, download=download, recipe=chosen), as_json=as_json)
        return
    if name is None:
        raise ValueError("an architecture is needed, as in `train resnet20-cifar --data digits`, or --resume RUN")
    architecture = named(name, settings)
    chosen = settled(the_recipe(architecture, data, recipe, changed, changes or ()))
    refuse_what_data_replace(architecture, chosen, settings or ())
    folder = run_folder.place(where, free(where, architecture, chosen) if run_name is None else run_name)
    again = begin(folder, architecture, chosen, threads)
    finished(carry_on(folder, resume=again, download=download), as_json=as_json)


def the_recipe(
    architecture: Architecture, data: str | None, name: str | None, changed: Mapping[str, Any], changes: Sequence[str]
) -> Recipe:
    """The recipe of a command line: a named one, or the data's usual one, with what else was said."""
    recipe = recipe_named(name or usual_recipe(data or "digits", architecture.depth))
    return with_changes(recipe, data, changed, changes)


def with_changes(recipe: Recipe, data: str | None, changed: Mapping[str, Any], changes: Sequence[str]) -> Recipe:
    """A recipe with what a command line says: options of their own, then `--change`, in whatever order.

    `ValueError` where something is said twice or comes to nothing.
    """
    fields = {field: value for field, value in {**changed, "data": data}.items() if value is not None}
    texts: dict[str, str] = {}
    for change in changes:
        field, equals, text = (part.strip() for part in change.partition("="))
        if not equals:
            raise ValueError(f"--change {change}: FIELD=VALUE is needed, as in --change schedule=cosine")
        if field in texts or field in fields:
            raise ValueError(f"--change {change}: {field} is set twice. Leave one of the two out")
        texts[field] = text
    if epochs := fields.pop("length", None):
        recipe = in_epochs(recipe, epochs)
    recipe, wrong = with_texts(replace(recipe, **fields), texts)
    for error in wrong.values():
        raise error
    for field in texts:
        if why := without_effect(recipe, field):
            raise ValueError(f"--change {field}={texts[field]} has no effect {why}. Leave it out")
    return recipe


def without_effect(recipe: Recipe, field: str) -> str:
    """Why a field of the recipe says nothing; empty where it does."""
    if field == "milestones" and recipe.milestones and recipe.schedule != "steps":
        return f"with the schedule {recipe.schedule}, only with steps"
    if field == "momentum" and recipe.optimizer != "sgd":
        return f"with {recipe.optimizer}, only with sgd"
    if field == "warmup_lr" and recipe.warmup_lr is not None and not recipe.warmup:
        return "without a warm-up: --change warmup=N sets its length"
    return ""


def changed_recipe(
    folder: Path, data: str | None, name: str | None, changed: Mapping[str, Any], changes: Sequence[str], threads: int
) -> Recipe:  # fmt: skip
    """The recipe that a run goes on with: its own, with what the command line says; `ValueError` where it can't."""
    from resnet_studio.training.runs.summary import curves_of

    manifest, curves = run_folder.read(folder), curves_of(folder)
    if threads not in (0, manifest.threads):
        raise ValueError(f"--threads {threads}: a run that goes on computes as it began. Leave the option out")
    before = recipe_of(manifest.recipe, curves.changes)
    base = before if name is None else replace(recipe_named(name), data=before.data)
    after = with_changes(base, data, changed, changes)
    after = after if data is None else settled(after)
    check_change(before, after)
    if curves.state == "finished" and after == before:
        raise RunError(f"{folder.name} has finished: there is nothing to go on with. --epochs N goes on for longer")
    if curves.prepared is not None:
        per_epoch = curves.prepared.steps_per_epoch
        ends = [recipe.in_steps(recipe.length, per_epoch) for recipe in (before, after)]
        if curves.state == "finished" or ends[0] != ends[1]:
            check_length(after, per_epoch, curves.steps)
    return after


def _refuse_at_resume(options: Mapping[str, object]) -> None:
    """What says nothing of a run that is there already."""
    for option, value in options.items():
        if value:
            raise ValueError(f"--resume goes on with the network and the name that the run has: leave {option} out")


def refuse_what_data_replace(architecture: Architecture, recipe: Recipe, settings: Sequence[str]) -> None:
    """`ValueError` where `--set` asks for what follows from the data, and for something else than follows."""
    asked = {setting.partition("=")[0].strip() for setting in settings} & {"channels", "image", "classes"}
    if not asked:
        return
    if is_folder(recipe.data):
        known = {"channels": 3, "classes": len(read_class_folders(Path(recipe.data)).classes)}
    else:
        source = SOURCES[recipe.data]
        known = {"channels": source.channels, "image": source.image, "classes": source.classes}
    for field in sorted(asked & known.keys()):
        if getattr(architecture, field) != known[field]:
            raise ValueError(
                f"--set {field}={getattr(architecture, field)}: {data_title(recipe.data)} has {known[field]:,}, and a "
                "network is fitted to its data. Leave it out"
            )


def in_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The recipe over so many epochs. One that counts in steps keeps its shape: half way through stays half way.

    So the paper's 32k and 48k of 64k become epochs 82 and 123 of 164, which is what they are.
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


def settled(recipe: Recipe) -> Recipe:
    """The recipe with a folder's whole path, as a run may go on from elsewhere; `DataError` if it is not there."""
    if not is_folder(recipe.data):
        return recipe
    folder = Path(recipe.data).expanduser().absolute()
    if not folder.is_dir():
        raise DataError(f"{recipe.data} is no folder here, nor a data set known by name: {', '.join(SOURCES)}")
    return replace(recipe, data=str(folder))


def free(where: Path, architecture: Architecture, recipe: Recipe) -> str:
    """A name for a run that has none; workers have to be told theirs, as each makes one of its own."""
    if _under_torchrun():
        raise ValueError("under torchrun a run needs a name that all workers know: --name NAME")
    return run_folder.free_name(where, architecture, recipe.data)


def begin(folder: Path, architecture: Architecture, recipe: Recipe, threads: int) -> bool:
    """Make the run's folder; True if it was there, as torchrun started this worker anew after one had died."""
    if not _leads():
        return False
    if _restarted(folder):
        return True
    command = (PROGRAM, *sys.argv[1:])
    manifest = Manifest(
        folder.name, architecture, recipe, time.time(), command, run_folder.environment(), run_folder.this_machine(),
        threads,
        int(os.environ.get("WORLD_SIZE", "1")),
    )  # fmt: skip
    run_folder.make(folder, manifest)
    _note_launch(folder)
    return False


def carry_on(
    folder: Path, *, resume: bool, download: bool = False, listener: Callable[[Event], object] | None = None,
    above: Sequence[Path] = (), recipe: Recipe | None = None,
) -> Summary:  # fmt: skip
    """Train what a run's folder asks for, and say what came of it; without a listener its progress is shown.

    Requests to stop are heeded in the folders `above`, too. Under torchrun nobody but torchrun ends the process.
    """
    from resnet_studio.training.runs.summary import summarise
    from resnet_studio.training.runs.writer import NullSink, RunWriter, stopping_on_signals

    with ExitStack() as stack:
        cores = stack.enter_context(CoreShare().claimed())
        if not _leads():
            mute = NullSink()
            stack.enter_context(stopping_on_signals(mute))
            _train(folder, mute, cores, resume=resume, download=download, recipe=recipe)
            return summarise(folder)
        listener = listener or stack.enter_context(shown_progress(folder.name))
        journal = stack.enter_context(RunWriter(folder, listener, insist=not _under_torchrun(), above=above))
        stack.enter_context(stopping_on_signals(journal, _say_what_is_waited_for))
        _train(folder, journal, cores, resume=resume, download=download, recipe=recipe)
    return summarise(folder)


def _say_what_is_waited_for(signals: int) -> None:
    """On a terminal: what Ctrl+C does, where it may take long."""
    if signals == 1 and sys.stderr.isatty() and not _under_torchrun():
        sys.stderr.write("Finishing this step and saving a checkpoint. Press Ctrl+C again to end at once.\n")


def _train(
    folder: Path, journal: Any, cores: CoreShare, *, resume: bool, download: bool, recipe: Recipe | None
) -> None:  # fmt: skip
    os.environ[SAFE_PATH] = "1"  # for the processes that read images, where they are not forked
    os.environ.setdefault("TQDM_DISABLE", "1")  # torchvision's own bar; the run tells how far a download is
    from resnet_studio.training.compute.distributed import join
    from resnet_studio.training.compute.run import run

    with join() as workers:
        run(
            folder, run_folder.data_folder(), journal, workers, resume=resume, download=download, cores=cores,
            recipe=recipe
        )  # fmt: skip


def finished(summary: Summary, *, as_json: bool) -> None:
    """Print what came of a run."""
    if not _leads():
        return
    if as_json:
        say_json(summary.to_json())
    else:
        say("\n".join(summary.lines()))


@contextmanager
def shown_progress(name: str) -> Iterator[Callable[[Event], object]]:
    """A listener that draws a run's progress where stderr is a terminal, and does nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda event: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    said, error = (TextColumn(f"{{task.{what}}}", markup=False) for what in ("description", "fields[error]"))
    columns = (said, BarColumn(), MofNCompleteColumn(), error, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True, markup=False, emoji=False)) as bar:
        yield _Drawn(bar, name).take


class _Drawn:
    """A run's events on a bar of rich's."""

    def __init__(self, bar: Bar, name: str) -> None:
        self._bar, self._name = bar, plain(name)
        self._task = bar.add_task(f"{self._name}: starting torch", total=None, error="")

    def take(self, event: Event) -> None:
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


def _existing(text: str, where: Path) -> Path:
    """The folder of a run that is named, or whose path is given; `RunError` if it can't be gone on with."""
    from resnet_studio.training.runs.summary import summarise

    folder = run_folder.named(text, where)
    state = summarise(folder)
    if _restarted(folder) or not _leads():  # of a run that lives
        return folder
    if state.live and (folder / run_folder.HEARTBEAT).exists():  # without one it was made and has not begun
        from resnet_studio.training.runs.writer import still_running

        raise RunError(still_running(folder))
    return folder


def _under_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


def _note_launch(folder: Path) -> None:
    """Keep which torchrun started the run."""
    if _under_torchrun():
        descriptor = run_folder.open_own(folder, run_folder.LAUNCH, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with open(descriptor, "w") as file:
            file.write(os.environ["TORCHELASTIC_RUN_ID"])


def _restarted(folder: Path) -> bool:
    """Whether the same torchrun started the run before: a worker had died, here or on another machine.

    torchrun counts restarts for each machine, so its count alone does not tell; but one without a name of its own
    ("none") is any.
    """
    if not _under_torchrun() or not (folder / run_folder.LAUNCH).exists():
        return False
    launch = os.environ["TORCHELASTIC_RUN_ID"]
    counted = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    with open(run_folder.open_own(folder, run_folder.LAUNCH), encoding="utf-8", errors="replace") as file:
        before = file.read(LONGEST_ID)
    return before == launch and (counted or launch != "none")


def _leads() -> bool:
    """Whether this process writes the run's folder."""
    return not _under_torchrun() or os.environ.get("RANK", "0") == "0"
