"""What the paper's Table 1 prints of a stage, read off a network's plan: its convolutions in brackets, how often."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from resnet_studio.analysis.table import Group, plan_table
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import Layer


@dataclass(frozen=True, slots=True)
class BlockCell:
    """One stage of one network. With `times` the lines stand in brackets and are repeated that often; else they are
    one text that may be broken between them."""

    lines: tuple[str, ...]
    times: int
    size: str
    """Height × width of the stage's output."""
    pool: tuple[str, ...] = ()
    """The max pool that the stage begins with."""
    below: tuple[str, ...] = ()
    """What is worth a quiet line under the blocks."""

    @property
    def words(self) -> str:
        """The cell for a screen reader or a tooltip."""
        blocks = f"{self.times} × [{'; '.join(self.lines)}]" if self.times else ", ".join(self.lines)
        return ", ".join((*self.pool, blocks))


@lru_cache(maxsize=64)
def stage_groups(architecture: Architecture) -> dict[str, Group]:
    """The stages of a network by name, from conv1 to fc, with what they cost by the plan's closed form."""
    return {stage.name: stage for stage in plan_table(architecture).stages}


@lru_cache(maxsize=64)
def block_cells(architecture: Architecture) -> dict[str, BlockCell]:
    """The cells of a network by the name of their stage."""
    return {name: _cell(stage) for name, stage in stage_groups(architecture).items()}


def _cell(stage: Group) -> BlockCell:
    layers = [row.layer for row in stage.rows if row.layer.called]
    size = "×".join(map(str, stage.output[1:]))
    pools = [layer for layer in layers if layer.kind == "max pool"]
    pool = tuple(part for layer in pools for part in (f"{layer.kernel}×{layer.kernel} max pool", *_stride(layer)))
    if stage.name == "fc":
        return BlockCell(_head(layers), 0, size, pool)
    if not stage.blocks:
        return BlockCell(*_convolutions(layers), size, pool)
    block = [row.layer for row in stage.blocks[0].rows if row.layer.called and row.layer.kind == "conv"]
    main = [layer for layer in block if ".downsample." not in layer.name]
    return BlockCell(tuple(_kernels(layer) for layer in main), len(stage.blocks), size, pool)


def _convolutions(layers: list[Layer]) -> tuple[tuple[str, ...], int]:
    """The convolutions of a stage without blocks; equal ones in a row are one, repeated."""
    convolutions = [layer for layer in layers if layer.kind == "conv"]
    if len(convolutions) == 1:
        return (_kernels(convolutions[0]), *_stride(convolutions[0])), 0
    lines = tuple(_kernels(layer) for layer in convolutions)
    return (lines[:1], len(lines)) if len(set(lines)) == 1 else (lines, 1)


def _kernels(layer: Layer) -> str:
    return f"{layer.kernel}×{layer.kernel}, {layer.output[0]}"


def _stride(layer: Layer) -> tuple[str, ...]:
    return (f"stride {layer.stride}",) if layer.stride > 1 else ()


def _head(layers: list[Layer]) -> tuple[str, ...]:
    """Pooling and classifier. An average pool that finds the size it makes is not worth a word."""
    parts = [f"{layer.output[0]}-d fc" for layer in layers if layer.kind == "linear"]
    runs = ((part, len(list(run))) for part, run in groupby(parts))
    pooled = any(layer.kind == "average pool" and layer.input != layer.output for layer in layers)
    classifier = (f"{times} × {part}" if times > 1 else part for part, times in runs)
    return (*(["average pool"] if pooled else []), *classifier, "softmax")
