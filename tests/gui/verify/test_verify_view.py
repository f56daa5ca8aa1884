"""The Verify workspace on the screen: the paper's Table 1, its figures, and everything else that is published."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QMenu, QTableView, QToolButton, QTreeView
from pytestqt.qtbot import QtBot

from resnet_studio.analysis.article import ARTICLE_SLIPS
from resnet_studio.analysis.published import VerifiedFigure, holds, network, paper_figure, published
from resnet_studio.analysis.reasons import reason
from resnet_studio.analysis.table import plan_table
from resnet_studio.analysis.table_one import TableOneNetwork, block_cells
from resnet_studio.gui import theme
from resnet_studio.gui.network_table.headers import DETAIL_ROLE, NAME_ROLE
from resnet_studio.gui.verify.figures import FigureColumn, FigureModel
from resnet_studio.gui.verify.model import TableOneModel
from resnet_studio.gui.verify.view import ColumnsMenu, VerifyView
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.baselines import NAMES, PLAIN
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.presets import GROUPS, PRESETS, preset

TABLE_ONE = {  # He et al. 2015, Table 1: kernels and channels of each stage's block, and how often it is repeated
    18: ((("3×3, 64", "3×3, 64"), 2), (("3×3, 128", "3×3, 128"), 2), (("3×3, 256", "3×3, 256"), 2),
         (("3×3, 512", "3×3, 512"), 2)),
    34: ((("3×3, 64", "3×3, 64"), 3), (("3×3, 128", "3×3, 128"), 4), (("3×3, 256", "3×3, 256"), 6),
         (("3×3, 512", "3×3, 512"), 3)),
    50: ((("1×1, 64", "3×3, 64", "1×1, 256"), 3), (("1×1, 128", "3×3, 128", "1×1, 512"), 4),
         (("1×1, 256", "3×3, 256", "1×1, 1024"), 6), (("1×1, 512", "3×3, 512", "1×1, 2048"), 3)),
    101: ((("1×1, 64", "3×3, 64", "1×1, 256"), 3), (("1×1, 128", "3×3, 128", "1×1, 512"), 4),
          (("1×1, 256", "3×3, 256", "1×1, 1024"), 23), (("1×1, 512", "3×3, 512", "1×1, 2048"), 3)),
    152: ((("1×1, 64", "3×3, 64", "1×1, 256"), 3), (("1×1, 128", "3×3, 128", "1×1, 512"), 8),
          (("1×1, 256", "3×3, 256", "1×1, 1024"), 36), (("1×1, 512", "3×3, 512", "1×1, 2048"), 3)),
}  # fmt: skip
PLAIN18_MACS = 1_814_073_344 - 64 * 128 * 28**2 - 128 * 256 * 14**2 - 256 * 512 * 7**2
"""ResNet-18 without the three projections of its shortcuts."""


def verified(figure_of: Architecture | None = None) -> tuple[VerifiedFigure, ...]:
    """The published figures with the plan's numbers, and the paper's figure with those of a further architecture."""
    wanted = [(figure, network(figure.subject)) for figure in published()]
    if figure_of and (figure := paper_figure(figure_of)):
        wanted.append((figure, figure_of))
    results = []
    for figure, architecture in wanted:
        measured = figure.counting.total(architecture)
        results.append(
            VerifiedFigure(
                figure, architecture, measured, holds(figure, measured), reason(figure, architecture, measured)
            )
        )
    return tuple(results)


@pytest.fixture
def view(qtbot: QtBot) -> VerifyView:
    view = VerifyView()
    qtbot.addWidget(view)
    view.resize(1120, 800)
    view.show()
    return view


def table(view: VerifyView) -> QTableView:
    return view.findChild(QTableView, "verifyTable")


def figure_list(view: VerifyView) -> QTreeView:
    return view.findChild(QTreeView, "figureList")


def names(view: VerifyView) -> list[str]:
    model = table(view).model()
    return [
        model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.UserRole)
        for column in range(model.columnCount())
    ]


def row(view: VerifyView, name: str, detail: str) -> list[str]:
    """The texts of the last row of that name and detail, which of conv2_x is the one under the pool."""
    model = table(view).model()
    found = [
        number
        for number in range(model.rowCount())
        if model.headerData(number, Qt.Orientation.Vertical, NAME_ROLE) == name
        and model.headerData(number, Qt.Orientation.Vertical, DETAIL_ROLE) == detail
    ]
    return [model.index(found[-1], column).data() for column in range(model.columnCount())]


def figures(view: VerifyView, what: str) -> dict[str, str]:
    return dict(zip(names(view), row(view, "FLOPs", what), strict=True))


def click_column(qtbot: QtBot, view: VerifyView, column: int, row: int = 0, *, double: bool = False) -> None:
    shown = table(view)
    point = QPoint(
        shown.columnViewportPosition(column) + shown.columnWidth(column) // 2, shown.rowViewportPosition(row) + 8
    )
    press = qtbot.mouseDClick if double else qtbot.mouseClick
    press(shown.viewport(), Qt.MouseButton.LeftButton, pos=point)


def lines(model: QAbstractItemModel, source: str) -> dict[str, QModelIndex]:
    """The rows of a source of the list by their first column."""
    for number in range(model.rowCount()):
        above = model.index(number, 0)
        if above.data().startswith(source):
            below = (model.index(child, 0, above) for child in range(model.rowCount(above)))
            return {index.data(): index for index in below}
    raise AssertionError(source)


def check_entries(qtbot: QtBot, view: VerifyView, family: str, *entries: str) -> None:
    """Open a family in the menu of columns and click entries with the mouse."""
    menu = view.findChild(QToolButton, "columns").menu()
    menu.popup(view.mapToGlobal(QPoint(20, 40)))  # the button itself would wait for the menu's end
    inner = click_entry(qtbot, menu, family).menu()
    for entry in entries:
        click_entry(qtbot, inner, entry)
        assert inner.isVisible(), "the menu stays, so that several can be checked"
    for open_menu in (inner, menu):
        qtbot.keyClick(open_menu, Qt.Key.Key_Escape)


def click_entry(qtbot: QtBot, menu: QMenu, text: str) -> QAction:
    action = next(one for one in menu.actions() if one.text() == text)
    qtbot.mouseMove(menu, menu.actionGeometry(action).center())
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())
    return action


@pytest.mark.parametrize("depth", TABLE_ONE)
def test_blocks_are_those_of_the_papers_table(depth: int) -> None:
    cells = block_cells(preset(f"resnet{depth}"))
    stages = [cells[f"conv{number}_x"] for number in (2, 3, 4, 5)]
    assert tuple((cell.lines, cell.times) for cell in stages) == TABLE_ONE[depth]
    assert [cell.size for cell in cells.values()] == ["112×112", "56×56", "28×28", "14×14", "7×7", "1×1"]
    assert cells["conv1"].words == "7×7, 64, stride 2"
    assert cells["conv2_x"].pool == ("3×3 max pool", "stride 2")
    assert cells["fc"].words == "average pool, 1000-d fc, softmax"


def test_table_has_a_column_for_each_depth(view: VerifyView) -> None:
    model = table(view).model()
    headings = [model.headerData(column, Qt.Orientation.Horizontal) for column in range(model.columnCount())]
    assert headings == ["18-layer", "34-layer", "50-layer", "101-layer", "152-layer"]
    assert names(view) == ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
    for number, size in enumerate(("56×56", "28×28", "14×14", "7×7"), start=2):
        expected = [f"{times} × [{'; '.join(block)}]" for block, times in (TABLE_ONE[d][number - 2] for d in TABLE_ONE)]
        assert row(view, f"conv{number}_x", size) == expected


def test_cells_shared_by_all_depths_are_merged(view: VerifyView) -> None:
    shown = table(view)
    spans = {shown.model().index(number, 0).data(): shown.columnSpan(number, 0) for number in range(8)}
    assert spans["7×7, 64, stride 2"] == 5
    assert spans["3×3 max pool, stride 2"] == 5
    assert spans["average pool, 1000-d fc, softmax"] == 5
    assert spans["2 × [3×3, 128; 3×3, 128]"] == 1


def test_figures_fill_in_as_they_arrive(view: VerifyView) -> None:
    assert figures(view, "published")["resnet50"] == "3.8 G"
    assert set(row(view, "FLOPs", "measured")) == {"…"}
    results = verified()
    view.show_results(results[:2])
    assert row(view, "FLOPs", "measured") == ["1.814 G", "3.664 G", "…", "…", "…"]
    assert view.findChild(QLabel, "standing").text() == "… 2 of the paper's 14 values measured"
    view.show_results(results)
    assert row(view, "FLOPs", "measured") == ["1.814 G", "3.664 G", "3.858 G", "7.570 G", "11.282 G"]
    assert row(view, "FLOPs", "difference") == ["+0.014 G", "+0.064 G", "+0.058 G", "−0.030 G", "−0.018 G"]
    assert row(view, "FLOPs", "verdict") == ["✓ matches"] * 5
    assert view.findChild(QLabel, "standing").text() == "✓ all 14 of the paper's values match"


def test_a_figure_that_fails_is_counted(view: VerifyView) -> None:
    results = verified()
    view.show_results((replace(results[0], holds=False), *results[1:]))
    assert view.findChild(QLabel, "standing").text() == "✗ 13 of the paper's 14 values match"
    assert figures(view, "verdict")["resnet18"] == "✗ doesn't match"


def test_hovering_gives_every_digit(view: VerifyView) -> None:
    view.show_results(verified())
    model = table(view).model()
    tips = [model.index(number, 2).data(Qt.ItemDataRole.ToolTipRole) for number in range(model.rowCount())]
    assert any(tip.startswith("3,857,973,248 multiply-adds") for tip in tips)
    assert any("He et al. 2015" in tip and "Table 1" in tip for tip in tips)
    assert any(tip.startswith("resnet50, conv3_x: 4 × [1×1, 128; 3×3, 128; 1×1, 512]") for tip in tips)


def test_presets_are_checked_as_columns(qtbot: QtBot, view: VerifyView) -> None:
    view.show_results(verified())
    check_entries(qtbot, view, "ResNet v1.5", "resnet50-v1.5")
    check_entries(qtbot, view, "ResNet", "Select none", "resnet50")
    assert names(view) == ["resnet50", "resnet50-v1.5"]
    assert figures(view, "verdict") == {"resnet50": "✓ matches", "resnet50-v1.5": "✗ doesn't match"}
    check_entries(qtbot, view, "Article", "Select all")
    assert names(view)[2:] == ["article18", "article34", "article50", "article101", "article152"]
    assert row(view, "conv2_x", "56×56")[2] == "2 × [3×3, 64; 1×1, 64]"
    assert figures(view, "measured")["article18"] == "1.005 G"


def test_presets_are_checked_with_the_keys(qtbot: QtBot, view: VerifyView) -> None:
    menu = view.findChild(QToolButton, "columns").menu()
    menu.popup(view.mapToGlobal(QPoint(20, 40)))
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right):
        qtbot.keyClick(menu, key)
    family = menu.actions()[0].menu()
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Down, Qt.Key.Key_Return):
        qtbot.keyClick(family, key)
    assert family.isVisible()
    assert names(view) == ["resnet50", "resnet101", "resnet152"]
    for open_menu in (family, menu):
        qtbot.keyClick(open_menu, Qt.Key.Key_Escape)
    assert not menu.isVisible()


def test_every_preset_can_be_checked(qtbot: QtBot) -> None:
    menu = ColumnsMenu()
    qtbot.addWidget(menu)
    menu.set_checked(tuple(PRESETS))
    others = set(NAMES) - set(PLAIN)  # whose parts are no stages of the table
    assert menu.checked_names() == tuple(name for name in PRESETS if name not in others)
    assert [action.text() for action in menu.actions()] == list(GROUPS)


def test_networks_of_other_sizes_show_their_sizes(qtbot: QtBot, view: VerifyView) -> None:
    check_entries(qtbot, view, "CIFAR", "resnet20-cifar")
    check_entries(qtbot, view, "Baselines", "vgg19")
    shown = table(view)
    cifar = names(view).index("resnet20-cifar")
    pool, blocks = 1, 2
    assert shown.rowSpan(pool, cifar) == 2, "it has no pool to stand over its blocks"
    cell = shown.model().index(pool, cifar).data(Qt.ItemDataRole.UserRole)
    assert (cell.lines, cell.times, cell.below) == (("3×3, 16", "3×3, 16"), 3, ("32×32",))
    vgg = shown.model().index(blocks, names(view).index("vgg19")).data(Qt.ItemDataRole.UserRole)
    assert (vgg.lines, vgg.times, vgg.below) == (("3×3, 128",), 2, ("112×112",))
    view.show_results(verified())
    assert figures(view, "published")["resnet20-cifar"] == "–"
    assert figures(view, "measured")["resnet20-cifar"] == "0.041 G"  # 16·27·32² + 6·144·16·32² + …
    view.grab()


def test_unpublished_networks_are_requested(qtbot: QtBot, view: VerifyView) -> None:
    with qtbot.waitSignal(view.columnsRequested) as signal:
        check_entries(qtbot, view, "Plain", "plain18")
    assert signal.args == [(preset("plain18"),)]
    assert figures(view, "measured")["plain18"] == "…"
    view.show_results(verified(preset("plain18")))
    assert figures(view, "measured")["plain18"] == f"{PLAIN18_MACS / 1e9:.3f} G"
    with qtbot.assertNotEmitted(view.columnsRequested):
        check_entries(qtbot, view, "Plain", "plain34")
    with qtbot.waitSignal(view.columnsRequested) as signal:
        check_entries(qtbot, view, "Plain", "plain18")
    assert signal.args == [()]


def test_the_current_architecture_can_be_a_column(qtbot: QtBot, view: VerifyView) -> None:
    view.set_current_architecture(preset("resnet50"))
    box = view.findChild(QCheckBox, "inHand")
    with qtbot.assertNotEmitted(view.columnsRequested):
        qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    assert names(view)[-1] == "current"
    own = Residual(Basic(), (1, 2, 1, 1, 1), width=8, stem="cifar", image=64, classes=10)
    view.set_current_architecture(own)
    assert row(view, "conv6_x", "4×4") == ["", "", "", "", "", "1 × [3×3, 128; 3×3, 128]"]
    assert figures(view, "published")["current"] == "–"
    wide = preset("resnet50").with_values({"stride_on": "3x3", "classes": 10})
    with qtbot.waitSignal(view.columnsRequested) as signal:
        view.set_current_architecture(wide)
    assert signal.args == [(wide,)]
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert len(names(view)) == 5


def test_the_current_column_shows_its_reason(qtbot: QtBot, view: VerifyView) -> None:
    reason_label = view.findChild(QLabel, "verifyReason")
    assert reason_label.text().startswith("Select a column")
    click_column(qtbot, view, 2)
    assert reason_label.text().startswith("resnet50: measuring, to compare with 3.8 G (He et al. 2015")
    view.show_results(verified())
    assert reason_label.text() == "resnet50: 3.858 G truncates to 3.8 G."
    qtbot.keyClick(table(view), Qt.Key.Key_Right)
    assert reason_label.text() == "resnet101: 7.570 G rounds to 7.6 G."
    qtbot.keyClick(table(view), Qt.Key.Key_End)
    qtbot.keyClick(table(view), Qt.Key.Key_Right)
    assert reason_label.text().startswith("resnet152: 11.282 G")
    qtbot.keyClick(table(view), Qt.Key.Key_Home)
    assert reason_label.text().startswith("resnet18: 1.814 G")


def test_an_added_column_shows_its_reason_at_once(qtbot: QtBot, view: VerifyView) -> None:
    check_entries(qtbot, view, "Article", "article18")
    assert names(view)[table(view).currentIndex().column()] == "article18"


def test_the_current_column_stays_while_others_are_added(qtbot: QtBot, view: VerifyView) -> None:
    view.set_current_architecture(preset("resnet50"))
    view.findChild(QCheckBox, "inHand").click()
    click_column(qtbot, view, 5, row=4)
    check_entries(qtbot, view, "Plain", "plain34")
    assert names(view)[table(view).currentIndex().column()] == "current"
    view.set_current_architecture(preset("resnet34"))
    assert names(view)[table(view).currentIndex().column()] == "current"


def test_a_column_can_become_the_current_architecture(qtbot: QtBot, view: VerifyView) -> None:
    with qtbot.waitSignal(view.architectureSelected) as signal:
        click_column(qtbot, view, 3, row=5, double=True)
    assert signal.args == [preset("resnet101")]
    qtbot.keyClick(table(view), Qt.Key.Key_Left)
    with qtbot.waitSignal(view.architectureSelected) as signal:
        qtbot.keyClick(table(view), Qt.Key.Key_Return)
    assert signal.args == [preset("resnet50")]
    header = table(view).horizontalHeader()
    with qtbot.waitSignal(view.architectureSelected) as signal:
        place = QPoint(header.sectionViewportPosition(0) + 40, header.height() // 2)
        qtbot.mouseDClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert signal.args == [preset("resnet18")]


def test_delete_removes_a_column(qtbot: QtBot, view: VerifyView) -> None:
    view.set_current_architecture(preset("vgg19"))
    view.findChild(QCheckBox, "inHand").click()
    for left in (5, 4, 3, 2, 1, 0):
        click_column(qtbot, view, len(names(view)) - 1, row=table(view).model().rowCount() - 1)
        qtbot.keyClick(table(view), Qt.Key.Key_Delete)
        assert len(names(view)) == left
    assert not view.findChild(QCheckBox, "inHand").isChecked()
    assert view.findChild(QLabel, "verifyReason").text().startswith("No networks shown")


def test_the_list_has_every_other_figure(view: VerifyView) -> None:
    view.show_results(verified())
    model = figure_list(view).model()
    counts = [model.rowCount(model.index(number, 0)) for number in range(model.rowCount())]
    assert sum(counts) == len(published()) - 5 + len(ARTICLE_SLIPS)
    heading = model.index(0, 0).data()
    assert heading.startswith("He et al. 2015 (arXiv 1512.03385), Figure 3")
    assert heading.endswith("3 of 3 match")
    vgg = lines(model, "He et al. 2015 (arXiv 1512.03385), Figure 3")["vgg19"]
    assert [vgg.siblingAtColumn(column).data() for column in FigureColumn] == [
        "vgg19", "FLOPs", "19.6 G", "19.632 G", "+0.032 G", "✓ matches",
        "19.632 G truncates or rounds to 19.6 G",
    ]  # fmt: skip
    exact = vgg.siblingAtColumn(FigureColumn.MEASURED).data(Qt.ItemDataRole.ToolTipRole)
    assert exact == f"{sum(group.macs for group in plan_table(preset('vgg19')).stages):,} multiply-adds"


def test_the_articles_mistakes_are_listed_with_its_figures(view: VerifyView) -> None:
    view.show_results(verified())
    found = lines(figure_list(view).model(), "Gamulin 2020")
    assert list(found)[:5] == ["article18", "article34", "article50", "article101", "article152"]
    assert found["article18"].siblingAtColumn(FigureColumn.VERDICT).data() == "✗ doesn't match"
    for slip in ARTICLE_SLIPS:
        sentence = found[f"Claim: {slip.says}"].data(Qt.ItemDataRole.AccessibleDescriptionRole)
        assert slip.true in sentence
        assert slip.source in sentence


def test_a_figure_without_a_result_shows_an_ellipsis(view: VerifyView) -> None:
    results = verified()
    view.show_results(results[:9])
    found = lines(figure_list(view).model(), "He et al. 2015 (arXiv 1512.03385), Table 6")
    assert found["resnet20-cifar"].siblingAtColumn(FigureColumn.MEASURED).data() == "0.270 M"
    assert found["resnet32-cifar"].siblingAtColumn(FigureColumn.MEASURED).data() == "…"
    assert found["resnet20-cifar"].parent().data().endswith("1 of 6 measured")


def test_enter_in_the_tree_selects_its_network(qtbot: QtBot, view: VerifyView) -> None:
    view.show_results(verified())
    shown = figure_list(view)
    shown.setCurrentIndex(lines(shown.model(), "He et al. 2015 (arXiv 1512.03385), Figure 3")["vgg19"])
    with qtbot.waitSignal(view.architectureSelected) as signal:
        qtbot.keyClick(shown, Qt.Key.Key_Return)
    assert signal.args == [preset("vgg19")]
    slip = list(lines(shown.model(), "Gamulin 2020").values())[-1]
    shown.setCurrentIndex(slip)
    with qtbot.assertNotEmitted(view.architectureSelected):
        qtbot.keyClick(shown, Qt.Key.Key_Return)


def test_reasons_are_shown_next_to_or_under_their_figures(qtbot: QtBot, view: VerifyView) -> None:
    view.show_results(verified())
    shown = figure_list(view)
    article = lines(shown.model(), "Gamulin 2020")["article18"]
    qtbot.waitUntil(lambda: shown.visualRect(article).height() > 0)
    qtbot.waitUntil(lambda: not shown.isColumnHidden(FigureColumn.REASON))
    next_to = shown.visualRect(article).height()
    view.resize(560, 800)
    qtbot.waitUntil(lambda: shown.isColumnHidden(FigureColumn.REASON))
    line = shown.fontMetrics().lineSpacing()
    qtbot.waitUntil(lambda: shown.visualRect(article).height() >= 3 * line)
    assert shown.visualRect(article).height() != next_to


def test_the_models_pass_qts_tester() -> None:
    shown, listed = TableOneModel(), FigureModel(published())
    strict = QAbstractItemModelTester.FailureReportingMode.Fatal
    testers = [QAbstractItemModelTester(model, strict) for model in (shown, listed)]
    results = verified()
    for networks in ([], ["resnet18", "vgg19"], [name for names in GROUPS.values() for name in names[:2]], ["alexnet"]):
        shown.show_networks(TableOneNetwork(preset(name)) for name in networks)
        for count in (0, 3, len(results)):
            shown.show_results(results[:count])
            listed.show_results(results[:count])
    assert len(testers) == 2


@pytest.mark.parametrize("tone", ["light", "dark"])
def test_the_theme_is_followed(view: VerifyView, tone: theme.ThemeName) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    sheet, palette, style, font = app.styleSheet(), app.palette(), app.style().objectName(), app.font()
    try:
        theme.apply(app, tone)
        view.show_results(verified())
        ground = table(view).viewport().grab().toImage().pixelColor(2, 2).name()
        assert ground == {"light": theme.LIGHT, "dark": theme.DARK}[tone].window
    finally:
        theme.apply(app, "light")
        app.setStyleSheet(sheet)
        app.setPalette(palette)
        app.setStyle(style)
        app.setFont(font)


def test_a_current_network_without_stages_has_no_column(view: VerifyView) -> None:
    box = view.findChild(QCheckBox, "inHand")
    view.set_current_architecture(preset("resnet50d"))
    box.click()
    assert names(view)[-1] == "current"
    view.set_current_architecture(preset("mobilenet_v2"))
    assert names(view) == [f"resnet{depth}" for depth in TABLE_ONE]
    assert not box.isEnabled()
    assert "no stages" in box.toolTip()
