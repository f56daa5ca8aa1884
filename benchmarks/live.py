"""Feature maps that follow a hand: frames on the screen, the event loop under them, and the engine's memory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Line
from benchmarks.window import run_child

if TYPE_CHECKING:
    from resnet_studio.gui.main_window import MainWindow

LAYER = "layer1.0.relu1"
"""64 channels of 56×56."""
ROUNDS, FRAMES, SWITCHES = 5, 60, 24
SETTLED = 3000
"""Milliseconds after the first look."""
LONG, SAMPLE = 10_000, 500
"""Frames of the run that watches memory, and after how many it is read."""
BARE = """
import time, torch
from torchvision import models
network = models.resnet18(weights=None).eval()
image = torch.rand(1, 3, 224, 224)
for _ in range(10): network(image)
began = time.perf_counter()
with torch.inference_mode():
    for _ in range({frames}): network(image)
print((time.perf_counter() - began) / {frames})
"""
WINDOW = "from benchmarks.live import move; move({rounds}, {frames})"
SWITCH = "from benchmarks.live import switch; switch()"
ENGINE = "from benchmarks.live import last; last()"


def measure() -> Iterator[Line]:
    """A window whose crop is moved without a pause, in turns with torchvision's network alone."""
    bare, frames, gaps = [], [], []
    for _ in range(ROUNDS):
        bare.append(float(run_child(BARE.format(frames=FRAMES))))
        moved = json.loads(run_child(WINDOW.format(rounds=1, frames=FRAMES)).splitlines()[-1])
        frames.append(moved["seconds"] / FRAMES)
        gaps += moved["gaps"]
    rate = median(theirs / ours for ours, theirs in zip(frames, bare, strict=True))
    slow, middle, fast = (1 / seconds for seconds in (max(frames), median(frames), min(frames)))
    yield Line(
        "ResNet-18 at 224, a 64-channel layer live: frames on the screen a second ≥ 0.7 ×",
        f"{rate:.3f} ×, {middle:.1f} a second ({slow:.1f} … {fast:.1f}, n = {ROUNDS})",
        -rate, -0.7, f"torchvision's whole forward pass alone {1 / median(bare):.1f} a second",
    )  # fmt: skip
    yield from loop("while the crop is moved", gaps)
    switched = json.loads(run_child(SWITCH).splitlines()[-1])
    slowest = max(switched["milliseconds"])
    yield Line(
        "another layer of a captured image is on the screen within 50 ms",
        f"median {median(switched['milliseconds']):.1f} ms, slowest {slowest:.1f} ms of {SWITCHES}", slowest, 50,
    )  # fmt: skip
    memory = json.loads(run_child(ENGINE).splitlines()[-1])
    growth = memory[-1] / memory[1] - 1
    yield Line(
        f"engine's memory over {LONG:,} frames grows ≤ 2 %",
        f"{100 * growth:.1f} %: {memory[1]:.0f} MB after {SAMPLE:,}, {memory[-1]:.0f} MB after {LONG:,}", growth, 0.02,
    )  # fmt: skip


def loop(what: str, gaps: list[float]) -> Iterator[Line]:
    """Claims on the event loop's gaps in milliseconds."""
    late = quantiles(gaps, n=100)[-1]
    told = f"99 % under {late:.1f} ms, longest {max(gaps):.1f} ms of {len(gaps):,}"
    yield Line(f"event loop {what}: 99 % of gaps ≤ 33 ms", told, late, 33)
    yield Line(f"event loop {what}: longest gap ≤ 100 ms", told, max(gaps), 100)


def move(rounds: int, frames: int) -> None:
    """Move the crop with every frame that comes; print the seconds that the frames take and the loop's gaps."""
    from PySide6.QtCore import Qt, QTimer

    from resnet_studio.inference.cropping import moved

    app, window = _opened()
    subject = window.studio.subject
    began: list[float] = []
    ticks: list[float] = []
    timer = QTimer(interval=1, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    hand = QTimer(interval=8, timerType=Qt.TimerType.PreciseTimer)  # a mouse that tells 125 places a second
    hand.timeout.connect(lambda: subject.turn(moved(subject.subject.handles, 0.001, 0), True))
    painted: list[float] = []

    def note(_: object) -> None:
        painted.append(time.perf_counter())
        if len(painted) == 10:  # warm by now
            began.append(painted[-1])
            timer.start()
        elif len(painted) == 10 + frames * rounds:
            timer.stop()
            hand.stop()
            app.quit()

    def begin(_: object) -> None:
        subject.looked.disconnect(begin)
        subject.looked.connect(note)
        hand.start()

    subject.looked.connect(begin)
    window.start_engine()
    QTimer.singleShot(120_000, app.quit)
    app.exec()
    window.close()
    gaps = [1e3 * (after - before) for before, after in pairwise(ticks)]
    print(json.dumps({"seconds": painted[-1] - began[0], "gaps": gaps}))


def switch() -> None:
    """Choose one layer after another; print the milliseconds from each choice to its maps on the screen.

    It begins when the workspaces are there that the window makes beside, after its start.
    """
    from PySide6.QtCore import QTimer

    from resnet_studio.networks.plan import plan

    app, window = _opened()
    subject = window.studio.subject
    names = [layer.name for layer in plan(subject.subject.architecture) if layer.called][1 : 1 + SWITCHES]
    times: list[float] = []
    chosen: list[float] = []

    def begin(_: object) -> None:
        subject.looked.disconnect(begin)
        subject.looked.connect(go_on)
        QTimer.singleShot(SETTLED, partial(go_on, None))

    def go_on(_: object) -> None:
        app.processEvents()  # what the look has changed is painted
        if chosen:
            times.append(1e3 * (time.perf_counter() - chosen[-1]))
        if len(chosen) == len(names):
            app.quit()
            return
        chosen.append(time.perf_counter())
        subject.choose_layer(names[len(chosen) - 1])

    subject.looked.connect(begin)
    window.start_engine()
    QTimer.singleShot(120_000, app.quit)
    app.exec()
    window.close()
    print(json.dumps({"milliseconds": times}))


def last() -> None:
    """Ask a real engine for many frames; print its memory in MB after each `SAMPLE` of them."""
    from resnet_studio.engine.process import EngineProcess
    from resnet_studio.engine.protocol import Request
    from resnet_studio.inference.transforms import ImageTransforms, Occluder
    from resnet_studio.inference.values import ForwardSpec
    from resnet_studio.networks.presets import preset

    engine = EngineProcess()
    _until(engine, lambda reply: reply.kind == "ready")
    subject = ForwardSpec("sample:china", replace(preset("resnet18"), image=64))
    megabytes = []
    for number in range(1, LONG + 1):
        share = number / LONG
        handles = ImageTransforms(x=0.5 * share - 0.25, zoom=1 + share, occluder=Occluder(share, 0.5))
        question = (replace(subject, handles=handles), (LAYER,), True)
        engine.send(Request("look", number, "look", question))
        _until(engine, partial(_ends, number))
        if number % SAMPLE == 0:
            megabytes.append(_resident(engine.pid))
    engine.stop()
    print(json.dumps(megabytes))


def _ends(number: int, reply: Any) -> bool:
    return bool(reply.number == number and reply.kind in ("answer", "error"))


def _until(engine: Any, done: Callable[[Any], bool]) -> None:
    while True:
        reply = engine.receive()
        if reply and done(reply):
            return


def _opened() -> tuple[Any, MainWindow]:
    from PySide6.QtWidgets import QApplication

    from resnet_studio.gui import theme
    from resnet_studio.gui.app_controller import ACTIVATIONS
    from resnet_studio.gui.main_window import MainWindow
    from resnet_studio.gui.session import SessionState
    from resnet_studio.networks.architecture import to_json
    from resnet_studio.networks.presets import preset

    app = QApplication([])
    theme.apply(app, "light")
    window = MainWindow(SessionState(architecture=to_json(preset("resnet18")), workspace=ACTIVATIONS, layer=LAYER))
    window.show()
    return app, window


def _resident(process: int) -> float:
    """MB that a process holds now."""
    with open(f"/proc/{process}/statm", encoding="ascii") as sizes:
        return int(sizes.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
