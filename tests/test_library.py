"""`import resnet_studio as rs`, as a notebook uses it."""

import subprocess
import sys

import pytest

import resnet_studio as rs


def test_the_import_loads_nothing_heavy(tmp_path):
    code = "import sys, resnet_studio as rs; rs.preset('resnet50'), rs.Residual(), rs.compare; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert not {"torch", "torchvision", "PySide6", "fvcore"} & set(done.stdout.split())


def test_a_preset_is_a_value_that_can_be_written_out():
    assert rs.preset("resnet50") == rs.Residual(rs.Bottleneck(), (3, 4, 6, 3))
    assert rs.presets["vgg19"] == rs.Baseline("vgg19")


def test_the_table_has_the_names_of_the_json():
    table = rs.layer_table(rs.preset("resnet50"))
    totals = table.to_json()["totals"]
    assert table.totals.macs == totals["macs"] == 3_857_973_248
    assert table.totals.macs_all == totals["macs_all"]
    assert table.totals.parameters == totals["parameters"] == 25_557_032
    for row, values in zip(table.rows, table.to_json()["rows"], strict=True):
        assert (
            row.name,
            row.stage,
            row.kind,
            list(row.output),
            row.parameters,
            row.macs,
            row.activation_bytes,
        ) == tuple(
            values[name] for name in ("name", "stage", "kind", "output", "parameters", "macs", "activation_bytes")
        )


def test_a_network_is_built_from_a_seed():
    architecture = rs.preset("resnet20-cifar")
    first, again, other = (rs.build(architecture, seed=seed) for seed in (0, 0, 1))
    assert first.conv1.weight.equal(again.conv1.weight)
    assert not first.conv1.weight.equal(other.conv1.weight)
    assert sum(parameter.numel() for parameter in first.parameters()) == 269_722


def test_comparing_takes_tables():
    comparison = rs.compare([rs.layer_table(rs.preset(name)) for name in ("resnet34", "plain34")])
    assert comparison.total.delta(1, "macs") == -3 * 28**2 * 64 * 128


def test_verify_measures_every_published_figure():
    results = rs.verify()
    assert {result.subject.split()[0] for result in results} < set(rs.presets)
    assert {result.verdict for result in results if "torchvision" in result.source} == {"holds"}


def test_every_name_is_there_and_no_other():
    for name in rs.__all__:
        assert getattr(rs, name) is not None
        assert name in dir(rs)
    assert rs.__version__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        rs.nonsense  # noqa: B018
