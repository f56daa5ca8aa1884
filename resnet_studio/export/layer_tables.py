"""The layer table as CSV, JSON, Markdown, LaTeX, or HTML. Needs no torch until it counts."""

from __future__ import annotations

import json
from typing import Literal

from resnet_studio.analysis import text
from resnet_studio.analysis.table import LayerTable
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.export.provenance import NetworkProvenance
from resnet_studio.export.request import Exported, ExportRequest, ExportSteps
from resnet_studio.export.tables import SUFFIXES, TableFormat, with_notes
from resnet_studio.networks.presets import title

LayerTableFormat = Literal["csv", "json", "markdown", "latex", "html"]
PREFIX = "table-"
"""Of the names of these formats among all that are exported."""
FORMATS: tuple[LayerTableFormat, ...] = (*SUFFIXES, "json")
WRITERS: dict[str, LayerTableFormat] = {f"{PREFIX}{how}": how for how in FORMATS}
"""By the name of the format."""


def export_steps(request: ExportRequest) -> ExportSteps:
    """The file's bytes: the table as fvcore counts it, with what is not in it and where it comes from."""
    from resnet_studio.analysis.compute.counting import layer_table_steps

    table = yield from layer_table_steps(request.architecture)
    how = WRITERS[request.format]
    return Exported(layer_table_text(table, how, request.unit, layers=request.layers).encode())


def layer_table_text(
    table: LayerTable, how: LayerTableFormat, unit: FlopUnit = "flops", *, layers: bool = False
) -> str:
    """A layer table with what is not in it and where it comes from. JSON and CSV have every layer, the others blocks
    unless asked; FLOPs in JSON are multiply-adds."""
    provenance = NetworkProvenance((table.architecture,))
    if how == "json":
        return json.dumps({**table.to_json(), "stamp": provenance.to_json()}, indent=1, ensure_ascii=False) + "\n"
    given: TableFormat = how
    notes = (*text.notes(table, unit), *provenance.caption())
    return with_notes(text.table(table, given, unit, layers=layers), given, title(table.architecture), notes)
