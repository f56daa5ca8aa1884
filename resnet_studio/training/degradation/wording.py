"""The sentences of the degradation experiment's verdict. Needs neither torch nor Qt."""

from __future__ import annotations

from typing import Literal

from resnet_studio.formatting import percent
from resnet_studio.training.degradation.statistics import SPLITS, Ending, Gap, Split

Kind = Literal["seen", "not seen", "training only", "test only", "open"]


def first(plain: Gap, kind: Kind, start: int | None, steps: int) -> list[str]:
    """Whether degradation is seen, by how much and from which epoch on."""
    heads: dict[Kind, str] = {
        "seen": "Degradation is seen after {} steps",
        "not seen": "Degradation is not seen after {} steps",
        "training only": "After {} steps degradation is seen on the training images, but not on the test images",
        "test only": "After {} steps the deeper plain network is worse on the test images alone, which is overfitting "
        "and not degradation",
    }
    told = [f"{heads[kind].format(f'{steps:,}')}: {_apart(plain)}{medians(plain)}."]
    if start is not None:
        told.append(f"{_upper(plain.deep.twin.title)} is the worse one from epoch {start} to the end.")
    return told


def with_shortcuts(residual: Gap) -> list[str]:
    """What the residual twins do."""
    if residual.worse("training"):
        return [f"With shortcuts the deeper network is worse, too: {_apart(residual)}."]
    deep, shallow = residual.deep, residual.shallow
    return [
        f"With shortcuts the deeper network is no worse: {deep.twin.title} has a measured training error of "
        f"{_shown(deep, 'training')} and a test error of {_shown(deep, 'test')}, {shallow.twin.title} of "
        f"{_shown(shallow, 'training')} and {_shown(shallow, 'test')}."
    ]


def medians(gap: Gap) -> str:
    """What the errors are where there is more than one run."""
    runs = min(gap.deep.runs, gap.shallow.runs)
    return f" (medians of {runs} seeds and their ranges)" if runs > 1 else ""


def slower(plain: Gap) -> str:
    """What degradation after a number of steps does not say."""
    return (
        f"{_upper(plain.deep.twin.title)} is a network that trains slower: a longer run (more epochs) shows how far it "
        "recovers."
    )


def rule(plain: Gap) -> str:
    """When a network counts as worse."""
    training, test = (f"{100 * plain.chance(split):.1f}" for split in SPLITS)
    return (
        "Worse means: by more than two standard errors of the difference between two shares, here "
        f"{training} points of {plain.images['training']:,} training images and {test} points of "
        f"{plain.images['test']:,} test images."
    )


def _apart(gap: Gap) -> str:
    """The deeper network's errors and how far they are from the shallower one's."""
    deep, shallow = gap.deep, gap.shallow
    return (
        f"{deep.twin.title} has a measured training error of {_shown(deep, 'training')}, {_points(gap, 'training')} "
        f"{shallow.twin.title}'s {_shown(shallow, 'training')}, and a test error of {_shown(deep, 'test')}, "
        f"{_points(gap, 'test')} {shallow.twin.title}'s {_shown(shallow, 'test')}"
    )


def _shown(ending: Ending, split: Split) -> str:
    one = ending.errors[split]
    if percent(one.low) == percent(one.high):
        return percent(one.median)
    return f"{percent(one.median)} ({percent(one.low).removesuffix(' %')}–{percent(one.high)})"


def _points(gap: Gap, split: Split) -> str:
    more = 100 * gap.more(split)
    if abs(more) < 0.005:
        return "the same as"
    return f"{percent(abs(more) / 100).removesuffix(' %')} percentage points {'above' if more > 0 else 'below'}"


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]
