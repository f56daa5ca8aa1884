"""What the table of runs shows of a run, cell by cell: words, exact values, and what to sort by."""

from __future__ import annotations

import math
import time
from enum import IntEnum
from pathlib import Path

from resnet_studio.analysis import units
from resnet_studio.formatting import percent
from resnet_studio.gui.followed import FollowedRun
from resnet_studio.gui.widgets.durations import duration
from resnet_studio.networks.presets import title
from resnet_studio.training.sources import SOURCES, data_title

LAST = math.inf
"""What has no value is sorted behind what has one."""


class Column(IntEnum):
    NAME = 0
    ARCHITECTURE = 1
    DATA = 2
    PARAMETERS = 3
    FLOPS = 4
    BEST = 5
    STATE = 6
    DURATION = 7


def text(run: FollowedRun, column: Column) -> str:
    """What a cell shows."""
    curves, cost = run.curves, run.cost
    match column:
        case Column.NAME:
            return run.name
        case Column.ARCHITECTURE:
            return title(run.architecture) if run.architecture else units.DASH
        case Column.DATA:
            data = run.manifest.recipe.data if run.manifest else units.DASH
            return Path(data).name or data
        case Column.PARAMETERS:
            return units.short(cost.parameters) if cost else units.DASH
        case Column.FLOPS:
            return units.short(cost.macs) if cost else units.DASH
        case Column.BEST:
            return percent(curves.best.error) if curves.best else units.DASH
        case Column.STATE:
            return state(run)
    return duration(curves.seconds) if curves.steps else units.DASH


def state(run: FollowedRun) -> str:
    """What a run is doing: "running, 43 %, 2:10 left"."""
    curves = run.curves
    if run.problem:
        return "newer version" if run.newer else "damaged"
    if run.pending:
        return f"{run.pending}…{step_left(run)}"
    if not run.loaded and not curves.steps:
        return "being read …"
    if curves.state == "starting" and curves.doing:
        return curves.doing
    share = f"{100 * run.progress:.0f} %"
    if curves.state == "running":
        return ", ".join(("running", share, *([f"{duration(curves.remaining)} left"] if curves.steps else ())))
    if curves.state == "paused" or (curves.state in ("stopped", "failed", "killed") and curves.steps):
        return f"{curves.state} at {share}"
    return curves.state


def step_left(*stopping: FollowedRun) -> str:
    """How long the longest of these runs' steps still takes, to go behind "stopping…"; nothing where nobody knows."""
    times = [run.step_left for run in stopping if run.pending == "stopping" and not math.isnan(run.step_left)]
    return seconds_left(max(times, default=math.nan))


def seconds_left(seconds: float) -> str:
    """ " 12 s", " 2:10"; nothing where it is less than a second, or not known."""
    if not seconds >= 1:
        return ""
    return f" {seconds:.0f} s" if seconds < 60 else f" {duration(seconds)}"


def tip(run: FollowedRun, column: Column) -> str:
    """The exact value, or what there is no room for."""
    curves, cost, recipe = run.curves, run.cost, run.manifest.recipe if run.manifest else None
    match column:
        case Column.NAME:
            return str(run.folder)
        case Column.ARCHITECTURE if curves.prepared and curves.prepared.changes:
            return f"fitted to the data: {', '.join(curves.prepared.changes)}"
        case Column.DATA if recipe:
            return data_title(recipe.data) if recipe.data in SOURCES else recipe.data
        case Column.PARAMETERS if cost:
            return f"{units.exact(cost.parameters)} parameters"
        case Column.FLOPS if cost:
            return f"{units.exact(cost.macs)} multiply-adds"
        case Column.BEST if curves.best:
            wrong, images = round(curves.best.error * curves.best.images), curves.best.images
            return f"{wrong:,} of {images:,} test images wrong after step {curves.best.step:,}"
        case Column.STATE:
            return "\n".join(filter(None, (run.problem or curves.why or state(run), *curves.notes[-3:])))
        case Column.DURATION:
            began = _date(run.created)
            return f"{curves.seconds:,.1f} s of training" + (f"; begun {began}" if began else "")
    return text(run, column)


def _date(seconds: float) -> str:
    """A moment on this machine's clock; nothing where it is not known, or no clock can show it."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""
    except (ValueError, OverflowError, OSError):
        return ""


def sort_key(run: FollowedRun, column: Column) -> float | str:
    """What a column is sorted by."""
    match column:
        case Column.PARAMETERS:
            return run.cost.parameters if run.cost else LAST
        case Column.FLOPS:
            return run.cost.macs if run.cost else LAST
        case Column.BEST:
            return run.curves.best.error if run.curves.best else LAST
        case Column.DURATION:
            return run.curves.seconds if run.curves.steps else LAST
    return text(run, column).casefold()


def progress(run: FollowedRun) -> str:
    """How far a run is, and how long it took: "step 430 of 1,100, 0:43 elapsed, 1:07 left" under its name."""
    curves = run.curves
    if not curves.steps:
        return f"{run.name}\n{curves.doing or curves.state}"
    of = f" of {curves.prepared.steps:,}" if curves.prepared else ""
    left = f", {duration(curves.remaining)} left" if run.live else f", {curves.state}"
    return f"{run.name}\nstep {curves.steps:,}{of}, {duration(curves.seconds)} elapsed{left}"
