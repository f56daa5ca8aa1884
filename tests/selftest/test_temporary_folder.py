"""The folder of a self-test: it goes with the test, and that of a killed process with the next test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from resnet_studio.selftest.temporary_folder import PREFIX, temporary_folder


def present() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


KILLED = """
import os, signal
from resnet_studio.selftest.temporary_folder import temporary_folder

with temporary_folder() as folder:
    (folder / "weights").write_bytes(b"0")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_folder_is_removed_at_the_end() -> None:
    with temporary_folder() as folder:
        (folder / "run").mkdir()
        (folder / "run" / "events").touch()
    assert present() == []


def test_a_killed_process_s_folder_is_removed_by_the_next_test() -> None:
    environment = os.environ | {"TMPDIR": tempfile.gettempdir()}
    assert subprocess.run([sys.executable, "-c", KILLED], env=environment, check=False).returncode == -signal.SIGKILL
    assert len(present()) == 2  # with its lock
    with temporary_folder() as folder:
        assert {path.with_suffix("") for path in present()} == {folder}
    assert present() == []


def test_the_folder_of_a_test_that_runs_is_kept() -> None:
    with temporary_folder() as one:
        with temporary_folder() as other:
            assert one.is_dir()
            assert other != one
        assert one.is_dir()


def test_a_folder_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.touch()
    lock = Path(tempfile.gettempdir(), f"{PREFIX}crafted.lock")
    lock.touch()
    lock.with_suffix("").symlink_to(tmp_path)
    with temporary_folder():
        assert not lock.exists()
    assert kept.exists()
    lock.with_suffix("").unlink()
