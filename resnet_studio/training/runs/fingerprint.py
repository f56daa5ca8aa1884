"""A digest of a run's data set, so that a resumed run notices when its data have changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from resnet_studio.training.runs.events import Prepared

MAX_SIZED_FILES = 20_000
"""Up to how many files their sizes are part of the digest: asking for more takes long on a network drive."""
MAX_NAMED_CLASSES = 5


def digest(root: Path, examples: Sequence[tuple[str, int]]) -> str:
    """SHA-256 of the images' paths relative to `root`, their classes and, up to `MAX_SIZED_FILES`, their sizes."""
    hasher = hashlib.sha256()
    for path, label in sorted(examples):
        size = -1
        if len(examples) <= MAX_SIZED_FILES:
            with suppress(OSError):
                size = os.stat(path).st_size
        hasher.update(os.fsencode(f"{os.path.relpath(path, root)}\0{label}\0{size}\n"))
    return hasher.hexdigest()


def differences(before: Prepared, now: Prepared) -> list[str]:
    """How the data differ from what a run began with, in words; empty if they don't."""
    gone = [name for name in before.classes if name not in now.classes]
    new = [name for name in now.classes if name not in before.classes]
    if gone or new:
        return [*_class_list(gone, "missing"), *_class_list(new, "new")]
    if before.images_of_class and before.images_of_class != now.images_of_class:
        counts = zip(before.classes, before.images_of_class, now.images_of_class, strict=True)
        changed = [(name, was, here) for name, was, here in counts if was != here]
        lines = [f"class {name} had {was:,} images, now {here:,}" for name, was, here in changed[:MAX_NAMED_CLASSES]]
        more = len(changed) - MAX_NAMED_CLASSES
        return [*lines, f"{more:,} more classes also changed"] if more > 0 else lines
    if (before.training_images, before.test_images) != (now.training_images, now.test_images):
        return [
            f"there were {before.training_images:,} training and {before.test_images:,} test images, now "
            f"{now.training_images:,} and {now.test_images:,}"
        ]
    if before.digest and now.digest and before.digest != now.digest:
        return ["files were renamed or replaced"]
    return []


def _class_list(classes: Iterable[str], what: str) -> list[str]:
    names = list(classes)
    if not names:
        return []
    more = f" and {len(names) - MAX_NAMED_CLASSES:,} more" if len(names) > MAX_NAMED_CLASSES else ""
    single = len(names) == 1
    noun, verb = ("class", "is") if single else ("classes", "are")
    return [f"{noun} {', '.join(names[:MAX_NAMED_CLASSES])}{more} {verb} {what}"]
