"""A few bytes by which a run that goes on notices that its data are no longer those that it began with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from resnet_studio.training.runs.events import Prepared

MOST_SIZES = 20_000
"""Files whose sizes count, too: to ask for more takes long on a network drive."""
MOST_NAMED = 5


def digest(root: Path, examples: Sequence[tuple[str, int]]) -> str:
    """Of the images' paths within their folder, wherever that is, with their classes and, of few, their sizes."""
    found = hashlib.sha256()
    for path, label in sorted(examples):
        size = -1
        if len(examples) <= MOST_SIZES:
            with suppress(OSError):
                size = os.stat(path).st_size
        found.update(os.fsencode(f"{os.path.relpath(path, root)}\0{label}\0{size}\n"))
    return found.hexdigest()


def differences(before: Prepared, now: Prepared) -> list[str]:
    """In plain words, how the data differ from what a run began with; none where they do not."""
    gone = [name for name in before.classes if name not in now.classes]
    new = [name for name in now.classes if name not in before.classes]
    if gone or new:
        return [*_named(gone, "gone"), *_named(new, "new")]
    if before.images_of_class and before.images_of_class != now.images_of_class:
        counts = zip(before.classes, before.images_of_class, now.images_of_class, strict=True)
        changed = [(name, was, here) for name, was, here in counts if was != here]
        told = [f"class {name} had {was:,} images and has {here:,}" for name, was, here in changed[:MOST_NAMED]]
        more = len(changed) - MOST_NAMED
        return [*told, f"{more:,} more classes have other numbers, too"] if more > 0 else told
    if (before.training_images, before.test_images) != (now.training_images, now.test_images):
        return [
            f"there were {before.training_images:,} training and {before.test_images:,} test images, and are "
            f"{now.training_images:,} and {now.test_images:,}"
        ]
    if before.digest and now.digest and before.digest != now.digest:
        return ["files were renamed or replaced by others"]
    return []


def _named(classes: Iterable[str], what: str) -> list[str]:
    names = list(classes)
    if not names:
        return []
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    one = len(names) == 1
    return [f"{'class' if one else 'classes'} {', '.join(names[:MOST_NAMED])}{more} {'is' if one else 'are'} {what}"]
