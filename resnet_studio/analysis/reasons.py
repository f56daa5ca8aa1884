"""Why a measured number is, or is not, the printed one, in a sentence. Needs no torch.

Nothing here is looked up: the architecture in question is reached from the one that the figure is about by one
change at a time, and each change is charged with what it does to the plan's closed form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from resnet_studio.analysis.published import PublishedFigure, in_words, network, rounded, truncated
from resnet_studio.analysis.published import holds as figure_holds
from resnet_studio.analysis.quantities import CountingRule, counted_layers, flops_beyond
from resnet_studio.analysis.table import LayerTable
from resnet_studio.analysis.units import FlopUnit, delta_scaled, exact, in_unit, scaled
from resnet_studio.formatting import counted, dimensions
from resnet_studio.networks.architecture import FIELDS, Architecture, Residual
from resnet_studio.networks.plan import plan

COMMON = (("image",), ("channels",), ("classes",), ("width",), ("stem",), ("block", "blocks"), ("shortcut",))
PAIRS = {"groups": ("groups", "width_per_group")}
"""Fields that are changed together, as the width that both make is what counts."""
OTHERS = {"variant", "width_per_group", *(name for names in COMMON for name in names)}
OWN = tuple(PAIRS.get(field, (field,)) for field in FIELDS if field not in OTHERS)
ORDER = (*COMMON, *OWN, ("variant",), *OWN)
"""Fields in the order in which they are changed; the variant is late, as the article's allows only one stride, and
the choices of a kind of block are made before and after it, as another variant may have others."""
STRIDES = {"1x1": "first 1×1", "3x3": "3×3"}
STEMS = {
    "imagenet": "7×7/2 stem with max pool", "cifar": "3×3/1 stem without max pool",
    "deep": "stem of three 3×3 with max pool", "deep-tiered": "tiered stem of three 3×3 with max pool",
}  # fmt: skip
PHRASES = {"widen": "stages {:,} times as wide", "dilated": "{:,} dilated stages", "classes": "{:,} classes"}
NEVER_CALLED = "a convolution and batch norm in every block that are created but never called"
MORE_PROJECTIONS = "projections where the shape doesn't change"
SECOND_1X1 = "a 1×1 instead of the second 3×3"
BIASES = "a bias in every convolution"


@dataclass(frozen=True, slots=True)
class Step:
    """A change of one field, or of two that belong together, on the way from one architecture to another."""

    fields: tuple[str, ...]
    before: Architecture
    after: Architecture

    @property
    def what(self) -> str:
        """The change in words: "the stride on the 3×3 instead of the first 1×1"."""
        return _name(self)


@dataclass(frozen=True, slots=True)
class Change:
    """What a step, or one part of it, adds to what is counted."""

    what: str
    amount: int


def steps(
    reference: Architecture, architecture: Architecture, order: Sequence[tuple[str, ...]] = ORDER
) -> Iterator[Step]:
    """From the reference to the architecture, one change at a time, over networks that all exist.

    Both must be of one kind. `ArchitectureError` if a network on the way can't exist; then the opposite way may do.
    """
    before = reference
    for names in order:
        goal, known = architecture.values(), before.values()
        wanted = {name: goal[name] for name in names if name in goal and name in known and goal[name] != known[name]}
        if wanted:
            after = before.with_values(wanted)
            yield Step(tuple(wanted), before, after)
            before = after


def changes(reference: Architecture, architecture: Architecture, counting: CountingRule) -> list[Change]:
    """The steps from the reference to the architecture that change the quantity; they sum to the whole difference."""
    found = (change for step in steps(reference, architecture) for change in changes_of(step, counting))
    return [change for change in found if change.amount]


def reason(figure: PublishedFigure, architecture: Architecture, measured: int, table: LayerTable | None = None) -> str:
    """One or two sentences; with a counted table also what lies between the paper's count and fvcore's whole total."""
    text = _verdict(figure, measured, _makeup(figure, architecture))
    found = changes(network(figure.about), architecture, figure.counting)
    if found:
        steps = (f"{delta_scaled(change.amount, figure.scale)} from {change.what}" for change in found)
        text += f": compared with {in_words(figure.about)}, {', '.join(steps)}"
    elif not figure_holds(figure, measured):
        text += f": no known difference from {in_words(figure.about)}"
    if table and table.products and figure.quantity == "macs":
        text += f", {scaled(table.products, figure.scale)} of it in attention's matrix products"
    beyond = between(table) if table and figure.counting == CountingRule("macs") else ""
    return f"{text}; {beyond}" if beyond else text


def between(table: LayerTable, unit: FlopUnit = "flops") -> str:
    """What fvcore's whole total counts beyond convolutions and linear layers, by kind; empty if nothing."""
    kinds: Counter[str] = Counter()
    for row in table.rows:
        kinds[row.layer.kind] += in_unit((row.macs_all or 0) - row.macs, unit) if table.counted else 0
    beyond = [f"{kind} {delta_scaled(amount, 10**9)}" for kind, amount in kinds.most_common() if amount]
    if not beyond or table.totals.macs_all is None:
        return ""
    return f"fvcore's total of {scaled(in_unit(table.totals.macs_all, unit), 10**9)} adds {', '.join(beyond)}"


def _makeup(figure: PublishedFigure, architecture: Architecture) -> str:
    """What the number consists of in brackets, if the source counts more than convolutions and linear layers."""
    if not figure.beyond:
        return ""
    weighted, kinds = CountingRule("macs").total(architecture), Counter[str]()
    for layer in plan(architecture):
        if layer.kind in figure.beyond:
            kinds[layer.kind] += flops_beyond(layer)
    parts = (f"{kind} {delta_scaled(amount, figure.scale)}" for kind, amount in kinds.most_common())
    return f" ({', '.join((f'conv + fc {scaled(weighted, figure.scale)}', *parts))})"


def _verdict(figure: PublishedFigure, measured: int, makeup: str) -> str:
    measured_text = scaled(measured, figure.scale) if figure.scale > 1 else exact(measured)
    if not figure_holds(figure, measured):
        return f"{measured_text}{makeup}, not {figure.text}"
    if figure.scale == 1:
        return f"{measured_text}, exact match"
    if measured_text == figure.text:
        return f"{measured_text}{makeup}, all digits match"
    cut, near = (str(number) == figure.printed for number in (truncated(figure, measured), rounded(figure, measured)))
    how = "truncates or rounds" if cut and near else "truncates" if cut else "rounds"
    return f"{measured_text}{makeup} {how} to {figure.text}"


def changes_of(step: Step, counting: CountingRule) -> Iterator[Change]:
    """What a step adds to what is counted: one change, or several where the article's blocks replace the paper's."""
    before, after = step.before, step.after
    if isinstance(before, Residual) and before.block.variant == "paper" and _is_article(after):
        yield from _article_changes(before, after, counting)
    else:
        yield Change(step.what, counting.total(after) - counting.total(before))


def _article_changes(before: Architecture, after: Architecture, counting: CountingRule) -> Iterator[Change]:
    """What the article's blocks add to the paper's, layer by layer."""
    layers_before = {layer.name: layer for layer, _ in counted_layers(before)}
    amounts: Counter[str] = Counter()
    for layer, times in counted_layers(after):
        counterpart = layers_before.get(layer.name)
        bias = layer.output[0] if layer.kind == "conv" and counting.quantity == "parameters" else 0
        what = NEVER_CALLED if not layer.called else SECOND_1X1 if counterpart else MORE_PROJECTIONS
        amounts[what] += times * (counting.of(layer) - bias - (counting.of(counterpart) if counterpart else 0))
        amounts[BIASES] += times * bias
    yield from (Change(what, amount) for what, amount in amounts.items())


def _is_article(architecture: Architecture) -> bool:
    return isinstance(architecture, Residual) and architecture.block.variant == "article"


def _name(step: Step) -> str:
    before, after, field = step.before, step.after, step.fields[0]
    if isinstance(before, Residual) and (name := _name_of_residual(step)):
        return name
    old, new = before.values()[field], after.values()[field]
    if field == "image":
        return f"a {dimensions(after.image_size)} image instead of {dimensions(before.image_size)}"
    if field in PHRASES:
        return f"{PHRASES[field].format(new)} instead of {old:,}"
    if field == "channels":
        return f"{counted(new, 'input channel')} instead of {old:,}"
    return f"{field} {new:,} instead of {old:,}"


def _name_of_residual(step: Step) -> str:
    """The name of a change that only residual networks have; empty for another."""
    before, after, field = step.before, step.after, step.fields[0]
    assert isinstance(before, Residual)
    assert isinstance(after, Residual)
    old, new = before.values()[field], after.values()[field]
    match field:
        case "stride_on":
            return f"the stride on the {STRIDES[new]} instead of the {STRIDES[old]}"
        case "shortcut":
            return "no shortcuts" if new == "none" else f"shortcut {new} instead of {old}"
        case "stem":
            return f"the {STEMS[new]} instead of the {STEMS[old]}"
        case "block" | "blocks":
            return f"{_blocks(after)} instead of {_blocks(before, kind='block' in step.fields)}"
        case "groups" | "width_per_group":
            return f"a {_template(after)} template instead of {_template(before)}"
        case "se":
            return f"squeeze-and-excitation with reduction {new}" if new else "no squeeze-and-excitation"
        case "variant":
            return f"{_variant(after)} instead of {_variant(before)}"
        case "image" if "stem" in step.fields:
            return f"{_image_and_stem(after, 'a', ' image')} instead of {_image_and_stem(before, '', '')}"
    return ""


def _image_and_stem(architecture: Residual, article: str, noun: str) -> str:
    return f"{article} {dimensions(architecture.image_size)}{noun} and the {STEMS[architecture.stem]}".strip()


def _variant(architecture: Residual) -> str:
    """The blocks of a variant; the article's are named alike, and are others."""
    return "the article's blocks" if _is_article(architecture) else f"{architecture.block.label} blocks"


def _template(architecture: Residual) -> str:
    """The groups of the 3×3 convolutions and their width in conv2_x, as Xie et al. 2017 write them."""
    values = architecture.values()
    return f"{values['groups']}×{values['width_per_group']}d"


def _blocks(architecture: Residual, *, kind: bool = True) -> str:
    """How many blocks each stage has, and of which kind."""
    counts = "·".join(map(str, architecture.blocks))
    return f"{counts} {architecture.block.block} blocks" if kind else counts
