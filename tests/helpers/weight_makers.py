"""Small networks as twelve sources of weights name and compute them, written from those sources' own definitions.

Each function returns a `Made`: a state_dict, and the logits that the source's code gives. torchvision's and timm's are
the libraries themselves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (its usual name)

State = dict[str, Tensor]


@dataclass(frozen=True)
class Made:
    """A network of a source."""

    state: State
    logits: Callable[[Tensor], Tensor]
    image: int
    """Side of its input."""
    fields: dict[str, Any] = field(default_factory=dict)
    """What its architecture must be."""

    def images(self) -> Tensor:
        return torch.randn(2, 3, self.image, self.image, generator=torch.Generator().manual_seed(9))


def shaken(network: nn.Module) -> nn.Module:
    """In eval mode, with random batch norms and weights that keep activations in range."""
    generator = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            for tensor, low in ((module.weight.data, 0.5), (module.running_var, 0.5)):
                tensor.uniform_(low, 1.5, generator=generator)
            for tensor in (module.bias.data, module.running_mean):
                tensor.uniform_(-0.3, 0.3, generator=generator)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            fan_in = module.weight[0].numel()
            module.weight.data.normal_(0, fan_in**-0.5, generator=generator)
            if module.bias is not None:
                module.bias.data.uniform_(-0.3, 0.3, generator=generator)
    return network.eval()


def made(network: nn.Module, image: int, **fields: Any) -> Made:
    shaken(network)

    def logits(images: Tensor) -> Tensor:
        with torch.no_grad():
            result: Tensor = network(images)
        return result

    return Made(dict(network.state_dict()), logits, image, fields)


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, *, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)


def torchvision_resnet() -> Made:
    from torchvision.models.resnet import BasicBlock, ResNet

    return made(ResNet(BasicBlock, [1, 1, 1, 1], num_classes=7), 64, block="basic", blocks=(1, 1, 1, 1), shortcut="B")


def timm_resnet_d() -> Made:
    from timm.models.resnet import Bottleneck, ResNet

    network = ResNet(
        Bottleneck, (1, 1, 1, 1), channels=(16, 32, 64, 128), num_classes=7, stem_type="deep", stem_width=8,
        avg_down=True, block_args={"attn_layer": "se"},
    )  # fmt: skip
    return made(network, 64, stem="deep", shortcut="D", se=16, width=16, blocks=(1, 1, 1, 1))


def timm_resnetv2() -> Made:
    from timm.layers import BatchNormAct2d, create_conv2d
    from timm.models.resnetv2 import ResNetV2

    network = ResNetV2(
        [1, 2], channels=(64, 128), num_classes=7, stem_chs=16, norm_layer=BatchNormAct2d, conv_layer=create_conv2d
    )
    return made(network, 64, variant="v2", width=16)


class Residual(nn.Module):
    """A block of two 3×3 convolutions as torchvision names it, the projection under any name."""

    def __init__(
        self, inputs: int, width: int, stride: int, shortcut: str = "downsample", *, pads: bool = False
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.stride, self.pad = stride, (width - inputs) // 2
        self.project = shortcut
        if (stride != 1 or inputs != width) and not pads:
            self.add_module(shortcut, nn.Sequential(conv(inputs, width, 1, stride), nn.BatchNorm2d(width)))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        side = getattr(self, self.project, None)
        if side is None and self.pad:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(out + (side(x) if side else x))


class Cifar(nn.Module):
    """kuangliu's and akamaster's networks: a 3×3 convolution, stages, `linear`."""

    def __init__(self, shortcut: str, *, pads: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(3, 8, 3), nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(Residual(8, 8, 1, shortcut, pads=pads), Residual(8, 8, 1, shortcut, pads=pads))
        self.layer2 = nn.Sequential(Residual(8, 16, 2, shortcut, pads=pads), Residual(16, 16, 1, shortcut, pads=pads))
        self.layer3 = nn.Sequential(Residual(16, 32, 2, shortcut, pads=pads))
        self.linear = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer3(self.layer2(self.layer1(out)))
        result: Tensor = self.linear(F.avg_pool2d(out, out.size()[3]).flatten(1))
        return result


def kuangliu() -> Made:
    return made(Cifar("shortcut", pads=False), 32, stem="cifar", shortcut="B", width=8, blocks=(2, 2, 1))


def akamaster() -> Made:
    return made(Cifar("shortcut", pads=True), 32, stem="cifar", shortcut="A", width=8, blocks=(2, 2, 1))


class SqueezeExcite(nn.Module):
    """mmcv's SELayer: two 1×1 ConvModules."""

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(OrderedDict(conv=conv(channels, reduced, 1, bias=True)))
        self.conv2 = nn.Sequential(OrderedDict(conv=conv(reduced, channels, 1, bias=True)))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.conv2(F.relu(self.conv1(x.mean((2, 3), keepdim=True)))))


class OpenMMLabBlock(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1, self.bn1 = conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, outputs, 1), nn.BatchNorm2d(outputs)
        self.se_layer = SqueezeExcite(outputs, 8)
        pool = [nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)] if stride > 1 else []
        changes = stride > 1 or inputs != outputs
        self.downsample = nn.Sequential(*pool, conv(inputs, outputs, 1), nn.BatchNorm2d(outputs)) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(out)))))
        return F.relu(self.se_layer(out) + (self.downsample(x) if self.downsample else x))


class OpenMMLabBackbone(nn.Module):
    """ResNetV1d with squeeze-and-excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), conv(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU(),
            conv(8, 16, 3), nn.BatchNorm2d(16), nn.ReLU(),
        )  # fmt: skip
        self.layer1 = nn.Sequential(OpenMMLabBlock(16, 16, 1), OpenMMLabBlock(64, 16, 1))
        self.layer2 = nn.Sequential(OpenMMLabBlock(64, 32, 2))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layer2(self.layer1(F.max_pool2d(self.stem(x), 3, 2, 1)))
        return result


def mmpretrain() -> Made:
    head = nn.Sequential(OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), fc=nn.Linear(128, 7)))
    network = nn.Sequential(OrderedDict(backbone=OpenMMLabBackbone(), head=head))
    return made(network, 64, stem="deep", shortcut="D", se=16, width=16, blocks=(2, 1))


class ConvLayer(nn.Module):
    """transformers' ResNetConvLayer."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, activated: bool = True) -> None:
        super().__init__()
        self.convolution, self.normalization = conv(inputs, outputs, kernel, stride), nn.BatchNorm2d(outputs)
        self.activation = nn.ReLU() if activated else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.activation(self.normalization(self.convolution(x)))
        return result


class TransformersLayer(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        narrow = outputs // 4
        changes = stride > 1 or inputs != outputs
        self.shortcut = ConvLayer(inputs, outputs, 1, stride, activated=False) if changes else nn.Identity()
        self.layer = nn.Sequential(
            ConvLayer(inputs, narrow, 1), ConvLayer(narrow, narrow, 3, stride),
            ConvLayer(narrow, outputs, 1, activated=False),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.layer(x) + self.shortcut(x))


def transformers() -> Made:
    embedder = nn.Sequential(OrderedDict(embedder=ConvLayer(3, 16, 7, 2), pooler=nn.MaxPool2d(3, 2, 1)))
    stages = [
        nn.Sequential(OrderedDict(layers=nn.Sequential(TransformersLayer(16, 64, 1), TransformersLayer(64, 64, 1)))),
        nn.Sequential(OrderedDict(layers=nn.Sequential(TransformersLayer(64, 128, 2)))),
    ]
    encoder = nn.Sequential(OrderedDict(stages=nn.Sequential(*stages)))
    resnet = nn.Sequential(OrderedDict(embedder=embedder, encoder=encoder, pooler=nn.AdaptiveAvgPool2d(1)))
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(128, 7))
    network = nn.Sequential(OrderedDict(resnet=resnet, classifier=classifier))
    return made(network, 64, stride_on="3x3", width=16, blocks=(2, 1), shortcut="B")


class NormedConv(nn.Conv2d):
    """Detectron2's Conv2d, which has its batch norm inside."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, input: Tensor) -> Tensor:
        result: Tensor = self.norm(super().forward(input))
        return result


class Detectron2Block(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int, outputs: int, groups: int) -> None:
        super().__init__()
        self.shortcut = NormedConv(inputs, outputs, 1, stride) if inputs != outputs else None
        self.conv1 = NormedConv(inputs, width, 1, stride)
        self.conv2 = NormedConv(width, width, 3, 1, groups)
        self.conv3 = NormedConv(width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        return F.relu(out + (self.shortcut(x) if self.shortcut else x))


class Detectron2ResNet(nn.Module):
    """With the stride on the first 1×1, as in Detectron2's default configuration, and groups as in its ResNeXt."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(OrderedDict(conv1=NormedConv(3, 16, 7, 2)))
        self.res2 = nn.Sequential(Detectron2Block(16, 32, 1, 64, 4), Detectron2Block(64, 32, 1, 64, 4))
        self.res3 = nn.Sequential(Detectron2Block(64, 64, 2, 128, 4))
        self.linear = nn.Linear(128, 7)

    def forward(self, x: Tensor) -> Tensor:
        out = F.max_pool2d(F.relu(self.stem(x)), 3, 2, 1)
        result: Tensor = self.linear(self.res3(self.res2(out)).mean((2, 3)))
        return result


def detectron2() -> Made:
    return made(
        Detectron2ResNet(), 64, stride_on="1x1", groups=4, width_per_group=32, width=16, blocks=(2, 1), shortcut="B"
    )


def pytorchcv_block(inputs: int, outputs: int, kernel: int, stride: int = 1, *, activated: bool = True) -> nn.Module:
    """pytorchcv's ConvBlock."""
    parts = OrderedDict(conv=conv(inputs, outputs, kernel, stride), bn=nn.BatchNorm2d(outputs))
    return nn.Sequential(parts | OrderedDict(activ=nn.ReLU()) if activated else parts)


class PytorchcvUnit(nn.Module):
    """With the stride in the first convolution, as in pytorchcv's resnet50."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        middle = outputs // 4
        self.body = nn.Sequential(
            OrderedDict(
                conv1=pytorchcv_block(inputs, middle, 1, stride),
                conv2=pytorchcv_block(middle, middle, 3),
                conv3=pytorchcv_block(middle, outputs, 1, activated=False),
            )
        )
        changes = inputs != outputs or stride > 1
        self.identity_conv = pytorchcv_block(inputs, outputs, 1, stride, activated=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + (self.identity_conv(x) if self.identity_conv else x))


def pytorchcv() -> Made:
    init = nn.Sequential(OrderedDict(conv=pytorchcv_block(3, 16, 7, 2), pool=nn.MaxPool2d(3, 2, 1)))
    stage1 = nn.Sequential(OrderedDict(unit1=PytorchcvUnit(16, 64, 1), unit2=PytorchcvUnit(64, 64, 1)))
    stage2 = nn.Sequential(OrderedDict(unit1=PytorchcvUnit(64, 128, 2)))
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    features = nn.Sequential(OrderedDict(init_block=init, stage1=stage1, stage2=stage2, final_pool=pool))
    network = nn.Sequential(OrderedDict(features=features, output=nn.Linear(128, 7)))
    return made(network, 64, stride_on="1x1", width=16, blocks=(2, 1))


class WideBlock(nn.Module):
    """xternalz's BasicBlock."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), conv(inputs, outputs, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), conv(outputs, outputs, 3)
        self.convShortcut = conv(inputs, outputs, 1, stride) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(x))
        side = self.convShortcut(out) if self.convShortcut else x
        return self.conv2(F.relu(self.bn2(self.conv1(out)))) + side


class WideResNet(nn.Module):
    def __init__(self, k: int) -> None:
        super().__init__()
        self.conv1 = conv(3, 8, 3)
        sizes = (8, 8 * k, 16 * k, 32 * k)
        for stage, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
            stride = 1 if stage == 1 else 2
            layer = nn.Sequential(WideBlock(inputs, outputs, stride), WideBlock(outputs, outputs, 1))
            self.add_module(f"block{stage}", nn.Sequential(OrderedDict(layer=layer)))
        self.bn1, self.fc = nn.BatchNorm2d(sizes[-1]), nn.Linear(sizes[-1], 10)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(x)
        for stage in (1, 2, 3):
            out = getattr(self, f"block{stage}")(out)
        result: Tensor = self.fc(F.relu(self.bn1(out)).mean((2, 3)))
        return result


def xternalz() -> Made:
    return made(WideResNet(2), 32, variant="preact", block="basic", widen=2, width=8, blocks=(2, 2, 2))


def xternalz_narrow() -> Made:
    """Without a projection in its first block, whose shortcut then takes the input before its batch norm."""
    return made(WideResNet(1), 32, variant="v2", block="basic", widen=1, width=8, blocks=(2, 2, 2))


def wide_resnet() -> Made:
    """szagoruyko's network: functions of a dictionary, in which a convolution's weight has no name of its own."""
    network = shaken(WideResNet(2))
    renamed: State = {}
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        parts = name.replace("block1.", "group0.").replace("block2.", "group1.").replace("block3.", "group2.")
        parts = parts.replace("layer.0.", "block0.").replace("layer.1.", "block1.").replace("convShortcut", "convdim")
        if parts.startswith("group"):
            for one, other in (("bn1", "bn0"), ("bn2", "bn1"), ("conv1", "conv0"), ("conv2", "conv1")):
                if f".{one}." in parts:
                    parts = parts.replace(f".{one}.", f".{other}.")
                    break
        else:
            parts = parts.replace("conv1", "conv0").replace("bn1", "bn")
        renamed[parts.removesuffix(".weight") if "conv" in parts else parts] = tensor

    def batch_norm(x: Tensor, base: str) -> Tensor:
        mean, var = renamed[f"{base}.running_mean"], renamed[f"{base}.running_var"]
        return F.batch_norm(x, mean, var, renamed[f"{base}.weight"], renamed[f"{base}.bias"])

    def block(x: Tensor, base: str, stride: int) -> Tensor:
        o1 = F.relu(batch_norm(x, f"{base}.bn0"))
        o2 = F.relu(batch_norm(F.conv2d(o1, renamed[f"{base}.conv0"], stride=stride, padding=1), f"{base}.bn1"))
        z = F.conv2d(o2, renamed[f"{base}.conv1"], padding=1)
        return z + (F.conv2d(o1, renamed[f"{base}.convdim"], stride=stride) if f"{base}.convdim" in renamed else x)

    def logits(images: Tensor) -> Tensor:
        out = F.conv2d(images, renamed["conv0"], padding=1)
        for group in range(3):
            for number in range(2):
                out = block(out, f"group{group}.block{number}", 2 if group and not number else 1)
        out = F.relu(batch_norm(out, "bn")).mean((2, 3))
        return F.linear(out, renamed["fc.weight"], renamed["fc.bias"])

    return Made(renamed, logits, 32, {"variant": "preact", "widen": 2, "width": 8, "blocks": (2, 2, 2)})


class Prlz77Bottleneck(nn.Module):
    """prlz77's ResNeXtBottleneck."""

    def __init__(self, inputs: int, outputs: int, stride: int, cardinality: int) -> None:
        super().__init__()
        width = outputs // 2
        self.conv_reduce, self.bn_reduce = conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv_conv, self.bn = conv(width, width, 3, stride, cardinality), nn.BatchNorm2d(width)
        self.conv_expand, self.bn_expand = conv(width, outputs, 1), nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if inputs != outputs:
            self.shortcut.add_module("shortcut_conv", conv(inputs, outputs, 1, stride))
            self.shortcut.add_module("shortcut_bn", nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn_reduce(self.conv_reduce(x)))
        out = self.bn_expand(self.conv_expand(F.relu(self.bn(self.conv_conv(out)))))
        return F.relu(out + self.shortcut(x))


class Prlz77ResNeXt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv_1_3x3, self.bn_1 = conv(3, 16, 3), nn.BatchNorm2d(16)
        for stage, (inputs, outputs) in enumerate(((16, 64), (64, 128)), start=1):
            blocks = OrderedDict[str, nn.Module]()
            for number in range(2):
                stride = 2 if stage > 1 and not number else 1
                block = Prlz77Bottleneck(outputs if number else inputs, outputs, stride, 4)
                blocks[f"stage_{stage}_bottleneck_{number}"] = block
            self.add_module(f"stage_{stage}", nn.Sequential(blocks))
        self.classifier = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        out = self.stage_2(self.stage_1(F.relu(self.bn_1(self.conv_1_3x3(x)))))
        result: Tensor = self.classifier(out.mean((2, 3)))
        return result


def prlz77() -> Made:
    return made(Prlz77ResNeXt(), 32, stem="cifar", groups=4, width_per_group=32, width=16, blocks=(2, 2))


def keras() -> Made:
    """keras.applications' ResNet with two stages: kernels height × width × input × output, biases, epsilon 1.001e-5."""
    generator = torch.Generator().manual_seed(5)
    state: State = {}

    def add_conv(name: str, kernel: int, inputs: int, outputs: int) -> None:
        weights = torch.randn(kernel, kernel, inputs, outputs, generator=generator)
        state[f"{name}_conv/kernel:0"] = weights / (kernel * kernel * inputs) ** 0.5
        state[f"{name}_conv/bias:0"] = torch.randn(outputs, generator=generator)
        for tensor, low in (("gamma", 0.5), ("beta", -0.5), ("moving_mean", -0.5), ("moving_variance", 0.5)):
            state[f"{name}_bn/{tensor}:0"] = torch.rand(outputs, generator=generator) + low

    def apply(x: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel = state[f"{name}_conv/kernel:0"].permute(3, 2, 0, 1)
        out = F.conv2d(x, kernel, state[f"{name}_conv/bias:0"], stride, kernel.shape[2] // 2)
        mean, variance = state[f"{name}_bn/moving_mean:0"], state[f"{name}_bn/moving_variance:0"]
        return F.batch_norm(out, mean, variance, state[f"{name}_bn/gamma:0"], state[f"{name}_bn/beta:0"], eps=1.001e-5)

    add_conv("conv1", 7, 3, 16)
    blocks = (("conv2_block1", 16, 16, 1, True), ("conv2_block2", 64, 16, 1, False), ("conv3_block1", 64, 32, 2, True))
    for name, inputs, filters, _, projects in blocks:
        if projects:
            add_conv(f"{name}_0", 1, inputs, 4 * filters)
        add_conv(f"{name}_1", 1, inputs, filters)
        add_conv(f"{name}_2", 3, filters, filters)
        add_conv(f"{name}_3", 1, filters, 4 * filters)
    state["predictions/kernel:0"] = torch.randn(128, 7, generator=generator) / 128**0.5
    state["predictions/bias:0"] = torch.randn(7, generator=generator)

    def logits(images: Tensor) -> Tensor:
        out = F.max_pool2d(F.pad(F.relu(apply(images, "conv1", 2)), (1, 1, 1, 1)), 3, 2)
        for name, _, _, stride, projects in blocks:
            side = apply(out, f"{name}_0", stride) if projects else out
            out = F.relu(apply(out, f"{name}_1", stride))
            out = F.relu(apply(out, f"{name}_2"))
            out = F.relu(apply(out, f"{name}_3") + side)
        return out.mean((2, 3)) @ state["predictions/kernel:0"] + state["predictions/bias:0"]

    return Made(state, logits, 64, {"stride_on": "1x1", "width": 16, "blocks": (2, 1), "shortcut": "B"})


MAKERS: dict[str, Callable[[], Made]] = {
    "torchvision": torchvision_resnet, "timm": timm_resnet_d, "timm v2": timm_resnetv2, "mmpretrain": mmpretrain,
    "transformers": transformers, "detectron2": detectron2, "kuangliu": kuangliu, "akamaster": akamaster,
    "pytorchcv": pytorchcv, "keras": keras, "xternalz": xternalz, "xternalz v2": xternalz_narrow,
    "wide-resnet": wide_resnet, "prlz77": prlz77,
}  # fmt: skip
"""By the key of their dialect, and what kind of network it is."""
