"""Networks of the user's own: what a file's function returns, with sizes and costs by formula, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from own_modules import CHAIN, RESIDUAL, leaving_a_trace, write
from resnet_studio.networks import architecture as architectures
from resnet_studio.networks.architecture import ArchitectureError, Baseline
from resnet_studio.networks.layers import NOTHING, Layer
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.modules.own_module import open_steps
from resnet_studio.networks.own_module import ModuleError, ModuleSource, OwnModule, makers, named_function
from resnet_studio.networks.plan import head_layer, plan
from resnet_studio.networks.receptive_field import receptive_field
from resnet_studio.progress import finish

SIDE = 32


def opened(path: Path, function: str = "make", side: int = SIDE, channels: int = 3) -> OwnModule:
    return finish(open_steps(ModuleSource(str(path), function, side, side, channels)))


def by_name(module: OwnModule) -> dict[str, Layer]:
    return {layer.name: layer for layer in plan(module)}


def refusal(tmp_path: Path, text: str, function: str = "make") -> str:
    with pytest.raises(ModuleError) as refused:
        opened(write(tmp_path, text), function)
    return str(refused.value)


def returning(forward: str, made: str = "pass") -> str:
    """A file whose network does this in its forward pass."""
    return f"""
import torch
import torch.nn.functional as F
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 2)
        {made}

    def logits(self, x):
        return self.fc(self.conv(x).mean((2, 3)))

    def forward(self, x):
        {forward}

def make():
    return Net()
"""


def test_a_chain_has_the_sizes_and_costs_of_the_formulas(tmp_path: Path) -> None:
    module = opened(write(tmp_path, CHAIN))
    layers = by_name(module)
    assert module.classes == 5
    assert module.input_shape == (3, SIDE, SIDE)
    assert module.depth == 3
    assert [layer.output for layer in layers.values()] == [
        (8, 32, 32), (8, 32, 32), (8, 16, 16), (16, 8, 8), (16, 8, 8), (16, 8, 8), (16, 1, 1), (16, 1, 1), (5, 1, 1),
    ]  # fmt: skip
    assert layers["0"].parameters == 3 * 8 * 9 + 8
    assert layers["0"].macs == 3 * 8 * 9 * 32 * 32
    assert layers["3"].macs == 8 * 16 * 9 * 8 * 8
    assert (layers["3"].kernel, layers["3"].stride, layers["3"].padding) == (3, 2, 1)
    assert layers["4"].parameters == 2 * 16
    assert layers["8"].macs == 16 * 5
    assert layers["8"].input == (16, 1, 1)
    assert head_layer(module).name == "8"


def test_a_shared_module_is_a_row_for_each_call_and_its_last_has_its_name(tmp_path: Path) -> None:
    module = opened(write(tmp_path, RESIDUAL), "Net")
    layers = by_name(module)
    assert layers["layer1.0.relu#1"].inputs == ("layer1.0.bn1",)
    assert not layers["layer1.0.relu#1"].called
    assert layers["layer1.0.relu"].inputs == ("layer1.0.add",)
    assert layers["layer1.0.relu"].called
    assert layers["layer1.0.add"].inputs == ("layer1.0.bn2", "relu")
    assert layers["relu"].inputs == ("stem",)


def test_what_is_not_called_has_parameters_and_nothing_else(tmp_path: Path) -> None:
    layers = by_name(opened(write(tmp_path, RESIDUAL), "Net"))
    assert (layers["unused"].parameters, layers["unused"].output, layers["unused"].macs) == (3 * 4 + 4, NOTHING, 0)
    assert (layers["scale"].kind, layers["scale"].parameters) == ("parameter", 1)
    conv, norm = 8 * 8 * 9, 2 * 8
    assert sum(layer.parameters for layer in layers.values()) == (
        (3 * 8 * 9 + 8) + 4 * (conv + norm) + (8 * 10 + 10) + (3 * 4 + 4) + 1
    )


def test_the_receptive_field_follows_functions_and_shortcuts(tmp_path: Path) -> None:
    module = opened(write(tmp_path, RESIDUAL), "Net")
    side = 3 + 4 * 2 * 2  # the stem's window, and four of 3 pixels at a distance of 2
    box = receptive_field(module, "layer1.1.relu", 8, 8)
    assert (box.width, box.height) == (side, side)
    assert receptive_field(module, "fc", 0, 0).width == SIDE


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_a_network_of_torchvision_has_the_plan_that_it_has_as_a_baseline(tmp_path: Path, name: str) -> None:
    """The plans of baselines are traced in another way: symbolically, by torch.fx."""
    text = f"import torchvision\ndef make():\n    return torchvision.models.{name}(num_classes=7)\n"
    module, baseline = opened(write(tmp_path, text), side=64), Baseline(name, 64, 7)
    own, known = by_name(module), {layer.name: layer for layer in plan(baseline)}
    weights = [layer for layer in known.values() if layer.parameters]
    assert {layer.name for layer in own.values() if layer.parameters} == {layer.name for layer in weights}
    for layer in weights:
        mine = own[layer.name]
        assert (mine.output, mine.parameters, mine.macs, mine.windows, mine.stride, mine.groups) == (
            layer.output, layer.parameters, layer.macs, layer.windows, layer.stride, layer.groups
        ), layer.name  # fmt: skip
    last = [layer for layer in weights if layer.kind == "conv" and layer.output[1] > 1][-1]
    assert receptive_field(module, last.name, 1, 1) == receptive_field(baseline, last.name, 1, 1)


def test_tokens_are_told_from_maps(tmp_path: Path) -> None:
    text = """
import timm
def make():
    return timm.create_model("vit_tiny_patch16_224", num_classes=3, img_size=32, depth=1)
"""
    module = opened(write(tmp_path, text))
    layers = by_name(module)
    assert layers["patch_embed.proj"].output == (192, 2, 2)
    assert (layers["blocks.0.norm1"].layout, layers["blocks.0.norm1"].output) == ("tokens", (192, 2, 2))
    tokens, width = 2 * 2 + 1, 192
    assert layers["blocks.0.attn.qkv"].macs == tokens * width * 3 * width
    assert layers["blocks.0.attn.matmul"].macs == 2 * tokens * tokens * width
    assert layers["blocks.0.attn.matmul"].whole
    assert layers["blocks.0.attn.qkv"].activation_bytes == 4 * tokens * 3 * width
    assert sum(layer.parameters for layer in layers.values()) == sum(
        parameter.numel() for parameter in build(module).parameters()
    )


def test_loops_and_conditions_on_sizes_are_followed(tmp_path: Path) -> None:
    forward = """
        for _ in range(x.shape[2] // 16):
            x = F.relu(x)
        if x.shape[1] != 3:
            raise ValueError
        return self.logits(x)
"""
    layers = by_name(opened(write(tmp_path, returning(forward.strip()))))
    assert [name for name in layers if name.startswith("relu")] == ["relu_1", "relu_2"]


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        ("return self.logits(x if x.sum() > 0 else -x)", "line 17: the pass depends on values of the image"),
        ("return self.logits(x[x > 0].view(1, 3, 1, -1))", "line 17: the pass depends on values of the image"),
        ("return self.conv(x)", "returns 1×4×30×30 for one image"),
        ("return self.logits(x), x", "returns a tuple for an image"),
        ("return {'logits': self.logits(x)}", "returns a dict for an image"),
        ("return self.fc(torch.ones(len(x), 4))", "don't depend on the image"),
        ("return self.logits(F.dropout(x))", "other logits at every pass in eval mode"),
        ("return self.logits(F.batch_norm(x, None, None, training=True))", "when there is a second one in the batch"),
        ("return self.logits(x.reshape(1, 3, 32, -1))", "when there is a second one in the batch"),
        ("return self.fc(x)", "net.py, line 17: RuntimeError: "),
        ("return self.norm(self.conv(x)).mean((2, 3))", "norm stay in train mode after eval()"),
        ("raise SystemExit(3)", "net.py, line 17: SystemExit: 3"),
    ],
)
def test_what_a_plan_can_not_hold_is_refused_by_name(tmp_path: Path, forward: str, said: str) -> None:
    frozen = "self.norm = nn.BatchNorm2d(4); self.norm.train = lambda mode=True: self.norm"
    sentence = refusal(tmp_path, returning(forward, frozen if "norm(self" in forward else "pass"))
    assert said in sentence
    assert sentence.startswith("net.py")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def make(:\n", "net.py, line 1: not valid Python"),
        ("import torch\n\ndef make():\n    return 1 / 0\n", "net.py, line 4: ZeroDivisionError: division by zero"),
        ("raise OSError('no weights here')\n", "net.py, line 1: OSError: no weights here"),
        ("def make():\n    return [1]\n", "net.py:make returned a list, not a torch.nn.Module"),
        ("def other():\n    return 1\n", "net.py has no make"),
        ("def make(depth):\n    return depth\n", "missing 1 required positional argument: 'depth'"),
        (
            "import torch\ndef make():\n    return torch.jit.script(torch.nn.ReLU())\n",
            "net.py:make returned TorchScript",
        ),
        (
            "from torch import nn\ndef make():\n    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 2, 3))\n",
            "net.py:make, in 1: RuntimeError: ",
        ),
        (
            "from torch import nn\ndef make():\n    return nn.Bilinear(3, 3, 2)\n",
            "net.py:make: TypeError: Bilinear.forward() missing 1 required positional argument",
        ),
    ],
)  # fmt: skip
def test_an_error_of_the_code_is_a_sentence_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_what_the_code_prints_does_not_get_into_the_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened(write(tmp_path, f"print('loading')\n{CHAIN}"))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "loading" in printed.err


def test_settings_of_torch_and_python_stay_as_they_were(tmp_path: Path) -> None:
    text = "import torch\ntorch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\ntorch.manual_seed(5)\n"
    path, state, folders = list(sys.path), torch.get_rng_state(), set(tmp_path.iterdir())
    module = opened(write(tmp_path, text + CHAIN))
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state)
    assert sys.path == path
    assert set(tmp_path.iterdir()) == folders | {tmp_path / "net.py"}  # no compiled files
    assert {parameter.dtype for parameter in build(module).parameters()} == {torch.float32}


def test_the_network_is_that_of_the_file_and_the_seed(tmp_path: Path) -> None:
    module = opened(write(tmp_path, RESIDUAL), "Net")
    one, same, other = (build(module, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["stem.weight"], other["stem.weight"])
    assert not module.fixed_weights


def test_weights_that_the_code_loads_are_kept(tmp_path: Path) -> None:
    text = f"""
import os, torch
{CHAIN}
def loaded():
    network = make()
    network.load_state_dict(torch.load(os.path.join(os.path.dirname(__file__), "w.pth")))
    return network
"""
    weights = nn.Sequential(*(
        module for module in (
            nn.Conv2d(3, 8, 3), nn.ReLU(), nn.ReLU(), nn.Conv2d(8, 16, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.ReLU(), nn.ReLU(), nn.Linear(16, 5),
        )
    )).state_dict()  # fmt: skip
    torch.save(weights, tmp_path / "w.pth")
    module = opened(write(tmp_path, text), "loaded")
    assert module.fixed_weights
    assert all(torch.equal(weights[name], value) for name, value in build(module).state_dict().items())


def test_modules_work_out_of_place_unless_the_logits_depend_on_it(tmp_path: Path) -> None:
    harmless = build(opened(write(tmp_path, RESIDUAL), "Net"))
    assert not any(getattr(module, "inplace", False) for module in harmless.modules())
    text = """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu, self.fc = nn.ReLU(inplace=True), nn.Linear(3, 2)
    def forward(self, x):
        return self.fc((x + self.relu(x)).mean((2, 3)) if False else (self.relu(x) * 0 + x).mean((2, 3)))
"""
    module = opened(write(tmp_path, text, "twice.py"), "Net")
    network = build(module).eval()
    assert network.get_submodule("relu").inplace
    image = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    expected = network.get_submodule("fc")(image.clamp(min=0).mean((2, 3)))
    assert torch.allclose(network(image.clone()), expected, atol=1e-6)


def test_files_beside_it_can_be_imported_and_belong_to_its_code(tmp_path: Path) -> None:
    write(tmp_path, "WIDTH = 4\n", "sizes.py")
    text = """
from sizes import WIDTH
from torch import nn
def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, WIDTH))
"""
    path = write(tmp_path, text)
    first = opened(path, side=8)
    assert (first.classes, "sizes" in sys.modules) == (4, False)
    assert opened(path, side=8) == first
    write(tmp_path, "WIDTH = 6\n", "sizes.py")
    with pytest.raises(ModuleError, match=r"net\.py has changed since it was opened\. Open it again"):
        build(first)
    second = opened(path, side=8)
    assert second.classes == 6
    assert second != first


def test_a_variable_that_holds_a_network_is_one(tmp_path: Path) -> None:
    module = opened(
        write(tmp_path, "from torch import nn\nnet = nn.Sequential(nn.Flatten(), nn.Linear(3072, 2))\n"), "net"
    )
    assert (module.classes, module.name) == (2, "net.py:net")


def test_nothing_is_run_to_read_a_files_functions(tmp_path: Path) -> None:
    path, trace = leaving_a_trace(tmp_path, RESIDUAL + "\ndef make():\n    return Net()\n\nnet = make()\n")
    assert makers(path) == ("make", "Net", "net")  # a block needs its channels
    assert named_function(f"{path}:Net") == (path, "Net")
    assert not trace.exists()
    with pytest.raises(ModuleError, match=r"say which function makes the network, as FILE\.py:FUNCTION\. It has make"):
        named_function(str(path))


def test_json_tells_of_the_network_and_never_brings_it_back(tmp_path: Path) -> None:
    path, trace = leaving_a_trace(tmp_path)
    module = opened(path)
    runs = trace.read_text()
    told = architectures.to_json(module)
    assert (told["file"], told["function"], told["classes"]) == ("net.py", "make", 5)
    with pytest.raises(ArchitectureError, match="code, which runs only if you open its file"):
        architectures.from_json(told)
    assert trace.read_text() == runs


def test_the_class_count_of_a_fresh_network_of_torchvision(tmp_path: Path) -> None:
    """torchvision's residual network as a file, whose state_dict is that of the file's own call."""
    text = "import torchvision\ndef make():\n    return torchvision.models.resnet18(num_classes=4)\n"
    module = opened(write(tmp_path, text))
    expected = torchvision.models.resnet18(num_classes=4)
    assert sum(layer.parameters for layer in plan(module)) == sum(one.numel() for one in expected.parameters())
    assert build(module).state_dict().keys() == expected.state_dict().keys()
    assert module.depth == 1 + 2 * 8 + 3 + 1  # three of the convolutions are projections


def test_layers_that_take_their_sizes_from_the_image_are_counted(tmp_path: Path) -> None:
    text = """
from torch import nn
def make():
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(2))
"""
    module = opened(write(tmp_path, text), channels=2)
    assert [layer.parameters for layer in plan(module)] == [2 * 4 * 9 + 4, 0, 0, 4 * 2 + 2]
