"""The paper's Table 1 in LaTeX: its rows and brackets, for any columns."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from resnet_studio.export.request import ExportRequest
from resnet_studio.export.table_one import export_steps, latex
from resnet_studio.networks.presets import PRESETS, preset
from resnet_studio.progress import finish

PAPER = tuple(preset(f"resnet{depth}") for depth in (18, 34, 50, 101, 152))


def cells(line: str) -> list[str]:
    """A row's cells, one that spans several columns as often."""
    found = []
    for cell in line.removesuffix(r" \\").split(" & "):
        if spans := re.fullmatch(r"\\multicolumn\{(\d+)\}\{c\}\{(.*)\}", cell):
            found += [spans[2]] * int(spans[1])
        else:
            found.append(cell)
    return found


def rows(text: str) -> list[list[str]]:
    return [cells(line) for line in text.splitlines() if line.endswith(r" \\")]


def bracket(*lines: str, times: int) -> str:
    stacked = r" \\ ".join(lines)
    return rf"$\left[\begin{{array}}{{c}} {stacked} \end{{array}}\right] \times {times}$"


def test_the_paper_table() -> None:
    """He et al. 2015, Table 1."""
    found = rows(latex(PAPER))
    assert {len(row) for row in found} == {7}
    names = [row[0] for row in found]
    assert names == [
        "layer name", "conv1", r"conv2\_x", "", r"conv3\_x", r"conv4\_x", r"conv5\_x", "fc", "parameters", "FLOPs",
    ]  # fmt: skip
    sizes = [row[1] for row in found[1:8]]
    assert sizes == [rf"${n}\times{n}$" if n else "" for n in (112, 56, 0, 28, 14, 7, 1)]
    assert found[1][2:] == [r"$7\times7,\ 64$, $\mbox{stride 2}$"] * 5
    assert set(found[2][2:]) == {r"$\mbox{3$\times$3 max pool}$, $\mbox{stride 2}$"}
    assert found[3][2] == bracket(r"3\times3,\ 64", r"3\times3,\ 64", times=2)
    assert found[3][4] == bracket(r"1\times1,\ 64", r"3\times3,\ 64", r"1\times1,\ 256", times=3)
    assert [cell.rpartition(r"\times ")[2] for cell in found[5][2:]] == ["2$", "6$", "6$", "23$", "36$"]
    assert found[9][2:] == [
        rf"${flops} \times 10^{{{power}}}$"
        for flops, power in (("1.81", 9), ("3.66", 9), ("3.86", 9), ("7.57", 9), ("1.13", 10))
    ]  # fmt: skip


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_a_column(name: str) -> None:
    text = latex((preset(name), preset("resnet18")))
    assert {len(row) for row in rows(text)} == {4}
    assert text.count("{") == text.count("}")
    assert text.count("$") % 2 == 0
    assert all(text.count(rf"\begin{{{part}}}") == text.count(rf"\end{{{part}}}") for part in ("tabular", "array"))
    assert text.isascii()


def test_groups_and_squeeze_and_excitation_are_in_the_brackets() -> None:
    (text,) = (line for line in latex((preset("resnext50_32x4d"),)).splitlines() if line.startswith(r"conv3\_x"))
    assert r"3\times3,\ 256,\ C=32" in text
    text = latex((preset("seresnet50"),))
    assert r"\mbox{fc, [16, 256]}" in text


def test_a_network_without_a_max_pool_has_its_blocks_once() -> None:
    found = rows(latex((preset("resnet18"), preset("resnet20-cifar"))))
    assert [row[3] for row in found[2:4]] == [
        "",
        bracket(r"3\times3,\ 16", r"3\times3,\ 16", times=3) + r" ($32\times32$)",
    ]


def test_equal_brackets_stay_in_their_columns() -> None:
    (line,) = (line for line in latex(PAPER[2:]).splitlines() if line.startswith(r"conv5\_x"))
    assert line.count(r"\left[") == 3


def test_another_size_stands_at_its_stage() -> None:
    text = latex((preset("resnet18"), preset("resnet34"), replace(preset("resnet50"), image=448)))
    assert r"($224\times224$)" in text


def test_the_file_says_what_it_needs_and_where_it_is_from() -> None:
    text = finish(export_steps(ExportRequest("table-one-latex", PAPER[:2]))).data.decode()
    comments = [line for line in text.splitlines() if line.startswith("%")]
    assert comments[0] == r"% \usepackage{booktabs}"
    assert "resnet-studio export resnet34" in comments[2]
    assert len(comments) == 4
