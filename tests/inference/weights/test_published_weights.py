"""Published weights: the table compared with torchvision's, and downloads from a local server."""

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
from resnet_studio.inference.compute.prepare import load_steps
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import WeightsError, WeightsMismatch
from resnet_studio.inference.values import PublishedWeights
from resnet_studio.inference.weights import published
from resnet_studio.inference.weights.architecture_inference import state_shapes
from resnet_studio.inference.weights.published import (
    ENTRIES,
    cache_path,
    entry_by_hash,
    fetch_steps,
    find_entry,
    published_for,
)
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS, preset
from resnet_studio.progress import Progress, finish

SOURCE = PublishedWeights("resnet18", "IMAGENET1K_V1")
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers every request on 127.0.0.1 by calling `answer`, and records the requested paths."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requested: list[str] = []
        self.answer: Answer = lambda request: request.send_error(404)
        self.released = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:  # noqa: N805  (http.server's name; `self` is the server)
                self.requested.append(handler.path)
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
        """Answer with these bytes, and optionally hold the connection open after them."""

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
    monkeypatch.setattr(published, "BASE_URL", server.url)
    yield server
    server.stop()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A file that replaces the published one of ResNet-18; the table gets its hash."""
    torch.save(build(preset("resnet18"), 5).state_dict(), tmp_path / "file")
    data = (tmp_path / "file").read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    entries = tuple(
        replace(entry, file=f"resnet18-{sha256[:8]}.pth", sha256=sha256) if entry.weights == SOURCE else entry
        for entry in ENTRIES
    )
    monkeypatch.setattr(published, "ENTRIES", entries)
    return data


def cached_files() -> list[str]:
    """The names of the files in the cache."""
    return sorted(path.name for path in cache_path(SOURCE).parent.glob("*"))


def test_the_table_matches_torchvisions() -> None:
    """Every file of its classification networks but those that its code changes, those without classes, and
    transformers' of another size."""
    names = [name for name in models.list_models(module=models) if name not in ("googlenet", "inception_v3")]
    theirs = {
        (model, entry.name): (entry.url, entry.meta["_file_size"], entry.meta["num_params"])
        for model in names
        for entry in models.get_model_weights(model)
        if not model.startswith("vit_") or entry.transforms.keywords["crop_size"] == preset(model).image
        if entry.meta["categories"]
    }
    assert {(entry.weights.model, entry.weights.name) for entry in ENTRIES} == set(theirs)
    for entry in ENTRIES:
        url, megabytes, parameters = theirs[entry.weights.model, entry.weights.name]
        assert url == published.BASE_URL + entry.file
        assert entry.megabytes == round(megabytes)
        assert entry.max_bytes > megabytes * 1024**2
        assert entry.sha256.startswith(entry.file.rpartition("-")[2].removesuffix(".pth"))
        assert re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{8,10}", entry.sha256)
        assert sum(layer.parameters for layer in plan(preset(entry.preset))) == parameters


def test_the_cache_folder_is_torchs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for changes in ({}, {"XDG_CACHE_HOME": ""}, {"TORCH_HOME": str(tmp_path / "own")}, {"TORCH_HOME": "~/own"}):
        with monkeypatch.context() as patch:
            for name, value in changes.items():
                patch.setenv(name, value)
            if changes.get("XDG_CACHE_HOME") == "":
                patch.delenv("XDG_CACHE_HOME")
            assert cache_path(SOURCE) == Path(torch.hub.get_dir(), "checkpoints", "resnet18-f37072fd.pth")


def test_published_weights_are_offered_if_their_shapes_fit() -> None:
    both = (PublishedWeights("resnet50", "IMAGENET1K_V1"), PublishedWeights("resnet50", "IMAGENET1K_V2"))
    assert published_for(preset("resnet50-v1.5")) == published_for(preset("resnet50")) == both
    assert published_for(replace(preset("resnet50"), image=96)) == both
    assert published_for(preset("resnet18")) == (SOURCE,)
    assert published_for(preset("vgg19")) == (PublishedWeights("vgg19", "IMAGENET1K_V1"),)
    assert published_for(replace(preset("swin_t"), image=320)) == (PublishedWeights("swin_t", "IMAGENET1K_V1"),)
    assert published_for(preset("vit_b_32")) == (PublishedWeights("vit_b_32", "IMAGENET1K_V1"),)
    assert published_for(replace(preset("vit_b_32"), image=256)) == ()  # whose position embedding is larger
    for architecture in PRESETS.values():
        fitting = published_for(architecture)
        shapes = [state_shapes(preset(entry.preset)) for entry in ENTRIES if entry.weights in fitting]
        assert all(other == state_shapes(architecture) for other in shapes)
    for other in (
        replace(preset("resnet50"), classes=10),
        preset("plain34"),
        preset("article50"),
        preset("resnet20-cifar"),
    ):
        assert published_for(other) == ()


def test_entries_are_found_by_hash_and_unknown_names_are_refused() -> None:
    known = find_entry(PublishedWeights("resnet50", "IMAGENET1K_V2"))
    assert entry_by_hash(known.sha256) == known
    assert entry_by_hash(known.sha256[:-1] + "0") is None  # with 8 digits, a match could be found in 2^32 tries
    assert entry_by_hash(64 * "0") is None
    with pytest.raises(
        WeightsError, match=r"resnet50 V9 is not published by torchvision\. Available: resnet50 IMAGENET1K_V1 or "
    ):
        cache_path(PublishedWeights("resnet50", "V9"))


def test_weights_are_downloaded_once_with_progress(server: Server, weights: bytes) -> None:
    server.send(weights)
    steps = list(load_steps(preset("resnet18"), SOURCE))
    assert all(isinstance(step, Progress) for step in steps)
    assert steps[0].what == f"requesting {find_entry(SOURCE).file}, 45 MB"
    assert cached_files() == [find_entry(SOURCE).file]
    assert cache_path(SOURCE).read_bytes() == weights
    assert server.requested == [f"/models/{find_entry(SOURCE).file}"]
    assert finish(fetch_steps(SOURCE)) is None
    assert len(server.requested) == 1
    network, info = load(preset("resnet18"), SOURCE)
    assert torch.equal(network.state_dict()["fc.weight"], build(preset("resnet18"), 5).state_dict()["fc.weight"])
    assert (info.source, info.trained) == ("torchvision's resnet18, IMAGENET1K_V1", True)
    assert info.sha256 == hashlib.sha256(weights).hexdigest()
    assert info.labels[207] == "golden retriever"
    assert info.preprocessing.resize == 256
    assert info.caveats == ()


@pytest.mark.parametrize("name", ["efficientnet_b0", "densenet121"])
def test_a_baselines_weights_are_downloaded_and_loaded(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """DenseNet's file has names from before PyTorch 0.4, which torchvision's own loader changes."""
    source, architecture = PublishedWeights(name, "IMAGENET1K_V1"), replace(preset(name), image=64)
    made = build(architecture, 3).eval()
    former = re.compile(r"(denselayer\d+\.(?:norm|conv))(\d)\.")
    torch.save({former.sub(r"\1.\2.", key): value for key, value in made.state_dict().items()}, tmp_path / "file")
    data = (tmp_path / "file").read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    entries = (replace(entry, sha256=sha256) if entry.weights == source else entry for entry in ENTRIES)
    monkeypatch.setattr(published, "ENTRIES", tuple(entries))
    server.send(data)
    finish(load_steps(architecture, source))
    network, info = load(architecture, source)
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(network(images), made(images))
    assert info.source == f"torchvision's {name}, IMAGENET1K_V1"
    theirs = models.get_model_weights(name)["IMAGENET1K_V1"].transforms().interpolation.value
    assert any(f"with {theirs} interpolation" in note for note in info.notes) == (theirs != "bilinear")
    assert info.labels[207] == "golden retriever"
    assert server.requested == [f"/models/{find_entry(source).file}"]


def test_the_progress_says_how_much_was_downloaded(server: Server) -> None:
    server.send(bytes(3_500_000), announced=45_000_000, then_wait=True)
    steps = fetch_steps(SOURCE)
    progress = next(step for step in steps if step.done == 3)
    assert (progress.of, progress.what) == (45, "downloading resnet18-f37072fd.pth, 3 of 45 MB")
    steps.close()
    assert cached_files() == []


def test_a_canceled_download_leaves_no_file(server: Server) -> None:
    server.answer = lambda _: server.released.wait(30) and None
    steps = fetch_steps(SOURCE)
    next(steps)
    next(steps)  # it has started, and the server is silent
    before = time.monotonic()
    steps.close()
    assert time.monotonic() - before < 2
    server.released.set()
    wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "download"])
    assert cached_files() == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda server: server.send(b"<html>Please log in</html>"), "the received file has the wrong checksum"),
        (lambda server: server.send(bytes(2_000_000), announced=3_000_000), "the connection closed after 2 MB"),
        (lambda server: None, "the server responded with 404 Not Found"),
    ],
)
def test_a_file_other_than_the_published_one_is_not_kept(
    server: Server, answer: Callable[[Server], None], message: str
) -> None:
    answer(server)
    with pytest.raises(WeightsError) as refused:
        finish(fetch_steps(SOURCE))
    assert message in str(refused.value)
    assert "digits network work offline" in str(refused.value)
    assert cached_files() == []
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


MAX_BYTES = 46 << 20  # torchvision gives 44.661 MB of 1024² bytes for ResNet-18


def test_a_server_that_announces_too_much_is_refused_at_once(server: Server) -> None:
    server.send(b"", announced=MAX_BYTES + 1, then_wait=True)
    with pytest.raises(WeightsError, match="sent more than the expected maximum of 48 MB"):
        finish(fetch_steps(SOURCE))
    assert cached_files() == []


def test_an_endless_download_is_stopped_at_the_size_limit(server: Server) -> None:
    sent = 0

    def endless(request: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        request.send_response(200)
        request.end_headers()  # no length: HTTP/1.0 ends with the connection
        with suppress(OSError):
            while sent < 4 * MAX_BYTES:
                sent += request.wfile.write(bytes(1 << 20))

    server.answer = endless
    sizes = [0]
    steps = fetch_steps(SOURCE)
    with pytest.raises(WeightsError, match="sent more than the expected maximum of 48 MB"):
        finish(_recording_sizes(steps, sizes))
    assert 0 < max(sizes) <= MAX_BYTES
    assert cached_files() == []


def _recording_sizes(steps: Iterator[Progress], sizes: list[int]) -> Iterator[Progress]:
    for step in steps:
        sizes += (path.stat().st_size for path in cache_path(SOURCE).parent.glob("*"))
        yield step


@pytest.mark.parametrize("length", ["-1", "many", "9" * 5000])
def test_an_invalid_content_length_is_ignored(length: str, server: Server, weights: bytes) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", length)
        request.end_headers()
        request.wfile.write(weights)

    server.answer = answer
    finish(fetch_steps(SOURCE))
    assert cache_path(SOURCE).read_bytes() == weights


def redirect_to(url: str, code: int) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("Location", url)
        request.end_headers()

    return answer


@pytest.fixture
def encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """An HTTPS server with a certificate that only these tests trust."""
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
    monkeypatch.setattr(published, "BASE_URL", server.url)
    yield server
    server.stop()


def test_weights_are_downloaded_over_https(encrypted: Server, weights: bytes) -> None:
    encrypted.send(weights)
    finish(fetch_steps(SOURCE))
    assert cache_path(SOURCE).read_bytes() == weights


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_from_https_to_http_are_refused(code: int, server: Server, encrypted: Server, weights: bytes) -> None:
    server.send(weights)
    encrypted.answer = redirect_to(f"{server.url}{find_entry(SOURCE).file}", code)
    with pytest.raises(WeightsError, match=r"insecure address \(not https\)"):
        finish(fetch_steps(SOURCE))
    assert server.requested == []
    assert cached_files() == []


def test_redirects_over_https_are_followed(encrypted: Server, weights: bytes) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/mirror":
            encrypted.send(weights)
            encrypted.answer(request)
        else:
            redirect_to("/mirror", 302)(request)

    encrypted.answer = answer
    finish(fetch_steps(SOURCE))
    assert cache_path(SOURCE).read_bytes() == weights


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/file", "data:,text"])
def test_redirects_to_other_schemes_are_refused(url: str, server: Server) -> None:
    server.answer = redirect_to(url, 302)
    with pytest.raises(WeightsError, match="could not be downloaded"):
        finish(fetch_steps(SOURCE))
    assert cached_files() == []


def test_without_network_the_error_says_what_works_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "BASE_URL", "http://127.0.0.1:9/")  # no server there
    monkeypatch.delenv("http_proxy")
    with pytest.raises(WeightsError) as refused:
        finish(load_steps(preset("resnet18"), SOURCE))
    assert str(refused.value) == (
        "resnet18-f37072fd.pth could not be downloaded (Connection refused). Random weights, weights files, run "
        "checkpoints and the digits network work offline"
    )
    assert cached_files() == []


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"can't be saved in .*part of the path is a file"):
        finish(fetch_steps(SOURCE))


def test_old_files_of_killed_downloads_are_removed(server: Server, weights: bytes) -> None:
    folder = cache_path(SOURCE).parent
    folder.mkdir(parents=True)
    old, new, other = (folder / name for name in (f"{WRITING}old", f"{WRITING}new", "other.pth"))
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (0, 0))
    server.send(weights)
    finish(fetch_steps(SOURCE))
    assert cached_files() == sorted([new.name, other.name, find_entry(SOURCE).file])


def test_a_changed_file_in_the_cache_is_refused(weights: bytes, tmp_path: Path) -> None:
    cache_path(SOURCE).parent.mkdir(parents=True)
    torch.save(build(preset("resnet18"), 6).state_dict(), cache_path(SOURCE))
    with pytest.raises(WeightsError, match=r"differs from the published file \(wrong checksum\)\. Remove it"):
        load(preset("resnet18"), SOURCE)


def test_published_weights_of_another_network_suggest_their_own_network(weights: bytes) -> None:
    cache_path(SOURCE).parent.mkdir(parents=True)
    cache_path(SOURCE).write_bytes(weights)
    with pytest.raises(WeightsMismatch) as refused:
        load(preset("resnet34"), SOURCE)
    assert refused.value.recognized == preset("resnet18")
    assert [fix.title for fix in refused.value.fixes] == ["Switch to resnet18"]


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        threading.Event().wait(0.01)
