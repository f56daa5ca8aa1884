"""The layer table as CSV, JSON, Markdown, LaTeX, or HTML. Needs no torch until it counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from html import escape

from resnet_studio.analysis import text
from resnet_studio.analysis.table import LayerTable
from resnet_studio.export.provenance import NetworkProvenance
from resnet_studio.export.request import Exported, ExportRequest, ExportSteps
from resnet_studio.networks.presets import title

HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: sans-serif }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
td, th {{ padding: 0.2em 0.8em; text-align: left; border-bottom: 1px solid #ddd }}
</style>
</head>
<body>
{table}{notes}
</body>
</html>
"""


def export_steps(request: ExportRequest) -> ExportSteps:
    """The file's bytes: the table as fvcore counts it, with what is not in it and where it comes from."""
    from resnet_studio.analysis.compute.counting import layer_table_steps

    table = yield from layer_table_steps(request.architecture)
    return Exported(WRITERS[request.format](table, request).encode())


def _csv(table: LayerTable, request: ExportRequest) -> str:
    return _lines(table, request, "# ") + text.layers_csv(table, request.unit)


def _json(table: LayerTable, request: ExportRequest) -> str:
    return json.dumps({**table.to_json(), "stamp": _provenance(table).to_json()}, indent=1, ensure_ascii=False) + "\n"


def _markdown(table: LayerTable, request: ExportRequest) -> str:
    notes = "".join(f"\n{line}  " for line in _notes(table, request))
    return f"{text.table(table, 'markdown', request.unit, layers=request.layers)}{notes}\n"


def _latex(table: LayerTable, request: ExportRequest) -> str:
    head = "% \\usepackage{booktabs}\n" + _lines(table, request, "% ")
    return head + text.table(table, "latex", request.unit, layers=request.layers)


def _html(table: LayerTable, request: ExportRequest) -> str:
    notes = "\n".join(f"<p>{escape(line)}</p>" for line in _notes(table, request))
    rows = text.table(table, "html", request.unit, layers=request.layers)
    return HTML.format(title=escape(title(table.architecture)), table=rows, notes=notes)


WRITERS: Mapping[str, Callable[[LayerTable, ExportRequest], str]] = {
    "table-csv": _csv, "table-json": _json, "table-markdown": _markdown, "table-latex": _latex, "table-html": _html,
}  # fmt: skip
"""By the name of the format. JSON always has every layer, and FLOPs as multiply-adds."""


def _provenance(table: LayerTable) -> NetworkProvenance:
    return NetworkProvenance((table.architecture,))


def _notes(table: LayerTable, request: ExportRequest) -> tuple[str, ...]:
    """What is not in the table, and where it comes from."""
    return (*text.notes(table, request.unit), *_provenance(table).caption())


def _lines(table: LayerTable, request: ExportRequest, mark: str) -> str:
    return "".join(f"{mark}{line}\n" for line in _notes(table, request))
