"""The command `figure`: every kind of file, what is said about it, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from resnet_studio.cli.main import main

NET = """
from torch import nn

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        return x + self.conv(x)

def make():
    return nn.Sequential(nn.Conv2d(3, 8, 3), Block(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in this process and an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        return code, *capsys.readouterr()

    return call


def test_the_figure_of_the_paper(run: Run, tmp_path: Path) -> None:
    code, out, err = run("figure", "vgg19", "plain34", "resnet34", "--output", "f.svg", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["boxes"], found["skip_connections"], found["folded"]) == (24 + 36 + 36, 16, False)
    assert found["title"] == "VGG-19, 34-layer plain, 34-layer residual"
    assert [one["title"] for one in found["stamp"]["architectures"]] == ["vgg19", "plain34", "resnet34"]
    assert found["bytes"] == (tmp_path / "f.svg").stat().st_size
    assert ElementTree.parse(tmp_path / "f.svg").getroot().get("role") == "img"


@pytest.mark.parametrize(("file", "begins"), [("f.pdf", b"%PDF-1"), ("f.png", b"\x89PNG"), ("f.tex", b"% network")])
def test_other_kinds_of_files(run: Run, tmp_path: Path, qapp, file: str, begins: bytes) -> None:
    code, out, err = run("figure", "resnet18", "--form", "horizontal", "--output", file)
    assert (code, err) == (0, "")
    data = (tmp_path / file).read_bytes()
    assert data.startswith(begins)
    assert out.startswith(f"saved {file} (")


def test_pdf_and_png_need_no_display(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "resnet_studio", "figure", "resnet18", "--form", "block", "--output", "f.pdf"]
    environment = {"HOME": str(tmp_path), "PATH": "", "LANG": "C.UTF-8"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF")


def test_options_reach_the_drawing(run: Run) -> None:
    _, out, _ = run("figure", "resnet50", "--fold", "--color-by", "parameters", "--output", "f.svg", "--json")
    folded = json.loads(out)
    assert folded["folded"]
    assert folded["color_by"] == "parameters"
    _, out, _ = run(
        "figure", "resnet50", "--set", "stem=deep", "--set", "se=16", "--no-fold", "--colors", "dark",
        "--output", "f.svg", "--json",
    )  # fmt: skip
    assert json.loads(out)["boxes"] == 52 + 2 + 16
    _, out, _ = run("figure", "resnet50", "--form", "block", "--block", "layer3.0", "--output", "f.svg", "--json")
    assert json.loads(out)["title"] == "layer3.0 of 50-layer residual"


def test_a_network_of_a_python_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    code, out, err = run("figure", "--module", "net.py:make", "--image-size", "32", "--output", "f.tex", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["boxes"], found["skip_connections"]) == (4, 1)
    assert "3$\\times$3 conv, 8" in (tmp_path / "f.tex").read_text()


@pytest.mark.parametrize(("words", "message"), [
    (("--output", "f.svg"), "name an architecture, as in `figure resnet50 --output f.svg`"),
    (("resnet18", "--output", "f.jpg"), "f.jpg: the file name must end in .svg, .pdf, .png or .tex"),
    (("resnet18", "--output", "none/f.svg"), "none/f.svg: directory not found: "),
    (("resnet18", "--block", "layer1.0", "--output", "f.svg"), "--block is for --form block, not for --form columns"),
    (("resnet18", "--form", "block", "--fold", "--output", "f.svg"), "--form block has nothing to fold"),
    (("vgg19", "--form", "block", "--output", "f.svg"), "vgg19 has no residual blocks"),
    (("resnet18", "--device", "cuda:0", "--output", "f.svg"), "--device is for --color-by time"),
    (("resnet18", "--color-by", "time", "--output", "f.svg"), "run `resnet-studio measure resnet18` first"),
    (("resnet1202-cifar", "--no-fold", "--output", "f.tex"), "fold repeated blocks"),
])  # fmt: skip
def test_what_is_refused(run: Run, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    code, out, err = run("figure", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_export_has_figures_of_several_networks(run: Run) -> None:
    code, out, err = run("export", "resnet18,resnet34", "--to", "figure-svg")
    assert (code, err) == (0, "")
    root = ElementTree.fromstring(out.encode())
    assert root.find("{http://www.w3.org/2000/svg}title").text == "18-layer residual, 34-layer residual"
    code, out, _ = run("export", "resnet18", "--to", "figure-tikz")
    assert code == 0
    assert r"\begin{tikzpicture}" in out
