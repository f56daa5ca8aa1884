"""Where FLOPs and time disagree, for times that are made up."""

from __future__ import annotations

import pytest

from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, Timing
from resnet_studio.analysis.time_shares import GROUPINGS, Grouping, summary, time_shares
from resnet_studio.networks.plan import called_layers, plan
from resnet_studio.networks.presets import preset

RESNET = preset("resnet50")


def measured(**seconds: float) -> Measurement:
    """A batch of two through ResNet-50: so many seconds for each layer of a kind, a millisecond for all others."""
    layers = {layer.name: seconds.get(layer.kind.replace(" ", "_"), 1e-3) for layer in called_layers(RESNET)}
    whole = sum(layers.values()) + 0.01
    timing = Timing(whole, whole, whole, 9)
    return Measurement(MeasurementSpec(RESNET, batch=2), timing, layers, "a processor", 2, {"torch": "2"}, 0.0)


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_shares_add_up_whatever_the_grouping(grouping: Grouping) -> None:
    measurement = measured(conv=0.01)
    shares = time_shares(measurement, grouping)
    assert sum(share.time_share for share in shares) == pytest.approx(1)
    assert sum(share.macs_share for share in shares) == pytest.approx(1)
    assert sum(share.macs for share in shares) == sum(layer.macs for layer in plan(RESNET))
    assert sum(share.seconds for share in shares) == pytest.approx(measurement.layers_sum / 2)


def test_what_disagrees_most_comes_first() -> None:
    differences = [abs(share.difference) for share in time_shares(measured(batch_norm=0.1), "layer")]
    assert differences == sorted(differences, reverse=True)
    first, *_ = time_shares(measured(batch_norm=0.1), "kind")
    assert (first.name, first.macs_share) in (("batch norm", 0.0), ("conv", pytest.approx(1, abs=0.01)))


def test_a_layer_whose_time_is_in_proportion_does_not_disagree() -> None:
    """Each convolution takes a nanosecond a multiply-add, the rest nothing to speak of."""
    layers = {layer.name: 1e-9 * layer.macs + 1e-15 for layer in called_layers(RESNET)}
    timing = Timing(4.0, 4.0, 4.0, 3)
    given = Measurement(MeasurementSpec(RESNET), timing, layers, "a processor", 2, {"torch": "2"}, 0.0)
    assert max(abs(share.difference) for share in time_shares(given, "layer")) < 1e-9
    assert {round(share.macs_per_second / 1e9, 3) for share in time_shares(given, "layer") if share.macs} == {1.0}


def test_the_sentence_names_both_shares() -> None:
    assert "of the FLOPs" in summary(measured(batch_norm=0.1))
    empty = Measurement(MeasurementSpec(RESNET), Timing(1, 1, 1, 1), {}, "a processor", 2, {"torch": "2"}, 0.0)
    assert summary(empty) == ""
