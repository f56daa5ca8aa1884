"""The command `export`: what is printed, what is written, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from resnet_studio.cli.main import main
from resnet_studio.cli.parsing import resolve_architecture
from resnet_studio.export import request as export_request
from resnet_studio.export.formats import FORMATS
from resnet_studio.networks.architecture import from_json
from resnet_studio.networks.arguments import network_options
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import PRESETS
from small import TINY

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in this process and an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["export", *words])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A network's weights as another program saves them."""
    path = tmp_path / "net.pth"
    torch.save(build(TINY, seed=5).state_dict(), path)
    return path


def test_python_is_printed(run: Run) -> None:
    code, out, err = run("resnet18", "--to", "python")
    assert (code, err) == (0, "")
    namespace: dict = {}
    exec(out, namespace)
    assert sum(parameter.numel() for parameter in namespace["ResNet"]().parameters()) == 11_689_512


def test_a_file_is_written_where_output_says(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    code, out, _ = run("resnet18", "--to", "json", "--set", "classes=7", "--output", str(path))
    assert (code, out) == (0, f"saved {path} ({path.stat().st_size} B)\n")
    assert from_json(path.read_text()) == resolve_architecture("resnet18", ["classes=7"])


def test_a_binary_file_has_the_networks_name_and_replaces_none(run: Run, tmp_path: Path) -> None:
    words = ("resnet20-digits", "--to", "weights", "--dialect", "akamaster", "--json")
    code, out, _ = run(*words)
    assert code == 0
    file = tmp_path / json.loads(out)["file"]
    assert file.name == "resnet20-digits-akamaster.safetensors"
    assert json.loads(out) == {"file": file.name, "bytes": file.stat().st_size, "notes": []}
    code, _, err = run(*words)
    assert (code, file.name in err and "already exists" in err) == (2, True)


def test_a_weights_file_is_translated(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    code, out, _ = run(str(checkpoint), "--to", "weights", "--dialect", "akamaster", "--output", "theirs.pth")
    assert code == 0, out
    theirs = torch.load(tmp_path / "theirs.pth", weights_only=True)
    torch.testing.assert_close(theirs["linear.bias"], torch.load(checkpoint, weights_only=True)["fc.bias"])


def test_a_weights_file_gives_the_architecture_of_every_format(run: Run, checkpoint: Path) -> None:
    code, out, _ = run(str(checkpoint), "--to", "python")
    assert code == 0
    namespace: dict = {}
    exec(out, namespace)
    namespace["ResNet"]().load_state_dict(torch.load(checkpoint, weights_only=True))


def test_table_one_takes_several_networks(run: Run) -> None:
    code, out, _ = run("resnet18,resnet50", "--to", "table-one-latex")
    assert code == 0
    assert "layer name & output size & resnet18 & resnet50" in out


@pytest.mark.parametrize("form", ["table-csv", "table-json", "table-markdown", "table-latex", "table-html"])
def test_tables_are_printed(run: Run, form: str) -> None:
    code, out, _ = run("resnet20-digits", "--to", form)
    assert code == 0
    assert "conv1" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("resnet18", "--to", "word"), "--to must be one of python, onnx,"),
        (("resnet18", "--to", "python", "--dialect", "timm"), "has no use for some options. Remove --dialect"),
        (("resnet18", "--to", "python", "--output", "net.txt"), "the file name must end in .py"),
        (("resnet18", "--to", "weights", "--output", "net.onnx"), "must end in .safetensors or .pth"),
        (("resnet18", "--to", "json", "--output", "nowhere/net.json"), "directory not found"),
        (("resnet18", "--to", "json", "--json"), "--json describes a file: add --output FILE"),
        (("net.pth", "--to", "weights"), "net.pth does not exist"),
        (("net.pth", "--to", "weights", "--weights", "random:1"), "is a weights file already"),
        (("resnet-9", "--to", "json"), "unknown preset"),
        (("article18", "--to", "weights", "--dialect", "timm"), "timm has no names for"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_refused_in_one_line(run: Run, words: tuple[str, ...], message: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_missing_library_is_named_with_the_command_that_installs_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_request, "find_spec", lambda name: None if name == "onnxscript" else object())
    code, _, err = run("resnet20-digits", "--to", "onnx")
    assert code == 2
    assert f"{sys.executable} -m pip install onnx onnxscript" in err


@pytest.mark.parametrize("name", [*PRESETS, "other"])
def test_the_arguments_of_a_stamp_give_the_same_network(name: str) -> None:
    architecture = PRESETS.get(name) or TINY
    first, *words = network_options(architecture).split()
    assert resolve_architecture(first, [word for word in words if word != "--set"]) == architecture
    assert words == [] or architecture == TINY


def test_formats_are_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"`{name}`" not in guide] == []


def test_text_formats_need_no_torch() -> None:
    code = "import sys; from resnet_studio.cli.main import main; main(['export', 'resnet18', '--to', 'python']); "
    code += "print('torch' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "False")
