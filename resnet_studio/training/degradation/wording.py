"""The sentences of the degradation experiment's verdict. Needs neither torch nor Qt."""

from __future__ import annotations

from typing import Literal

from resnet_studio.formatting import percent
from resnet_studio.training.degradation.statistics import SPLITS, ErrorGap, NetworkResult, Split

VerdictKind = Literal["seen", "not seen", "training only", "test only", "open"]


def degradation_sentences(plain: ErrorGap, kind: VerdictKind, start: int | None, steps: int) -> list[str]:
    """Whether degradation is seen, by how much, and from which epoch."""
    templates: dict[VerdictKind, str] = {
        "seen": "Degradation observed after {} steps",
        "not seen": "No degradation observed after {} steps",
        "training only": "After {} steps, degradation is observed on the training images but not on the test images",
        "test only": "After {} steps, the deeper plain network is worse on the test images only, which is overfitting, "
        "not degradation",
    }
    sentences = [f"{templates[kind].format(f'{steps:,}')}: {_error_difference(plain)}{medians_note(plain)}."]
    if start is not None:
        sentences.append(f"{_capitalize(plain.deep.network.title)} is worse from epoch {start} to the end.")
    return sentences


def residual_sentences(residual: ErrorGap) -> list[str]:
    """How the residual networks compare."""
    if residual.is_worse("training"):
        return [f"With shortcuts, the deeper network is also worse: {_error_difference(residual)}."]
    deep, shallow = residual.deep, residual.shallow
    return [
        f"With shortcuts, the deeper network is no worse: {deep.network.title} has a measured training error of "
        f"{_format_errors(deep, 'training')} and a test error of {_format_errors(deep, 'test')}, "
        f"{shallow.network.title} of "
        f"{_format_errors(shallow, 'training')} and {_format_errors(shallow, 'test')}."
    ]


def medians_note(gap: ErrorGap) -> str:
    """Says that errors are medians, if there is more than one run."""
    runs = min(gap.deep.runs, gap.shallow.runs)
    return f" (medians and ranges over {runs} seeds)" if runs > 1 else ""


def slower_training_sentence(plain: ErrorGap) -> str:
    """The limitation: degradation after a number of steps may mean slow training."""
    return (
        f"{_capitalize(plain.deep.network.title)} trains more slowly: a longer run (more epochs) "
        "shows how far it recovers."
    )


def rule_sentence(plain: ErrorGap) -> str:
    """When a network counts as worse."""
    training, test = (f"{100 * plain.noise_margin(split):.1f}" for split in SPLITS)
    return (
        "Worse means by more than two standard errors of the difference between two proportions: here "
        f"{training} points for {plain.images['training']:,} training images and {test} points for "
        f"{plain.images['test']:,} test images."
    )


def _error_difference(gap: ErrorGap) -> str:
    """The deeper network's errors, and their distance from the shallower one's."""
    deep, shallow = gap.deep, gap.shallow
    return (
        f"{deep.network.title} has a measured training error of {_format_errors(deep, 'training')}, "
        f"{_points(gap, 'training')} {shallow.network.title}'s {_format_errors(shallow, 'training')}, "
        f"and a test error of {_format_errors(deep, 'test')}, "
        f"{_points(gap, 'test')} {shallow.network.title}'s {_format_errors(shallow, 'test')}"
    )


def _format_errors(result: NetworkResult, split: Split) -> str:
    errors = result.errors[split]
    if percent(errors.low) == percent(errors.high):
        return percent(errors.median)
    return f"{percent(errors.median)} ({percent(errors.low).removesuffix(' %')}–{percent(errors.high)})"


def _points(gap: ErrorGap, split: Split) -> str:
    more = 100 * gap.difference(split)
    if abs(more) < 0.005:
        return "the same as"
    return f"{percent(abs(more) / 100).removesuffix(' %')} percentage points {'above' if more > 0 else 'below'}"


def _capitalize(text: str) -> str:
    return text[0].upper() + text[1:]
