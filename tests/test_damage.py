"""Bit flips, cuts and splices all over small weight and image files, in this process and through a real engine.

Whatever was done to a file, it opens or is refused with the program's own error; nothing else happens. Which damage
has to be found is tested format by format in `inference/test_integrity.py` and `inference/test_weight_faults.py`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from resnet_studio.engine.process import EngineProcess
from resnet_studio.engine.protocol import Reply, Request
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.images.loader import ImageError, open_image
from resnet_studio.inference.values import ForwardResult, ForwardSpec, RandomWeights, WeightsFile
from resnet_studio.inference.weights.provenance import TrainingProvenance, to_metadata
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.progress import Progress

TINY = Residual(Basic(), (1,), width=4, stem="cifar", image=16, classes=10)
ORIGIN = TrainingProvenance(TINY, "digits", tuple("0123456789"), (0.5,) * 3, (0.25,) * 3, "a run", 330)
PATIENCE = 120  # seconds for the engine to import torch, or to answer
State = dict[str, torch.Tensor]


def zipped(state: State, **options: Any) -> bytes:
    file = BytesIO()
    torch.save(state, file, **options)
    return file.getvalue()


def own(state: State) -> bytes:
    """As a run writes its weights."""
    return safetensors.torch.save(state, to_metadata(ORIGIN, safetensors.torch.save(state)))


def picture(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    y, x = np.mgrid[:24, :32]
    noise = np.random.default_rng(0).integers(0, 60, (24, 32, 3))
    pixels = (np.stack([4 * x, 5 * y, 3 * (x + y)], axis=2) + noise).clip(0, 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


WEIGHTS: dict[str, Callable[[State], bytes]] = {
    "zip.pth": zipped,
    "legacy.pth": lambda state: zipped(state, _use_new_zipfile_serialization=False),
    "plain.safetensors": safetensors.torch.save,
    "own.safetensors": own,
}
IMAGES: dict[str, Callable[[], bytes]] = {
    "rgb.png": lambda: picture("PNG"),
    "palette.png": lambda: picture("PNG", "P"),
    "animated.png": lambda: picture("PNG", save_all=True, append_images=[Image.new("RGB", (32, 24), "red")]),
    "baseline.jpg": lambda: picture("JPEG", quality=85),
    "progressive.jpg": lambda: picture("JPEG", quality=85, progressive=True, restart_marker_rows=1),
    "cmyk.jpg": lambda: picture("JPEG", "CMYK"),
    "upright.jpg": lambda: picture("JPEG", exif=rotated()),
    "lossy.webp": lambda: picture("WEBP"),
    "lossless.webp": lambda: picture("WEBP", lossless=True),
    "one.gif": lambda: picture("GIF"),
    "many.gif": lambda: picture("GIF", save_all=True, append_images=[Image.new("RGB", (32, 24), "red")]),
    "rgb.bmp": lambda: picture("BMP"),
    "palette.bmp": lambda: picture("BMP", "P"),
    "raw.tif": lambda: picture("TIFF"),
    "lzw.tif": lambda: picture("TIFF", compression="tiff_lzw"),
    "deflate.tif": lambda: picture("TIFF", compression="tiff_adobe_deflate"),
    "jpeg.tif": lambda: picture("TIFF", compression="jpeg"),
    "float.tif": lambda: picture("TIFF", "F"),
}


def rotated() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@cache
def whole(name: str) -> bytes:
    """A file that opens."""
    if name in IMAGES:
        return IMAGES[name]()
    return WEIGHTS[name](load(TINY, RandomWeights(0))[0].state_dict())


Change = tuple[str, str, float, int]
"""What is done, in which part of the file, where in it (0 … 1), and a number."""
KINDS, PARTS = ("flip", "flip", "flip", "byte", "cut", "insert", "remove", "swap"), ("all", "head", "tail")
EDGE = 700
"""Bytes at either end where most of what a decoder believes is written."""


def damaged(data: bytes, changes: list[Change]) -> bytes:
    """The file after these changes, one after another."""
    for kind, part, share, number in changes:
        length = len(data) if part == "all" else min(len(data), EDGE)
        place = min(int(share * length), length - 1) + (len(data) - length if part == "tail" else 0)
        if place < 0:
            return data
        changed = {
            "flip": bytes([data[place] ^ 1 << number % 8]),
            "byte": bytes([number]),
            "insert": data[place : place + 1] + bytes([number] * (1 + number % 9)),
            "remove": b"",
            "swap": data[place : place + 2][::-1],
        }
        if kind == "cut":
            data = data[:place]
        else:
            data = data[:place] + changed[kind] + data[place + (2 if kind == "swap" else 1) :]
    return data


changes = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(PARTS), st.floats(0, 1), st.integers(0, 255)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=600)
@given(name=st.sampled_from(sorted(WEIGHTS)), changes=changes)
@example(name="zip.pth", changes=[("cut", "all", 0.0, 0)])
def test_damaged_weights_open_or_are_refused(name: str, changes: list[Change]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(damaged(whole(name), changes))
        try:
            network, info = load(TINY, WeightsFile(path))
        except WeightsError as error:
            text = str(error)
        else:
            text = ""
    if text:
        assert text.startswith(f"{name} ")
        return
    assert [tensor.dtype for tensor in network.parameters()] == [torch.float32] * len(list(network.parameters()))
    assert len(info.sha256) == 64
    assert len(info.labels) == TINY.classes


@settings(max_examples=900)
@given(name=st.sampled_from(sorted(IMAGES)), changes=changes)
@example(name="rgb.png", changes=[("cut", "all", 0.0, 0)])
def test_damaged_images_open_or_are_refused(name: str, changes: list[Change]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(damaged(whole(name), changes))
        try:
            photograph = open_image(path)
        except ImageError as error:
            text = str(error)
        else:
            text = ""
    if text:
        assert name in text
        return
    assert photograph.pixels.dtype == np.uint8
    assert photograph.pixels.ndim == 3
    assert photograph.pixels.shape[2] == 3
    assert photograph.pixels.size


@settings(max_examples=200)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_among_a_runs_numbers_is_always_found(place: float, bit: int) -> None:
    data = whole("own.safetensors")
    start = 8 + int.from_bytes(data[:8], "little")
    changed = bytearray(data)
    changed[start + int(place * (len(data) - start))] ^= 1 << bit
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "weights.safetensors")
        path.write_bytes(changed)
        with pytest.raises(WeightsError, match=r"is damaged \(wrong checksum\)"):
            load(TINY, WeightsFile(path))


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    engine = EngineProcess()
    yield engine
    engine.stop()


def answer(engine: EngineProcess, number: int, subject: ForwardSpec) -> Reply:
    """What the engine makes of a look; it must say something within the patience."""
    engine.send(Request("forward", number, "forward", (subject, ("layer1.0.relu1",), False)))
    while engine.poll(PATIENCE):
        reply = engine.receive()
        if reply and reply.number == number and reply.kind in ("answer", "error", "dropped"):
            return reply
        assert not reply or reply.kind in ("ready", "started") or isinstance(reply.value, Progress)
    pytest.fail(f"the engine is silent about {subject}")


def drawn(random: Random) -> list[Change]:
    count = random.randint(1, 3)
    return [(random.choice(KINDS), random.choice(PARTS), random.random(), random.randrange(256)) for _ in range(count)]


def test_one_engine_answers_for_every_damaged_file_and_lives_on(engine: EngineProcess, tmp_path: Path) -> None:
    random, kinds = Random(0), set()
    for number in range(1, 81):
        name = random.choice(sorted(WEIGHTS) if number % 2 else sorted(IMAGES))
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(damaged(whole(name), drawn(random)))
        subject = (
            ForwardSpec("sample:digit-3", TINY, WeightsFile(path)) if name in WEIGHTS else ForwardSpec(str(path), TINY)
        )
        reply = answer(engine, number, subject)
        kinds.add(reply.kind)
        assert isinstance(reply.value, ForwardResult | WeightsError | ImageError), (path, reply.value)
    assert kinds == {"answer", "error"}
    path = tmp_path / "whole.pth"
    path.write_bytes(whole("zip.pth"))
    last = answer(engine, 1000, ForwardSpec("sample:digit-3", TINY, WeightsFile(path)))
    assert last.value.weights.source == "whole.pth"
