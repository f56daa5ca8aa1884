"""faults.md row 42: a folder that holds Python files with the names of modules is one to stand in, nothing more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_studio import children

HELPERS = Path(__file__).parent / "helpers"
ENGINE = f"""
import sys
sys.path.append({str(HELPERS)!r})
from resnet_studio.engine.protocol import Request
from resnet_studio.engine.process import EngineProcess
import os

engine = EngineProcess("stub_jobs:JOBS")
engine.send(Request("lane", 1, "echo", ("done",)))
while (reply := engine.receive()) is None or reply.kind != "answer":
    pass
print(reply.value, os.readlink(f"/proc/{{engine.pid}}/cwd"))
engine.stop()
"""
"""Starts an engine with small jobs, and prints what it answered and where it stands."""

NAMES = [
    *sorted(sys.stdlib_module_names - {"__future__"}),
    "captum", "filelock", "fvcore", "main", "msgspec", "numpy", "PIL", "platformdirs", "pyqtgraph", "PySide6", "rich",
    "safetensors", "shiboken6", "sitecustomize", "sklearn", "torch", "torchinfo", "torchvision", "typer",
    "usercustomize",
]  # fmt: skip
STRANGER = "from _io import open as o\nwith o({!r}, 'a') as f: f.write({!r} + ' ')\nraise ImportError('a stranger')\n"


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a file for every module, each of which says that it ran; Python as users start it."""
    folder = tmp_path / "strange"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(STRANGER.format(str(tmp_path / "ran"), name))
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    return folder


def ran(folder: Path) -> set[str]:
    """Whose files were executed."""
    path = folder.parent / "ran"
    return set(path.read_text().split()) if path.exists() else set()


def output_of(command: list[str], **more: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **more})
    return done.stdout + done.stderr


def test_python_does_execute_them_without_care(strange: Path) -> None:
    output_of([sys.executable, "-c", "import platformdirs"])
    assert "platformdirs" in ran(strange)


def test_a_process_of_the_program_executes_none(strange: Path) -> None:
    assert "resnet50" in output_of(children.command("presets"))
    assert ran(strange) == set()


@pytest.mark.parametrize("start", [["-P", "-m", "resnet_studio"], [str(Path(sys.executable).parent / "resnet-studio")]])
def test_nor_does_the_program_itself(strange: Path, start: list[str]) -> None:
    command = [sys.executable, *start] if start[0].startswith("-") else start
    assert "resnet50" in output_of([*command, "presets"])
    assert ran(strange) == set()


def test_started_by_m_only_what_python_itself_imports_first(strange: Path) -> None:
    """`python -m` looks into the working directory before anything of the program can run; then it is left alone."""
    while True:
        before = ran(strange)
        output_of([sys.executable, "-m", "resnet_studio", "presets"])
        fresh = ran(strange) - before
        if not fresh:
            break
        for name in fresh:
            (strange / f"{name}.py").unlink()
    assert "resnet50" in output_of([sys.executable, "-m", "resnet_studio", "presets"])
    mine = ran(strange)
    (strange.parent / "bare").mkdir()
    (strange.parent / "bare" / "nothing.py").touch()
    loaded = output_of([sys.executable, "-X", "importtime", "-m", "nothing"], PYTHONPATH=str(strange.parent / "bare"))
    pythons = {line.rpartition("|")[2].strip() for line in loaded.splitlines()}
    assert mine <= pythons


def test_the_engine_executes_none(strange: Path) -> None:
    assert output_of([sys.executable, "-P", "-c", ENGINE]).strip() == f"done {children.working_folder()}"
    assert ran(strange) == set()


def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for before in (None, "", "1"):
        if before is None:
            monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
        else:
            monkeypatch.setenv("PYTHONSAFEPATH", before)
        with children.safe_path():
            assert os.environ["PYTHONSAFEPATH"] == "1"
        assert os.environ.get("PYTHONSAFEPATH") == before


def test_without_a_folder_of_its_own_a_process_runs_in_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/proc/nothing")
    assert (children.working_folder() / "children.py").is_file()
