"""Where the program's data files are found: inside an installed package, or beside it in a source tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import resnet_studio
from resnet_studio.resources import resource

PACKAGE = Path(resnet_studio.__file__).parent
SOURCES = Path(__file__).parents[1]
DATA = [path.relative_to(SOURCES / "resources") for path in (SOURCES / "resources").rglob("*") if path.is_file()]


def look_up(place: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Ask a copy of the package at `place`, in a process of its own, where a resource is."""
    code = f"from resnet_studio.resources import resource; print(resource({name!r}).read_text())"
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(place)}, cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the package's code and none of its data."""
    ignored = shutil.ignore_patterns("__pycache__", "resources")
    shutil.copytree(PACKAGE, tmp_path / "resnet_studio", ignore=ignored)
    return tmp_path


def put(folder: Path, text: str) -> None:
    (folder / "icons").mkdir(parents=True)
    (folder / "icons" / "mark.txt").write_text(text)


def test_an_installed_package_has_its_data_inside(place: Path) -> None:
    put(place / "resnet_studio" / "resources", "inside")
    assert look_up(place, "icons/mark.txt").stdout == "inside\n"


def test_a_source_tree_has_its_data_next_to_the_package(place: Path) -> None:
    put(place / "resources", "beside")
    assert look_up(place, "icons/mark.txt").stdout == "beside\n"


def test_the_installed_data_comes_first(place: Path) -> None:
    put(place / "resnet_studio" / "resources", "inside")
    put(place / "resources", "beside")
    assert look_up(place, "icons/mark.txt").stdout == "inside\n"


def test_what_is_missing_is_named(place: Path) -> None:
    answer = look_up(place, "icons/mark.txt")
    assert answer.returncode != 0
    assert "FileNotFoundError: resources/icons/mark.txt is missing" in answer.stderr


@pytest.mark.parametrize("name", DATA, ids=str)
def test_what_is_tested_carries_every_data_file(name: Path) -> None:
    """Fails for a wheel that was built without one."""
    assert resource(str(name)).read_bytes() == (SOURCES / "resources" / name).read_bytes()


def test_what_is_tested_is_what_is_installed() -> None:
    """Not the tree that happens to be the working directory, in which a faulty wheel would go unnoticed."""
    code = "import resnet_studio; print(resnet_studio.__file__)"
    installed = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert Path(installed.stdout.strip()).parent == PACKAGE
