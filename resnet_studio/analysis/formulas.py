"""A layer's kernel as papers print it, and the formulas of its size and costs with their numbers. Needs no torch."""

from __future__ import annotations

from resnet_studio.analysis import units
from resnet_studio.networks.layers import NOTHING, Layer, kernel_line, output_size


def kernel_text(layer: Layer) -> str:
    """A layer's kernel as papers print it: "7×7, 64, /2", "3×3, 128, C=32"."""
    if layer.kind == "conv":
        stride = f", /{layer.stride}" if layer.stride > 1 else ""
        return f"{kernel_line(layer)}{stride}" if layer.called else layer.kernel_text
    if layer.kernel and layer.kind.endswith("pool"):
        return f"{layer.kernel_text} {layer.kind}, /{layer.stride}"
    return layer.kind


def formulas(layer: Layer) -> list[str]:
    """The formulas of a layer's size, parameters and multiply-adds, with their numbers."""
    if layer.kind == "parameter":
        return ["a parameter of the network itself, which is no layer"]
    if layer.output == NOTHING:
        return ["created but never called: it has parameters but no output"]
    lines = []
    if layer.kind in ("conv", "max pool"):
        lines += _size_formulas(layer)
    (c_out, height, width), c_in = layer.output, str(layer.input[0])
    c_in += f" / {layer.groups}" if layer.groups > 1 else ""
    area = f"{height}²" if height == width else f"{height} · {width}"
    if layer.kind == "conv":
        window = " · ".join(str(kernel) for kernel, _ in layer.windows) if layer.across else f"{layer.kernel}²"
        lines.append(f"FLOPs: {c_in} · {window} · {c_out} · {area} = {units.exact(layer.macs)}")
        bias = f" + {c_out}" if layer.bias else ""
        lines.append(f"parameters: {c_in} · {window} · {c_out}{bias} = {units.exact(layer.parameters)}")
    if layer.kind == "linear":
        weights = layer.macs // layer.positions
        times = f" · {layer.positions}" if layer.positions > 1 else ""
        bias = f" + {layer.parameters - weights:,}" if layer.parameters > weights else ""
        lines.append(f"FLOPs: {weights // c_out:,} · {c_out:,}{times} = {units.exact(layer.macs)}")
        lines.append(f"parameters: {weights:,}{bias} = {units.exact(layer.parameters)}")
    if layer.kind in ("batch norm", "layer norm"):
        lines.append(f"parameters: 2 · {c_out} = {units.exact(layer.parameters)}")
    return lines


def _size_formulas(layer: Layer) -> list[str]:
    """The formula of the output's size, or those of its height and width if they differ."""
    sides = zip(layer.input[1:], layer.output[1:], layer.windows, strict=True)
    found = [_size_formula(layer, *side) for side in sides]
    names = ("size",) if found[0] == found[1] else ("height", "width")
    return [f"{name}: {formula}" for name, formula in zip(names, found, strict=False)]


def _size_formula(layer: Layer, n_in: int, n_out: int, window: tuple[int, int]) -> str:
    """The formula of one side. A pool whose last window is cut off by the edge rounds up."""
    kernel, padding = window
    reach = f"{layer.dilation}·({kernel} − 1) − 1" if layer.dilation > 1 else str(kernel)
    left, right = "⌊⌋" if output_size(n_in, kernel, layer.stride, padding, layer.dilation) == n_out else "⌈⌉"
    return f"{left}({n_in} + 2·{padding} − {reach}) / {layer.stride}{right} + 1 = {n_out}"
