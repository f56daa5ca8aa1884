"""Common layouts of image folders: each is read correctly, or refused with its tree. No image is opened here."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from resnet_studio.training.datasets import DataError
from resnet_studio.training.folders.class_folders import ClassFolders, read_class_folders


def images(folder: Path, count: int = 4, name: str = "image{}.jpg") -> Path:
    """Write files with names of images, each with its own content."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / name.format(number)).write_text(f"{folder.name} of {folder.parent} {number}")
    return folder


def classes(folder: Path, count: int = 4, names: tuple[str, ...] = ("cat", "dog")) -> Path:
    for name in names:
        images(folder / name, count)
    return folder


def counts(examples: tuple[tuple[str, int], ...] | None, found: ClassFolders) -> dict[str, int]:
    """Number of images per class, after checking that each image is in a folder of its class."""
    for path, label in examples or ():
        assert found.classes[label] in Path(path).parts
    return dict(Counter(found.classes[label] for _, label in examples or ()))


def refused(folder: Path) -> str:
    with pytest.raises(DataError) as error:
        read_class_folders(folder)
    sentence, found, tree = str(error.value).partition(". Found:\n")
    assert found
    assert tree.splitlines()[0].startswith(f"  {folder.name}/")
    return sentence


SPLITS = [
    ("train", "val"), ("Training", "Testing"), ("Train", "Test"), ("TRAIN", "TEST"), ("training_set", "test_set"),
    ("seg_train", "seg_test"), ("train_images", "validation_images"), ("trainset", "testset"),
    ("TrainData", "TestData"), ("train-2017", "val-2017"), ("train", "dev"),
    ("ILSVRC2012_img_train", "ILSVRC2012_img_val"),
]  # fmt: skip


@pytest.mark.parametrize(("training", "test"), SPLITS)
@pytest.mark.parametrize("inside", [".", "archive", "archive/data"])
@pytest.mark.parametrize("doubled", [False, True])
def test_the_folders_of_a_split_are_not_classes(
    training: str, test: str, inside: str, doubled: bool, tmp_path: Path
) -> None:
    for name, count in ((training, 4), (test, 2)):
        classes(tmp_path / inside / name / (name if doubled else "."), count)
    found = read_class_folders(tmp_path)
    assert found.classes == ("cat", "dog")
    assert counts(found.training, found) == {"cat": 4, "dog": 4}
    assert counts(found.test, found) == {"cat": 2, "dog": 2}


def test_plain_class_folders_have_no_test_images_and_no_notes(tmp_path: Path) -> None:
    found = read_class_folders(classes(tmp_path))
    assert (found.classes, found.test, found.notes) == (("cat", "dog"), None, ())
    assert [Path(path).name for path, label in found.training if label == 0] == [f"image{n}.jpg" for n in range(4)]


@pytest.mark.parametrize(
    "names", [("test", "control"), ("bus", "car", "train"), ("test_track", "train_station"), ("valid", "invalid")]
)
def test_classes_may_be_named_like_splits(names: tuple[str, ...], tmp_path: Path) -> None:
    found = read_class_folders(classes(tmp_path, names=names))
    assert found.classes == tuple(sorted(names))
    assert counts(found.training, found) == dict.fromkeys(names, 4)


def test_validation_images_take_precedence_over_test_images(tmp_path: Path) -> None:
    for name, count in (("train", 5), ("valid", 3), ("test", 2)):
        classes(tmp_path / name, count)
    found = read_class_folders(tmp_path)
    assert counts(found.test, found) == {"cat": 3, "dog": 3}
    assert found.notes == ("test is not used, since there are validation images: 4 images",)


@pytest.mark.parametrize("where", ["test", "test/unknown", "test/test"])
def test_an_unlabeled_test_folder_is_skipped_and_counted(where: str, tmp_path: Path) -> None:
    classes(tmp_path / "train")
    images(tmp_path / where, 7)
    found = read_class_folders(tmp_path)
    assert (counts(found.training, found), found.test) == ({"cat": 4, "dog": 4}, None)
    assert found.notes[0] == "test has neither class folders nor a label file: 7 images skipped"


def test_a_folder_outside_the_split_is_counted(tmp_path: Path) -> None:
    classes(tmp_path / "seg_train")
    classes(tmp_path / "seg_test", 1)
    images(tmp_path / "seg_pred" / "seg_pred", 6)
    found = read_class_folders(tmp_path)
    assert counts(found.test, found) == {"cat": 1, "dog": 1}
    assert found.notes == ("seg_pred is neither a training nor a test folder: 6 images skipped",)


def test_hidden_and_system_files_are_skipped_and_counted(tmp_path: Path) -> None:
    classes(tmp_path)
    classes(tmp_path / "__MACOSX", 1)
    images(tmp_path / ".ipynb_checkpoints", 3)
    for name in ("cat/._image0.jpg", "cat/Thumbs.db", ".DS_Store", "dog/desktop.ini", "dog/notes.txt"):
        (tmp_path / name).write_text("x")
    found = read_class_folders(tmp_path)
    assert counts(found.training, found) == {"cat": 4, "dog": 4}
    assert found.notes == (
        "skipped: 6 hidden files or folders (.DS_Store, ._image0.jpg, .ipynb_checkpoints, …), 1 .txt file (notes.txt)",
    )


def test_loose_images_next_to_class_folders_are_counted_and_named(tmp_path: Path) -> None:
    images(classes(tmp_path), 2, "loose{}.png")
    assert read_class_folders(tmp_path).notes == ("skipped outside class folders: 2 images (loose0.png, loose1.png)",)


@pytest.mark.parametrize("target", [".", "..", "cat"])
def test_a_link_back_to_a_parent_is_not_followed(target: str, tmp_path: Path) -> None:
    classes(tmp_path / "data")
    images(tmp_path / "strangers", 9)
    (tmp_path / "data" / "cat" / "back").symlink_to((tmp_path / "data" / target).resolve())
    found = read_class_folders(tmp_path / "data")
    assert counts(found.training, found) == {"cat": 4, "dog": 4}
    assert found.notes == ("skipped: 1 link to a parent folder (back)",)


def test_a_link_to_another_folder_is_followed(tmp_path: Path) -> None:
    classes(tmp_path / "pool", names=("cat", "dog", "owl"))
    (tmp_path / "some").mkdir()
    for name in ("cat", "owl"):
        (tmp_path / "some" / name).symlink_to(tmp_path / "pool" / name)
    found = read_class_folders(tmp_path / "some")
    assert counts(found.training, found) == {"cat": 4, "owl": 4}


def test_images_in_subfolders_of_a_class_have_that_class(tmp_path: Path) -> None:
    for name in ("cat/siamese", "cat/tabby", "dog/pug", "dog/beagle"):
        images(tmp_path / name, 3)
    found = read_class_folders(tmp_path)
    assert counts(found.training, found) == {"cat": 6, "dog": 6}
    assert found.notes == (
        "images in subfolders belong to their class folder: cat/siamese, cat/tabby, dog/beagle and 1 more",
    )


def test_images_train_is_found_next_to_annotations(tmp_path: Path) -> None:
    classes(tmp_path / "images" / "train")
    classes(tmp_path / "images" / "val", 2)
    (tmp_path / "annotations" / "train").mkdir(parents=True)
    (tmp_path / "annotations" / "train" / "a.xml").write_text("<a/>")
    found = read_class_folders(tmp_path)
    assert (counts(found.training, found), counts(found.test, found)) == ({"cat": 4, "dog": 4}, {"cat": 2, "dog": 2})
    assert found.notes == ("classes are the folders in images/train", "skipped: 1 .xml file (a.xml)")


def test_a_class_without_test_images_is_named(tmp_path: Path) -> None:
    classes(tmp_path / "train", names=("ant", "bee", "cat"))
    classes(tmp_path / "val", 2, ("bee", "cat"))
    found = read_class_folders(tmp_path)
    assert counts(found.test, found) == {"bee": 2, "cat": 2}
    assert found.notes == ("val has no images of ant",)


@pytest.mark.parametrize("names", [("cat", "dog", "owl"), ("Cat", "Dog")])
def test_a_class_with_only_test_images_is_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    classes(tmp_path / "train")
    classes(tmp_path / "val", 2, names)
    sentence = refused(tmp_path)
    assert f"have different classes: val has {'owl' if len(names) == 3 else 'Cat and Dog'}" in sentence
    assert "the training images have cat, dog; rename" in sentence


def test_class_names_are_compared_in_unicode_normal_form(tmp_path: Path) -> None:
    classes(tmp_path / "train", names=("caf\u00e9", "th\u00e9"))
    classes(tmp_path / "val", 1, ("cafe\u0301", "the\u0301"))
    found = read_class_folders(tmp_path)
    assert [label for _, label in found.test or ()] == [0, 1]


@pytest.mark.parametrize("ending", [".gif", ".ppm", ".pgm", ".avif", ".JPG", ".JPEG", ".PNG", ".webp", ".tif", ".jfif"])
def test_every_format_that_opens_is_listed(ending: str, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        images(tmp_path / name, 3, "image{}" + ending)
    found = read_class_folders(tmp_path)
    assert counts(found.training, found) == {"cat": 3, "dog": 3}


def tiny_imagenet(root: Path) -> Path:
    for name in ("n01443537", "n01629819"):
        images(root / "train" / name / "images", 5, name + "_{}.JPEG")
        (root / "train" / name / f"{name}_boxes.txt").write_text(f"{name}_0.JPEG\t0\t0\t62\t62\n")
    images(root / "val" / "images", 6, "val_{}.JPEG")
    rows = (f"val_{number}.JPEG\t{'n01629819' if number % 3 else 'n01443537'}\t0\t32\t44\t62\n" for number in range(6))
    (root / "val" / "val_annotations.txt").write_text("".join(rows))
    images(root / "test" / "images", 7, "test_{}.JPEG")
    (root / "wnids.txt").write_text("n01443537\nn01629819\n")
    (root / "words.txt").write_text("n01443537\tgoldfish, Carassius auratus\nn01629819\tEuropean fire salamander\n")
    return root


def test_tiny_imagenet_is_read_by_its_annotations(tmp_path: Path) -> None:
    found = read_class_folders(tiny_imagenet(tmp_path / "tiny-imagenet-200"))
    assert counts(found.training, found) == {"n01443537": 5, "n01629819": 5}
    assert [(Path(path).name, label) for path, label in found.test or ()] == [
        (f"val_{number}.JPEG", int(number % 3 > 0)) for number in range(6)
    ]
    assert found.notes[0] == "classes of val are from val_annotations.txt"
    assert found.notes[1] == "test is not used, since there are validation images: 7 images"
    assert found.notes[2].startswith("skipped: 4 .txt files")


WORDNET = ("n01440764", "n01443537")


def flat_imagenet(root: Path) -> Path:
    for name in WORDNET:
        images(root / "train" / name, 5, name + "_{}.JPEG")
    images(root / "val", 6, "ILSVRC2012_val_0000000{}.JPEG")
    return root


def test_flat_validation_images_without_labels_are_skipped_and_counted(tmp_path: Path) -> None:
    found = read_class_folders(flat_imagenet(tmp_path))
    assert found.test is None
    assert found.notes == ("val has neither class folders nor a label file: 6 images skipped",)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("LOC_val_solution.csv", "ILSVRC2012_val_0000000{0},{1} 85 1 499 272"),
        ("val.txt", "ILSVRC2012_val_0000000{0}.JPEG {1}"),
        ("val/labels.tsv", "val/ILSVRC2012_val_0000000{0}.JPEG\t{1}"),
    ],
)
def test_flat_validation_images_are_labeled_by_a_file(name: str, line: str, tmp_path: Path) -> None:
    flat_imagenet(tmp_path)
    rows = ["ImageId,PredictionString", *(line.format(number, WORDNET[number // 4]) for number in range(6))]
    (tmp_path / name).write_text("\n".join(rows))
    found = read_class_folders(tmp_path)
    assert [label for _, label in found.test or ()] == [0, 0, 0, 0, 1, 1]
    assert found.notes == (f"classes of val are from {Path(name).name}",)


def test_a_file_with_labels_alone_follows_the_order_of_the_images(tmp_path: Path) -> None:
    for name in WORDNET:
        images(tmp_path / "train" / name)
    images(tmp_path / "val", 12, "ILSVRC2012_val_{}.JPEG")
    labels = [WORDNET[number % 5 > 2] for number in range(12)]
    (tmp_path / "imagenet_2012_validation_synset_labels.txt").write_text("\n".join(labels) + "\n")
    found = read_class_folders(tmp_path)
    labels_by_number = {
        int(Path(path).stem.rpartition("_")[2]): found.classes[label] for path, label in found.test or ()
    }
    assert labels_by_number == dict(enumerate(labels))


def test_a_list_of_the_classes_is_not_a_label_file(tmp_path: Path) -> None:
    for name in WORDNET:
        images(tmp_path / "train" / name)
    images(tmp_path / "val", 2)
    (tmp_path / "wnids.txt").write_text("\n".join(WORDNET))
    assert read_class_folders(tmp_path).test is None


def test_images_without_a_label_are_counted(tmp_path: Path) -> None:
    flat_imagenet(tmp_path)
    rows = [f"ILSVRC2012_val_0000000{number}.JPEG {WORDNET[0]}" for number in range(4)]
    (tmp_path / "val.txt").write_text("\n".join([*rows, "ILSVRC2012_val_00000004.JPEG n00000001"]))
    found = read_class_folders(tmp_path)
    assert len(found.test or ()) == 4
    assert found.notes[1] == ("2 images have no class in val.txt (n00000001 are not training classes) and are skipped")


def test_numbers_are_imagenets_classes_only_if_all_thousand_exist(tmp_path: Path) -> None:
    flat_imagenet(tmp_path)
    rows = "\n".join(f"ILSVRC2012_val_0000000{number}.JPEG {number}" for number in range(6))
    (tmp_path / "val.txt").write_text(rows)
    found = read_class_folders(tmp_path)
    assert (found.test, found.notes[0]) == (
        None,
        "val.txt has none of the training classes, but 0, 1, 2 and 3 more",
    )
    shutil.rmtree(tmp_path / "train")
    for number in range(1000):
        images(tmp_path / "train" / f"n{number:08d}", 1)
    assert [label for _, label in read_class_folders(tmp_path).test or ()] == list(range(6))


def boxes(root: Path, *parts: str) -> None:
    for part in parts:
        images(root / "images" / part)
        images(root / "labels" / part, name="image{}.txt")


REFUSED = {
    "flat images": (lambda root: images(root), "it has no folders in it; each class needs one with"),
    "flat parts": (
        lambda root: [images(root / name) for name in ("train", "test")],
        "train has no folders in it; each",
    ),
    "coco": (
        lambda root: [images(root / "train2017"), images(root / "val2017"), images(root / "annotations", 1, "{}.json")],
        "train2017 has no folders in it; each",
    ),
    "yolo": (lambda root: boxes(root, "train", "val"), "train has no folders in it; each"),
    "yolo of one part": (lambda root: boxes(root, "."), "images in yolo of one part is not named like a class"),
    "roboflow": (lambda root: [boxes(root / name, ".") for name in ("train", "valid")], "images in train is not named"),
    "table": (
        lambda root: [images(root / "images"), images(root, 1, "labels{}.csv")],
        "is not named like a class, so the images have no classes; each class needs a folder with its images: "
        "table/CLASS/image.jpg. Bounding boxes, masks and label tables are not read",
    ),
    "masks": (
        lambda root: [images(root / "images"), images(root / "masks", name="image{}.png")],
        "images and masks in masks are not named like classes",
    ),
    "masks of classes": (
        lambda root: [images(root / name / kind) for name in ("lung", "normal") for kind in ("images", "masks")],
        "lung and normal each have folders named images, masks: either could be the classes; move the images",
    ),
    "folds": (lambda root: [classes(root / name) for name in ("fold1", "fold2")], "each have folders named cat, dog"),
    "parts in classes": (
        lambda root: [images(root / name / part) for name in ("cat", "dog") for part in ("train", "test")],
        "cat and dog each have folders named test, train: either could be the classes",
    ),
    "one class": (lambda root: images(root / "cat"), "cat is the only class in one class; training needs at least two"),
    "one class of a part": (
        lambda root: [images(root / part / "cat") for part in ("train", "val")],
        "cat is the only class in train",
    ),
    "no training": (
        lambda root: [classes(root / part) for part in ("test", "val")],
        "test and val look like splits of a data set, but it is unclear which one to train on; rename them to train",
    ),
    "two trainings": (
        lambda root: [classes(root / part) for part in ("train_small", "train_large", "test")],
        "it is unclear which one to train on",
    ),
    "a class called train": (
        lambda root: [images(root / "train" / "steam"), images(root / "train" / "diesel"), images(root / "bus")],
        "train could be a class like bus, or the whole training set; rename it if it is a class",
    ),
    "an empty class": (
        lambda root: [classes(root), (root / "owl").mkdir()],
        "no images in class folder owl; add some, or remove the folder",
    ),
    "a class of a format that does not open": (
        lambda root: [classes(root), images(root / "owl", 2, "{}.heic")],
        "no images in class folder owl but 2 .heic files (0.heic, 1.heic)",
    ),
    "nothing": (lambda root: root.mkdir(), "it has no folders in it; each class needs"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_layouts_are_refused_with_their_tree(name: str, tmp_path: Path) -> None:
    make, reason = REFUSED[name]
    make(tmp_path / name)
    assert reason in refused(tmp_path / name)


def test_a_tree_shows_the_content_of_folders_and_is_limited(tmp_path: Path) -> None:
    for number in range(12):
        images(tmp_path / "data" / f"part{number}" / "cat", number + 1)
        images(tmp_path / "data" / f"part{number}" / "dog", 1, "{}.heic")
        images(tmp_path / "data" / f"part{number}" / "owl", 1)
    with pytest.raises(DataError) as error:
        read_class_folders(tmp_path / "data")
    tree = str(error.value).partition("Found:\n")[2].splitlines()
    assert tree[:4] == ["  data/", "    part0/", "      cat/ (1 image)", "      dog/ (1 .heic)"]
    assert len(tree) <= 20
    assert tree[-1].strip().startswith("…")


def test_test_images_that_are_also_training_images_are_counted(tmp_path: Path) -> None:
    classes(tmp_path / "train")
    classes(tmp_path / "val", 2)
    for number in range(3):
        shutil.copy(tmp_path / "train" / "cat" / f"image{number}.jpg", tmp_path / "val" / "cat" / f"copy{number}.jpg")
    found = read_class_folders(tmp_path)
    assert found.notes == ("test images identical to training images: 3",)


def test_copies_within_a_folder_and_in_two_classes_are_counted(tmp_path: Path) -> None:
    classes(tmp_path)
    shutil.copy(tmp_path / "cat" / "image0.jpg", tmp_path / "cat" / "again.jpg")
    shutil.copy(tmp_path / "cat" / "image1.jpg", tmp_path / "dog" / "wrong.jpg")
    assert read_class_folders(tmp_path).notes == (
        "duplicate images, which may end up in both training and test sets: 2",
        "images in two classes: 1 (cat and dog)",
    )


def test_pipes_and_dangling_links_are_listed(tmp_path: Path) -> None:
    """The training names them, and fails or skips them, as its recipe says."""
    classes(tmp_path)
    os.mkfifo(tmp_path / "cat" / "pipe.jpg")
    (tmp_path / "dog" / "gone.jpg").symlink_to("nowhere.jpg")
    found = read_class_folders(tmp_path)
    assert counts(found.training, found) == {"cat": 5, "dog": 5}


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"directory not found: .*nowhere\. Check the path, or use one of digits, "):
        read_class_folders(tmp_path / "nowhere")


def test_names_in_messages_are_one_line_of_plain_text(tmp_path: Path) -> None:
    nasty = "a\x1b[31m\n    forged" + "\u202e" + "x" * 150
    classes(tmp_path / "train", names=("cat", nasty))
    classes(tmp_path / "val", names=("cat", "dog"))
    images(tmp_path / "train", 1, nasty + "{}.jpg")
    with pytest.raises(DataError) as error:
        read_class_folders(tmp_path)
    shutil.rmtree(tmp_path / "val")
    for text in (str(error.value), *read_class_folders(tmp_path).notes):
        assert not {"\x1b", "\u202e"} & set(text)
        assert "    forged" not in text.splitlines()
