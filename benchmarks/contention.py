"""What processes cost each other that compute on the same cores: two runs, and live maps beside a run."""

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

from benchmarks.live import WINDOW
from benchmarks.measure import Line, spread
from benchmarks.window import run_child
from resnet_studio.training.runs.events import Began, Ended, Event, Stepped
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.run_folder import STOP, request

ROUNDS, EPOCHS, MOVES = 5, 40, 300
ALONE_AGAIN = 12.0
"""Seconds in which a run takes its cores back and trains on its own."""
BEFORE = {"GOMP_SPINCOUNT": "300000"}
"""GNU's own waiting."""
TABLE = "from benchmarks.contention import table; table()"


def measure() -> Iterator[Line]:
    """Runs in turns and at once, then a window whose crop is moved, without a run and beside one."""
    with tempfile.TemporaryDirectory() as temporary:
        yield from two_runs(Path(temporary))
        yield from beside_a_run(Path(temporary))


def two_runs(where: Path) -> Iterator[Line]:
    """ResNet-20 on digits: alone as torch would have it, alone as the program chooses, two in turns, two at once."""
    torchs, alone, turns, once = [], [], [], []
    for number in range(ROUNDS):
        torchs.append(took(finished(where, [f"torch-{number}"], ["--threads", str(os.cpu_count())], BEFORE)))
        one, other = (took(finished(where, [f"{which}-{number}"])) for which in "ab")
        alone += [one, other]
        turns.append(one + other)
        once.append(took(finished(where, [f"c-{number}", f"d-{number}"])))
    what = f"ResNet-20 on digits, {EPOCHS} epochs"
    both = median(at_once / in_turns for at_once, in_turns in zip(once, turns, strict=True))
    yield Line(
        f"{what}: two runs at once ≤ 0.75 × two in turns", f"{both:.3f} ×, {spread(once, 1.0)}", both, 0.75,
        f"in turns {spread(turns, 1.0)}",
    )  # fmt: skip
    slower = median(alone) / median(torchs)
    yield Line(
        f"{what}: alone ≤ 1.05 ×", f"{slower:.3f} ×, {spread(alone, 1.0)}", slower, 1.05,
        f"every core a thread, waiting as OpenMP does by itself {spread(torchs, 1.0)}",
    )  # fmt: skip


def beside_a_run(where: Path) -> Iterator[Line]:
    """Frames a second, steps a second and seconds of a table, each alone and beside the other."""
    frames: dict[str, list[float]] = {"alone": [], "beside": []}
    tables: dict[str, list[float]] = {"alone": [], "beside": []}
    steps: dict[str, list[float]] = {"alone": [], "beside": []}
    for number in range(ROUNDS):
        frames["alone"].append(moved() / MOVES)
        tables["alone"].append(float(run_child(TABLE)))
        name = f"long-{number}"
        run = start(where, name, ["--epochs", "100000"])
        wait_for_steps(where / name, 100)
        tables["beside"].append(float(run_child(TABLE)))
        seconds = moved()
        frames["beside"].append(seconds / MOVES)
        steps["beside"].append(step_time(where / name, seconds))
        time.sleep(ALONE_AGAIN)
        steps["alone"].append(step_time(where / name, ALONE_AGAIN / 2))
        request(where / name, STOP)
        run.wait()
    for what, times, most in (
        ("ResNet-18's maps live beside a run: a frame", frames, 2.0),
        ("a run beside ResNet-18's live maps: a step", steps, 2.0),
        ("ResNet-50's table beside a run", tables, 2.0),
    ):
        slower = median(times["beside"]) / median(times["alone"])
        yield Line(
            f"{what} takes ≤ {most} ×", f"{slower:.3f} ×, {spread(times['beside'])}", slower, most,
            f"alone {spread(times['alone'])}",
        )  # fmt: skip


def start(
    where: Path, name: str, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A run of ResNet-20 on digits in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "resnet_studio",
        "train",
        "resnet20-cifar",
        "--data",
        "digits",
        "--runs",
        str(where),
    ]
    return subprocess.Popen(
        [*command, "--name", name, *options], env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL
    )  # fmt: skip


def finished(
    where: Path, names: Sequence[str], options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> list[list[Event]]:
    """Runs that are started at once; their events once all have ended."""
    started = [start(where, name, ["--epochs", str(EPOCHS), *options], environment) for name in names]
    assert all(run.wait() == 0 for run in started)
    return [list(RunReader(where / name).new_events(-1)) for name in names]


def took(events: Sequence[Sequence[Event]]) -> float:
    """Seconds from the first of these runs' beginnings to the last of their ends; importing torch is not part of it."""
    began = min(event.time for run in events for event in run if isinstance(event, Began))
    return max(event.time for run in events for event in run if isinstance(event, Ended)) - began


def moved() -> float:
    """Seconds in which a moved crop came to the screen `MOVES` times."""
    return float(json.loads(run_child(WINDOW.format(rounds=1, frames=MOVES)).splitlines()[-1])["seconds"])


def wait_for_steps(folder: Path, count: int) -> None:
    """Wait until a run has trained so many steps."""
    reader, seen = RunReader(folder), 0
    while seen < count:
        time.sleep(0.05)
        seen += sum(len(event.losses) for event in reader.new_events() if isinstance(event, Stepped))


def step_time(folder: Path, last: float) -> float:
    """Median seconds of the steps that a run has told of in the last so many seconds."""
    times, before, since = [], 0.0, time.time() - last
    for event in RunReader(folder).new_events(-1):
        if isinstance(event, Stepped):
            if event.time > since:
                times.append((event.seconds - before) / len(event.losses))
            before = event.seconds
    return median(times)


def table() -> None:
    """Ask a real engine for tables; print the seconds that ResNet-50's takes once the engine is warm."""
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
