"""LaTeX files of figures: what TeX would refuse is found by their structure."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from resnet_studio.figures.coloring import coloring
from resnet_studio.figures.drawing import Drawing
from resnet_studio.figures.figure import make_figure
from resnet_studio.figures.options import FigureOptions, Form
from resnet_studio.figures.palette import DARK, PRINT, Palette
from resnet_studio.figures.tikz import tikz_text
from resnet_studio.networks.presets import preset

FORMS: tuple[Form, ...] = ("columns", "horizontal", "block")
COMMANDS = re.compile(r"\\([a-zA-Z]+)")
KNOWN = {
    "documentclass", "usepackage", "pagestyle", "setlength", "parindent", "topskip", "definecolor", "begin", "end",
    "sffamily", "fontsize", "selectfont", "useasboundingbox", "fill", "path", "draw", "node", "shade", "bfseries",
    "itshape", "times", "cdot",
}  # fmt: skip
"""Commands of LaTeX, xcolor and TikZ."""
POINT = r"\(-?\d+(\.\d+)?, -?\d+(\.\d+)?\)"
CURVE = rf"{POINT}( \.\. controls {POINT} and {POINT} \.\. {POINT})+"
PATHS = (
    rf"\\useasboundingbox {POINT} rectangle {POINT};",
    rf"\\(path|shade|fill|draw)\[[^\[\]]+\] {POINT} rectangle {POINT};",
    rf"\\(path|fill)\[[^\[\]]+\] {POINT}( -- {POINT})+ -- cycle;",
    rf"\\draw\[[^\[\]]+\] {POINT}( -- {POINT})+;",
    rf"\\draw\[[^\[\]]+\] {CURVE};",
    rf"\\node\[[^\[\]]+\] at {POINT} \{{.*\}};",
)
"""Every line of a picture is one of these, or a comment."""


def figure(form: Form, color: bool = False) -> Drawing:
    architectures = [preset("seresnet50"), preset("resnet50d")]
    return make_figure(architectures, FigureOptions(form), coloring("flops", architectures) if color else None)


@pytest.mark.parametrize("palette", [PRINT, DARK], ids=["print", "dark"])
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_the_document_has_only_what_latex_and_tikz_know(form: Form, color: bool, palette: Palette) -> None:
    text = tikz_text(figure(form, color), palette)
    code = [line for line in text.splitlines() if not line.startswith("%")]
    assert set(COMMANDS.findall("\n".join(code))) <= KNOWN
    assert re.findall(r"\\usepackage(?:\[.*\])?\{(.*)\}", text) == ["geometry", "tikz"]
    assert [line for line in code if line.count("{") != line.count("}")] == []
    assert [line for line in code if line.count("$") % 2] == []
    assert all(ord(letter) < 128 or letter in "µ" for line in code for letter in line)
    assert re.findall(r"\\(begin|end)\{(\w+)\}", text) == [
        ("begin", "document"), ("begin", "tikzpicture"), ("end", "tikzpicture"), ("end", "document")
    ]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_line_of_the_picture_is_a_path_or_a_node(form: Form) -> None:
    text = tikz_text(figure(form, color=True))
    _, options, picture = re.split(r"\\begin\{tikzpicture\}(\[[^]]*\])", text)
    assert "y=-1bp" in options
    lines = picture.split(r"\end{tikzpicture}")[0].strip().splitlines()
    assert [line for line in lines if not line.startswith("% ")
            and not any(re.fullmatch(path, line) for path in PATHS)] == []  # fmt: skip


@pytest.mark.parametrize("palette", [PRINT, DARK], ids=["print", "dark"])
def test_colors_are_defined_before_they_are_used(palette: Palette) -> None:
    head, picture = tikz_text(figure("columns"), palette).split(r"\begin{document}")
    defined = dict(re.findall(r"\\definecolor\{(\w+)\}\{HTML\}\{([0-9A-F]{6})\}", head))
    assert set(re.findall(r"figure\d+", picture)) == defined.keys()
    assert palette.fill("conv3_x").lstrip("#").upper() in defined.values()


def test_every_text_is_a_node_with_its_signs_escaped() -> None:
    drawing = figure("columns")
    nodes = re.findall(r"^\\node\[.*?\] at \(.*?\) \{(.*)\};$", tikz_text(drawing), re.MULTILINE)
    assert len(nodes) == sum(1 for _ in drawing.labels())
    assert r"3$\times$3 conv, 128, /2" in nodes
    assert r"conv2\_x" in nodes


def test_the_page_has_the_drawings_size_and_the_comments_come_first() -> None:
    drawing = figure("block")
    text = tikz_text(drawing, comments=["network: 50 %"])
    assert text.startswith("% network: 50 %\n\\documentclass")
    width, height = re.findall(r"paper(?:width|height)=([\d.]+)bp", text)
    assert (float(width), float(height)) == pytest.approx((drawing.width, drawing.height), abs=0.005)


def test_what_is_too_long_for_tex_is_refused() -> None:
    drawing = make_figure([preset("resnet1202-cifar")], FigureOptions(fold=False))
    with pytest.raises(ValueError, match="fold repeated blocks"):
        tikz_text(drawing)


def test_a_modules_name_does_not_leave_its_comment() -> None:
    drawing = figure("columns")
    box = next(box for box in drawing.boxes if box.names)
    changed = replace(box, names=("a\n\\input{/etc/passwd}",))
    items = tuple(changed if item is box else item for item in drawing.items)
    text = tikz_text(replace(drawing, items=items))
    assert [line for line in text.splitlines() if "input{" in line] == ["% a␊\\input{/etc/passwd}"]
