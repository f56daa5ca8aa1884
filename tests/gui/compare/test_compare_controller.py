"""When networks are compared and their tables counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from resnet_studio.analysis.comparison import Comparison
from resnet_studio.analysis.table import CounterChecks, LayerTable, plan_table
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.compare.controller import CompareController
from resnet_studio.gui.session import SessionState
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset, title

RESNET, PLAIN = preset("resnet18"), preset("plain18")


def counted(architecture: Architecture) -> LayerTable:
    """A table as the engine returns it."""
    table = plan_table(architecture)
    macs, parameters = table.totals.macs, table.totals.parameters
    return replace(table, checks=CounterChecks(macs, macs, macs, parameters, parameters))


class Harness:
    """The controller with a fake engine, and what it has emitted."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.app = AppController(SessionState(architecture=RESNET, compared=[None, PLAIN]), self.engine)
        self.controller = CompareController(self.app)
        self.emitted: list[Comparison] = []
        self.controller.comparisonChanged.connect(self.emitted.append)
        self.errors: list[str] = []
        self.app.errorOccurred.connect(lambda sentence, *_: self.errors.append(sentence))
        self.app.start()

    def requested(self) -> list[str]:
        """The networks of all pending table requests that the controller made."""
        return [lane.removeprefix("table of ") for lane in self.engine.pending if lane.startswith("table of ")]


@pytest.fixture
def harness(qtbot: QtBot) -> Iterator[Harness]:
    harness = Harness()
    yield harness
    harness.app.close()


def test_nothing_is_compared_while_the_workspace_is_not_visible(harness: Harness) -> None:
    harness.app.session.set_architecture(preset("resnet34"))
    assert harness.emitted == []
    assert harness.requested() == []
    assert harness.controller.comparison().architectures == (preset("resnet34"), PLAIN)


def test_tables_are_counted_and_the_comparison_follows(harness: Harness) -> None:
    harness.controller.set_active(True)
    assert [comparison.architectures for comparison in harness.emitted] == [(RESNET, PLAIN)]
    assert harness.requested() == [title(RESNET), title(PLAIN)]
    harness.engine.answer(f"table of {title(PLAIN)}", counted(PLAIN))
    assert len(harness.emitted) == 2
    assert harness.requested() == [title(RESNET)]  # which has not been requested again
    assert len(harness.engine.requests_of(f"table of {title(RESNET)}")) == 1


def test_an_edit_is_compared_and_counted(harness: Harness) -> None:
    harness.controller.set_active(True)
    edited = replace(RESNET, width=32)
    harness.app.session.set_architecture(edited)
    assert harness.emitted[-1].architectures == (edited, PLAIN)
    assert title(edited) in harness.requested()
    harness.controller.set_active(False)
    count = len(harness.emitted)
    harness.app.session.undo()
    assert len(harness.emitted) == count


def test_compared_networks_are_kept_in_the_session(harness: Harness) -> None:
    harness.controller.set_active(True)
    harness.controller.compare_with((PLAIN, None, RESNET))
    assert harness.app.session.state.compared == [PLAIN, None, RESNET]
    assert harness.emitted[-1].architectures == (PLAIN, RESNET, RESNET)


def test_a_network_that_is_too_large_to_count_is_not_reported(harness: Harness) -> None:
    harness.controller.set_active(True)
    harness.engine.fail(f"table of {title(PLAIN)}", MemoryError("plain18 needs 30 GB to count its FLOPs"))
    assert harness.errors == []
    harness.engine.fail(f"table of {title(RESNET)}", RuntimeError("out of luck"))
    assert harness.errors == ["out of luck"]
