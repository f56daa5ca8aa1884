"""How much processes slow each other down on the same cores: two runs, and live maps during a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.live import MOVE_CROP
from benchmarks.measure import Line, spread
from benchmarks.window import run_child
from resnet_studio.training.runs.events import Began, Ended, Event, Stepped
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.run_folder import STOP, make_request

ROUNDS, EPOCHS, MOVES = 5, 40, 300
ALONE_SECONDS = 12.0
"""Seconds in which a run takes its cores back and trains alone."""
DEFAULT_SPIN = {"GOMP_SPINCOUNT": "300000"}
"""The spin count of GNU OpenMP by default."""
TABLE = "from benchmarks.contention import time_table; time_table()"


def measure() -> Iterator[Line]:
    """Two runs in turns and at once, then a window whose crop is moved, without and during a run."""
    with tempfile.TemporaryDirectory() as temporary:
        yield from two_runs(Path(temporary))
        yield from during_a_run(Path(temporary))


def two_runs(folder: Path) -> Iterator[Line]:
    """ResNet-20 on digits: alone with torch's threads, alone with the program's, two in turns, two at once."""
    torch_default, alone, sequential, concurrent = [], [], [], []
    for number in range(ROUNDS):
        torch_default.append(
            training_seconds(
                run_together(folder, [f"torch-{number}"], ["--threads", str(os.cpu_count())], DEFAULT_SPIN)
            )
        )
        first, second = (training_seconds(run_together(folder, [f"{which}-{number}"])) for which in "ab")
        alone += [first, second]
        sequential.append(first + second)
        concurrent.append(training_seconds(run_together(folder, [f"c-{number}", f"d-{number}"])))
    name = f"ResNet-20 on digits, {EPOCHS} epochs"
    both = median(at_once / in_turns for at_once, in_turns in zip(concurrent, sequential, strict=True))
    yield Line(
        f"{name}: two concurrent runs ≤ 0.75 × two in sequence", f"{both:.3f} ×, {spread(concurrent, 1.0)}", both, 0.75,
        f"sequential {spread(sequential, 1.0)}",
    )  # fmt: skip
    slower = median(alone) / median(torch_default)
    yield Line(
        f"{name}: alone ≤ 1.05 ×", f"{slower:.3f} ×, {spread(alone, 1.0)}", slower, 1.05,
        f"one thread per core, default OpenMP wait policy {spread(torch_default, 1.0)}",
    )  # fmt: skip


def during_a_run(folder: Path) -> Iterator[Line]:
    """Seconds of a frame, of a step and of a table, each alone and while the other process computes."""
    frames: dict[str, list[float]] = {"alone": [], "shared": []}
    tables: dict[str, list[float]] = {"alone": [], "shared": []}
    steps: dict[str, list[float]] = {"alone": [], "shared": []}
    for number in range(ROUNDS):
        frames["alone"].append(crop_seconds() / MOVES)
        tables["alone"].append(float(run_child(TABLE)))
        name = f"long-{number}"
        run = start(folder, name, ["--epochs", "100000"])
        wait_for_steps(folder / name, 100)
        tables["shared"].append(float(run_child(TABLE)))
        seconds = crop_seconds()
        frames["shared"].append(seconds / MOVES)
        steps["shared"].append(step_time(folder / name, seconds))
        time.sleep(ALONE_SECONDS)
        steps["alone"].append(step_time(folder / name, ALONE_SECONDS / 2))
        make_request(folder / name, STOP)
        run.wait()
    for name, times, limit in (
        ("ResNet-18's live maps during a run, per frame", frames, 2.0),
        ("a run during ResNet-18's live maps, per step", steps, 2.0),
        ("ResNet-50's table during a run", tables, 2.0),
    ):
        slower = median(times["shared"]) / median(times["alone"])
        yield Line(
            f"{name}: slowdown ≤ {limit} ×", f"{slower:.3f} ×, {spread(times['shared'])}", slower, limit,
            f"alone {spread(times['alone'])}",
        )  # fmt: skip


def start(
    folder: Path, name: str, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a run of ResNet-20 on digits in its own process."""
    command = [
        sys.executable,
        "-m",
        "resnet_studio",
        "train",
        "resnet20-cifar",
        "--data",
        "digits",
        "--runs",
        str(folder),
    ]
    return subprocess.Popen(
        [*command, "--name", name, *options], env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL
    )  # fmt: skip


def run_together(
    folder: Path, names: Sequence[str], options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> list[list[Event]]:
    """Start runs at once, and return their events once all have ended."""
    started = [start(folder, name, ["--epochs", str(EPOCHS), *options], environment) for name in names]
    assert all(run.wait() == 0 for run in started)
    return [list(RunReader(folder / name).new_events(-1)) for name in names]


def training_seconds(events: Sequence[Sequence[Event]]) -> float:
    """Seconds from the first start of these runs to the last end, without the import of torch."""
    began = min(event.time for run in events for event in run if isinstance(event, Began))
    return max(event.time for run in events for event in run if isinstance(event, Ended)) - began


def crop_seconds() -> float:
    """Seconds in which a moved crop was shown `MOVES` times."""
    return float(json.loads(run_child(MOVE_CROP.format(rounds=1, frames=MOVES)).splitlines()[-1])["seconds"])


def wait_for_steps(folder: Path, count: int) -> None:
    """Wait until a run has trained that many steps."""
    reader, steps = RunReader(folder), 0
    while steps < count:
        time.sleep(0.05)
        steps += sum(len(event.losses) for event in reader.new_events() if isinstance(event, Stepped))


def step_time(folder: Path, window_seconds: float) -> float:
    """Median seconds of the steps that a run has reported in the last `window_seconds`."""
    times, before, since = [], 0.0, time.time() - window_seconds
    for event in RunReader(folder).new_events(-1):
        if isinstance(event, Stepped):
            if event.time > since:
                times.append((event.seconds - before) / len(event.losses))
            before = event.seconds
    return median(times)


def time_table() -> None:
    """Request tables from a real engine; print the seconds that ResNet-50's takes once the engine is warm."""
    from resnet_studio.engine.process import EngineProcess
    from resnet_studio.engine.protocol import Request
    from resnet_studio.networks.presets import preset

    engine, seconds = EngineProcess(), 0.0
    for number, name in enumerate(("resnet34", "resnet50"), start=1):
        began = time.perf_counter()
        engine.send(Request("table", number, "table", (preset(name),)))
        while True:
            reply = engine.receive()
            if reply and reply.number == number and reply.kind in ("answer", "error"):
                break
        seconds = time.perf_counter() - began
    engine.stop()
    print(seconds)
