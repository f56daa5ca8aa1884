"""What the layer table, the receptive fields, and a measurement say about what a box of a figure stands for."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from resnet_studio.analysis.formulas import kernel_text
from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.table import BlockGroup, LayerRow, LayerTable
from resnet_studio.networks.layers import Shape
from resnet_studio.networks.receptive_field import field_steps


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """A row of the layer table: of a layer, or of the layers that a box stands for together."""

    name: str
    detail: str
    """Its kernel, or what the box says."""
    output: Shape
    parameters: int
    macs: int
    share: float
    """Of the network's multiply-adds, 0 … 1."""
    field: tuple[int, int] | None
    """Height and width of the receptive field; None where it depends on the place of the value."""
    seconds: float | None
    """For each image; None if it was not measured."""
    repeats: int = 1
    """How many equal blocks the box stands for."""


class NetworkFacts:
    """Looks up the rows of one table by name. Made by `facts_steps`."""

    def __init__(self, table: LayerTable, rows: Mapping[str, LayerRow], fields: Mapping[str, tuple[int, int]]) -> None:
        self.table, self._rows, self._fields = table, rows, fields

    def of(
        self, names: Sequence[str], detail: str, measurement: Measurement | None, repeats: int = 1
    ) -> LayerFacts | None:
        """The facts of these layers, or of the layers of these blocks: the row of the first if no other has
        multiply-adds, else their sums.

        None if the network has none of them.
        """
        rows = [self._rows[name] for name in names if name in self._rows]
        rows = rows or [row for row in self.table.rows if row.layer.block in names]
        if not rows:
            return None
        single = sum(row.macs > 0 for row in rows) <= 1
        group = BlockGroup(rows[0].name, tuple(rows[:1])) if single else BlockGroup(_common_name(rows), tuple(rows))
        timed = [measurement.layer_per_image(row.name) for row in group.rows] if measurement else []
        known = [seconds for seconds in timed if seconds is not None]
        return LayerFacts(
            group.name,
            kernel_text(rows[0].layer) if single else detail,
            group.output,
            group.parameters,
            group.macs,
            group.macs / max(self.table.totals.macs, 1),
            self._fields.get(group.rows[-1].name),
            sum(known) if known else None,
            repeats,
        )


def facts_steps(table: LayerTable) -> Generator[None, None, NetworkFacts]:
    """Prepare the facts of a table, with a yield now and then: a network may have tens of thousands of layers."""
    fields = yield from field_steps(table.architecture)
    rows: dict[str, LayerRow] = {}
    for start in range(0, len(table.rows), ROWS_A_STEP):
        rows.update((row.name, row) for row in table.rows[start : start + ROWS_A_STEP])
        yield
    _ = table.totals.macs
    return NetworkFacts(table, rows, fields)


ROWS_A_STEP = 2000


def _common_name(rows: Sequence[LayerRow]) -> str:
    """The module that these layers are in."""
    parts = zip(*(row.name.split(".") for row in rows), strict=False)
    common = takewhile(lambda names: len(set(names)) == 1, parts)
    return ".".join(names[0] for names in common) or rows[0].name
