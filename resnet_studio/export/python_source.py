"""A network as one Python file that needs only torch. Needs no torch itself.

The file says what this one network does and nothing else. It is put together from texts in `resources/python`: one for
each kind of block, one for each kind of shortcut, and one for the network around them. Its numbers are the plan's.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from string import Template

from resnet_studio.analysis.published import figures_of
from resnet_studio.analysis.table import plan_table
from resnet_studio.analysis.units import exact, short
from resnet_studio.export.provenance import KEY, versions
from resnet_studio.export.request import Exported, ExportError, ExportRequest, ExportSteps
from resnet_studio.formatting import counted, dimensions
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.arguments import network_options
from resnet_studio.networks.families.article import ArticleBasic, ArticleBottleneck, ArticleFamily
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.family import Block, Family, Window
from resnet_studio.networks.families.preactivation import (
    PreActivationBasic,
    PreActivationBottleneck,
    PreActivationFamily,
)
from resnet_studio.networks.families.v2 import V2Basic, V2Bottleneck
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.networks.plan import blocks, head_layers, stem_layers
from resnet_studio.networks.presets import preset_name, title
from resnet_studio.progress import Progress
from resnet_studio.resources import resource

LINE_LENGTH = 100
TEMPLATES: Mapping[type[Family], str] = {
    Basic: "basic",
    Bottleneck: "bottleneck",
    ArticleBasic: "article_basic",
    ArticleBottleneck: "bottleneck",
    PreActivationBasic: "preactivation_basic",
    PreActivationBottleneck: "preactivation_bottleneck",
    V2Basic: "preactivation_basic",
    V2Bottleneck: "preactivation_bottleneck",
}
"""The text of each family's block."""
CLASSES = {
    "basic": "BasicBlock", "article_basic": "BasicBlock", "bottleneck": "Bottleneck",
    "preactivation_basic": "PreActivationBlock", "preactivation_bottleneck": "PreActivationBottleneck",
}  # fmt: skip
"""The class that each of these texts defines."""
CHANNELS = {2: ("channels_in", "channels", "channels"), 3: ("channels_in", "width", "width", "channels")}
"""The arguments of a block with so many convolutions that are the channels before, between and behind them."""
STRIDE, DILATION, FIRST_DILATION = 2, 3, 5
"""Values with which a block is asked which of its convolutions have them."""
ADDITIONS = {
    "A": "x is added to their output; it is padded with zeros where the shape changes.",
    "B": "x is added to their output; it is projected where the shape changes.",
    "C": "A projection of x is added to their output.",
    "D": "x is added to their output; it is averaged and projected where the shape changes.",
    "none": "Nothing is added to their output: a plain block.",
    "article": "x is added to their output; the first block of each stage projects it.",
}


def export_steps(request: ExportRequest) -> ExportSteps:
    """The file's bytes."""
    yield Progress(0, 1, "writing the source")
    return Exported(source(request.architecture).encode())


def source(architecture: Architecture) -> str:
    """A module that builds the network, formatted as ruff does with lines of at most `LINE_LENGTH` characters."""
    if isinstance(architecture, OwnModule):
        raise ExportError(f"{architecture.name} is a network of your own, whose source is your file")
    if isinstance(architecture, Baseline):
        return _torchvision_source(architecture)
    return _Source(architecture).text()


def _torchvision_source(architecture: Baseline) -> str:
    about = f"{architecture.name}, whose source is torchvision's."
    parts = {"name": architecture.name, "classes": str(architecture.classes)}
    return _fill("torchvision", {**parts, "docstring": _docstring(about, _figures(architecture), _stamp(architecture))})


@dataclass(frozen=True)
class _Source:
    """The source of a residual network, part by part."""

    architecture: Residual

    @cached_property
    def _blocks(self) -> tuple[Block, ...]:
        return blocks(self.architecture)

    @cached_property
    def _windows(self) -> tuple[Window, ...]:
        """The convolutions of a block that has a stride and two dilations, so that these can be told."""
        block = self._blocks[-1]
        return self.architecture.block.windows(
            replace(block, stride=STRIDE, dilation=DILATION, first_dilation=FIRST_DILATION)
        )

    @property
    def _template(self) -> str:
        return TEMPLATES[type(self.architecture.block)]

    @property
    def _network_class(self) -> str:
        return "PlainNet" if self.architecture.shortcut == "none" else "ResNet"

    @property
    def _widths(self) -> tuple[str, ...]:
        """The arguments for channels, each once."""
        return tuple(dict.fromkeys(CHANNELS[len(self._windows)]))

    @property
    def _flags(self) -> tuple[str, ...]:
        """What a stage tells its first block."""
        if isinstance(self.architecture.block, ArticleFamily):
            return ("projection",)
        return ("activated",) if any(block.first for block in self._blocks) else ()

    @cached_property
    def _dilations(self) -> Mapping[int, str]:
        """The argument for each dilation that a block has; a network without dilation has none."""
        if not self.architecture.dilated:
            return {}
        found = {window.dilation for window in self._windows} - {1}
        return (
            {FIRST_DILATION: "dilation"}
            if len(found) == 1
            else {DILATION: "dilation", FIRST_DILATION: "first_dilation"}
        )

    def text(self) -> str:
        """The whole file."""
        return _fill(
            "network",
            {
                "docstring": self._docstring(),
                "squeeze_excitation": self._squeeze_excitation(),
                "block": self._block(),
                "stage": self._stage(),
                "network": self._network_class,
                "stages": counted(len(self.architecture.blocks), "stage"),
                "kind": "blocks without shortcuts" if self.architecture.shortcut == "none" else "residual blocks",
                "classes": str(self.architecture.classes),
                "modules": "\n".join(self._modules()),
                "shapes": f"N×{dimensions(self.architecture.input_shape)} → N×{self.architecture.classes}, the logits.",
                "calls": "\n".join(self._calls()),
            },
        )

    def _docstring(self) -> str:
        architecture = self.architecture
        kind = f"SE {architecture.block.label}" if architecture.se else architecture.block.label
        counts = _listed([str(count) for count in architecture.blocks])
        about = f"{title(architecture)}: {architecture.depth} weighted layers in {counts} {kind} blocks."
        usage = (f"model = {self._network_class}()", 'model.load_state_dict(torch.load("weights.pth"))', "model.eval()")
        weights = f"{KEY} export {network_options(architecture)} --to weights --output weights.pth"
        return _docstring(
            about,
            f"After {_listed(list(self._papers()))}.",
            _figures(architecture),
            f"With weights from `{weights}`:",
            "\n".join(f"    {line}" for line in usage),
            _stamp(architecture),
        )

    def _papers(self) -> Iterator[str]:
        """Where the parts of the network are from."""
        architecture, block = self.architecture, self.architecture.block
        yield block.origin.partition(",")[0]
        if any(window.groups > 1 for window in self._windows):
            yield "Xie et al. 2017 (groups)"
        if any(one.inner_width != one.width for one in self._blocks) and len(self._windows) == 2:
            yield "Zagoruyko and Komodakis 2016 (width)"
        if architecture.se:
            yield "Hu et al. 2018 (squeeze-and-excitation)"
        if architecture.shortcut == "D" or architecture.stem.startswith("deep"):
            yield "He et al. 2019 (ResNet-D)"

    def _squeeze_excitation(self) -> str:
        return _fill("squeeze_excitation", {"reduced": self._reduced()}) if self.architecture.se else ""

    def _reduced(self) -> str:
        """The shortest formula for the inner channels of squeeze-and-excitation that is true of every block."""
        ratio = self.architecture.se
        channels = [(block.channels_out, block.reduced) for block in self._blocks]
        if all(reduced == out // ratio for out, reduced in channels):
            return f"channels // {ratio}"
        if all(reduced == max(8, out // ratio) for out, reduced in channels):
            return f"max(8, channels // {ratio})"
        return f"max(8, (channels + {4 * ratio}) // {8 * ratio} * 8)"

    def _block(self) -> str:
        gated = bool(self.architecture.se)
        flags = [f"{flag}: bool = False" for flag in self._flags]
        dilations = [f"{name}: int = 1" for name in self._dilations.values()]
        arguments = ["self", *(f"{name}: int" for name in self._widths), "stride: int = 1", *dilations, *flags]
        norm = "nn.BatchNorm2d(channels_in)"
        parts = {
            "signature": _wrapped("def __init__(", arguments, ") -> None:", 4),
            "first_norm": f"self.bn1 = {norm}",
            "gate_module": "self.se = SqueezeExcitation(channels)" if gated else "",
            "gate": "out = self.se(out)" if gated else "",
            **{f"conv{number}": line for number, line in enumerate(self._convolutions(), start=1)},
            **self._shortcut(),
        }
        if "activated" in self._flags:
            parts["first_norm"] = (
                f"# What comes out of the stem is activated already.\nself.bn1 = nn.Identity() if activated else {norm}"
            )
        return _fill(self._template, parts).rstrip("\n")

    def _convolutions(self) -> Iterator[str]:
        channels = CHANNELS[len(self._windows)]
        for number, window in enumerate(self._windows, start=1):
            arguments = [*channels[number - 1 : number + 1], str(window.kernel)]
            arguments += ["stride"] if window.stride == STRIDE else []
            if window.kernel > 1:
                dilation = self._dilations.get(window.dilation)
                arguments += [f"padding={dilation}", f"dilation={dilation}"] if dilation else ["padding=1"]
            arguments += [f"groups={window.groups}"] if window.groups > 1 else []
            arguments += [] if self.architecture.block.bias else ["bias=False"]
            yield _wrapped(f"self.conv{number} = nn.Conv2d(", arguments, ")", 8)

    def _shortcut(self) -> dict[str, str]:
        """The parts of a block that add its input."""
        block, kind = self.architecture.block, self.architecture.shortcut
        name = "article" if isinstance(block, ArticleFamily) else kind
        parts = {
            "addition": ADDITIONS[name],
            "shortcut": "",
            "shortcut_module": "",
            "shortcut_method": "",
            "sum": "out",
        }
        if name == "none":
            return parts
        before = isinstance(block, PreActivationFamily)
        parts["shortcut_module"] = _fill(f"shortcuts/{'preactivation_' if before else ''}{name}", {})
        function, x = "self.shortcut" if name == "A" else "self.downsample", "activated" if before else "x"
        if name == "A":
            parts["shortcut_method"] = _fill("shortcuts/A_method", {})
        if before and name != "C":
            condition = "self.changes_shape" if name == "A" else "self.downsample is not None"
            parts["shortcut"] = f"shortcut = {function}({x}) if {condition} else x"
        return parts | {"sum": "out + shortcut" if parts["shortcut"] else f"out + {function}({x})"}

    def _stage(self) -> str:
        """The function that makes the blocks of a stage."""
        dilations, flags = tuple(self._dilations.values()), self._flags
        extra = ("dilation", "first_dilation") if dilations else ()
        arguments = [*(f"{name}: int" for name in self._widths), "blocks: int", "stride: int"]
        arguments += [f"{name}: int = 1" for name in extra]
        arguments += ["activated: bool = False"] if "activated" in flags else []
        of_first = {"activated": "activated=activated", "projection": "projection=True"}
        first = [
            *self._widths,
            "stride",
            *(extra if len(dilations) == 2 else extra[1:]),
            *(of_first[flag] for flag in flags),
        ]
        others = ["channels", *self._widths[1:], *(f"{name}=dilation" for name in dilations)]
        block = CLASSES[self._template]
        return _fill(
            "stage",
            {
                "signature": _wrapped("def stage(", arguments, ") -> nn.Sequential:", 0),
                "first": _wrapped(f"first = {block}(", first, ")", 4),
                "others": _generator(f"{block}({', '.join(others)})"),
            },
        )

    def _modules(self) -> Iterator[str]:
        """The lines that make the parts of the network."""
        yield from _leaves(stem_layers(self.architecture))
        for number, (_, found) in enumerate(groupby(self._blocks, lambda block: block.stage), start=1):
            stage = tuple(found)
            yield f"self.layer{number} = stage({', '.join(self._stage_arguments(stage))})"
        head = head_layers(self.architecture)
        has_relu = self.architecture.block.stem_norm
        yield from _leaves(layer for layer in head if layer.kind not in ("linear", *(["relu"] if has_relu else [])))
        yield f"self.fc = nn.Linear({head[-1].input[0]}, classes)"

    def _stage_arguments(self, stage: Sequence[Block]) -> Iterator[str]:
        first, last = stage[0], stage[-1]
        channels = {"channels_in": first.channels_in, "width": first.inner_width, "channels": first.channels_out}
        yield from (str(channels[name]) for name in self._widths)
        yield from (f"blocks={len(stage)}", f"stride={first.stride}")
        if last.dilation > 1:
            yield from (f"dilation={last.dilation}", f"first_dilation={first.first_dilation}")
        if first.first:
            yield "activated=True"

    def _calls(self) -> Iterator[str]:
        """The lines of `forward` up to the average pool."""
        yield f"x = {_nested(stem_layers(self.architecture))}"
        yield from (f"x = self.layer{number}(x)" for number in range(1, len(self.architecture.blocks) + 1))
        if before_pool := [layer for layer in head_layers(self.architecture) if layer.kind in ("batch norm", "relu")]:
            yield f"x = {_nested(before_pool)}"


def _leaves(layers: Iterable[Layer]) -> Iterator[str]:
    """The lines that make layers which follow one another; those with a common first name are a `Sequential`."""
    for name, found in groupby(layers, lambda layer: layer.name.partition(".")[0]):
        inside = list(found)
        if inside[0].name == name:
            yield f"self.{_attribute(inside[0])} = {_module(inside[0])}"
        else:
            yield "\n".join((f"self.{name} = nn.Sequential(", *(f"    {_module(layer)}," for layer in inside), ")"))


def _attribute(layer: Layer) -> str:
    """The name of a layer of the network; one ReLU serves everywhere."""
    return "relu" if layer.kind == "relu" else layer.name.partition(".")[0]


def _module(layer: Layer) -> str:
    match layer.kind:
        case "conv":
            stride = [f"stride={layer.stride}"] if layer.stride > 1 else []
            bias = [] if layer.bias else ["bias=False"]
            sizes = [str(layer.input[0]), str(layer.output[0]), str(layer.kernel)]
            return f"nn.Conv2d({', '.join((*sizes, *stride, f'padding={layer.padding}', *bias))})"
        case "batch norm":
            return f"nn.BatchNorm2d({layer.output[0]})"
        case "relu":
            return "nn.ReLU()"
        case "max pool":
            return f"nn.MaxPool2d({layer.kernel}, stride={layer.stride}, padding={layer.padding})"
        case "average pool":
            return "nn.AdaptiveAvgPool2d(1)"
    raise NotImplementedError(layer.kind)


def _nested(layers: Iterable[Layer]) -> str:
    """Calls of layers that follow one another: "self.relu(self.bn1(self.conv1(x)))"."""
    call = "x"
    for name in dict.fromkeys(
        _attribute(layer) if "." not in layer.name else layer.name.partition(".")[0] for layer in layers
    ):
        call = f"self.{name}({call})"
    return call


def _figures(architecture: Architecture) -> str:
    totals = plan_table(architecture).totals
    shapes = f"Input N×{dimensions(architecture.input_shape)}, output N×{architecture.classes}, the logits"
    costs = (
        f"{exact(totals.parameters)} parameters, {short(totals.macs)} multiply-adds in convolutions and linear layers"
    )
    figures = [figure for figure in figures_of(preset_name(architecture) or "") if figure.about == figure.subject]
    prints: dict[str, list[str]] = {}
    for figure in figures:
        prints.setdefault(figure.source.partition(" (")[0].partition(",")[0], []).append(f"{figure.text} {figure.unit}")
    published = "; ".join(f"{', '.join(texts)} ({source})" for source, texts in prints.items())
    return f"{shapes}. {costs}." + (f" Published: {published}." if published else "")


def _listed(words: Sequence[str]) -> str:
    """ "2, 2, 2 and 2"."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _stamp(architecture: Architecture) -> str:
    return f"Written by ResNet Studio {versions()[KEY]}: {KEY} export {network_options(architecture)} --to python"


def _docstring(*paragraphs: str) -> str:
    """A module's docstring; what is indented is not wrapped."""
    first, *others = (
        paragraph if paragraph.startswith(" ") else textwrap.fill(paragraph, LINE_LENGTH, break_on_hyphens=False)
        for paragraph in (f'"""{paragraphs[0]}', *paragraphs[1:])
    )
    return "\n\n".join((first, *others)) + '\n"""'


def _wrapped(head: str, arguments: Sequence[str], tail: str, indent: int) -> str:
    """A call or definition at that indent, in one line, or with its arguments in the next, or with a line for each."""
    text = ", ".join(arguments)
    if indent + len(head + text + tail) <= LINE_LENGTH:
        return f"{head}{text}{tail}"
    if indent + 4 + len(text) <= LINE_LENGTH:
        return f"{head}\n    {text}\n{tail}"
    return "\n".join((head, *(f"    {argument}," for argument in arguments), tail))


def _generator(call: str) -> str:
    line = f"others = ({call} for _ in range(blocks - 1))"
    if 4 + len(line) <= LINE_LENGTH:
        return line
    return f"others = (\n    {call}\n    for _ in range(blocks - 1)\n)"


def _fill(name: str, parts: Mapping[str, str]) -> str:
    """A text of `resources/python` with its placeholders filled.

    A placeholder alone on its line gets all lines of its part, at its indent; if the part is empty, the line goes.
    """
    lines: list[str] = []
    for line in resource(f"python/{name}.txt").read_text(encoding="utf-8").splitlines():
        placeholder = line.strip().removeprefix("$")
        if line.strip() == f"${placeholder}" and placeholder in parts:
            indent = line[: -len(placeholder) - 1]
            lines += textwrap.indent(parts[placeholder], indent).splitlines()
        else:
            lines.append(Template(line).substitute(parts))
    return "\n".join(lines) + "\n"
