"""Several worker processes, compared with one process that computes the same by hand."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch import nn
from torch.nn import functional

from fork_server import Child, ForkServer
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.modules.network import build
from resnet_studio.training.compute import checkpoints
from resnet_studio.training.compute.data import InMemoryImages, training_order
from resnet_studio.training.recipe import Recipe, learning_rate
from resnet_studio.training.recipe import to_json as recipe_to_json
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Began, Noted, Paused
from small import SHORT, TINY, events_of, open_recipe_data, read_curves
from waiting import wait_until

TOGETHER = replace(SHORT, length=3, measure_training=True)
TOTAL, PER_EPOCH = 33, 11


@dataclass(frozen=True)
class ReferenceResult:
    """The result of one process that averages the gradients of two half-batches."""

    losses: list[float]
    measured: list[tuple[str, int, float, float]]
    weights: dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def reference() -> Iterator[ReferenceResult]:
    """Each half has its own batch norm, and evaluation uses that of the first. One thread, as under torchrun."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    data = open_recipe_data(TOGETHER)
    assert isinstance(data.training, InMemoryImages)
    assert isinstance(data.test, InMemoryImages)
    mean, std = data.mean[0], data.std[0]
    network = build(TINY, TOGETHER.seed).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4, fused=True)
    losses: list[float] = []
    measured: list[tuple[str, int, float, float]] = []
    for number, (_, indices) in enumerate(islice(training_order(1437, TOGETHER, 0), TOTAL)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(TOGETHER, number, PER_EPOCH)
        optimizer.zero_grad()
        halves = []
        for half in (indices[:64], indices[64:]):
            statistics = deepcopy(dict(network.named_buffers()))
            images = (data.training.pixels[half].float() / 255 - mean) / std
            loss = functional.cross_entropy(
                network(images.to(memory_format=torch.channels_last)), data.training.labels[half]
            )
            (loss / 2).backward()
            halves.append(loss.item())
        for name, values in network.named_buffers():  # drop the second half's statistics
            values.copy_(statistics[name])
        optimizer.step()
        losses.append(sum(halves) / 2)
        if (number + 1) % PER_EPOCH == 0:
            for split, images in (("training", data.training), ("test", data.test)):
                values = images.pixels.float() / 255
                measured.append((split, number + 1, *evaluate(network, (values - mean) / std, images.labels)))
    yield ReferenceResult(losses, measured, network.state_dict())
    torch.set_num_threads(before)


def evaluate(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    with torch.no_grad():
        logits = network.eval()(images)
    network.train()
    return functional.cross_entropy(logits, labels).item(), float((logits.argmax(1) != labels).double().mean())


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    (tmp_path / "tiny.json").write_text(json.dumps(to_json(TINY)))
    return command(tmp_path, TOGETHER)


def command(folder: Path, recipe: Recipe) -> list[str]:
    (folder / "recipe.json").write_text(json.dumps(recipe_to_json(recipe)))
    return [
        "train", str(folder / "tiny.json"), "--recipe", str(folder / "recipe.json"), "--runs", str(folder),
        "--name", "run",
    ]  # fmt: skip


def assert_equals_reference(folder: Path, reference: ReferenceResult) -> None:
    found = read_curves(folder)
    assert found.state == "finished"
    np.testing.assert_array_equal(found.per_step("loss").y, reference.losses)
    for one, (split, step, loss, error) in zip(found.measured, reference.measured, strict=True):
        assert (one.split, one.step, one.images) == (split, step, {"training": 1437, "test": 360}[split])
        assert (one.loss, one.error) == (pytest.approx(loss, rel=1e-5), pytest.approx(error, abs=1e-12))
    newest = checkpoints.newest(folder / run_folder.CHECKPOINTS)
    assert newest is not None
    assert all(torch.equal(newest.weights[name], values) for name, values in reference.weights.items())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


def torchrun(log: Path, *options: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
    with log.open("wb") as output:
        return subprocess.Popen(
            [*TORCHRUN, f"--log-dir={log}s", *options], stdout=output, stderr=output, env=environment
        )


def finish(agents: list[subprocess.Popen[bytes]], log: Path) -> None:
    try:
        for agent in agents:
            assert agent.wait(timeout=120) == 0, log.read_text()
    finally:
        for agent in agents:
            if agent.poll() is None:
                agent.terminate()
                agent.wait()


def test_two_agents_of_torchrun_train_like_the_reference(
    tmp_path: Path, arguments: list[str], reference: ReferenceResult
) -> None:
    """The README's command for several machines, with both on this machine."""
    port, log = free_port(), tmp_path / "log"
    options = [
        "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{port}",
        "--rdzv-id=run", "--local-addr=127.0.0.1", "-m", "resnet_studio", *arguments,
    ]  # fmt: skip
    finish([torchrun(log, *options), torchrun(tmp_path / "other", *options)], log)
    assert_equals_reference(tmp_path / "run", reference)
    assert [
        (event.workers, event.threads) for event in events_of(Began, tmp_path / "run") if isinstance(event, Began)
    ] == [(2, 1)]
    assert run_folder.read_manifest(tmp_path / "run").workers == 2


def test_a_killed_worker_is_restarted_and_the_run_continues(
    tmp_path: Path, arguments: list[str], reference: ReferenceResult
) -> None:
    log, folder = tmp_path / "log", tmp_path / "run"
    agent = torchrun(
        log, "--standalone", "--nproc-per-node=2", "--max-restarts=2", "-m", "resnet_studio", *arguments
    )  # fmt: skip
    wait_until(lambda: read_curves(folder).steps >= 12, log.read_text)
    workers = psutil.Process(agent.pid).children()
    assert len(workers) == 2
    workers[1].send_signal(signal.SIGKILL)
    finish([agent], log)
    began = [event.step for event in events_of(Began, folder) if isinstance(event, Began)]
    assert len(began) == 2, log.read_text()
    assert began[1] >= 11
    assert_equals_reference(folder, reference)


@pytest.fixture
def pair(fork_server: ForkServer, tmp_path: Path) -> Iterator[list[Child]]:
    """Two workers as torchrun starts them, filled by `start_pair`."""
    children: list[Child] = []
    yield children
    for child in children:
        if child.poll() is None:
            child.send(signal.SIGKILL)
            child.wait()


def start_pair(fork_server: ForkServer, folder: Path, arguments: list[str], count: int = 2, **more: str) -> list[Child]:
    port = free_port()
    shared = {
        "TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1", **more,
    }  # fmt: skip
    return [
        fork_server.start(folder / f"log-{port}-{rank}", *arguments, RANK=str(rank), LOCAL_RANK=str(rank), **shared)
        for rank in range(count)
    ]


def test_workers_pause_stop_and_resume_together(
    fork_server: ForkServer, tmp_path: Path, arguments: list[str], pair: list[Child], reference: ReferenceResult
) -> None:
    folder = tmp_path / "run"
    threads = ["--threads", "1"]
    pair += start_pair(fork_server, tmp_path, [*arguments, *threads])
    wait_until(lambda: read_curves(folder).steps >= 1, pair[0].output)
    run_folder.make_request(folder, run_folder.PAUSE)
    wait_until(lambda: bool(events_of(Paused, folder)), pair[0].output)
    paused = read_curves(folder).steps
    assert [child.poll() for child in pair] == [None, None]
    run_folder.make_request(folder, run_folder.STOP)
    assert [child.wait() for child in pair] == [0, 0]
    assert (read_curves(folder).state, read_curves(folder).steps) == ("stopped", paused)

    resume = ["train", "--resume", "run", "--runs", str(tmp_path)]
    pair += start_pair(fork_server, tmp_path, resume)
    wait_until(lambda: read_curves(folder).steps > paused, pair[2].output)
    pair[3].send(signal.SIGTERM)
    assert [child.wait() for child in pair[2:]] == [0, 0], "a signal to any of them stops all"
    if read_curves(folder).steps < TOTAL:
        pair += start_pair(fork_server, tmp_path, resume)
        assert [child.wait() for child in pair[4:]] == [0, 0]
    assert_equals_reference(folder, reference)
    assert not events_of(Noted, folder)


def test_a_worker_that_lost_the_other_reports_it(
    fork_server: ForkServer, tmp_path: Path, arguments: list[str], pair: list[Child]
) -> None:
    pair += start_pair(fork_server, tmp_path, [*arguments, "--threads", "1", "--epochs", "100000"])
    wait_until(lambda: read_curves(tmp_path / "run").steps >= 1, pair[0].output)
    pair[1].send(signal.SIGKILL)
    assert pair[0].wait() == 2
    assert "another worker of the run has exited. torchrun --max-restarts continues" in pair[0].output()
    assert read_curves(tmp_path / "run").state == "failed"


def test_a_second_start_by_the_same_torchrun_resumes_the_run(
    fork_server: ForkServer, tmp_path: Path, arguments: list[str], pair: list[Child]
) -> None:
    """Even if torchrun's restart count is 0, as when the worker that died was on another machine."""
    arguments += ["--threads", "1", "--epochs", "100000"]
    pair += start_pair(fork_server, tmp_path, arguments)
    wait_until(lambda: read_curves(tmp_path / "run").steps >= 12, pair[0].output)
    for child in pair:
        child.send(signal.SIGKILL)
        child.wait()
    pair += start_pair(fork_server, tmp_path, arguments)
    wait_until(lambda: len(events_of(Began, tmp_path / "run")) == 2, pair[2].output)
    pair[2].send(signal.SIGTERM)
    assert [child.wait() for child in pair[2:]] == [0, 0]
    assert [event.step >= 11 for event in events_of(Began, tmp_path / "run") if isinstance(event, Began)] == [
        False,
        True,
    ]
    pair += start_pair(fork_server, tmp_path, arguments, TORCHELASTIC_RUN_ID="another")
    assert pair[4].wait() == 2
    assert "a run with this name already exists" in pair[4].output()


def test_a_run_that_resumes_with_fewer_workers_has_a_note(
    fork_server: ForkServer, tmp_path: Path, arguments: list[str], pair: list[Child]
) -> None:
    pair += start_pair(fork_server, tmp_path, [*arguments, "--threads", "1"])
    wait_until(lambda: read_curves(tmp_path / "run").steps >= 1, pair[0].output)
    pair[0].send(signal.SIGTERM)
    assert [child.wait() for child in pair] == [0, 0]
    alone = fork_server.start(tmp_path / "alone", "train", "--resume", tmp_path / "run")
    assert alone.wait() == 0
    assert "started with 2 workers, continuing with 1" in read_curves(tmp_path / "run").notes[0]


def test_batches_that_can_not_be_split_evenly_are_refused(
    fork_server: ForkServer, tmp_path: Path, arguments: list[str], pair: list[Child]
) -> None:
    pair += start_pair(fork_server, tmp_path, [*arguments, "--batch-size", "101"])
    assert [child.wait() for child in pair] == [2, 2]
    assert "batch_size: 101 images can't be split evenly across 2 workers: choose a multiple of 2" in pair[0].output()
    assert read_curves(tmp_path / "run").state == "failed"


def test_under_torchrun_a_run_needs_a_name(fork_server: ForkServer, tmp_path: Path) -> None:
    child = fork_server.start(
        tmp_path / "log", "train", "resnet20-cifar", "--runs", tmp_path, TORCHELASTIC_RUN_ID="test"
    )
    assert child.wait() == 2
    assert "under torchrun, a run needs a name shared by all workers: --name NAME" in child.output()
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
