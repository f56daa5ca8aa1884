"""Counting baselines: three counters that agree for one network of every kind, and torchvision's metadata."""

from __future__ import annotations

import pytest
import torch

from architectures import ONE_OF_EACH_KIND, SMALL_BASELINES
from resnet_studio.analysis.baseline_figures import baseline_figures
from resnet_studio.analysis.compute.counting import FlopCountAnalysis, layer_table
from resnet_studio.analysis.compute.verification import verify_baselines_steps
from resnet_studio.analysis.reasons import between
from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Baseline
from resnet_studio.networks.modules.baseline import allocate, skeleton
from resnet_studio.progress import finish


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_all_counters_agree(name: str) -> None:
    table = layer_table(SMALL_BASELINES[name])
    assert table.checks is not None
    assert table.checks.agree
    assert [row.macs for row in table.rows] == [row.layer.macs for row in table.rows]
    assert table.totals.macs == sum(stage.macs for stage in table.stages) == table.checks.fvcore


def fvcores_own_total(architecture: Baseline) -> int:
    """Of the whole network, with nothing told to fvcore."""
    network = allocate(skeleton(architecture)).eval().requires_grad_(False)
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        analysis = FlopCountAnalysis(network, torch.zeros(1, *architecture.input_shape)).tracer_warnings("none")
        return int(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


@pytest.mark.parametrize("name", ["densenet121", "googlenet", "mobilenet_v3_small", "convnext_tiny", "swin_t"])
def test_rows_sum_to_fvcores_total(name: str) -> None:
    """DenseNet pools by a function of its own, which has a row, too."""
    assert layer_table(SMALL_BASELINES[name]).totals.macs_all == fvcores_own_total(SMALL_BASELINES[name])


def test_attention_that_fvcore_has_no_count_for_is_added() -> None:
    """ViT: queries × keys and weights × values, for 2 · 2 patches of 32 pixels and a class token, 768 channels, in 12
    layers."""
    table = layer_table(SMALL_BASELINES["vit_b_32"])
    assert table.products == 12 * 2 * (2 * 2 + 1) ** 2 * 768
    assert table.totals.macs_all == fvcores_own_total(SMALL_BASELINES["vit_b_32"]) + table.products


def test_window_attention_counts_whole_windows() -> None:
    """Swin: 16 × 16 patches are padded to 21 × 21, their halves to 14, 7 and 7; two layers, two, six, two."""
    sides, widths, layers = (21, 14, 7, 7), (96, 192, 384, 768), (2, 2, 6, 2)
    expected = sum(n * 2 * side**2 * 49 * width for side, width, n in zip(sides, widths, layers, strict=True))
    assert layer_table(SMALL_BASELINES["swin_t"]).products == expected


@pytest.mark.parametrize(
    ("name", "uncounted"),
    [
        ("efficientnet_b0", {"aten::silu": 49, "aten::sigmoid": 16, "aten::add_": 9}),
        ("mobilenet_v2", {"aten::hardtanh": 35, "aten::add": 10}),
        ("googlenet", {"aten::max_pool2d": 13}),
    ],
)
def test_what_was_not_counted_is_listed(name: str, uncounted: dict[str, int]) -> None:
    """From the papers' tables: 16 MBConv blocks with a gate each and 9 shortcuts; 17 inverted residuals, 10 of them
    with a shortcut; 9 Inception modules with a pool each and four pools between them."""
    assert layer_table(SMALL_BASELINES[name]).uncounted.items() >= uncounted.items()


def test_metadata_are_verified_with_measured_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two networks, of which one has attention that fvcore does not count by itself."""
    names = ("shufflenet_v2_x0_5", "vit_b_32")
    monkeypatch.setattr(baselines, "NAMES", names)
    results = finish(verify_baselines_steps())
    assert tuple(result.figure for result in results) == baseline_figures(names)
    assert [result.verdict for result in results] == ["holds"] * 4
    assert results[0].measured == layer_table(Baseline("shufflenet_v2_x0_5")).totals.macs
    assert "attention's matrix products" in results[2].reason
    assert between(layer_table(Baseline("shufflenet_v2_x0_5"))) in results[0].reason
