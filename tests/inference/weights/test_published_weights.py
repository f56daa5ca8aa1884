"""Published weights: the table against torchvision's own, and fetching them from a server on this machine."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torchvision import models

from resnet_studio.atomic import WRITING
from resnet_studio.inference.compute.prepare import loaded_steps
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import WeightsError, WeightsMismatch
from resnet_studio.inference.values import PublishedWeights
from resnet_studio.inference.weights import published
from resnet_studio.inference.weights.architecture_inference import shapes_of
from resnet_studio.inference.weights.published import ENTRIES, by_hash, cached, entry_of, fetch_steps, published_for
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import PRESETS, preset
from resnet_studio.progress import Progress, finish

SOURCE = PublishedWeights("resnet18", "IMAGENET1K_V1")
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers every request on 127.0.0.1 as `answer` does, and notes which paths were asked for."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.asked: list[str] = []
        self.answer: Answer = lambda request: request.send_error(404)
        self.released = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:  # noqa: N805  (http.server's name; `self` is the server)
                self.asked.append(handler.path)
                self.answer(handler)

            def log_message(handler, *_: object) -> None:  # noqa: N805
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self._server.server_port}/models/"

    def send(self, data: bytes, *, announced: int | None = None, then_wait: bool = False) -> None:
        """Answer with these bytes; maybe hold the connection open behind them."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            request.send_header("Content-Length", str(len(data) if announced is None else announced))
            request.end_headers()
            request.wfile.write(data)
            request.wfile.flush()
            if then_wait:
                self.released.wait(30)

        self.answer = answer

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    monkeypatch.setattr(published, "PLACE", server.url)
    yield server
    server.stop()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A file that stands for what is published of ResNet-18; the table has its digits."""
    torch.save(build(preset("resnet18"), 5).state_dict(), tmp_path / "file")
    data = (tmp_path / "file").read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    entries = tuple(
        replace(entry, file=f"resnet18-{sha256[:8]}.pth", sha256=sha256) if entry.weights == SOURCE else entry
        for entry in ENTRIES
    )
    monkeypatch.setattr(published, "ENTRIES", entries)
    return data


def left() -> list[str]:
    """What is in the cache."""
    return sorted(path.name for path in cached(SOURCE).parent.glob("*"))


def test_the_table_is_torchvisions() -> None:
    theirs = {
        (model, entry.name): (entry.url, entry.meta["_file_size"], entry.meta["num_params"])
        for model in {entry.weights.model for entry in ENTRIES}
        for entry in models.get_model_weights(model)
    }
    assert {(entry.weights.model, entry.weights.name) for entry in ENTRIES} == set(theirs)
    for entry in ENTRIES:
        url, megabytes, parameters = theirs[entry.weights.model, entry.weights.name]
        assert url == published.PLACE + entry.file
        assert entry.megabytes == round(megabytes)
        assert entry.most > megabytes * 1024**2
        assert entry.sha256.startswith(entry.file.rpartition("-")[2].removesuffix(".pth"))
        assert re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{8}", entry.sha256)
        counted = (shape for name, shape in shapes_of(preset(entry.preset)).items() if "running" not in name)
        assert sum(torch.Size(shape).numel() for shape in counted if shape) == parameters


def test_the_cache_is_torchs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for changes in ({}, {"XDG_CACHE_HOME": ""}, {"TORCH_HOME": str(tmp_path / "own")}, {"TORCH_HOME": "~/own"}):
        with monkeypatch.context() as patch:
            for name, value in changes.items():
                patch.setenv(name, value)
            if changes.get("XDG_CACHE_HOME") == "":
                patch.delenv("XDG_CACHE_HOME")
            assert cached(SOURCE) == Path(torch.hub.get_dir(), "checkpoints", "resnet18-f37072fd.pth")


def test_weights_fit_by_their_shapes_and_no_others_are_offered() -> None:
    both = (PublishedWeights("resnet50", "IMAGENET1K_V1"), PublishedWeights("resnet50", "IMAGENET1K_V2"))
    assert published_for(preset("resnet50-v1.5")) == published_for(preset("resnet50")) == both
    assert published_for(replace(preset("resnet50"), image=96)) == both
    assert published_for(preset("resnet18")) == (SOURCE,)
    assert published_for(preset("vgg19")) == (PublishedWeights("vgg19", "IMAGENET1K_V1"),)
    for architecture in PRESETS.values():
        fitting = published_for(architecture)
        shapes = [shapes_of(preset(entry.preset)) for entry in ENTRIES if entry.weights in fitting]
        assert all(one == shapes_of(architecture) for one in shapes)
    for other in (
        replace(preset("resnet50"), classes=10),
        preset("plain34"),
        preset("article50"),
        preset("resnet20-cifar"),
    ):
        assert published_for(other) == ()


def test_a_file_is_known_by_its_hash_and_an_unknown_name_is_told_from_the_known() -> None:
    known = entry_of(PublishedWeights("resnet50", "IMAGENET1K_V2"))
    assert by_hash(known.sha256) == known
    assert by_hash(known.sha256[:-1] + "0") is None  # found by chance, or made so, in 2^32 tries where 8 digits count
    assert by_hash(64 * "0") is None
    with pytest.raises(WeightsError, match=r"resnet50 V9 is not published by torchvision\. There are resnet18"):
        cached(PublishedWeights("resnet50", "V9"))


def test_weights_are_fetched_once_with_progress(server: Server, weights: bytes) -> None:
    server.send(weights)
    steps = list(loaded_steps(preset("resnet18"), SOURCE))
    assert all(isinstance(step, Progress) for step in steps)
    assert steps[0].what == f"asking for {entry_of(SOURCE).file}, 45 MB"
    assert left() == [entry_of(SOURCE).file]
    assert cached(SOURCE).read_bytes() == weights
    assert server.asked == [f"/models/{entry_of(SOURCE).file}"]
    assert finish(fetch_steps(SOURCE)) is None
    assert len(server.asked) == 1
    network, info = load(preset("resnet18"), SOURCE)
    assert torch.equal(network.state_dict()["fc.weight"], build(preset("resnet18"), 5).state_dict()["fc.weight"])
    assert (info.source, info.trained) == ("torchvision's resnet18, IMAGENET1K_V1", True)
    assert info.sha256 == hashlib.sha256(weights).hexdigest()
    assert info.labels[207] == "golden retriever"
    assert info.preprocessing.resize == 256
    assert info.doubts == ()


def test_how_much_has_come_is_told(server: Server) -> None:
    server.send(bytes(3_500_000), announced=45_000_000, then_wait=True)
    steps = fetch_steps(SOURCE)
    told = next(step for step in steps if step.done == 3)
    assert (told.of, told.what) == (45, "downloading resnet18-f37072fd.pth, 3 of 45 MB")
    steps.close()
    assert left() == []


def test_a_download_that_is_ended_at_once_leaves_nothing(server: Server) -> None:
    server.answer = lambda _: server.released.wait(30) and None
    steps = fetch_steps(SOURCE)
    next(steps)
    next(steps)  # it has begun, and the server is silent
    before = time.monotonic()
    steps.close()
    assert time.monotonic() - before < 2
    server.released.set()
    wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "download"])
    assert left() == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda server: server.send(b"<html>Please log in</html>"), "what came is not the published file"),
        (lambda server: server.send(bytes(2_000_000), announced=3_000_000), "the connection ended after 2 MB"),
        (lambda server: None, "the server answered 404 Not Found"),
    ],
)
def test_what_is_not_the_published_file_is_not_kept(
    server: Server, answer: Callable[[Server], None], said: str
) -> None:
    answer(server)
    with pytest.raises(WeightsError) as refused:
        finish(fetch_steps(SOURCE))
    assert said in str(refused.value)
    assert "digits network need no network" in str(refused.value)
    assert left() == []
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


MOST = 46 << 20  # of ResNet-18's file: torchvision says 44.661 MB of 1024² bytes


def test_a_server_that_announces_more_than_the_file_has_is_refused_at_once(server: Server) -> None:
    server.send(b"", announced=MOST + 1, then_wait=True)
    with pytest.raises(WeightsError, match="sends more than the 48 MB"):
        finish(fetch_steps(SOURCE))
    assert left() == []


def test_a_server_that_does_not_end_is_let_go_of_and_the_disk_is_not_filled(server: Server) -> None:
    sent = 0

    def endless(request: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        request.send_response(200)
        request.end_headers()  # no length: HTTP/1.0 ends with the connection
        with suppress(OSError):
            while sent < 4 * MOST:
                sent += request.wfile.write(bytes(1 << 20))

    server.answer = endless
    sizes = [0]
    steps = fetch_steps(SOURCE)
    with pytest.raises(WeightsError, match="sends more than the 48 MB"):
        finish(_noting_sizes(steps, sizes))
    assert 0 < max(sizes) <= MOST
    assert left() == []


def _noting_sizes(steps: Iterator[Progress], sizes: list[int]) -> Iterator[Progress]:
    for step in steps:
        sizes += (path.stat().st_size for path in cached(SOURCE).parent.glob("*"))
        yield step


@pytest.mark.parametrize("length", ["-1", "many", "9" * 5000])
def test_a_length_that_is_none_does_not_matter(length: str, server: Server, weights: bytes) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", length)
        request.end_headers()
        request.wfile.write(weights)

    server.answer = answer
    finish(fetch_steps(SOURCE))
    assert cached(SOURCE).read_bytes() == weights


def leads_to(url: str, code: int) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("Location", url)
        request.end_headers()

    return answer


@pytest.fixture
def encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that speaks https with a certificate that only these tests trust."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    line = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 \
        -keyout {key} -out {certificate}"
    subprocess.run(line.split(), check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Server(context)
    monkeypatch.setattr(published, "PLACE", server.url)
    yield server
    server.stop()


def test_weights_come_over_https(encrypted: Server, weights: bytes) -> None:
    encrypted.send(weights)
    finish(fetch_steps(SOURCE))
    assert cached(SOURCE).read_bytes() == weights


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_server_leads_from_https_to_http(code: int, server: Server, encrypted: Server, weights: bytes) -> None:
    server.send(weights)
    encrypted.answer = leads_to(f"{server.url}{entry_of(SOURCE).file}", code)
    with pytest.raises(WeightsError, match="not encrypted"):
        finish(fetch_steps(SOURCE))
    assert server.asked == []
    assert left() == []


def test_a_server_may_lead_to_another_place_over_https(encrypted: Server, weights: bytes) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/mirror":
            encrypted.send(weights)
            encrypted.answer(request)
        else:
            leads_to("/mirror", 302)(request)

    encrypted.answer = answer
    finish(fetch_steps(SOURCE))
    assert cached(SOURCE).read_bytes() == weights


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/file", "data:,text"])
def test_a_server_leads_nowhere_but_to_servers(url: str, server: Server) -> None:
    server.answer = leads_to(url, 302)
    with pytest.raises(WeightsError, match="could not be downloaded"):
        finish(fetch_steps(SOURCE))
    assert left() == []


def test_no_network_is_said_at_once_with_what_works_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "PLACE", "http://127.0.0.1:9/")  # nobody listens there
    monkeypatch.delenv("http_proxy")
    with pytest.raises(WeightsError) as refused:
        finish(loaded_steps(preset("resnet18"), SOURCE))
    assert str(refused.value) == (
        "resnet18-f37072fd.pth could not be downloaded (Connection refused). Random weights, weight files, the "
        "checkpoints of runs and the digits network need no network"
    )
    assert left() == []


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"can't be kept in .*Not a directory"):
        finish(fetch_steps(SOURCE))


def test_what_a_killed_download_has_left_goes_when_it_is_old(server: Server, weights: bytes) -> None:
    folder = cached(SOURCE).parent
    folder.mkdir(parents=True)
    old, new, other = (folder / name for name in (f"{WRITING}old", f"{WRITING}new", "other.pth"))
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (0, 0))
    server.send(weights)
    finish(fetch_steps(SOURCE))
    assert left() == sorted([new.name, other.name, entry_of(SOURCE).file])


def test_a_changed_file_in_the_cache_is_refused(weights: bytes, tmp_path: Path) -> None:
    cached(SOURCE).parent.mkdir(parents=True)
    torch.save(build(preset("resnet18"), 6).state_dict(), cached(SOURCE))
    with pytest.raises(WeightsError, match=r"is not what was published: its checksum differs\. Remove it"):
        load(preset("resnet18"), SOURCE)


def test_published_weights_for_another_network_offer_their_own(weights: bytes) -> None:
    cached(SOURCE).parent.mkdir(parents=True)
    cached(SOURCE).write_bytes(weights)
    with pytest.raises(WeightsMismatch) as refused:
        load(preset("resnet34"), SOURCE)
    assert refused.value.recognised == preset("resnet18")
    assert [remedy.what for remedy in refused.value.remedies] == ["Switch to resnet18"]


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        threading.Event().wait(0.01)
