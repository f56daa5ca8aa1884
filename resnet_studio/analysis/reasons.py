"""Why a measured number is, or is not, the printed one, in a sentence. Needs no torch.

Nothing here is looked up: the architecture in question is reached from the one that the figure is about by one
change at a time, and each change is charged with what it does to the plan's closed form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from resnet_studio.analysis.published import PublishedFigure, Quantity, rounded, truncated
from resnet_studio.analysis.published import holds as figure_holds
from resnet_studio.analysis.table import LayerTable
from resnet_studio.analysis.units import FlopUnit, delta_scaled, exact, in_unit, scaled
from resnet_studio.networks.architecture import FIELDS, Architecture, Residual
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset

COMMON = (("image",), ("channels",), ("classes",), ("width",), ("stem",), ("block", "blocks"), ("shortcut",))
OWN = tuple((field,) for field in FIELDS if field not in {"variant", *(name for names in COMMON for name in names)})
ORDER = (*COMMON, *OWN, ("variant",), *OWN)
"""Fields in the order in which they are changed; the variant is late, as the article's allows only one stride, and
the choices of a kind of block are made before and after it, as another variant may have others."""
STRIDES = {"1x1": "first 1×1", "3x3": "3×3"}
STEMS = {"imagenet": "7×7/2 stem with max pool", "cifar": "3×3/1 stem without max pool"}
NEVER_CALLED = "a convolution and batch norm in every block that are created but never called"
MORE_PROJECTIONS = "projections where the shape doesn't change"
SECOND_1X1 = "a 1×1 instead of the second 3×3"
BIASES = "a bias in every convolution"


@dataclass(frozen=True, slots=True)
class Change:
    """One step from one architecture to another and what it adds, in multiply-adds or parameters."""

    what: str
    amount: int


def changes(reference: Architecture, architecture: Architecture, quantity: Quantity) -> list[Change]:
    """The steps from the reference to the architecture that change the quantity; they sum to the whole difference."""
    found: list[Change] = []
    before = reference
    for names in ORDER:
        goal, known = architecture.values(), before.values()
        wanted = {name: goal[name] for name in names if name in goal and name in known and goal[name] != known[name]}
        if wanted:
            after = before.with_values(wanted)
            found += _step(before, after, names[0], quantity)
            before = after
    return [change for change in found if change.amount]


def reason(figure: PublishedFigure, architecture: Architecture, measured: int, table: LayerTable | None = None) -> str:
    """One or two sentences; with a counted table also what lies between the paper's count and fvcore's whole total."""
    text = _verdict(figure, measured)
    found = changes(preset(figure.about), architecture, figure.quantity)
    if found:
        steps = (f"{delta_scaled(change.amount, figure.scale)} from {change.what}" for change in found)
        text += f": compared with {figure.about}, {', '.join(steps)}"
    elif not figure_holds(figure, measured):
        text += f": no known difference from {figure.about}"
    beyond = between(table) if table and figure.quantity == "macs" else ""
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


def _verdict(figure: PublishedFigure, measured: int) -> str:
    measured_text = scaled(measured, figure.scale) if figure.scale > 1 else exact(measured)
    if not figure_holds(figure, measured):
        return f"{measured_text}, not {figure.text}"
    if figure.scale == 1:
        return f"{measured_text}, exact match"
    if measured_text == figure.text:
        return f"{measured_text}, all digits match"
    cut, near = (str(number) == figure.printed for number in (truncated(figure, measured), rounded(figure, measured)))
    how = "truncates or rounds" if cut and near else "truncates" if cut else "rounds"
    return f"{measured_text} {how} to {figure.text}"


def _step(before: Architecture, after: Architecture, field: str, quantity: Quantity) -> Iterator[Change]:
    if isinstance(after, Residual) and field == "variant" and after.block.variant == "article":
        yield from _article_changes(before, after, quantity)
    else:
        yield Change(_name(before, after, field), total(after, quantity) - total(before, quantity))


def total(architecture: Architecture, quantity: Quantity) -> int:
    """Closed form of the plan: multiply-adds of convolutions and linear layers, or parameters."""
    return sum(getattr(layer, quantity) for layer in plan(architecture))


def _article_changes(before: Architecture, after: Architecture, quantity: Quantity) -> Iterator[Change]:
    """What the article's blocks add to the paper's, layer by layer."""
    layers_before = {layer.name: layer for layer in plan(before)}
    amounts: Counter[str] = Counter()
    for layer in plan(after):
        counterpart = layers_before.get(layer.name)
        bias = layer.output[0] if layer.kind == "conv" and quantity == "parameters" else 0
        what = NEVER_CALLED if not layer.called else SECOND_1X1 if counterpart else MORE_PROJECTIONS
        amounts[what] += getattr(layer, quantity) - bias - (getattr(counterpart, quantity) if counterpart else 0)
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
        if field == "variant":
            return f"{after.block.label} blocks instead of {before.block.label} blocks"
    if field == "image":
        return f"a {new}×{new} image instead of {old}×{old}"
    return f"{field} {new:,} instead of {old:,}"


def _blocks(architecture: Residual) -> str:
    return f"{'·'.join(map(str, architecture.blocks))} {architecture.block.block} blocks"
