"""The option `--module` of `table`, `compare` and `maps`: a user's own network, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from own_modules import CHAIN, RESIDUAL, leaving_a_trace, write
from resnet_studio.analysis.compute.counting import FlopCountAnalysis
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.modules.own_module import open_steps
from resnet_studio.networks.own_module import ModuleSource
from resnet_studio.progress import finish

Run = Callable[..., tuple[int, str, str]]
SIZE = ("--image-size", "32")


@pytest.fixture
def residual(tmp_path: Path) -> str:
    return f"{write(tmp_path, RESIDUAL)}:Net"


def network(path: str) -> nn.Module:
    file, _, function = path.rpartition(":")
    return build(finish(open_steps(ModuleSource(file, function, 32, 32)))).eval()


def test_a_table_has_the_costs_of_fvcore_and_says_what_is_not_counted(run: Run, residual: str) -> None:
    code, out, err = run("table", "--module", residual, *SIZE, "--format", "json")
    assert (code, err) == (0, "")
    table = json.loads(out)
    net = network(residual)
    counted = FlopCountAnalysis(net, torch.zeros(1, 3, 32, 32)).unsupported_ops_warnings(False)
    counted.uncalled_modules_warnings(False)
    assert table["totals"]["macs_all"] == counted.total()
    assert table["uncounted"] == dict(counted.unsupported_ops())
    assert table["totals"]["parameters"] == sum(parameter.numel() for parameter in net.parameters())
    rows = {row["name"]: row for row in table["rows"]}
    assert rows["layer1.0.conv1"]["macs"] == 8 * 8 * 9 * 16 * 16
    assert sum(row["macs_all"] for row in rows.values()) == counted.total()
    assert table["architecture"]["kind"] == "module"
    text = run("table", "--module", residual, *SIZE)[1]
    assert next(line for line in text.splitlines() if line.startswith("unused")).split()[1:3] == ["never", "called"]


def test_the_code_of_a_module_with_parts_has_its_own_row(run: Run, tmp_path: Path) -> None:
    text = """
import torch
from torch import nn
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(8, 24)
    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        return (q @ k.transpose(1, 2)).softmax(-1) @ v
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.attention, self.fc = nn.Conv2d(3, 8, 4, 4), Attention(), nn.Linear(8, 2)
    def forward(self, x):
        return self.fc(self.attention(self.conv(x).flatten(2).transpose(1, 2)).mean(1))
"""
    path = write(tmp_path, text)
    code, out, _ = run("table", "--module", f"{path}:Net", *SIZE, "--format", "csv", "--layers")
    assert code == 0
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(out))}
    positions = (32 // 4) ** 2
    assert rows["attention.qkv"]["macs"] == str(positions * 8 * 24)
    assert rows["attention.matmul"]["macs"] == str(positions * positions * 8)
    assert rows["attention"]["macs"] == str(positions * positions * 8)  # whose output it is
    assert "counts agree" in run("table", "--module", f"{path}:Net", *SIZE)[1]


def test_it_stands_beside_a_preset(run: Run, residual: str) -> None:
    code, out, err = run("compare", "resnet18", "--module", residual, *SIZE, "--json")
    assert (code, err) == (0, "")
    columns = json.loads(out)["architectures"]
    assert [column["title"] for column in columns] == ["resnet18 at 32×32", "net.py:Net"]


def test_maps_are_those_of_the_network_itself(run: Run, residual: str, tmp_path: Path) -> None:
    out_file = tmp_path / "maps.npz"
    code, out, err = run(
        "maps", "sample:china", "--module", residual, *SIZE, "--output", out_file, "--layer", "layer1.0.relu", "--json"
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["predictions"][0]["label"].startswith("class ")
    with np.load(out_file) as arrays:
        found = arrays["layer1.0.relu"]
    assert found.shape == (8, 16, 16)
    assert found.min() == 0  # the block's last ReLU, not its first
    assert run("maps", "sample:china", "--module", residual, "--output", out_file, "--layer", "layer1.0.relu#1")[0] == 2


def test_guided_backpropagation_needs_modules(run: Run, residual: str, tmp_path: Path) -> None:
    code, _, err = run(
        "maps", "sample:china", "--module", residual, *SIZE, "--output", tmp_path / "a.png",
        "--attribution", "guided-backprop",
    )  # fmt: skip
    assert code == 2
    assert "needs every ReLU to be a module, and relu is a function" in err


def test_what_the_code_prints_goes_to_stderr(run: Run, tmp_path: Path) -> None:
    text = CHAIN.replace("import nn\n", "import nn\nprint('loading weights')\n")
    code, out, err = run("table", "--module", f"{write(tmp_path, text)}:make", *SIZE, "--format", "json")
    assert code == 0
    assert json.loads(out)["totals"]["parameters"]
    assert "loading weights" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("table",), "name an architecture, as in `table resnet50`, or give --module FILE.py:FUNCTION"),
        (("table", "resnet50", "--module", "{}"), "exclude each other"),
        (("table", "--module", "{}", "--set", "width=8"), "--set can't change the network of --module"),
        (("table", "--module", "{}", "--image-size", "big"), "--image-size big: must be an integer, or height and"),
        (("table", "--module", "{}", "--image-size", "5000"), "height: must be an integer from 1 to 4,096"),
        (("table", "resnet50", "--channels", "1"), "--channels is for --module"),
        (("table", "--module", "{}", *SIZE, "--channels", "4"), "expected input[1, 4, 32, 32] to have 3 channels"),
        (("table", "--module", "missing.py:make"), "missing.py does not exist"),
        (("compare", "--module", "{}"), "compare needs at least two architectures"),
        (("maps", "sample:china", "--module", "{}", "--weights", "w.pth", "--output", "m.png"), "can't be loaded into"),
        (("maps", "--run", "r", "--module", "{}", "--output", "m"), "takes neither images nor an architecture"),
    ],
)
def test_what_has_no_effect_is_refused(run: Run, residual: str, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run(*(argument.format(residual) for argument in arguments))
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_an_architecture_file_that_tells_of_one_runs_nothing(run: Run, tmp_path: Path) -> None:
    path, trace = leaving_a_trace(tmp_path)
    file = write(tmp_path, json.dumps({"kind": "module", "file": str(path), "function": "make"}), "net.json")
    code, out, err = run("table", file)
    assert (code, out) == (2, "")
    assert "code, which runs only if you open its file" in err
    assert not trace.exists()
