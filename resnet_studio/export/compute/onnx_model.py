"""A network as an ONNX model, for any batch size; its nodes and values have the names of the layers."""

from __future__ import annotations

import ast
import json
import warnings
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import torch

from resnet_studio.export.compute.exported_program import trace
from resnet_studio.export.compute.network import load_network, notes
from resnet_studio.export.provenance import KEY, NetworkProvenance
from resnet_studio.export.request import Exported, ExportRequest, ExportSteps, check_installed
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

INPUT, OUTPUT = "images", "logits"
SCOPES = "pkg.torch.onnx.name_scopes"
"""Where torch's exporter keeps the modules that a node comes from."""


def export_steps(request: ExportRequest) -> ExportSteps:
    """The file's bytes. Input N×channels×height×width, output N×classes, for any N."""
    check_installed("Export to ONNX", "onnx", "onnxscript")
    yield Progress(0, 4, "loading the weights")
    network, info, provenance = load_network(request)
    yield Progress(1, 4, "tracing the network")
    program = trace(network, request.architecture)
    yield Progress(2, 4, "converting to ONNX")
    model = convert(program)
    yield Progress(3, 4, "naming the nodes")
    name_layers(model.graph, program.state_dict)
    _describe(model, provenance)
    return Exported(model.SerializeToString(), notes(info))


def convert(program: torch.export.ExportedProgram) -> ModelProto:
    """The program as ONNX. Nothing is fused, so that each layer is there; runtimes do that when they load it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own use of torch
        converted = torch.onnx.export(
            program, dynamo=True, input_names=[INPUT], output_names=[OUTPUT], optimize=False, verbose=False
        )
    assert converted is not None
    _tidy(converted.model, set(program.state_dict))
    model: ModelProto = converted.model_proto
    return model


def _tidy(model: Any, parameters: set[str]) -> None:
    """Drop what the conversion adds: zero biases, casts, and the computation of sizes that are known."""
    from onnx_ir import passes
    from onnx_ir.passes import common
    from onnxscript import optimizer, rewriter
    from onnxscript.rewriter.rules import common as rules

    optimizer.inline(model)
    optimizer.fold_constants(model, onnx_shape_inference=True)
    for node in model.graph:
        if node.op_type == "Conv" and len(node.inputs) > 2 and node.inputs[2].name not in parameters:
            node.replace_input_with(2, None)
    rewriter.rewrite(
        model,
        [
            rules.no_op_expand_rule,
            rules.no_op_cast_rule,
            rules.collapse_slice_rule,
            rules.materialize_reshape_shape_rule,
        ],
    )
    passes.Sequential(
        common.IdentityEliminationPass(),
        common.RemoveUnusedNodesPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.RemoveUnusedOpsetsPass(),
    )(model)


def name_layers(graph: GraphProto, parameters: Collection[str]) -> None:
    """Name nodes, and the values between them, by the layers that they come from: "layer1.0.conv1".

    The last node of a layer has the layer's name, others before it the operator, too: "fc/Reshape". What belongs to no
    layer has the operator alone. What a node takes beside the parameters has its name and a number: "avgpool/1".
    """
    by_layer: dict[str, list[NodeProto]] = defaultdict(list)
    for node in graph.node:
        by_layer[_layer(node)].append(node)
    for layer, nodes in by_layer.items():
        prefix, counts = f"{layer}/" if layer else "", Counter[str]()
        for node in nodes:
            counts[node.op_type] += 1
            number = f"_{counts[node.op_type]}" if counts[node.op_type] > 1 else ""
            node.name = f"{prefix}{node.op_type}{number}"
        nodes[-1].name = layer or nodes[-1].name
    _name_values(graph, {INPUT, OUTPUT, *parameters})


def _name_values(graph: GraphProto, fixed: Collection[str]) -> None:
    names: dict[str, str] = {}
    for node in graph.node:
        for place, name in enumerate(node.output):
            if name not in fixed:
                names[name] = f"{node.name}:{place}" if place else node.name
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name and name not in fixed:
                names.setdefault(name, f"{node.name}/{place}")
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)
    for part in (graph, *graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]


def _layer(node: NodeProto) -> str:
    """The module that a node comes from; "" if that is the network itself, or an addition of the conversion."""
    for entry in node.metadata_props:
        if entry.key == SCOPES:
            path: list[str] = ast.literal_eval(entry.value)
            return path[-2]
    return ""


def _describe(model: ModelProto, provenance: NetworkProvenance) -> None:
    import onnx

    model.producer_name, model.producer_version = "ResNet Studio", provenance.versions[KEY]
    model.graph.name = title(provenance.architectures[0])
    model.doc_string = "\n".join(provenance.caption())
    onnx.helper.set_model_props(model, {KEY: json.dumps(provenance.to_json(), ensure_ascii=False)})
