"""Why a measured number is, or is not, the printed one, in a sentence. Needs no torch.

Nothing here is looked up: the architecture in question is reached from the one that the figure is about by one
change at a time, and each change is charged with what it does to the plan's closed form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from resnet_studio.analysis.published import PublishedFigure, in_words, network, rounded, truncated
from resnet_studio.analysis.published import holds as figure_holds
from resnet_studio.analysis.quantities import CountingRule, flops_beyond
from resnet_studio.analysis.table import LayerTable
from resnet_studio.analysis.units import FlopUnit, delta_scaled, exact, in_unit, scaled
from resnet_studio.formatting import dimensions
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
PHRASES = {"widen": "stages {} times as wide", "dilated": "{} dilated stages"}
NEVER_CALLED = "a convolution and batch norm in every block that are created but never called"
MORE_PROJECTIONS = "projections where the shape doesn't change"
SECOND_1X1 = "a 1×1 instead of the second 3×3"
BIASES = "a bias in every convolution"


@dataclass(frozen=True, slots=True)
class Change:
    """One step from one architecture to another and what it adds to what is counted."""

    what: str
    amount: int


def changes(reference: Architecture, architecture: Architecture, counting: CountingRule) -> list[Change]:
    """The steps from the reference to the architecture that change the quantity; they sum to the whole difference."""
    found: list[Change] = []
    before = reference
    for names in ORDER:
        goal, known = architecture.values(), before.values()
        wanted = {name: goal[name] for name in names if name in goal and name in known and goal[name] != known[name]}
        if wanted:
            after = before.with_values(wanted)
            found += _step(before, after, names[0], counting)
            before = after
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


def _step(before: Architecture, after: Architecture, field: str, counting: CountingRule) -> Iterator[Change]:
    if isinstance(after, Residual) and field == "variant" and after.block.variant == "article":
        yield from _article_changes(before, after, counting)
    else:
        yield Change(_name(before, after, field), counting.total(after) - counting.total(before))


def _article_changes(before: Architecture, after: Architecture, counting: CountingRule) -> Iterator[Change]:
    """What the article's blocks add to the paper's, layer by layer."""
    layers_before = {layer.name: layer for layer in plan(before)}
    amounts: Counter[str] = Counter()
    for layer in plan(after):
        counterpart = layers_before.get(layer.name)
        bias = layer.output[0] if layer.kind == "conv" and counting.quantity == "parameters" else 0
        what = NEVER_CALLED if not layer.called else SECOND_1X1 if counterpart else MORE_PROJECTIONS
        amounts[what] += counting.of(layer) - bias - (counting.of(counterpart) if counterpart else 0)
        amounts[BIASES] += bias
    yield from (Change(what, amount) for what, amount in amounts.items())


def _name(before: Architecture, after: Architecture, field: str) -> str:
    old, new = before.values()[field], after.values()[field]
    if isinstance(before, Residual) and isinstance(after, Residual):
        if field == "stride_on":
            return f"the stride on the {STRIDES[new]} instead of the {STRIDES[old]}"
        if field == "shortcut":
            return "no shortcuts" if new == "none" else f"shortcut {new} instead of {old}"
        if field == "stem":
            return f"the {STEMS[new]} instead of the {STEMS[old]}"
        if field == "block":
            return f"{_blocks(after)} instead of {_blocks(before)}"
        if field == "groups":
            return f"{_template(after)} instead of {_template(before)}"
        if field == "se":
            return f"squeeze-and-excitation with reduction {new}" if new else "no squeeze-and-excitation"
        if field == "variant":
            return f"{after.block.label} blocks instead of {before.block.label} blocks"
    if field == "image":
        return f"a {dimensions(after.image_size)} image instead of {dimensions(before.image_size)}"
    if field in PHRASES:
        return f"{PHRASES[field].format(new)} instead of {old}"
    return f"{field} {new:,} instead of {old:,}"


def _template(architecture: Residual) -> str:
    """The groups of the 3×3 convolutions and their width in conv2_x, as Xie et al. 2017 write them."""
    values = architecture.values()
    return f"{values['groups']}×{values['width_per_group']}d"


def _blocks(architecture: Residual) -> str:
    return f"{'·'.join(map(str, architecture.blocks))} {architecture.block.block} blocks"
