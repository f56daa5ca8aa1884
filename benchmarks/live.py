"""Feature maps while the user drags: frames on the screen, gaps of the event loop, and the engine's memory."""

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
SETTLE_MS = 3000
"""Milliseconds to wait after the first result."""
LONG_RUN_FRAMES, SAMPLE_INTERVAL = 10_000, 500
"""Frames of the run that measures memory, and after how many frames it is read."""
REFERENCE = """
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
MOVE_CROP = "from benchmarks.live import measure_crop; measure_crop({rounds}, {frames})"
SWITCH_LAYERS = "from benchmarks.live import measure_layer_switches; measure_layer_switches()"
RUN_ENGINE = "from benchmarks.live import measure_engine_memory; measure_engine_memory()"


def measure() -> Iterator[Line]:
    """A window whose crop is moved continuously, in turns with torchvision's network alone."""
    reference, frames, gaps = [], [], []
    for _ in range(ROUNDS):
        reference.append(float(run_child(REFERENCE.format(frames=FRAMES))))
        moved = json.loads(run_child(MOVE_CROP.format(rounds=1, frames=FRAMES)).splitlines()[-1])
        frames.append(moved["seconds"] / FRAMES)
        gaps += moved["gaps"]
    rate = median(theirs / ours for ours, theirs in zip(frames, reference, strict=True))
    slow, middle, fast = (1 / seconds for seconds in (max(frames), median(frames), min(frames)))
    yield Line(
        "ResNet-18 at 224, a 64-channel layer live: displayed fps ≥ 0.7 ×",
        f"{rate:.3f} ×, {middle:.1f} fps ({slow:.1f} … {fast:.1f}, n = {ROUNDS})",
        -rate, -0.7, f"torchvision's forward pass alone {1 / median(reference):.1f} fps",
    )  # fmt: skip
    yield from event_loop_lines("while the crop is dragged", gaps)
    switched = json.loads(run_child(SWITCH_LAYERS).splitlines()[-1])
    slowest = max(switched["milliseconds"])
    yield Line(
        "switching to another layer of a captured image ≤ 50 ms",
        f"median {median(switched['milliseconds']):.1f} ms, slowest {slowest:.1f} ms of {SWITCHES}", slowest, 50,
    )  # fmt: skip
    memory = json.loads(run_child(RUN_ENGINE).splitlines()[-1])
    growth = memory[-1] / memory[1] - 1
    yield Line(
        f"engine memory growth over {LONG_RUN_FRAMES:,} frames ≤ 2 %",
        f"{100 * growth:.1f} %: {memory[1]:.0f} MB after {SAMPLE_INTERVAL:,}, "
        f"{memory[-1]:.0f} MB after {LONG_RUN_FRAMES:,}",
        growth, 0.02,
    )  # fmt: skip


def event_loop_lines(situation: str, gaps: list[float]) -> Iterator[Line]:
    """Claims on the event loop's gaps in milliseconds."""
    percentile_99 = quantiles(gaps, n=100)[-1]
    text = f"99 % under {percentile_99:.1f} ms, longest {max(gaps):.1f} ms of {len(gaps):,}"
    yield Line(f"event loop {situation}: 99 % of gaps ≤ 33 ms", text, percentile_99, 33)
    yield Line(f"event loop {situation}: longest gap ≤ 100 ms", text, max(gaps), 100)


def measure_crop(rounds: int, frames: int) -> None:
    """Move the crop like a mouse; print the seconds that the frames take and the event loop's gaps."""
    from PySide6.QtCore import Qt, QTimer

    from resnet_studio.inference.cropping import moved

    app, window = _open_window()
    activations = window.controller.activations
    began: list[float] = []
    ticks: list[float] = []
    timer = QTimer(interval=1, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    mouse = QTimer(interval=8, timerType=Qt.TimerType.PreciseTimer)  # a mouse reports 125 positions per second
    mouse.timeout.connect(lambda: activations.set_transforms(moved(activations.spec.transforms, 0.001, 0), True))
    painted: list[float] = []

    def on_frame(_: object) -> None:
        painted.append(time.perf_counter())
        if len(painted) == 10:  # warmed up
            began.append(painted[-1])
            timer.start()
        elif len(painted) == 10 + frames * rounds:
            timer.stop()
            mouse.stop()
            app.quit()

    def on_first_result(_: object) -> None:
        activations.forwardFinished.disconnect(on_first_result)
        activations.forwardFinished.connect(on_frame)
        mouse.start()

    activations.forwardFinished.connect(on_first_result)
    window.start_engine()
    QTimer.singleShot(120_000, app.quit)
    app.exec()
    window.close()
    gaps = [1e3 * (after - before) for before, after in pairwise(ticks)]
    print(json.dumps({"seconds": painted[-1] - began[0], "gaps": gaps}))


def measure_layer_switches() -> None:
    """Select one layer after another; print the milliseconds from each selection to its maps on the screen.

    It starts when the window has made its workspaces in the background.
    """
    from PySide6.QtCore import QTimer

    from resnet_studio.networks.plan import plan

    app, window = _open_window()
    activations = window.controller.activations
    names = [layer.name for layer in plan(activations.spec.architecture) if layer.called][1 : 1 + SWITCHES]
    times: list[float] = []
    switched: list[float] = []

    def on_first_result(_: object) -> None:
        activations.forwardFinished.disconnect(on_first_result)
        activations.forwardFinished.connect(on_layer_shown)
        QTimer.singleShot(SETTLE_MS, partial(on_layer_shown, None))

    def on_layer_shown(_: object) -> None:
        app.processEvents()  # paint the result
        if switched:
            times.append(1e3 * (time.perf_counter() - switched[-1]))
        if len(switched) == len(names):
            app.quit()
            return
        switched.append(time.perf_counter())
        activations.set_layer(names[len(switched) - 1])

    activations.forwardFinished.connect(on_first_result)
    window.start_engine()
    QTimer.singleShot(120_000, app.quit)
    app.exec()
    window.close()
    print(json.dumps({"milliseconds": times}))


def measure_engine_memory() -> None:
    """Request many frames from a real engine; print its memory in MB after each `SAMPLE_INTERVAL` of them."""
    from resnet_studio.engine.process import EngineProcess
    from resnet_studio.engine.protocol import Request
    from resnet_studio.inference.transforms import ImageTransforms, Occluder
    from resnet_studio.inference.values import ForwardSpec
    from resnet_studio.networks.presets import preset

    engine = EngineProcess()
    _receive_until(engine, lambda reply: reply.kind == "ready")
    spec = ForwardSpec("sample:china", preset("resnet18").with_values({"image": 64}))
    megabytes = []
    for number in range(1, LONG_RUN_FRAMES + 1):
        share = number / LONG_RUN_FRAMES
        image_transforms = ImageTransforms(x=0.5 * share - 0.25, zoom=1 + share, occluder=Occluder(share, 0.5))
        arguments = (replace(spec, transforms=image_transforms), (LAYER,), True)
        engine.send(Request("forward", number, "forward", arguments))
        _receive_until(engine, partial(_is_final, number))
        if number % SAMPLE_INTERVAL == 0:
            megabytes.append(_resident(engine.pid))
    engine.stop()
    print(json.dumps(megabytes))


def _is_final(number: int, reply: Any) -> bool:
    return bool(reply.number == number and reply.kind in ("answer", "error"))


def _receive_until(engine: Any, done: Callable[[Any], bool]) -> None:
    while True:
        reply = engine.receive()
        if reply and done(reply):
            return


def _open_window() -> tuple[Any, MainWindow]:
    from PySide6.QtWidgets import QApplication

    from resnet_studio.gui import theme
    from resnet_studio.gui.activations.workspace import ActivationsWorkspace
    from resnet_studio.gui.main_window import MainWindow
    from resnet_studio.gui.session import SessionState
    from resnet_studio.gui.workspaces import WORKSPACES
    from resnet_studio.networks.presets import preset

    app = QApplication([])
    theme.apply(app, "light")
    workspace = WORKSPACES.index(ActivationsWorkspace)
    window = MainWindow(SessionState(architecture=preset("resnet18"), workspace=workspace, layer=LAYER))
    window.show()
    return app, window


def _resident(process: int) -> float:
    """The resident memory of a process in MB."""
    with open(f"/proc/{process}/statm", encoding="ascii") as sizes:
        return int(sizes.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
