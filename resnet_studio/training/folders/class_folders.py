"""Reading a folder of class folders: which images there are of each class, which of them are test images.

Arrangements that are in use are told apart by names and by where the images are; what could be meant in two ways is
refused with the tree that was found, and what is passed over is counted and named.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from resnet_studio.files import Refusal, read_file, shown
from resnet_studio.formatting import listed
from resnet_studio.inference.images.listing import passed_over
from resnet_studio.plain import plain
from resnet_studio.training.datasets import SOURCES, DataError
from resnet_studio.training.folders.label_files import labelled
from resnet_studio.training.folders.tree import Folder, drawn, look_through

TRAINING, VALIDATION, TEST = "training", "validation", "test"
ROLES = {
    "train": TRAINING, "training": TRAINING,
    "val": VALIDATION, "valid": VALIDATION, "validate": VALIDATION, "validation": VALIDATION, "dev": VALIDATION,
    "test": TEST, "testing": TEST, "tests": TEST, "eval": TEST, "evaluation": TEST,
}  # fmt: skip
FILLERS = {"", "set", "sets", "data", "dataset", "images", "image", "imgs", "img", "folder", "split"}
"""Words beside a role that tell nothing: `test_set`, `val_images`, `train2017`."""
ROLE = re.compile(rf"({'|'.join(sorted(ROLES, key=len, reverse=True))})({'|'.join(FILLERS)})")
IMAGES = {"images", "image", "imgs", "img", "jpegimages", "pictures", "photos"}
"""Names of folders that no class has."""
MOST_COMPARED, MOST_COMPARED_BYTES = 20_000, 1_000_000_000
"""Images, and bytes of them, that are looked through for the same file in two places."""

Example = tuple[str, int]
"""A file and its class."""


@dataclass(frozen=True, slots=True)
class ClassFolders:
    """The images of a folder with their classes, none of them opened."""

    classes: tuple[str, ...]
    training: tuple[Example, ...]
    test: tuple[Example, ...] | None
    """Test images of the folder's own, where it has some with classes."""
    notes: tuple[str, ...] = ()
    """What was passed over, and what else a user should know of them."""


@dataclass(frozen=True, slots=True)
class _SplitFolder:
    """One folder of a split."""

    folder: Folder
    role: str
    rest: str
    """What its name has beside the role: "seg" of seg_train."""


def read_class_folders(root: Path) -> ClassFolders:
    """Find the classes of a folder, and its test images if it has its own. `DataError` says what to rename.

    A class is a folder with images in it or below. They are in the folder itself, in one that alone has images, or in
    parts called train and val or test, in any spelling.
    """
    if not root.is_dir():
        raise DataError(f"{root} is no folder here. Check the path; known by name are {', '.join(SOURCES)}")
    tree = look_through(root)
    top = _wrapped(tree)
    parts = _split(top, tree)
    if parts is None:
        classes, training = _classes(top, tree)
        found = ClassFolders(classes, training, None, tuple(_loose(tree, top, ())))
    else:
        found = _parts(parts, top, tree)
    return replace(found, notes=(*found.notes, *_copies(found)))


def _parts(parts: Sequence[_SplitFolder], top: Folder, tree: Folder) -> ClassFolders:
    """Training images of one part and test images of the first other one that has labels, validation before test."""
    training, *others = parts
    inner = _wrapped(training.folder)
    classes, examples = _classes(inner, tree)
    test: tuple[Example, ...] | None = None
    notes: list[str] = []
    files: list[str] = []
    for part in others:
        name, count = shown(part.folder.path), _images(part.folder.count)
        if not part.folder.count:
            continue
        if test is not None:
            notes.append(f"{name} is not tested on, as there are validation images: {count}")
            continue
        some, names, told = _tested(part.folder, [part.folder, top, tree], classes, tree)
        test = some or None
        notes += told
        files += names
        if not some:
            notes.append(f"{name} has neither class folders nor a file of their labels: {count} passed over")
    known = {id(part.folder) for part in parts}
    notes += [
        f"{shown(one.path)} is neither for training nor for testing: {_images(one.count)} passed over"
        for one in top.populated
        if id(one) not in known
    ]
    return ClassFolders(classes, examples, test, (*notes, *_loose(tree, inner, files)))


def _wrapped(folder: Folder) -> Folder:
    """The folder in it that alone has images, if that has folders of them; else itself. `seg_train/seg_train/…`."""
    while not folder.images and len(folder.populated) == 1:
        inner = folder.populated[0]
        beside = [one for one in folder.folders if one is not inner]
        if not inner.populated or any(not any(below.others for below in one.walk()) for one in beside):
            return folder
        folder = inner
    return folder


def _split(top: Folder, tree: Folder) -> list[_SplitFolder] | None:
    """The parts of a split, training first, then validation and test; None where the folders are classes."""
    parts = [part for folder in top.folders if (part := _part(folder)) is not None]
    trainings = [part for part in parts if part.role == TRAINING and part.folder.count]
    others = [part for part in parts if part.role != TRAINING]
    pairs = [
        (training, [other for other in others if other.rest == training.rest])
        for training in trainings
        if any(other.rest == training.rest for other in others) or (not training.rest and training.folder.populated)
    ]
    if not pairs:
        named = [part for part in parts if part.folder.count]
        alike = len({part.rest for part in named}) == 1 or any(part.folder.populated for part in named)
        if alike and len(named) == len(top.populated) > 1:
            what = f"{_names(top.populated)} look like parts of a data set, but which is to learn from is not clear"
            raise _refused(tree, what, "rename that one to train, and the one to test on to test")
        return None
    plain = [pair for pair in pairs if not pair[0].rest] or pairs
    if not plain[0][1] and len(top.populated) > 1:
        beside = _names([folder for folder in top.populated if folder is not plain[0][0].folder])
        what = f"{shown(plain[0][0].folder.path)} could be a class like {beside}, or all that is to be learned from"
        raise _refused(tree, what, "rename it if it is a class, else move the others away")
    if len(plain) > 1:
        names = _names([training.folder for training, _ in plain])
        raise _refused(tree, f"{names} could each be what to learn from", "rename one to train and move the other away")
    training, tests = plain[0]
    return [training, *sorted(tests, key=lambda part: (part.role == TEST, part.folder.name))]


def _part(folder: Folder) -> _SplitFolder | None:
    """What part of a split a folder's name says that it is: `Training`, `test_set`, `seg_train`, `val2017`."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", folder.name).lower()
    words = re.findall(r"[^\W\d_]+", apart)
    roles = [match for word in words if (match := ROLE.fullmatch(word))]
    if len(roles) != 1:
        return None
    rest = [word for word in words if word not in FILLERS and not ROLE.fullmatch(word)]
    return _SplitFolder(folder, ROLES[roles[0][1]], " ".join(rest))


def _classes(folder: Folder, tree: Folder) -> tuple[tuple[str, ...], tuple[Example, ...]]:
    """The classes of a folder and their images; `DataError` where its folders can't all be classes."""
    where = shown(folder.path)
    found = folder.populated
    layout = f"each class needs one with its images in it: {where}/CLASS/image.jpg"
    if not found:
        inside = "has no image in its folders" if folder.folders else "has no folders in it"
        raise _refused(tree, f"{'it' if folder is tree else where} {inside}", layout)
    if any(one.name.lower() in IMAGES for one in found):
        named = "is not named like a class" if len(found) == 1 else "are not named like classes"
        what = f"{_names(found)} in {where} {named}, so no image has one"
        raise _refused(
            tree, what, f"{layout.replace('one', 'a folder', 1)}. Boxes, masks and tables of labels are not read"
        )
    for one in folder.folders:
        if not one.count:
            other = passed_over((), [name for below in one.walk() for name in below.others])
            what = f"there is no image in its class folder {shown(one.path)}{f' but {other}' if other else ''}"
            raise _refused(tree, what, "put some in, or remove the folder")
    if len(found) == 1:
        what = f"{shown(found[0].path)} is the only class in {where}"
        raise _refused(tree, what, "a network needs two or more to tell apart")
    below = [{one.name for one in each.populated} for each in found if each.populated]
    common = set.intersection(*below) if len(below) > 1 else set()
    if len(common) > 1:
        what = f"{_names(found)} each hold folders called {_some(sorted(common))}: either could be the classes"
        raise _refused(tree, what, "move the images so that each class is one folder")
    classes = tuple(one.name for one in found)
    return classes, tuple((path, label) for label, one in enumerate(found) for path in one.files())


def _tested(
    part: Folder, tables: Sequence[Folder], classes: Sequence[str], tree: Folder
) -> tuple[tuple[Example, ...], list[str], list[str]]:
    """Test images by class folders or by a file of labels, that file's name, and notes; none where none has a class.

    `tables` are the folders in which such a file may be. A single folder that is no class has none: `test/unknown`.
    """
    numbers = {_same(name): number for number, name in enumerate(classes)}
    inner = part
    while not any(_same(one.name) in numbers for one in inner.populated) and _wrapped(inner) is not inner:
        inner = _wrapped(inner)
    found = [one for one in inner.populated if one.name.lower() not in IMAGES]
    strangers = [one for one in found if _same(one.name) not in numbers]
    if len(found) == len(strangers) < 2:
        examples, file, notes = labelled(part, tables, classes)
        return examples, [file] if file else [], notes
    if strangers:
        what = f"training and test images are not of the same classes: {shown(part.path)} has {_names(strangers)}"
        raise _refused(
            tree, f"{what}, the training images have {_some(classes, 5)}", "rename the folders so that they agree"
        )
    there = {_same(one.name) for one in found}
    missing = [name for name in classes if _same(name) not in there]
    notes = [f"{shown(part.path)} has no image of {_some(missing)}"] if missing else []
    return tuple((path, numbers[_same(one.name)]) for one in found for path in one.files()), [], notes


def _same(name: str) -> str:
    """A name as it is compared: macOS writes an accent as a letter of its own."""
    return unicodedata.normalize("NFC", name)


def _loose(tree: Folder, classes: Folder, used: Sequence[str]) -> Iterator[str]:
    """Notes on what in the whole tree was passed over: loose images, hidden files, other files, links back."""
    if classes is not tree and classes.path.parent != tree.path:
        yield f"the classes are the folders in {plain(str(classes.path.relative_to(tree.path)))}"
    inside = [f"{one.name}/{below.name}" for one in classes.populated for below in one.populated]
    if len({name.rpartition("/")[2] for name in inside}) > 1:
        yield f"images in folders of a class folder are of that class: {_some(inside)}"
    if classes.images:
        yield f"passed over in no class folder: {_images(len(classes.images))} ({_some(classes.images)})"
    hidden = [name for folder in tree.walk() for name in folder.hidden]
    others = [name for folder in tree.walk() for name in folder.others if name not in used]
    back = [name for folder in tree.walk() for name in folder.back]
    told = passed_over(
        hidden, others, [f"{len(back):,} link{'s' if len(back) > 1 else ''} back ({_some(back)})"] if back else ()
    )
    if told:
        yield f"passed over: {told}"


def _copies(found: ClassFolders) -> Iterator[str]:
    """Notes on files that are there more than once, byte for byte."""
    examples = [*found.training, *(found.test or ())]
    by_size: defaultdict[int, list[int]] = defaultdict(list)
    if len(examples) <= MOST_COMPARED:
        for place, (path, _) in enumerate(examples):
            try:
                by_size[os.stat(path).st_size].append(place)
            except OSError:
                continue  # said when it is read
    alike = {size: places for size, places in by_size.items() if len(places) > 1 and size}
    if sum(size * len(places) for size, places in alike.items()) > MOST_COMPARED_BYTES:
        return
    by_content: defaultdict[bytes, list[int]] = defaultdict(list)
    for size, places in alike.items():
        for place in places:
            try:
                by_content[hashlib.sha256(read_file(Path(examples[place][0]), size)).digest()].append(place)
            except Refusal:
                continue
    groups = [places for places in by_content.values() if len(places) > 1]
    yield from _told_copies(groups, [label for _, label in examples], len(found.training), found)


def _told_copies(
    groups: Sequence[Sequence[int]], labels: Sequence[int], training: int, found: ClassFolders
) -> Iterator[str]:
    both = sum(place >= training for places in groups if min(places) < training for place in places)
    twice = sum(len(places) - 1 for places in groups)
    mixed = [{found.classes[labels[place]] for place in places} for places in groups]
    torn = [" and ".join(sorted(names)) for names in mixed if len(names) > 1]
    if both:
        yield f"test images that are also training images, byte for byte: {both:,}"
    if twice and found.test is None:
        yield f"images that are copies of others, so that some may be both trained and tested on: {twice:,}"
    if torn:
        yield f"images that are in two classes: {len(torn):,} ({plain(torn[0])})"


def _refused(tree: Folder, what: str, then: str) -> DataError:
    return DataError(f"{shown(tree.path)}: {what}; {then}. Found:\n{drawn(tree)}")


def _names(folders: Sequence[Folder]) -> str:
    names = [shown(folder.path) for folder in folders]
    return listed(names, 4) if len(names) != 2 else " and ".join(names)


def _some(names: Sequence[str], most: int = 3) -> str:
    return listed([plain(name) for name in names], most)


def _images(count: int) -> str:
    return f"{count:,} image{'s' if count != 1 else ''}"
