"""Record what the program shows and prints in a folder, to compare it with a later state of the code.

`python -m benchmarks.appearance record FOLDER` opens the window offscreen in both themes, takes a screenshot of every
tab, and stores what the commands print as JSON. `python -m benchmarks.appearance compare BEFORE AFTER` prints
which screenshots and values differ. A refactoring should change nothing here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from PySide6.QtWidgets import QTabWidget, QWidget

SIZE = 1440, 900
THEMES = "light", "dark"
START_WAIT_MS = 20_000
"""Milliseconds for what the window builds in the background after its start."""
UNCHANGED_S, MAX_WAIT_S = 2.0, 60.0
"""Seconds without a change after which a tab counts as complete, and after which it is recorded anyway."""
VOLATILE_KEYS = {
    "time", "seconds", "created", "host", "versions", "command", "folder", "images_per_second", "path", "python",
    "milliseconds", "memory", "date",
}  # fmt: skip
"""JSON keys whose values depend on the time or the machine."""
TRAIN = ("train", "resnet20-cifar", "--data", "digits", "--epochs", "2", "--threads", "1")
COMMANDS = {
    "presets": ("presets", "--json"),
    **{f"table-{name}": ("table", name, "--format", "json") for name in ("resnet50", "article34", "vgg19", "plain34")},
    "verify": ("verify", "--json"),
    "compare": ("compare", "resnet50", "plain34", "vgg19", "--json"),
    "data": ("data", "digits", "--json"),
    "train": (*TRAIN, "--name", "first", "--json"),
    "train-plain": (*TRAIN, "--set", "shortcut=none", "--name", "second", "--json"),
    "runs": ("runs", "--json"),
    "experiment": ("experiment", "degradation", "--depths", "8,14", "--epochs", "2", "--name", "third", "--json"),
    "maps": ("maps", "sample:china", "--architecture", "resnet18", "--output", "maps.png", "--json"),
    "maps-digits": ("maps", "sample:flower", "--architecture", "resnet20-digits", "--output", "digits.png", "--json"),
    "attribution": (
        "maps", "sample:china", "--architecture", "resnet18", "--attribution", "grad-cam", "--output", "why.png",
        "--json",
    ),
    "doctor": ("doctor", "--json"),
}  # fmt: skip


def record(folder: Path) -> None:
    """Write screenshots and outputs into a new folder."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ, "HOME": home, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1",
            **{f"XDG_{name}_HOME": f"{home}/{name.lower()}" for name in ("CONFIG", "DATA", "CACHE", "STATE")},
        }  # fmt: skip
        for name, arguments in COMMANDS.items():
            command = [sys.executable, "-m", "resnet_studio", *arguments]
            process = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True)
            output = {"code": process.returncode, "says": process.stderr, "values": parse_output(process.stdout)}
            (folder / f"{name}.json").write_text(json.dumps(output, indent=1))
            print(name, process.returncode, flush=True)
        for theme in THEMES:
            command = [sys.executable, __file__, "walk", str(folder), theme]
            subprocess.run(command, env=environment, cwd=home, check=True)


def parse_output(text: str) -> Any:
    try:
        return without_volatile(json.loads(text))
    except ValueError:
        return text


def without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_volatile(value) for key, value in value.items() if key not in VOLATILE_KEYS}
    return [without_volatile(value) for value in value] if isinstance(value, list) else value


def walk(folder: Path, theme: str) -> None:
    """Open the window as the command does, and save a screenshot of every tab of every tab widget."""
    from PySide6.QtCore import QTimer
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication, QTabWidget

    from resnet_studio.cli.main import main

    run_events = QApplication.exec

    def begin() -> int:
        QTimer.singleShot(0, take_pictures)
        return run_events()

    def take_pictures() -> None:
        window = next(widget for widget in QApplication.topLevelWidgets() if widget.findChild(QTabWidget))
        window.resize(*SIZE)
        QApplication.setCursorFlashTime(0)  # a blinking cursor would be a change
        QTest.qWait(START_WAIT_MS)
        tabs = outermost_tabs(window)[0]
        for names in visit_tabs(tabs, window):
            wait_until_unchanged(window)
            window.grab().save(str(folder / f"{theme}-{'-'.join(names)}.png"))
            print(theme, *names, flush=True)
        window.close()

    QApplication.exec = staticmethod(begin)  # type: ignore[method-assign]
    main(["--theme", theme])


def visit_tabs(tabs: QTabWidget, window: QWidget) -> Iterator[tuple[str, ...]]:
    """Switch to every tab and to the tabs inside it, and yield the titles on the way there."""
    for number in range(tabs.count()):
        tabs.setCurrentIndex(number)
        wait_until_unchanged(window)
        title = tabs.tabText(number).replace("&", "").replace("/", "")
        page = tabs.widget(number)
        inner = outermost_tabs(page) if page else []
        if not inner:
            yield (title,)
        for inner_tabs in inner:
            for names in visit_tabs(inner_tabs, window):
                yield (title, *names)


def outermost_tabs(widget: QWidget) -> list[QTabWidget]:
    """The visible tab widgets in a widget that are not inside another one."""
    from PySide6.QtWidgets import QTabWidget

    found = [tabs for tabs in widget.findChildren(QTabWidget) if tabs.isVisible()]
    return [tabs for tabs in found if not any(other is not tabs and other.isAncestorOf(tabs) for other in found)]


def wait_until_unchanged(window: QWidget) -> None:
    """Run the event loop until the window has not changed for `UNCHANGED_S`."""
    from PySide6.QtTest import QTest

    began = since = monotonic()
    before = window.grab().toImage()
    while monotonic() - since < UNCHANGED_S and monotonic() - began < MAX_WAIT_S:
        QTest.qWait(200)
        current = window.grab().toImage()
        if current != before:
            before, since = current, monotonic()


def compare(before: Path, after: Path) -> int:
    """Print what differs; return 1 if anything does."""
    names = sorted({path.name for folder in (before, after) for path in folder.iterdir()})
    different = 0
    for name in names:
        differences = difference(before / name, after / name)
        different += bool(differences)
        print(f"{name}: {differences or 'identical'}")
    return 1 if different else 0


def difference(before: Path, after: Path) -> str:
    """What differs between two files of one name; empty if they are equal."""
    if not (before.exists() and after.exists()):
        return "only " + ("before" if before.exists() else "after")
    if before.suffix == ".json":
        old_values, new_values = (json.loads(path.read_text()) for path in (before, after))
        return "; ".join(differing_values(old_values, new_values, "")[:20])
    old, new = (np.asarray(Image.open(path).convert("RGB"), np.int16) for path in (before, after))
    if old.shape != new.shape:
        return f"{old.shape[1]}×{old.shape[0]} became {new.shape[1]}×{new.shape[0]} pixels"
    rows, columns = np.nonzero(np.abs(old - new).max(2) > 0)
    if not len(rows):
        return ""
    return f"{len(rows):,} pixels differ, in x {columns.min()}–{columns.max()}, y {rows.min()}–{rows.max()}"


def differing_values(old: Any, new: Any, where: str) -> list[str]:
    """Where two JSON values differ; new keys do not count."""
    if isinstance(old, dict) and isinstance(new, dict):
        missing = [f"{where}.{key} is missing" for key in old if key not in new]
        common = [key for key in old if key in new]
        return missing + [text for key in common for text in differing_values(old[key], new[key], f"{where}.{key}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [text for number, (a, b) in pairs for text in differing_values(a, b, f"{where}[{number}]")]
    return [] if old == new else [f"{where}: {str(old)[:60]} became {str(new)[:60]}"]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["record", folder]:
            record(Path(folder).absolute())
        case ["walk", folder, theme]:
            walk(Path(folder), theme)
        case ["compare", before, after]:
            sys.exit(compare(Path(before), Path(after)))
        case _:
            sys.exit(__doc__)
