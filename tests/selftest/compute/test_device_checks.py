"""The self-test on the CPU, with small networks, and its verdicts where the program or the device is broken."""

from __future__ import annotations

import gc
import json
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from resnet_studio.analysis.compute.timing import Budget
from resnet_studio.cli.main import main
from resnet_studio.inference.compute.capture import Captured, capture
from resnet_studio.inference.compute.forward import clear_caches
from resnet_studio.inference.errors import DeviceError
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish
from resnet_studio.selftest.checklist import THOROUGH, planned
from resnet_studio.selftest.compute import forward, memory, networks, overview, run, runs, speed, target, training
from resnet_studio.selftest.compute.target import Target, full_float32
from resnet_studio.selftest.report import Check, Report, at_most, noted
from resnet_studio.training.compute import checkpoints, loop
from small import TINY

SMALL = Residual(Basic(), (1, 1, 1, 1), width=8, image=64, classes=20)


@pytest.fixture
def cpu(tmp_path: Path) -> Iterator[Target]:
    yield Target("cpu", tmp_path)
    clear_caches()
    gc.collect()


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything at a hundredth of its size, and one thread."""

    def small(name: str) -> Architecture:
        return preset(name) if name == "resnet20-cifar" else SMALL

    monkeypatch.setattr(networks, "preset", small)
    for module in (runs, training):
        monkeypatch.setattr(module, "preset", lambda name: replace(SMALL, classes=2) if name == "resnet18" else TINY)
        monkeypatch.setattr(module, "STEPS", 16)
    monkeypatch.setattr(memory, "LOOKS", 60)
    monkeypatch.setattr(memory, "EARLY_LOOKS", 30)
    monkeypatch.setattr(target, "BUDGET", Budget(0.01, 0.01, 3, 1.0))
    monkeypatch.setattr(training, "LOOP_ROUNDS", 1)
    monkeypatch.setattr(training, "JPEGS", 64)
    monkeypatch.setattr(training, "JPEG_SIZE", (60, 50))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(torch, "set_num_threads", lambda number: None)
    yield
    monkeypatch.undo()
    torch.set_num_threads(threads)


def verdicts(checks: Iterator[Check]) -> dict[str, str]:
    return {check.name: check.verdict for check in checks}


def only(checks: Iterator[Check]) -> Check:
    (check,) = checks
    return check


@pytest.mark.usefixtures("small_networks")
def test_the_whole_test_runs_on_the_cpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def torchrun(given: Target, recipe: object) -> subprocess.CompletedProcess[str]:
        (given.folder / "torchrun").symlink_to(given.folder / "one-process")
        return subprocess.CompletedProcess((), 0, "", "")

    monkeypatch.setattr(training, "_torchrun", torchrun)
    code = main(["doctor", "--device", "cpu", "--json"])
    out, err = capsys.readouterr()
    values = json.loads(out)
    found = {check["name"]: check for check in values["checks"]}
    timed = {"run against a bare loop", "data streamed from JPEGs"}  # depends on what else this machine does
    assert {name for name, check in found.items() if check["verdict"] == "failed"} <= timed
    assert code == (0 if values["passed"] else 1)
    assert err == ""
    assert values["device"] == "cpu"
    assert values["versions"]["torch"] == torch.__version__  # with the build: "2.10.0+cu130"
    assert list(dict.fromkeys(check["group"] for check in values["checks"])) == [
        "device", "forward", "speed", "memory", "training",
    ]  # fmt: skip
    assert all(check["advice"] for name, check in found.items() if check["bound"] is not None)
    assert all(check["detail"] for check in found.values() if check["verdict"] == "skipped")
    for name, relation, bound in (
        ("ResNet-50, fp32, folded", "≤", 1e-4),
        ("ResNet-56 (CIFAR), bf16", "≤", 0.2),
        ("Grad-CAM, ResNet-18", "≤", 1e-2),
        ("sgd, fp16, first loss", "≤", 2e-2),
        ("resumed run", "≤", 0.0),
        ("run against a bare loop", "≥", 0.97),
    ):
        assert (found[name]["relation"], found[name]["bound"]) == (relation, bound)


def test_without_such_a_device_one_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--device", "cuda:99"], ["--device", "toaster", "--quick", "--json"]):
        assert main(["doctor", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert f"{arguments[1]} is not available on this machine, only cpu" in err


def test_quick_is_for_a_device(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--quick"]) == 2
    assert "--quick is for testing a device" in capsys.readouterr().err


def test_a_failed_check_is_told_by_table_and_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(given: Target) -> Iterator[Check]:
        yield noted("before", 1.0)
        raise RuntimeError("CUDA error: misaligned address\nCompile with `TORCH_USE_CUDA_DSA`")

    checks = [("forward", "one", broken), ("training", "two", lambda given: iter([noted("after", 2.0)]))]
    monkeypatch.setattr(run, "all_checks", lambda quick: checks)
    assert main(["doctor", "--device", "cpu", "--quick"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[2:6:1] if not line.startswith("-")] == [
        ["forward", "before", "noted"], ["forward", "one", "failed"], ["training", "after", "noted"],
    ]  # fmt: skip
    assert "RuntimeError: CUDA error: misaligned address; Update the driver" in "\n".join(lines)
    assert lines[-1].startswith("cpu (CPU): 0 passed, 1 failed, 0 skipped, 2 noted in ")


def test_a_quick_test_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every field of the report is there, and a figure that is not finite, which JSON doesn't have, is null."""

    def all_checks(*, quick: bool) -> list[tuple[str, str, run.CheckFunction]]:
        assert quick
        wrong = at_most("ResNet-50, fp32", float("inf"), 1e-4, detail="relative difference")
        return [("device", "precisions", overview.device_checks), ("forward", "outputs", lambda given: iter([wrong]))]

    monkeypatch.setattr(run, "all_checks", all_checks)
    assert main(["doctor", "--device", "cpu", "--quick", "--json"]) == 1
    out, err = capsys.readouterr()
    values = json.loads(out, parse_constant=pytest.fail)
    assert err == ""
    assert values.keys() == {field.name for field in fields(Report)} | {"passed"}
    assert (values["device"], values["label"], values["quick"], values["passed"]) == ("cpu", "CPU", True, False)
    assert values["versions"]["torch"] == torch.__version__
    assert all(check.keys() == {field.name for field in fields(Check)} for check in values["checks"])
    found = {check["name"]: check for check in values["checks"]}
    assert found["precisions"]["detail"] == "fp32, bf16"
    assert found["threads"]["value"] == torch.get_num_threads()
    wrong = found["ResNet-50, fp32"]
    assert (wrong["group"], wrong["verdict"], wrong["value"], wrong["bound"]) == ("forward", "failed", None, 1e-4)
    assert wrong["detail"].endswith("relative difference")


def test_every_check_of_the_checklist_has_a_function() -> None:
    assert [(group, title) for group, title, _ in run.all_checks(quick=False)] == list(planned(quick=False))
    assert run.FUNCTIONS.keys() == {title for _, title in planned(quick=False)}
    left_out = set(planned(quick=False)) - set(planned(quick=True))
    assert {title for _, title in left_out} == THOROUGH


def test_nothing_is_checked_on_a_device_that_has_stopped_working(monkeypatch: pytest.MonkeyPatch, cpu: Target) -> None:
    monkeypatch.setattr(run, "works", lambda given: False)
    found = only(run.results(cpu, "predictions", lambda given: iter([noted("never")])))
    assert (found.verdict, found.detail) == ("skipped", "the device has stopped working")


def test_the_device_is_tested_with_half_precision_included(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "all_checks", lambda quick: [])
    monkeypatch.setattr(run.devices, "check", lambda name: None)
    monkeypatch.setattr(overview, "label", lambda name: "A card")
    monkeypatch.setattr(overview, "versions", lambda given: {})
    assert finish(run.selftest_steps("cuda:0 half")).device == "cuda:0"


@pytest.mark.usefixtures("small_networks")
@pytest.mark.parametrize(("factor", "verdict"), [(1 + 1e-6, "passed"), (1 + 1e-3, "failed"), (float("nan"), "failed")])
def test_wrong_logits_fail(monkeypatch: pytest.MonkeyPatch, cpu: Target, factor: float, verdict: str) -> None:
    def wrong(network: nn.Module, images: torch.Tensor, layers: tuple[str, ...]) -> Captured:
        found = capture(network, images, layers)
        assert found.logits is not None
        return found if images.dtype == torch.float64 else Captured(found.logits * factor, found.layers)

    monkeypatch.setattr(forward, "capture", wrong)
    found = next(forward.network_checks("resnet50", cpu))
    assert found.verdict == verdict
    assert found.detail == "relative difference; largest in logits"


@pytest.mark.usefixtures("small_networks")
def test_other_predictions_fail(monkeypatch: pytest.MonkeyPatch, cpu: Target) -> None:
    right = forward._predictions
    monkeypatch.setattr(forward, "_predictions", lambda given: right(replace(given, image="sample:digit-4"))[:3])
    found = verdicts(forward.prediction_checks(cpu))
    assert found["top-5 of the sample photographs, fp32"] == found["digits read by the bundled network"] == "failed"


def test_the_largest_difference_is_relative_and_names_its_tensor() -> None:
    expected = {"a": torch.tensor([100.0, 1.0]), "b": torch.tensor([-2.0, 1.0])}
    found = {"a": torch.tensor([100.0, 2.0]), "b": torch.tensor([-2.0, 1.5])}
    assert forward.largest_difference(found, expected) == (0.25, "b")
    assert forward.largest_difference(expected, expected) == (0.0, "")
    assert forward.largest_difference({"a": torch.tensor([torch.nan, 1.0])}, expected) == (torch.inf, "a")


def test_full_float32_is_for_a_block_only() -> None:
    convolution = torch.backends.cudnn.conv
    before = convolution.fp32_precision
    with full_float32():
        assert (convolution.fp32_precision, torch.backends.cuda.matmul.fp32_precision) == ("ieee", "ieee")
    assert convolution.fp32_precision == before


class SmallGpu(Target):
    """The CPU in the role of a GPU whose memory is scripted."""

    is_cuda = True
    is_cpu = False

    def allocated(self) -> int | None:
        return next(MEMORY)


MEMORY: Iterator[int] = iter(())


@pytest.fixture
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(memory, "little_memory", lambda *arguments: nullcontext())
    return SmallGpu("cpu", tmp_path)


@pytest.mark.usefixtures("small_networks")
@pytest.mark.parametrize(("kept", "verdict"), [(0, "passed"), (50_000_000, "failed")])
def test_memory_that_is_not_given_back_fails(
    monkeypatch: pytest.MonkeyPatch, gpu: Target, kept: int, verdict: str
) -> None:
    monkeypatch.setattr(memory, "_refusal", lambda given: "cuda:0 failed (CUDA out of memory)")
    monkeypatch.setitem(globals(), "MEMORY", iter([7_000_000, 7_000_000 + kept]))
    assert verdicts(memory.request_checks(gpu)) == {
        "request that can't fit": "passed", "memory after it": verdict, "next request": "passed",
    }  # fmt: skip


@pytest.mark.usefixtures("small_networks")
def test_a_request_that_should_not_fit_but_does_fails(monkeypatch: pytest.MonkeyPatch, gpu: Target) -> None:
    monkeypatch.setitem(globals(), "MEMORY", iter([0, 0]))
    assert verdicts(memory.request_checks(gpu))["request that can't fit"] == "failed"


@pytest.mark.usefixtures("small_networks")
def test_a_training_that_does_not_fit_gives_its_memory_back(monkeypatch: pytest.MonkeyPatch, gpu: Target) -> None:
    real = memory.train

    def train(given: Target, name: str, recipe: object) -> object:
        if name == "too-large":
            raise MemoryError("cuda:0 does not have enough free memory")
        return real(given, name, recipe)

    monkeypatch.setattr(memory, "train", train)
    monkeypatch.setitem(globals(), "MEMORY", iter([0, 300_000_000]))
    found = list(memory.training_checks(gpu))
    assert [check.verdict for check in found] == ["passed", "failed", "passed"]
    assert found[1].measured == "300 MB"


@pytest.mark.usefixtures("small_networks")
def test_growing_memory_fails(monkeypatch: pytest.MonkeyPatch, cpu: Target) -> None:
    sizes = iter([1_000_000_000, 1_021_000_000])
    monkeypatch.setattr(memory, "resident_bytes", lambda: next(sizes))
    found = only(memory.growth_checks(cpu))
    assert found.verdict == "failed"
    assert found.value == pytest.approx(2.1)


@pytest.fixture
def unset_memory_is_nan() -> Iterator[None]:
    """Have torch fill uninitialized memory with NaN, so that it is never zero by chance."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("small_networks", "unset_memory_is_nan")
def test_momentum_that_a_skipped_step_leaves_uninitialized_fails(monkeypatch: pytest.MonkeyPatch, cpu: Target) -> None:
    passed = only(training.skipped_step_checks(cpu))
    monkeypatch.setattr(loop, "make_optimizer", lambda net, r: torch.optim.SGD(net.parameters(), r.lr, 0.9, fused=True))
    assert [passed.verdict, only(training.skipped_step_checks(cpu)).verdict] == ["passed", "failed"]


@pytest.mark.usefixtures("small_networks")
def test_a_run_that_forgets_its_momentum_when_resumed_fails(monkeypatch: pytest.MonkeyPatch, cpu: Target) -> None:
    restore = checkpoints.restore
    monkeypatch.setattr(
        checkpoints, "restore", lambda found, *others: restore(replace(found, optimizer={}), *others)
    )  # fmt: skip
    found = verdicts(training.resume_checks(cpu))
    assert found == {"resumed run": "failed", "checkpoint opened on the CPU": "passed"}


@pytest.mark.usefixtures("small_networks")
def test_a_device_that_does_not_learn_fails(monkeypatch: pytest.MonkeyPatch, cpu: Target) -> None:
    real = training.train

    def train(given: Target, name: str, recipe: object) -> object:
        found = real(given, name, recipe)
        return found if name.endswith("cpu") else replace(found, losses=(2.3,) * len(found.losses))

    monkeypatch.setattr(training, "train", train)
    assert set(verdicts(training.precision_checks(replace(cpu, quick=True))).values()) == {"failed"}


def test_a_slow_loop_fails(monkeypatch: pytest.MonkeyPatch, cpu: Target) -> None:
    monkeypatch.setattr(training, "images_per_second", lambda *arguments: 960.0)
    monkeypatch.setattr(training, "_bare_loop", lambda *arguments: 1000.0)
    found = only(training.loop_checks(cpu))
    assert (found.verdict, found.measured) == ("failed", "0.96 ×")
    assert found.remark.startswith("960 of 1,000 images/s")


@pytest.mark.usefixtures("small_networks")
def test_torchrun_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, cpu: Target) -> None:
    ended = subprocess.CompletedProcess((), 1, "", "many lines\nncclUnhandledCudaError: call failed\n")
    monkeypatch.setattr(training, "_torchrun", lambda *arguments: ended)
    found = only(training.torchrun_checks(cpu))
    assert (found.verdict, found.detail) == ("failed", "ncclUnhandledCudaError: call failed")


@pytest.mark.parametrize("check", [speed.graph_checks, speed.compile_checks])
def test_what_only_a_gpu_has_is_skipped_in_words(cpu: Target, check: run.CheckFunction) -> None:
    found = only(check(cpu))
    assert found.verdict == "skipped"
    assert "NVIDIA" in found.detail


def test_an_unreachable_device_is_refused_before_anything_runs() -> None:
    with pytest.raises(DeviceError, match="cuda:7 is not available"):
        next(run.selftest_steps("cuda:7"))
