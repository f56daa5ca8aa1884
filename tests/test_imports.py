"""The import contract: one direction, Qt in the window only, torch never in the window's process."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import pytest

import resnet_studio
from resnet_studio.analysis.table import plan_table
from resnet_studio.inference import values
from resnet_studio.inference.channel_statistics import LayerStatistics, SkippedImage, statistics
from resnet_studio.inference.counterparts import Responses, TrainedWeights
from resnet_studio.inference.transforms import ImageTransforms, Occluder
from resnet_studio.networks.architecture import ArchitectureError
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS, preset
from resnet_studio.progress import Progress
from resnet_studio.training.datasets import DataError, DataView, Estimate, Snapshot
from resnet_studio.training.recipe import RecipeError
from resnet_studio.training.recipes import RECIPES

PACKAGE = Path(resnet_studio.__file__).parent
LAYERS = (
    {"networks"},
    {"analysis", "inference"},
    {"training", "figures"},
    {"selftest"},
    {"export"},
    {"engine"},
    {"gui"},
    {"cli"},
    {"__main__"},
)
"""A folder may import from itself, from the folders before it and from the modules beside the folders."""
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
QT = {"PySide6", "shiboken6", "pyqtgraph"}
TORCH = {"torch", "torchvision", "fvcore", "torchinfo", "sklearn", "captum", "onnx", "onnxscript", "onnxruntime"}
TORCH_FOLDERS = {"modules", "compute"}
SHARED = {"common", "plots", "network_table"}
"""Folders of the window that several workspaces use; every other one is a workspace."""


def modules() -> dict[str, Path]:
    """Every module of the package by its name below `resnet_studio`; the package itself is left out."""
    paths = {path.relative_to(PACKAGE).with_suffix(""): path for path in PACKAGE.rglob("*.py")}
    names = {".".join(part for part in name.parts if part != "__init__"): path for name, path in paths.items()}
    return {name: path for name, path in names.items() if name}


def imports(path: Path) -> Iterator[str]:
    """What a file imports anywhere in it, with the imported name: `from a.b import c` is "a.b.c"."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_import(path: Path) -> Iterator[str]:
    """The modules and names of this package that a file imports while it is imported itself."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("resnet_studio."):
            module = (node.module or "").removeprefix("resnet_studio.")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> list[str]:
    return [name.removeprefix("resnet_studio.") for name in imports(path) if name.startswith("resnet_studio.")]


def from_outside(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def folder(name: str) -> str:
    return name.partition(".")[0]


def may_import_torch(name: str) -> bool:
    return bool(TORCH_FOLDERS & set(name.split("."))) or name == "engine.jobs"


def test_every_folder_has_a_layer() -> None:
    assert {folder(name) for name in modules() if "." in name} | {"__main__"} == RANK.keys()


def test_imports_go_one_way() -> None:
    crossed = [
        f"{module} imports {name}"
        for module, path in modules().items()
        for name in own_imports(path)
        if folder(name) in RANK and folder(name) != folder(module) and RANK[folder(name)] >= RANK.get(folder(module), 0)
    ]
    assert crossed == []


def test_no_imports_go_in_a_circle() -> None:
    graph = {module: set(at_import(path)) & modules().keys() - {module} for module, path in modules().items()}
    list(TopologicalSorter(graph).static_order())


def test_qt_is_imported_by_the_window_only() -> None:
    assert [name for name, path in modules().items() if folder(name) != "gui" and from_outside(path) & QT] == []


def test_torch_is_imported_in_its_folders_only() -> None:
    strangers = TORCH - {"sklearn"}
    assert [
        name for name, path in modules().items() if not may_import_torch(name) and from_outside(path) & strangers
    ] == []


def test_a_workspace_imports_no_other() -> None:
    workspaces = {name.split(".")[1] for name in modules() if name.count(".") > 1 and folder(name) == "gui"} - SHARED
    crossed = [
        f"{module} imports {name}"
        for module, path in modules().items()
        for name in own_imports(path)
        if module.startswith("gui.") and module.count(".") > 1 and name.startswith("gui.")
        if name.split(".")[1] in workspaces - {module.split(".")[1]}
    ]
    assert crossed == []


@pytest.fixture
def loaded(tmp_path: Path):
    """Import modules in a new process and tell which packages that loads."""

    def load(*names: str) -> set[str]:
        code = f"import sys, {', '.join(names)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr
        return set(done.stdout.split())

    return load


def test_the_package_alone_loads_neither_torch_nor_qt(loaded) -> None:
    assert not loaded("resnet_studio") & (TORCH | QT)


def test_the_window_loads_no_torch_through_others(loaded) -> None:
    gui = [f"resnet_studio.{name}" for name in modules() if folder(name) == "gui"]
    packages = loaded(*gui)
    assert "PySide6" in packages
    assert not packages & TORCH


def test_outside_the_folders_of_torch_and_the_window_neither_is_loaded(loaded) -> None:
    names = [name for name in modules() if not may_import_torch(name) and folder(name) not in ("gui", "__main__")]
    assert not loaded(*(f"resnet_studio.{name}" for name in names)) & (TORCH | QT)


def test_values_open_where_torch_is_forbidden(tmp_path: Path) -> None:
    preprocessing = values.Preprocessing(256, 224, (0.5,) * 3, (0.25,) * 3)
    weights = values.WeightsInfo("random, seed 0", False, preprocessing, ("class 0",))
    pixels = np.zeros((2, 3, 3), np.uint8)
    maps = values.LayerMaps("layer1.0", np.ones((4, 2, 2), np.float32), 1.0, 0.0, 0.0)
    probe = Snapshot(
        110, (pixels,), {"relu": (pixels,)}, {"relu": (4, 2, 2)}, ((("class 0", 1.0),),), ("class 1",), pixels
    )
    survey = LayerStatistics("layer1.0", statistics(maps.values), (SkippedImage("no.jpg", "no.jpg is no image"),))
    view = DataView(
        "digits", ("0", "1"), (3, 2), (1, 1), "a fixed fifth", (1, 8, 8), (0.3,), (0.4,), "on the device", (pixels,),
        (0,), ((pixels,),), ("one left out",),
    )  # fmt: skip
    crossing = [
        *PRESETS.values(),
        ArchitectureError("width", "too narrow"),
        plan(preset("alexnet")),
        plan_table(preset("resnet18")),
        Progress(1, 2, "tracing layer1.0"),
        values.Photograph("sample:china", pixels, "0" * 64),
        values.WeightsFile(tmp_path / "weights.pth"),
        *RECIPES.values(),
        RecipeError("lr", "too high"),
        DataError("cifar10 is not on this machine"),
        view,
        Estimate(0.02, 11, 110, 50_000_000, None),
        probe,
        survey,
        Responses(
            values.ForwardSpec("sample:china", preset("resnet18")), "random", False, ("layer1.0",), (1.0,), (0.5,)
        ),
        TrainedWeights("bundled weights", values.RandomWeights()),
        values.ForwardResult(
            values.ForwardSpec(
                "sample:china", preset("resnet18"), transforms=ImageTransforms(zoom=2, occluder=Occluder())
            ),
            "0" * 64,
            values.Frame(1, 1, 2, 2),
            pixels,
            weights,
            (maps,),
            0.1,
            (values.Prediction("class 0", 1.0),),
        ),
    ]
    (tmp_path / "values").write_bytes(pickle.dumps(crossing))
    code = f"""
import pickle, sys
sys.modules |= dict.fromkeys({sorted(TORCH | QT)!r})
print(*(type(value).__name__ for value in pickle.load(open("values", "rb"))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.split() == [type(value).__name__ for value in crossing]
