"""When the published values are verified, and what is emitted while they are."""

from __future__ import annotations

import pytest

from fake_engine import FakeEngine
from resnet_studio.analysis.published import VerifiedFigure, published
from resnet_studio.gui.verify.controller import VerifyController
from resnet_studio.networks.presets import preset

FIGURES = tuple(
    VerifiedFigure(figure, preset(figure.subject), figure.value, True, "as published") for figure in published()[:3]
)
PLAIN = preset("plain34")


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def controller(engine: FakeEngine) -> VerifyController:
    return VerifyController(engine)


def test_verification_starts_once_and_again_on_request(engine: FakeEngine, controller: VerifyController) -> None:
    controller.start()
    controller.start()
    assert engine.requests_of("verify") == [("verify", ())]
    engine.answer("verify", FIGURES)
    controller.start()
    assert len(engine.requests_of("verify")) == 1
    controller.restart()
    assert len(engine.requests_of("verify")) == 2


def test_added_networks_are_verified_again_with_the_rest(engine: FakeEngine, controller: VerifyController) -> None:
    controller.verify_with((PLAIN,))
    controller.start()
    controller.restart()
    assert engine.requests_of("verify") == [("verify", (PLAIN,))] * 2


def test_results_are_emitted_as_they_come(engine: FakeEngine, controller: VerifyController) -> None:
    emitted: list[tuple[VerifiedFigure, ...]] = []
    controller.resultsChanged.connect(emitted.append)
    controller.start()
    for result in (*FIGURES[:2], *FIGURES):  # the engine died after the second result, and a new one started over
        engine.part("verify", result)
    engine.answer("verify", FIGURES)
    assert emitted == [FIGURES[:1], FIGURES[:2], FIGURES[:2], FIGURES[:2], FIGURES, FIGURES]


def test_a_canceled_verification_starts_again_when_the_workspace_is_entered(
    engine: FakeEngine, controller: VerifyController
) -> None:
    controller.start()
    engine.cancel_all()
    controller.start()
    assert len(engine.requests_of("verify")) == 2
    engine.fail("verify", RuntimeError("out of luck"))
    controller.start()
    assert len(engine.requests_of("verify")) == 2
