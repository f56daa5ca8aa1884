"""Invalid command lines: each gets one message that names what is wrong and what to do, and exit code 2."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from resnet_studio.cli.main import INTERNAL_ERROR, main
from resnet_studio.cli.terminal import PROGRAM

MAPS = "maps sample:china --architecture resnet20-cifar --output x.png"
TRAIN = "train resnet20-cifar --data digits"
WRONG = {
    # line: what the message must name
    "experiment": "degradation",
    "experiment nonsense": "nonsense",
    "frobnicate": "frobnicate",
    "tabel resnet18": "table",
    "--theme blue": "light, dark, system",
    "--theme": "--theme",
    "--nonsense": "--nonsense",
    "open": "PATH",
    "open --theme blue x.png": "blue",
    "presets extra": "extra",
    "table": "ARCH",
    "table resnet19": "resnet18",
    "table resnet18 one two": "one two",
    "table missing.json": "missing.json",
    "table .": "folder",
    "table resnet18 --set": "--set",
    "table resnet18 --set width": "FIELD=VALUE",
    "table resnet18 --set width=many": "many",
    "table resnet18 --set blocks=a,b": "3,4,6,3",
    "table resnet18 --set nonsense=3": "stride_on",
    "table resnet18 --image-size big": "big",
    "table resnet18 --unit bananas": "flops, operations",
    "table resnet18 --format pdf": "markdown",
    "table resnet18 --frmat json": "--format",
    "verify extra": "extra",
    "verify --json=1": "--json",
    "compare": "two",
    "compare resnet18": "two",
    "compare resnet18 nonsense": "nonsense",
    "maps": "--output",
    "maps sample:china": "--output",
    "maps --output x.png": "image",
    "maps sample:china --output x.png": "--architecture",
    "maps sample:china --output x.png --weights random:3": "--architecture",
    "maps sample:china --output x.png --weights missing.pth": "missing.pth",
    "maps sample:china --output": "--output",
    MAPS + " --new-head": "--weights",
    MAPS + " --prefix backbone.": "--weights",
    MAPS + " --layer layer9.*": "layer9",
    MAPS + " --layer nonsense": "nonsense",
    MAPS + " --weights random:x": "random:3",
    MAPS + " --weights published:x": "published:resnet50",
    MAPS + " --contrast loud": "loud",
    MAPS + " --contrast 3,1": "3,1",
    MAPS + " --colormap jet": "viridis",
    MAPS + " --sort size": "variance",
    MAPS + " --sort difference": "--reference",
    MAPS + " --channel -1": "-1",
    MAPS + " --channel x": "integer",
    MAPS + " --channel 1.5": "1.5",
    MAPS + " --channel " + "9" * 30: "0 to 15",
    MAPS + " --channel " + "9" * 5000: "--channel",
    MAPS + " --scale 99": "32",
    MAPS + " --handle zoom": "zoom=2",
    MAPS + " --handle zoom=1,2": "zoom=2",
    MAPS + " --handle zoom=1e9": "1,000,000,000",
    MAPS + " --handle zoom=nan": "nan",
    MAPS + " --handle occluder=1,2": "occluder=0.5,0.5,0.2",
    MAPS + " --handle occluder": "occluder=0.5,0.5,0.2",
    MAPS + " --handle nonsense=3": "nonsense",
    MAPS + " --class 3": "--attribution",
    MAPS + " --attribution magic": "grad-cam",
    MAPS + " --attribution grad-cam --layer conv1 --layer bn1": "conv1, bn1",
    MAPS + " --device tpu": "tpu",
    MAPS + " --raw x.txt": ".npz",
    MAPS + " --run none": "--run",
    "maps sample:nothing --architecture resnet20-cifar --output x.png": "sample:nothing",
    "maps missing.jpg --architecture resnet20-cifar --output x.png": "missing.jpg",
    "maps sample:china --architecture resnet20-cifar --output x.bmp": ".png",
    "maps sample:china --architecture resnet20-cifar --output nowhere/x.png": "nowhere",
    "maps --run nothing --output d": "runs",
    "train": "architecture",
    "train nonsense": "nonsense",
    "train resnet20-cifar --data nonsense": "nonsense",
    TRAIN + " --epochs 0": "--epochs",
    TRAIN + " --epochs x": "'x'",
    TRAIN + " --batch-size 0": "batch_size",
    TRAIN + " --lr x": "--lr",
    TRAIN + " --lr nan": "nan",
    TRAIN + " --seed -1": "seed",
    TRAIN + " --precision int8": "fp16",
    TRAIN + " --change schedule": "FIELD=VALUE",
    TRAIN + " --change schedule=up": "cosine",
    TRAIN + " --change nonsense=1": "milestones",
    TRAIN + " --recipe nonsense": "digits-quick",
    TRAIN + " --threads -1": "--threads",
    "train --resume nothing": "runs",
    "train --resume": "--resume",
    "curves": "RUN",
    "curves nothing": "--output",
    "curves nothing --output x.txt": ".csv",
    "curves nothing --output x.csv": "runs",
    "runs extra": "extra",
    "data": "DATA",
    "data nonsense": "nonsense",
    "data digits --change x": "FIELD=VALUE",
    "data digits --change holdout=x": "holdout",
    "data digits --image-size x": "224x320",
    "experiment degradation --depths x": "20,56",
    "experiment degradation --depths 20": "two",
    "experiment degradation --seeds 0": "--seeds",
    "experiment degradation --resume nothing": "nothing",
    "experiment degradation extra": "extra",
    "doctor extra": "extra",
    "doctor --jsn": "--json",
}
FOREIGN = re.compile(
    r"Traceback|Error\b|Input should|Value error|validation|parse|invalid|No such|Missing |Got unexpected|\bErrno\b"
    r"|requires an argument|, ,|: ,|\(\)|\bNone\b|<.* at 0x|\.\.|e\+\d"
)
"""Typical library messages, and lists with an empty item."""


@pytest.mark.parametrize("line", WRONG, ids=lambda line: line[:70])
def test_a_wrong_command_line_gets_one_message_that_says_what_to_do(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(line)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (text,) = err.splitlines()
    assert text.startswith(f"{PROGRAM}: ")
    text = text.removeprefix(f"{PROGRAM}: ")
    assert WRONG[line] in text
    assert not FOREIGN.search(text)
    assert len(text.split()) >= 5
    assert not text.endswith((",", ":", " ", "("))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line", ["-h", "--help", "train -h", "experiment -h", "experiment degradation -h", "maps --help"]
)
def test_help_works_with_either_option(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: resnet-studio")
    assert err == ""


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (lambda path: (path / "folder").read_text(), "this is a directory, not a file"),
        (lambda path: (path / "missing" / "x").write_text(""), "file or directory not found. Check the path"),
        (lambda path: (path / ("x" * 300)).write_text(""), "the name is too long for this system"),
        (lambda path: int("x"), "(ValueError). Run it again with"),
        (lambda path: {}["x"], "(KeyError). Run it again with"),
        (lambda path: __import__("nothing_of_that_name"), "a library can't be loaded"),
        (lambda path: bytearray(1 << 60), "not enough memory"),
        (lambda path: re.compile("("), "unexpected error in re "),
    ],
)
def test_library_exceptions_are_reported_in_our_own_words(
    raised, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any failure inside a command: here when resolving the architecture."""
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr("resnet_studio.cli.module.resolve_architecture", lambda *_: raised(tmp_path))
    assert main(["table", "resnet18"]) in (2, INTERNAL_ERROR)
    (line,) = capsys.readouterr().err.splitlines()
    assert text in line
    assert not re.search(r"Traceback|Errno|invalid literal|unterminated", line)


def test_the_traceback_is_shown_on_request(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("resnet_studio.cli.module.resolve_architecture", lambda *_: {}["x"])
    monkeypatch.setenv("RESNET_STUDIO_DEBUG", "1")
    assert main(["table", "resnet18"]) == INTERNAL_ERROR
    assert "KeyError: 'x'" in capsys.readouterr().err
