"""What the program shows and prints, kept in a folder, to be held against a later state of the code.

`python -m benchmarks.appearance record FOLDER` opens the window offscreen in both themes, takes a picture of every tab,
and writes down what the commands print as JSON. `python -m benchmarks.appearance compare BEFORE AFTER` says which
pictures and which values differ. A change of the code's structure should change nothing here.
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
SETTLING = 20_000
"""Milliseconds until the window has made what it makes beside, after its start."""
STILL, LONGEST = 2.0, 60.0
"""Seconds without a change after which a tab counts as complete, and until it is taken as it is."""
CHANGING = {
    "time", "seconds", "created", "host", "versions", "command", "folder", "images_per_second", "path", "python",
    "milliseconds", "memory", "date",
}  # fmt: skip
"""Keys of JSON whose values are of this moment or this machine."""
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
    """Write pictures and values into an empty folder."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ, "HOME": home, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1",
            **{f"XDG_{name}_HOME": f"{home}/{name.lower()}" for name in ("CONFIG", "DATA", "CACHE", "STATE")},
        }  # fmt: skip
        for name, arguments in COMMANDS.items():
            command = [sys.executable, "-m", "resnet_studio", *arguments]
            done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True)
            printed = {"code": done.returncode, "says": done.stderr, "values": values_of(done.stdout)}
            (folder / f"{name}.json").write_text(json.dumps(printed, indent=1))
            print(name, done.returncode, flush=True)
        for theme in THEMES:
            command = [sys.executable, __file__, "walk", str(folder), theme]
            subprocess.run(command, env=environment, cwd=home, check=True)


def values_of(text: str) -> Any:
    try:
        return without_changing(json.loads(text))
    except ValueError:
        return text


def without_changing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_changing(one) for key, one in value.items() if key not in CHANGING}
    return [without_changing(one) for one in value] if isinstance(value, list) else value


def walk(folder: Path, theme: str) -> None:
    """Open the window as the command does, and keep a picture of every tab of every tab widget."""
    from PySide6.QtCore import QTimer
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication, QTabWidget

    from resnet_studio.cli.main import main

    run_events = QApplication.exec

    def begin() -> int:
        QTimer.singleShot(0, take_pictures)
        return run_events()

    def take_pictures() -> None:
        window = next(one for one in QApplication.topLevelWidgets() if one.findChild(QTabWidget))
        window.resize(*SIZE)
        QTest.qWait(SETTLING)
        tabs = outermost(window)[0]
        for names in each_tab(tabs, window):
            wait_until_still(window)
            window.grab().save(str(folder / f"{theme}-{'-'.join(names)}.png"))
            print(theme, *names, flush=True)
        window.close()

    QApplication.exec = staticmethod(begin)  # type: ignore[method-assign]
    main(["--theme", theme])


def each_tab(tabs: QTabWidget, window: QWidget) -> Iterator[tuple[str, ...]]:
    """Go to every tab, and to the tabs in it; the titles on the way there."""
    for number in range(tabs.count()):
        tabs.setCurrentIndex(number)
        wait_until_still(window)
        title = tabs.tabText(number).replace("&", "").replace("/", "")
        page = tabs.widget(number)
        inner = outermost(page) if page else []
        if not inner:
            yield (title,)
        for one in inner:
            for names in each_tab(one, window):
                yield (title, *names)


def outermost(widget: QWidget) -> list[QTabWidget]:
    """The visible tab widgets in a widget that lie in no other one there."""
    from PySide6.QtWidgets import QTabWidget

    found = [one for one in widget.findChildren(QTabWidget) if one.isVisible()]
    return [one for one in found if not any(other is not one and other.isAncestorOf(one) for other in found)]


def wait_until_still(window: QWidget) -> None:
    """Let the window work until its picture has not changed for a while."""
    from PySide6.QtTest import QTest

    began = since = monotonic()
    before = window.grab().toImage()
    while monotonic() - since < STILL and monotonic() - began < LONGEST:
        QTest.qWait(200)
        now = window.grab().toImage()
        if now != before:
            before, since = now, monotonic()


def compare(before: Path, after: Path) -> int:
    """Print what differs; 1 if anything does."""
    names = sorted({path.name for folder in (before, after) for path in folder.iterdir()})
    different = 0
    for name in names:
        told = difference(before / name, after / name)
        different += bool(told)
        print(f"{name}: {told or 'equal'}")
    return 1 if different else 0


def difference(before: Path, after: Path) -> str:
    """What differs between two files of one name; nothing if they are equal."""
    if not (before.exists() and after.exists()):
        return "only " + ("before" if before.exists() else "after")
    if before.suffix == ".json":
        one, other = (json.loads(path.read_text()) for path in (before, after))
        return "; ".join(differing_values(one, other, "")[:20])
    one, other = (np.asarray(Image.open(path).convert("RGB"), np.int16) for path in (before, after))
    if one.shape != other.shape:
        return f"{one.shape[1]}×{one.shape[0]} became {other.shape[1]}×{other.shape[0]} pixels"
    rows, columns = np.nonzero(np.abs(one - other).max(2) > 0)
    if not len(rows):
        return ""
    return f"{len(rows):,} pixels differ, in x {columns.min()}–{columns.max()}, y {rows.min()}–{rows.max()}"


def differing_values(one: Any, other: Any, where: str) -> list[str]:
    """Where two JSON values differ. A key that is new is none."""
    if isinstance(one, dict) and isinstance(other, dict):
        gone = [f"{where}.{key} is gone" for key in one if key not in other]
        both = [key for key in one if key in other]
        return gone + [told for key in both for told in differing_values(one[key], other[key], f"{where}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [told for number, (a, b) in pairs for told in differing_values(a, b, f"{where}[{number}]")]
    return [] if one == other else [f"{where}: {str(one)[:60]} became {str(other)[:60]}"]


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
