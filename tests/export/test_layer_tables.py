"""Layer tables as files: the numbers, and what is said below them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from resnet_studio.export.formats import FORMATS, file_stem
from resnet_studio.export.request import ExportRequest
from resnet_studio.networks.architecture import from_json
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

RESNET20 = preset("resnet20-cifar")


def exported(name: str, **options: object) -> str:
    return finish(FORMATS[name].steps(ExportRequest(name, (RESNET20,), **options))).data.decode()  # type: ignore[arg-type]


def total() -> int:
    """ResNet-20's parameters by hand: conv1, nine blocks of two 3×3 convolutions with norms, fc."""
    blocks = [(16, 16)] * 3 + [(16, 32)] + [(32, 32)] * 2 + [(32, 64)] + [(64, 64)] * 2
    return 27 * 16 + 32 + sum(9 * (a * b + b * b) + 4 * b for a, b in blocks) + 64 * 10 + 10


def test_csv_has_the_provenance_as_comments_and_every_layer() -> None:
    lines = exported("table-csv").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    assert any("resnet-studio export resnet20-cifar" in line for line in comments)
    rows = list(csv.DictReader(io.StringIO("\n".join(lines[len(comments) :]))))
    assert [row["name"] for row in rows] == [layer.name for layer in plan(RESNET20)]
    assert sum(int(row["parameters"]) for row in rows) == total()


def test_json_has_the_table_and_a_stamp() -> None:
    values = json.loads(exported("table-json"))
    assert values["totals"]["parameters"] == total()
    assert from_json(values["architecture"]) == RESNET20
    assert values["stamp"]["architectures"][0]["title"] == "resnet20-cifar"
    assert {"resnet-studio", "torch"} <= values["stamp"]["versions"].keys()


@pytest.mark.parametrize("layers", [False, True])
def test_html_is_well_formed_and_has_every_row(layers: bool) -> None:
    text = exported("table-html", layers=layers)
    tree = ElementTree.fromstring(text.replace("<!doctype html>", "").replace('<meta charset="utf-8">', ""))
    rows = [[cell.text for cell in row] for row in tree.iter("tr")]
    assert len({len(row) for row in rows}) == 1
    assert rows[-1][0] == "total"
    assert rows[-1][3] == f"{total():,}"
    assert (len(rows) > len(list(plan(RESNET20)))) == layers


def test_latex_has_booktabs_rules_and_a_cell_for_every_column() -> None:
    text = exported("table-latex")
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len({line.count(" & ") for line in body}) == 1
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\begin{tabular}{lllrrrr}", r"\end{tabular}"):
        assert rule in text
    assert f"{total():,}" in body[-1]
    assert r"\% of FLOPs" in body[0]
    assert r"conv2\_x" in text
    assert text.isascii() or not set("×−–…") & set(text.split(r"\begin", 1)[1])


def test_markdown_has_the_provenance_below_the_table() -> None:
    text = exported("table-markdown")
    table, _, notes = text.partition("\n\n")
    assert table.startswith("| stage |")
    assert "not counted: add ×9" in notes
    assert "resnet-studio export resnet20-cifar" in notes


def test_an_architecture_opens_again(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(exported("json"))
    assert read_architecture(tmp_path / "net.json") == RESNET20
    assert "resnet-studio" in json.loads(exported("json"))["stamp"]["versions"]


def test_a_files_name_is_suggested_by_the_network() -> None:
    assert file_stem(ExportRequest("python", (RESNET20,))) == "resnet20-cifar"
    assert file_stem(ExportRequest("weights", (RESNET20,), dialect="timm")) == "resnet20-cifar-timm"
    other = replace(preset("resnet50"), image=(64, 96))
    assert "/" not in file_stem(ExportRequest("python", (other,)))
    assert file_stem(ExportRequest("table-one-latex", (RESNET20, preset("resnet18")))) == "resnet20-cifar-resnet18"
