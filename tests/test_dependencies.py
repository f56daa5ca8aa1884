"""Faults of other projects' releases that this one's version bounds keep out."""

from __future__ import annotations

import subprocess
import sys

EMIT = """
from PySide6.QtCore import QCoreApplication, QObject, Signal

class Source(QObject):
    emitted = Signal(bool)

app = QCoreApplication([])
source, heard = Source(), []
source.emitted.connect(heard.append)
for _ in range(20_000):
    source.emitted.emit(True)
print(heard.count(True))
"""


def test_emitting_a_signal_loses_no_reference_to_true() -> None:
    """PySide6 6.12.0 loses one at every emit and aborts Python 3.11 after some hundreds."""
    emitted = subprocess.run([sys.executable, "-c", EMIT], capture_output=True, text=True, check=False)
    assert (emitted.returncode, emitted.stdout.strip()) == (0, "20000"), emitted.stderr
