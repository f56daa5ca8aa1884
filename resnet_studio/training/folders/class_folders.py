"""Reading a folder of class folders: the images of each class, and which of them are test images.

The common layouts are recognized by folder names and by where the images are. A layout that could be read in two ways
raises a `DataError` that shows the tree. What is skipped is counted and named in the notes.
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

from resnet_studio.files import FileRefusedError, display_name, read_file
from resnet_studio.formatting import counted, join_names
from resnet_studio.inference.images.listing import describe_skipped
from resnet_studio.plain import plain
from resnet_studio.training.datasets import DATASETS, DataError
from resnet_studio.training.folders.label_files import label_by_file
from resnet_studio.training.folders.tree import Folder, format_tree, scan_tree

TRAINING, VALIDATION, TEST = "training", "validation", "test"
ROLES = {
    "train": TRAINING, "training": TRAINING,
    "val": VALIDATION, "valid": VALIDATION, "validate": VALIDATION, "validation": VALIDATION, "dev": VALIDATION,
    "test": TEST, "testing": TEST, "tests": TEST, "eval": TEST, "evaluation": TEST,
}  # fmt: skip
FILLER_WORDS = {"", "set", "sets", "data", "dataset", "images", "image", "imgs", "img", "folder", "split"}
"""Words without meaning next to a role: `test_set`, `val_images`, `train2017`."""
ROLE_WORD = re.compile(rf"({'|'.join(sorted(ROLES, key=len, reverse=True))})({'|'.join(FILLER_WORDS)})")
IMAGE_FOLDER_NAMES = {"images", "image", "imgs", "img", "jpegimages", "pictures", "photos"}
"""Names of folders that are never a class."""
MAX_COMPARED, MAX_COMPARED_BYTES = 20_000, 1_000_000_000
"""Limits of the search for duplicates: images, and total bytes of files of equal size."""

Example = tuple[str, int]
"""A path and the number of its class."""


@dataclass(frozen=True, slots=True)
class ClassFolders:
    """The images of a folder with their classes. None of them has been opened."""

    classes: tuple[str, ...]
    training: tuple[Example, ...]
    test: tuple[Example, ...] | None
    """The folder's own test images; None if it has none with classes."""
    notes: tuple[str, ...] = ()
    """What was skipped, and what else the user should know about the images."""


@dataclass(frozen=True, slots=True)
class _SplitFolder:
    """One folder of a train/validation/test split."""

    folder: Folder
    role: str
    rest: str
    """The rest of its name: "seg" of seg_train."""


def read_class_folders(root: Path) -> ClassFolders:
    """Find the classes of a folder, and its test images if it has its own. `DataError` says what to rename.

    A class is a folder with images in it or below. The class folders are in `root`, in its only subfolder with images,
    or in folders called train and val or test in any spelling.
    """
    if not root.is_dir():
        raise DataError(f"directory not found: {root}. Check the path, or use one of {', '.join(DATASETS)}")
    tree = scan_tree(root)
    top = _unwrap(tree)
    parts = _find_splits(top, tree)
    if parts is None:
        classes, training = _read_classes(top, tree)
        found = ClassFolders(classes, training, None, tuple(_skipped_notes(tree, top, ())))
    else:
        found = _read_splits(parts, top, tree)
    return replace(found, notes=(*found.notes, *_duplicate_notes(found)))


def _read_splits(parts: Sequence[_SplitFolder], top: Folder, tree: Folder) -> ClassFolders:
    """Training images, and test images of the first other folder that has labels, validation before test."""
    training, *others = parts
    inner = _unwrap(training.folder)
    classes, examples = _read_classes(inner, tree)
    test: tuple[Example, ...] | None = None
    notes: list[str] = []
    files: list[str] = []
    for part in others:
        name, count = display_name(part.folder.path), counted(part.folder.count, "image")
        if not part.folder.count:
            continue
        if test is not None:
            notes.append(f"{name} is not used, since there are validation images: {count}")
            continue
        found, label_files, split_notes = _test_examples(part.folder, [part.folder, top, tree], classes, tree)
        test = found or None
        notes += split_notes
        files += label_files
        if not found:
            notes.append(f"{name} has neither class folders nor a label file: {count} skipped")
    known = {id(part.folder) for part in parts}
    notes += [
        f"{display_name(child.path)} is neither a training nor a test folder: {counted(child.count, 'image')} skipped"
        for child in top.image_folders
        if id(child) not in known
    ]
    return ClassFolders(classes, examples, test, (*notes, *_skipped_notes(tree, inner, files)))


def _unwrap(folder: Folder) -> Folder:
    """The innermost folder of nested ones such as `seg_train/seg_train`, where each has only the next with images."""
    while not folder.images and len(folder.image_folders) == 1:
        inner = folder.image_folders[0]
        others = [other for other in folder.folders if other is not inner]
        if not inner.image_folders or any(not any(below.other_files for below in other.walk()) for other in others):
            return folder
        folder = inner
    return folder


def _find_splits(top: Folder, tree: Folder) -> list[_SplitFolder] | None:
    """The folders of a split, training first, then validation and test; None if the folders are classes."""
    parts = [part for folder in top.folders if (part := _split_folder(folder)) is not None]
    trainings = [part for part in parts if part.role == TRAINING and part.folder.count]
    others = [part for part in parts if part.role != TRAINING]
    pairs = [
        (training, [other for other in others if other.rest == training.rest])
        for training in trainings
        if any(other.rest == training.rest for other in others) or (not training.rest and training.folder.image_folders)
    ]
    if not pairs:
        named = [part for part in parts if part.folder.count]
        is_split = len({part.rest for part in named}) == 1 or any(part.folder.image_folders for part in named)
        if is_split and len(named) == len(top.image_folders) > 1:
            names = _join_folders(top.image_folders)
            what = f"{names} look like splits of a data set, but it is unclear which one to train on"
            raise _layout_error(tree, what, "rename them to train and test")
        return None
    candidates = [pair for pair in pairs if not pair[0].rest] or pairs
    if not candidates[0][1] and len(top.image_folders) > 1:
        siblings = _join_folders([folder for folder in top.image_folders if folder is not candidates[0][0].folder])
        name = display_name(candidates[0][0].folder.path)
        what = f"{name} could be a class like {siblings}, or the whole training set"
        raise _layout_error(tree, what, "rename it if it is a class; otherwise move the others elsewhere")
    if len(candidates) > 1:
        names = _join_folders([training.folder for training, _ in candidates])
        raise _layout_error(
            tree, f"each of {names} could be the training set", "rename one to train and move the other elsewhere"
        )
    training, tests = candidates[0]
    return [training, *sorted(tests, key=lambda part: (part.role == TEST, part.folder.name))]


def _split_folder(folder: Folder) -> _SplitFolder | None:
    """A folder with the role that its name gives it, such as `Training`, `test_set`, `seg_train` or `val2017`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", folder.name).lower()
    words = re.findall(r"[^\W\d_]+", spaced)
    roles = [match for word in words if (match := ROLE_WORD.fullmatch(word))]
    if len(roles) != 1:
        return None
    rest = [word for word in words if word not in FILLER_WORDS and not ROLE_WORD.fullmatch(word)]
    return _SplitFolder(folder, ROLES[roles[0][1]], " ".join(rest))


def _read_classes(folder: Folder, tree: Folder) -> tuple[tuple[str, ...], tuple[Example, ...]]:
    """The classes of a folder and their images; `DataError` if its folders can't all be classes."""
    where = display_name(folder.path)
    found = folder.image_folders
    layout = f"each class needs one with its images: {where}/CLASS/image.jpg"
    if not found:
        inside = "has no images in its folders" if folder.folders else "has no folders in it"
        raise _layout_error(tree, f"{'it' if folder is tree else where} {inside}", layout)
    if any(child.name.lower() in IMAGE_FOLDER_NAMES for child in found):
        named = "is not named like a class" if len(found) == 1 else "are not named like classes"
        what = f"{_join_folders(found)} in {where} {named}, so the images have no classes"
        raise _layout_error(
            tree, what, f"{layout.replace('one', 'a folder', 1)}. Bounding boxes, masks and label tables are not read"
        )
    for child in folder.folders:
        if not child.count:
            other = describe_skipped((), [name for below in child.walk() for name in below.other_files])
            what = f"no images in class folder {display_name(child.path)}{f' but {other}' if other else ''}"
            raise _layout_error(tree, what, "add some, or remove the folder")
    if len(found) == 1:
        what = f"{display_name(found[0].path)} is the only class in {where}"
        raise _layout_error(tree, what, "training needs at least two classes")
    below = [{child.name for child in each.image_folders} for each in found if each.image_folders]
    common = set.intersection(*below) if len(below) > 1 else set()
    if len(common) > 1:
        what = (
            f"{_join_folders(found)} each have folders named {_join_some(sorted(common))}: either could be the classes"
        )
        raise _layout_error(tree, what, "move the images so that each class has one folder")
    classes = tuple(child.name for child in found)
    return classes, tuple((path, label) for label, child in enumerate(found) for path in child.image_paths())


def _test_examples(
    part: Folder, label_folders: Sequence[Folder], classes: Sequence[str], tree: Folder
) -> tuple[tuple[Example, ...], list[str], list[str]]:
    """Test images from class folders or a label file, the label file's name, and notes; no images if none has a class.

    `label_folders` may hold the label file. A single subfolder that is not a class has no labels: `test/unknown`.
    """
    numbers = {_nfc(name): number for number, name in enumerate(classes)}
    inner = part
    while not any(_nfc(child.name) in numbers for child in inner.image_folders) and _unwrap(inner) is not inner:
        inner = _unwrap(inner)
    found = [child for child in inner.image_folders if child.name.lower() not in IMAGE_FOLDER_NAMES]
    unknown = [child for child in found if _nfc(child.name) not in numbers]
    if len(found) == len(unknown) < 2:
        examples, file, notes = label_by_file(part, label_folders, classes)
        return examples, [file] if file else [], notes
    if unknown:
        name = display_name(part.path)
        what = f"training and test images have different classes: {name} has {_join_folders(unknown)}"
        raise _layout_error(
            tree, f"{what}, the training images have {_join_some(classes, 5)}", "rename the folders so that they match"
        )
    present = {_nfc(child.name) for child in found}
    missing = [name for name in classes if _nfc(name) not in present]
    notes = [f"{display_name(part.path)} has no images of {_join_some(missing)}"] if missing else []
    return (
        tuple((path, numbers[_nfc(child.name)]) for child in found for path in child.image_paths()),
        [],
        notes,
    )


def _nfc(name: str) -> str:
    """A name in the form in which names are compared: macOS writes an accent as a separate character."""
    return unicodedata.normalize("NFC", name)


def _skipped_notes(tree: Folder, classes: Folder, used: Sequence[str]) -> Iterator[str]:
    """Notes on what was skipped in the whole tree: loose images, hidden files, other files, links to a parent."""
    if classes is not tree and classes.path.parent != tree.path:
        yield f"classes are the folders in {plain(str(classes.path.relative_to(tree.path)))}"
    inside = [f"{child.name}/{below.name}" for child in classes.image_folders for below in child.image_folders]
    if len({name.rpartition("/")[2] for name in inside}) > 1:
        yield f"images in subfolders belong to their class folder: {_join_some(inside)}"
    if classes.images:
        yield f"skipped outside class folders: {counted(len(classes.images), 'image')} ({_join_some(classes.images)})"
    hidden = [name for folder in tree.walk() for name in folder.hidden]
    others = [name for folder in tree.walk() for name in folder.other_files if name not in used]
    back = [name for folder in tree.walk() for name in folder.back_links]
    skipped = describe_skipped(
        hidden,
        others,
        [f"{counted(len(back), 'link')} to a parent folder ({_join_some(back)})"] if back else (),
    )
    if skipped:
        yield f"skipped: {skipped}"


def _duplicate_notes(found: ClassFolders) -> Iterator[str]:
    """Notes on files with identical content."""
    examples = [*found.training, *(found.test or ())]
    by_size: defaultdict[int, list[int]] = defaultdict(list)
    if len(examples) <= MAX_COMPARED:
        for index, (path, _) in enumerate(examples):
            try:
                by_size[os.stat(path).st_size].append(index)
            except OSError:
                continue  # reported when it is read
    same_size = {size: indices for size, indices in by_size.items() if len(indices) > 1 and size}
    if sum(size * len(indices) for size, indices in same_size.items()) > MAX_COMPARED_BYTES:
        return
    by_content: defaultdict[bytes, list[int]] = defaultdict(list)
    for size, indices in same_size.items():
        for index in indices:
            try:
                by_content[hashlib.sha256(read_file(Path(examples[index][0]), size)).digest()].append(index)
            except FileRefusedError:
                continue
    groups = [indices for indices in by_content.values() if len(indices) > 1]
    yield from _describe_duplicates(groups, [label for _, label in examples], len(found.training), found)


def _describe_duplicates(
    groups: Sequence[Sequence[int]], labels: Sequence[int], training: int, found: ClassFolders
) -> Iterator[str]:
    leaked = sum(index >= training for indices in groups if min(indices) < training for index in indices)
    copies = sum(len(indices) - 1 for indices in groups)
    mixed = [{found.classes[labels[index]] for index in indices} for indices in groups]
    in_two_classes = [" and ".join(sorted(names)) for names in mixed if len(names) > 1]
    if leaked:
        yield f"test images identical to training images: {leaked:,}"
    if copies and found.test is None:
        yield f"duplicate images, which may end up in both training and test sets: {copies:,}"
    if in_two_classes:
        yield f"images in two classes: {len(in_two_classes):,} ({plain(in_two_classes[0])})"


def _layout_error(tree: Folder, what: str, then: str) -> DataError:
    return DataError(f"{display_name(tree.path)}: {what}; {then}. Found:\n{format_tree(tree)}")


def _join_folders(folders: Sequence[Folder]) -> str:
    names = [display_name(folder.path) for folder in folders]
    return join_names(names, 4) if len(names) != 2 else " and ".join(names)


def _join_some(names: Sequence[str], most: int = 3) -> str:
    return join_names([plain(name) for name in names], most)
