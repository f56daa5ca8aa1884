"""The kind of a file: by name if that is clear, else by content."""

from __future__ import annotations

import io
import json
import os
import pickle
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from resnet_studio.gui.activations.images.files import FoundFiles, find_files
from resnet_studio.gui.opened_files import kind_by_name, kind_of


def zipped(name: str) -> bytes:
    """Like torch.save: an uncompressed archive with a pickle in a folder."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(name, b"\x80\x02}q\x00.")
    return data.getvalue()


def tarred() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.pth"), io.BytesIO())
    return data.getvalue()


def image_file(form: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (3, 2)).save(data, form)
    return data.getvalue()


CONTENTS = {
    "weights": [
        zipped("archive/data.pkl"), *(pickle.dumps({"a": 1}, protocol) for protocol in (2, 3, 4, 5)),
        save({"conv1.weight": np.zeros(3, np.float32)}), b"\x89HDF\r\n\x1a\n" + bytes(50), tarred(),
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    ],
    "image": [
        *(image_file(form) for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")), b"", b"text", b"%PDF-1.4",
    ],
    "architecture": [json.dumps({"block": "basic"}).encode(), b"\xef\xbb\xbf\n {\"blocks\": []}"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "content"),
    [(kind, content) for kind, contents in CONTENTS.items() for content in contents],
    ids=lambda value: value if isinstance(value, str) else repr(value[:8]),
)
@pytest.mark.parametrize("name", ["checkpoint", "epoch=3-step=500", "model.best", "download (1)", "v1.0"])
def test_content_decides_if_the_name_is_unclear(tmp_path: Path, kind: str, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert kind_of(str(tmp_path / name)) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "weights") for name in (
            "a.pth", "a.PT", "last.ckpt", "model_best.pth.tar", "checkpoint.pt.tar", "pytorch_model.bin",
            "model.safetensors", "epoch=3-step=500.ckpt", "resnet50-0676ba61.pth", "net.t7", "weights.h5", "net.onnx",
            "x.pkl", "model.keras", "cat.png.ckpt",
        )),
        *((name, "image") for name in ("a.jpg", "b.JPEG", "c.tif", "weights.pth.png", "ckpt.webp")),
        ("net.json", "architecture"), ("pth", None), ("notes.txt", None), ("best.pth.bak", None), ("photo", None),
        (".ckpt", "weights"),
    ],
)  # fmt: skip
def test_names(name: str, kind: str | None) -> None:
    assert kind_by_name(f"/some.pth/{name}") == kind


def test_files_are_sorted_by_kind(tmp_path: Path) -> None:
    contents = {"one": image_file("PNG"), "two": zipped("archive/data.pkl"), "three": b'{"block": "basic"}'}
    paths = [tmp_path / name for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_bytes(content)
    one, two, three = map(str, paths)
    assert find_files([one, two, three]) == FoundFiles((one,), weights=(two,), architectures=(three,))


def test_files_that_could_block_a_reader_are_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    began = time.monotonic()
    assert [kind_of(str(path)) for path in (pipe, Path("/dev/zero"), tmp_path, tmp_path / "none")] == ["image"] * 4
    assert time.monotonic() - began < 2
