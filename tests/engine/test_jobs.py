"""Every job of the real engine, requested by a process in which torch and Qt are forbidden."""

from __future__ import annotations

import inspect
import json
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import resnet_studio
from own_modules import CHAIN, write
from resnet_studio.analysis.measurement import cpu_name
from resnet_studio.engine.jobs import JOBS, MAX_SIDE, downscaled
from resnet_studio.engine.protocol import picklable
from resnet_studio.inference.values import Photograph

FORBIDDEN = ("torch", "torchvision", "fvcore", "torchinfo", "sklearn", "PySide6")
WINDOW = """
import json, os, sys
sys.modules |= dict.fromkeys(FORBIDDEN)
from pathlib import Path
from dataclasses import replace
from resnet_studio.analysis.measurement import MeasurementSpec
from resnet_studio.analysis.memory_measurement import MemorySpec
from resnet_studio.engine.protocol import Request
from resnet_studio.engine.process import EngineProcess
from resnet_studio.export.request import ExportRequest
from resnet_studio.inference.counterparts import with_counterpart
from resnet_studio.inference.weights.metadata import WeightsMetadata, stored_metadata
from resnet_studio.inference.weights.published import cache_path
from resnet_studio.inference.values import ForwardSpec, PublishedWeights, RandomWeights, WeightsFile
from resnet_studio.networks.own_module import ModuleSource
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset, title
from resnet_studio.progress import Progress
from resnet_studio.resources import resource
from resnet_studio.training.recipes import load_recipe

def replies(engine, number, job, *arguments):
    engine.send(Request("lane", number, job, arguments))
    while True:
        reply = engine.receive()
        if reply and reply.number == number:
            yield reply.kind, reply.value

def published(folder):
    os.environ["TORCH_HOME"] = str(folder)  # as if they were downloaded before
    os.environ["XDG_DATA_HOME"] = str(folder / "user")
    source = PublishedWeights("resnet18", "IMAGENET1K_V1")
    cache_path(source).parent.mkdir(parents=True)
    cache_path(source).touch()
    return source

def main(folder):
    small, cifar = preset("resnet18"), preset("resnet20-cifar")
    spec = ForwardSpec("sample:china", cifar)
    layers = ("layer1.0", "layer3.2")
    requests = {
        "table": ("table", small),
        "summary": ("summary", small),
        "devices": ("devices",),
        "photograph": ("photograph", "sample:china"),
        "from data": ("photograph", "data:digits:test:17"),
        "thumbnails": ("thumbnails", ("sample:flower", str(folder / "no.jpg"), "sample:digit-3")),
        "images_of_data": ("images_of_data", "digits"),
        "forward": ("forward", spec, layers, False),
        "layer_statistics": (
            "layer_statistics", spec, ("sample:china", str(folder / "no.jpg"), "sample:digit-3"), "layer1.0",
        ),
        "attribution": ("attribution", spec, "grad-cam", "", None),
        "occlusion": ("occlusion", spec, 16, 16, 3),
        "kernels": ("kernels", cifar, RandomWeights(), "layer1.0.conv1"),
        "responses": ("responses", with_counterpart(spec)),
        "available_weights": ("available_weights", preset("plain20-digits")),
        "fetch_weights": ("fetch_weights", published(folder)),
        "verify": ("verify", (preset("resnet50-v1.5"),)),
        "data_view": ("data_view", load_recipe("digits-quick"), 8, False),
        "data of a folder": ("data_view", replace(load_recipe("digits-quick"), data=str(folder / "animals")), 8, False),
        "estimate": ("estimate", load_recipe("digits-quick"), preset("resnet20-digits"), 1437),
        "export": ("export", ExportRequest("torch-export", (preset("resnet20-digits"),)), folder / "net.pt2"),
        "identify": ("identify", resource("trained/resnet20-digits.safetensors"), "", {}),
        "keep_metadata": ("keep_metadata", "0" * 64, WeightsMetadata(mean=(0.5,), std=(0.25,)), None),
        "measure": ("measure", (MeasurementSpec(preset("resnet152"), batch=60_000), MeasurementSpec(cifar))),
        "measure_memory": (
            "measure_memory",
            (MemorySpec(preset("resnet152"), batch=60_000), MemorySpec(preset("resnet20-digits"), "inference", 4)),
        ),
        "fitting_batch": ("fitting_batch", MemorySpec(cifar), 1_000_000),
        "open_module": ("open_module", ModuleSource(str(folder / "net.py"), "make", 32, 32)),
        "selftest": ("selftest", "cpu", True),
        "no image": ("photograph", str(folder / "no.jpg")),
        "no weights": ("forward", replace(spec, weights=WeightsFile(folder / "no.pth")), layers, False),
        "no device": ("forward", replace(spec, device="cuda:99"), layers, False),
    }
    values, kinds = {}, {}
    engine = EngineProcess()
    for number, (name, request) in enumerate(requests.items(), start=1):
        for kind, value in replies(engine, number, *request):
            kinds.setdefault(name, []).append([kind, type(value).__name__])
            if type(value).__name__ == "Measurement":
                measured = value
            if kind in ("answer", "error") or type(value).__name__ == "Check":
                values[name] = value
                break
    engine.stop()
    return values, kinds, measured

values, kinds, measured = main(Path(sys.argv[1]))
forward, photograph = values["forward"], values["photograph"]
print(json.dumps({
    "kinds": kinds,
    "totals": [values["table"].totals.parameters, values["table"].totals.macs, values["table"].checks.agree],
    "summary": values["summary"],
    "devices": [device.name for device in values["devices"]],
    "photograph": [list(photograph.size), list(photograph.pixels.shape)],
    "images_of_data": values["images_of_data"].counts,
    "from data": [f"{values['from data'].name}: {values['from data'].truth}", list(values["from data"].size)],
    "probabilities": [prediction.probability for prediction in forward.predictions],
    "responses": [[len(one.blocks), one.plain, one.residuals[0]] for one in values["responses"]],
    "kernels": list(values["kernels"].values.shape),
    "available_weights": [one.title for one in values["available_weights"]],
    "layers": [[maps.name, list(maps.values.shape)] for maps in forward.layers],
    "trained": forward.weights.trained,
    "layer_statistics": [values["layer_statistics"].statistics.images, values["layer_statistics"].statistics.channels,
               [one.image.rpartition("/")[2] for one in values["layer_statistics"].skipped]],
    "data": [sum(values["data_view"].training_counts), sum(values["data_view"].test_counts), values["data_view"].size],
    "data of a folder": [values["data of a folder"].classes, sum(values["data of a folder"].training_counts)],
    "estimate": [values["estimate"].steps, values["estimate"].seconds_per_step],
    "attribution": [values["attribution"].layer, list(values["attribution"].values.shape)],
    "export": [values["export"], (Path(sys.argv[1]) / "net.pt2").read_bytes()[:2].decode()],
    "occlusion": [values["occlusion"].target, list(values["occlusion"].tops), values["occlusion"].computed],
    "verified": [[v.figure.subject, v.figure.quantity, v.measured, v.holds] for v in values["verify"]],
    "identify": [title(values["identify"].architecture), values["identify"].classes],
    "keep_metadata": stored_metadata("0" * 64).std,
    "open_module": [values["open_module"].name, len(plan(values["open_module"])), values["open_module"].classes],
    "measured": [measured.stage_seconds(), measured.whole.median, measured.device_name],
    "errors": {name: str(values[name]) for name in ("no image", "no weights", "no device")},
}))
"""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process without torch got from the engine."""
    folder = tmp_path_factory.mktemp("window")
    for name in ("cat", "dog"):
        (folder / "animals" / name).mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (9, 9), (50 * number, 0, 0)).save(folder / "animals" / name / f"{number}.png")
    write(folder, CHAIN)
    code = WINDOW.replace("FORBIDDEN", repr(FORBIDDEN))
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = json.loads(done.stdout)
    return results


def test_every_job_sends_its_progress_first_and_then_its_answer(window: dict[str, Any]) -> None:
    answers = {name: replies[-1] for name, replies in window["kinds"].items()}
    answered = {name for name, (kind, _) in answers.items() if kind == "answer"}
    assert JOBS.keys() - {"selftest"} == answered - {"from data", "data of a folder"}
    for replies in window["kinds"].values():
        assert replies[:2] == [["started", "NoneType"], ["part", "Progress"]]


def test_a_file_is_identified_and_what_is_said_of_it_is_kept(window: dict[str, Any]) -> None:
    assert window["identify"] == ["resnet20-digits", 10]
    assert window["keep_metadata"] == [0.25]


def test_an_own_network_comes_with_its_plan_and_without_torch(window: dict[str, Any]) -> None:
    assert window["open_module"] == ["net.py:make", 9, 5]


def test_an_export_writes_its_file_and_says_what_is_to_know(window: dict[str, Any]) -> None:
    assert window["export"] == [["untrained weights: random, seed 0"], "PK"]


def test_networks_are_measured_one_by_one_and_what_does_not_fit_is_left_out(window: dict[str, Any]) -> None:
    parts = [value for kind, value in window["kinds"]["measure"] if value != "Progress" and kind == "part"]
    assert parts == ["MeasurementFailure", "Measurement"]
    stages, whole, device = window["measured"]
    assert list(stages) == ["conv1", "conv2_x", "conv3_x", "conv4_x", "fc"]
    assert min(stages.values()) > 0
    assert whole > 0
    assert device == cpu_name()


def test_memory_is_measured_one_by_one_and_what_does_not_fit_is_left_out(window: dict[str, Any]) -> None:
    parts = [value for kind, value in window["kinds"]["measure_memory"] if value != "Progress" and kind == "part"]
    assert parts == ["MemoryFailure", "MemoryMeasurement"]
    assert window["kinds"]["fitting_batch"][-1] == ["answer", "FittingBatch"]


def test_the_engine_reads_a_folder_by_processes_of_its_own(window: dict[str, Any]) -> None:
    assert window["data of a folder"] == [["cat", "dog"], 8]


def test_the_test_of_a_device_sends_each_result_and_ends_for_the_next_request(window: dict[str, Any]) -> None:
    assert window["kinds"]["selftest"][-2:] == [["part", "Progress"], ["part", "Check"]]


def test_thumbnails_come_one_by_one_with_a_reason_for_unreadable_images(window: dict[str, Any]) -> None:
    replies = [value for kind, value in window["kinds"]["thumbnails"] if kind == "part"]
    assert replies == ["Progress", "Photograph", "UnreadableImage", "Photograph"]


def test_a_network_and_its_counterpart_are_measured(window: dict[str, Any]) -> None:
    (blocks, plain, first), (others, counterpart_plain, other) = window["responses"]
    assert (blocks, others, plain, counterpart_plain) == (9, 9, False, True)
    assert first > 0
    assert other > 0
    assert window["available_weights"] == ["bundled weights"]


def test_images_of_data_sets_are_counted_and_opened(window: dict[str, Any]) -> None:
    assert window["images_of_data"] == [360, 1437]
    assert window["from data"] == ["data:digits:test:17: 5", [8, 8]]


def test_tables_and_summaries_cross(window: dict[str, Any]) -> None:
    assert window["totals"] == [11_689_512, 1_814_073_344, True]
    assert "11,689,512" in window["summary"]


def test_devices_cross(window: dict[str, Any]) -> None:
    assert window["devices"][0] == "cpu"


def test_photographs_cross(window: dict[str, Any]) -> None:
    assert window["photograph"] == [[640, 427], [427, 640, 3]]


def test_forward_results_cross(window: dict[str, Any]) -> None:
    assert window["layers"] == [["layer1.0", [16, 32, 32]], ["layer3.2", [64, 8, 8]]]
    assert len(window["probabilities"]) == 5
    assert 0 < sum(window["probabilities"]) <= 1
    assert window["trained"] is False


def test_kernels_cross(window: dict[str, Any]) -> None:
    assert window["kernels"] == [16, 16, 3, 3]


def test_layer_statistics_cross(window: dict[str, Any]) -> None:
    assert window["layer_statistics"] == [2, 16, ["no.jpg"]]


def test_attributions_and_occlusion_maps_cross(window: dict[str, Any]) -> None:
    assert window["attribution"] == ["layer3.2", [8, 8]]
    assert window["occlusion"] == [3, [0, 16], 4]


def test_verified_figures_cross_one_by_one_and_then_all(window: dict[str, Any]) -> None:
    parts = [kind for kind, value in window["kinds"]["verify"] if value == "VerifiedFigure"]
    assert len(parts) == len(window["verified"])
    assert ["resnet50-v1.5", "parameters", 25_557_032, True] in window["verified"]


def test_data_views_and_estimates_cross(window: dict[str, Any]) -> None:
    assert window["data"] == [1437, 360, [1, 8, 8]]
    steps, seconds = window["estimate"]
    assert steps == 30 * (1437 // 128)
    assert 0 < seconds < 10


def test_errors_cross_with_their_type(window: dict[str, Any]) -> None:
    errors = {name: replies[-1] for name, replies in window["kinds"].items() if name.startswith("no ")}
    assert [kind for kind, _ in errors.values()] == ["error"] * 3
    assert errors["no weights"][1] == "WeightsError"
    assert errors["no device"][1] == "DeviceError"
    assert "no.jpg" in window["errors"]["no image"]
    assert "no.pth" in window["errors"]["no weights"]


def test_every_error_of_the_package_can_be_unpickled_in_the_window(tmp_path: Path) -> None:
    """Unpickling an error imports its module: such a module must not import torch, directly or indirectly."""
    homes = {
        kind.__module__
        for module in pkgutil.walk_packages(resnet_studio.__path__, "resnet_studio.")
        if not module.name.startswith(("resnet_studio.gui", "resnet_studio.cli.main", "resnet_studio.__main__"))
        for _, kind in inspect.getmembers(import_module(module.name), inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__.startswith("resnet_studio.")
    }
    assert "resnet_studio.networks.architecture" in homes
    code = f"import sys; sys.modules |= dict.fromkeys({FORBIDDEN!r}); import {', '.join(sorted(homes))}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_an_error_of_torch_crosses_as_its_text() -> None:
    torch = import_module("torch")
    error = picklable(torch.OutOfMemoryError("CUDA out of memory"))
    assert type(error) is RuntimeError
    assert str(error) == "OutOfMemoryError: CUDA out of memory"


@pytest.mark.parametrize(("width", "height", "sent"), [(4000, 3000, (1600, 1200)), (1000, 8000, (200, 1600))])
def test_a_large_photograph_is_sent_small_with_its_original_size(
    width: int, height: int, sent: tuple[int, int]
) -> None:
    original = Photograph("large.png", np.full((height, width, 3), 77, np.uint8), "0" * 64, ("a note",))
    shown = downscaled(original)
    assert shown.pixels.shape == (sent[1], sent[0], 3)
    assert (shown.pixels == 77).all()
    assert shown.size == original.size == (width, height)
    assert (shown.name, shown.sha256, shown.notes) == (original.name, original.sha256, original.notes)


def test_a_small_photograph_is_sent_unchanged() -> None:
    original = Photograph("small.png", np.zeros((MAX_SIDE, 1, 3), np.uint8), "0" * 64)
    assert downscaled(original) is original
    assert original.size == (1, MAX_SIDE)
