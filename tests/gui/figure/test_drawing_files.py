"""Figures in files: PDF with its text and fonts, PNG with its pixels, and what is said where they come from."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

import pdf_text
from resnet_studio.export.provenance import KEY, NetworkProvenance
from resnet_studio.figures.drawing import Drawing
from resnet_studio.figures.figure import make_figure
from resnet_studio.figures.options import FigureOptions, Form
from resnet_studio.figures.palette import DARK, PRINT, Palette
from resnet_studio.gui.figure.files import SUFFIXES, start_painting, write_drawing
from resnet_studio.gui.figure.painting import pdf_bytes, png_bytes
from resnet_studio.networks.presets import preset

pytestmark = pytest.mark.usefixtures("qapp")
NETWORKS = tuple(preset(name) for name in ("vgg19", "plain34", "resnet34"))
FORMS: tuple[Form, ...] = ("columns", "horizontal", "block")


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return make_figure(NETWORKS)


@pytest.mark.parametrize("form", FORMS)
def test_a_pdfs_text_is_text_in_fonts_that_are_in_the_file(form: Form) -> None:
    drawing = make_figure([preset("resnet34"), preset("seresnet50")], FigureOptions(form))
    data = pdf_bytes(drawing, PRINT)
    assert sorted(pdf_text.text(data)) == sorted(label.text for label in drawing.labels())
    fonts, embedded = pdf_text.embedded_fonts(data)
    assert fonts == embedded > 0


def test_a_pdf_has_one_page_of_the_drawings_size(drawing: Drawing) -> None:
    assert pdf_text.page_size(pdf_bytes(drawing, PRINT)) == pytest.approx((drawing.width, drawing.height), abs=1)


def test_a_pdf_names_the_figure_and_what_made_it(drawing: Drawing) -> None:
    data = pdf_bytes(drawing, PRINT, NetworkProvenance(NETWORKS))
    assert "VGG-19, 34-layer plain, 34-layer residual".encode("utf-16-be") in data
    assert "made with resnet-studio".encode("utf-16-be") in data


@pytest.mark.parametrize("palette", [PRINT, DARK], ids=["print", "dark"])
def test_a_png_has_the_colors_of_its_palette(drawing: Drawing, palette: Palette) -> None:
    image = Image.open(io.BytesIO(png_bytes(drawing, palette, scale=2))).convert("RGB")
    assert image.size == (round(2 * drawing.width), round(2 * drawing.height))

    def color(x: float, y: float) -> str:
        return "#{:02x}{:02x}{:02x}".format(*image.getpixel((round(2 * x), round(2 * y))))

    assert color(1, 1) == palette.background
    for box in drawing.boxes:
        if box.names:
            assert color(box.rect.x + 2, box.rect.y + 3) == palette.fill(box.fill), box.layer
    (x, y), (_, end) = next(drawing.arcs).points[0], next(drawing.arcs).points[-1]
    assert palette.background not in (color(x + 20, y), color(x + 20, end))


def test_a_png_of_many_boxes_has_no_more_pixels_than_viewers_open() -> None:
    drawing = make_figure([preset("resnet1202-cifar")], FigureOptions(fold=False))
    assert drawing.height > 16_000
    image = Image.open(io.BytesIO(png_bytes(drawing, PRINT)))
    assert max(image.size) <= 16_000


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_each_kind_says_where_it_comes_from(drawing: Drawing, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"figure{suffix}"
    write_drawing(path, drawing, PRINT, NetworkProvenance(NETWORKS))
    data = path.read_bytes()
    if suffix == ".png":
        stamp = json.loads(Image.open(io.BytesIO(data)).info[KEY])
        assert [one["title"] for one in stamp["architectures"]] == ["vgg19", "plain34", "resnet34"]
    else:
        encoding = "utf-16-be" if suffix == ".pdf" else "utf-8"
        assert "resnet-studio".encode(encoding) in data
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_another_suffix_and_a_missing_folder_are_refused(drawing: Drawing, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in .svg, .pdf, .png or .tex"):
        write_drawing(tmp_path / "figure.jpg", drawing, PRINT, NetworkProvenance(NETWORKS))
    with pytest.raises(OSError, match="nowhere"):
        write_drawing(tmp_path / "nowhere" / "figure.pdf", drawing, PRINT, NetworkProvenance(NETWORKS))


def test_in_the_window_painting_needs_no_application_of_its_own() -> None:
    assert start_painting() is None
