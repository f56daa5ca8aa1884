import json
import warnings
from dataclasses import replace

import pytest
import torch

from resnet_studio.analysis.article import ARTICLE_SLIPS
from resnet_studio.analysis.compute.verification import paper_holds, verify, verify_steps
from resnet_studio.analysis.published import published
from resnet_studio.analysis.quantities import CountingRule
from resnet_studio.networks.architecture import Baseline
from resnet_studio.networks.layers import output_size
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS, preset
from resnet_studio.progress import Progress

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*torch.jit")  # fvcore's own import
    from fvcore.nn import ActivationCountAnalysis

IN_HAND = replace(preset("resnet50"), shortcut="C")
PROJECTED = 2 * 56**2 * 256**2 + 3 * 28**2 * 512**2 + 5 * 14**2 * 1024**2 + 2 * 7**2 * 2048**2
"""What shortcut C adds to ResNet-50: a 1×1 convolution for each of its twelve identities."""


@pytest.fixture(scope="module")
def results():
    return verify((IN_HAND, preset("plain18"), preset("resnet50"), Baseline("alexnet"), Baseline("vgg19", image=256)))


def verdicts(results, quantity="macs", place=""):
    return {
        result.figure.subject: result.holds
        for result in results
        if result.figure.quantity == quantity and place in result.figure.source
    }


def of(results, subject):
    return next(result for result in results if result.figure.subject == subject)


def test_every_published_figure_is_measured_in_order(results):
    assert tuple(result.figure for result in results[: len(published())]) == published()


def test_the_papers_table_holds_and_v1_5_does_not(results):
    figures = results[: len(published())]
    of_depth = verdicts(figures, place="1512.03385), Table 1") | verdicts(figures, place="after the paper's Table 1")
    assert {name for name, holds in of_depth.items() if holds} == {f"resnet{n}" for n in (18, 34, 50, 101, 152)}
    assert {name for name, holds in of_depth.items() if not holds} == {
        *(f"resnet{n}-v1.5" for n in (50, 101, 152)),
        *(f"article{n}" for n in (18, 34, 50, 101, 152)),
    }
    assert paper_holds(results)


def test_figure_3_table_6_and_torchvision_hold(results):
    assert verdicts(results[: len(published())], place="Figure 3") == {"vgg19": True, "plain34": True, "resnet34": True}
    assert len(verdicts(results, "parameters", "Table 6")) == 6
    for quantity in ("macs", "parameters"):
        documented = verdicts(results, quantity, "torchvision")
        assert len(documented) >= 12
        assert all(documented.values())
    assert all(verdicts(results, "parameters").values())


@pytest.mark.parametrize("source", ["timm", "Xie", "Zagoruyko", "He et al. 2016", "He et al. 2019", "Hu et al. 2018"])
def test_figures_of_the_later_families_hold(results, source):
    of_source = [result for result in results if result.source.startswith(source)]
    assert of_source
    assert [result.figure for result in of_source if not result.holds] == []


def test_the_plan_says_what_the_counters_say(results):
    for result in results:
        assert result.measured == result.figure.counting.total(result.architecture)


@pytest.mark.parametrize("name", ["resnet18d", "seresnext50_32x4d", "resnetv2_50", "wrn-16-8", "plain18"])
def test_activations_are_counted_as_by_fvcore(name):
    """timm's "macts" are the total of fvcore's `ActivationCountAnalysis`."""
    architecture = preset(name)
    architecture = replace(architecture, width=architecture.width // 2, image=48)
    counted = ActivationCountAnalysis(build(architecture).eval(), torch.zeros(1, *architecture.input_shape))
    assert counted.unsupported_ops_warnings(False).total() == CountingRule("activations").total(architecture)


def test_the_paper_does_not_hold_when_one_of_its_rows_does_not(results):
    for number, result in enumerate(results[: len(published())]):
        broken = list(results)
        broken[number] = replace(result, holds=False)
        assert paper_holds(broken) is not result.figure.of_paper


def test_the_place_of_the_stride_is_named_with_its_size(results):
    added = 3 * (56**2 - 28**2) * 256 * 128  # conv3_x's first 1×1; conv4_x's and conv5_x's cost the same
    assert round(added / 1e9, 3) == 0.231
    for name in ("resnet50-v1.5", "resnet101-v1.5", "resnet152-v1.5", "article50", "article101", "article152"):
        assert "+0.231 G from the stride on the 3×3 instead of the first 1×1" in of(results, name).reason


def test_the_articles_1x1_is_named_with_its_size(results):
    second = 8 * 8 * 56**2 * 64**2  # eight blocks lose eight of nine weights; each costs the same at every stage
    assert f"−{second / 1e9:.3f} G from a 1×1 instead of the second 3×3" in of(results, "article18").reason
    assert f"−{2 * second / 1e9:.3f} G from a 1×1" in of(results, "article34").reason
    assert f"+{56**2 * 64**2 / 1e9:.3f} G from projections where" in of(results, "article18").reason


def test_a_figure_that_holds_says_how_and_what_else_fvcore_counts(results):
    assert of(results, "resnet50").reason.startswith("3.858 G truncates to 3.8 G; ")
    assert of(results, "resnet101").reason.startswith("7.570 G rounds to 7.6 G; ")
    beyond = "fvcore's total of 3.879 G adds batch norm +0.021 G, average pool +100 k"
    assert of(results, "resnet50").reason.endswith(beyond)


def test_the_current_architecture_is_listed_with_the_papers_of_its_depth(results):
    extra = results[len(published()) :]
    assert [result.architecture for result in extra] == [IN_HAND, preset("plain18"), Baseline("vgg19", image=256)]
    shortcut_c = extra[0]
    assert shortcut_c.measured == 3_857_973_248 + PROJECTED
    assert not shortcut_c.holds
    assert f"+{PROJECTED / 1e9:.3f} G from shortcut C instead of B" in shortcut_c.reason
    assert extra[1].holds
    assert "from no shortcuts" in extra[1].reason


def test_json_has_plain_numbers(results):
    first = json.loads(json.dumps(results[0].to_json()))
    assert first["published"] == 1.8e9
    assert first["measured"] == 1_814_073_344
    assert (first["subject"], first["quantity"], first["verdict"]) == ("resnet18", "macs", "holds")
    assert {"source", "reason"} < set(first)


def test_each_result_is_yielded_when_it_is_ready():
    steps = verify_steps()
    yielded = [next(steps) for _ in range(4)]
    assert [type(step) for step in yielded[::2]] == [Progress, Progress]
    assert [step.figure for step in yielded[1::2]] == list(published()[:2])
    steps.close()


def test_the_articles_slips_are_four_and_true_of_its_networks():
    assert len(ARTICLE_SLIPS) == 4
    for name, modules in (("article18", 16), ("article34", 32)):
        assert sum(not layer.called for layer in plan(PRESETS[name])) == modules
        assert str(modules) in ARTICLE_SLIPS[0].true
    kernels = {layer.name: layer.kernel for layer in plan(PRESETS["article18"]) if layer.called}
    assert (kernels["layer1.0.conv1"], kernels["layer1.0.conv2"]) == (3, 1)
    channels = {layer.name: layer.output[0] for layer in plan(PRESETS["resnet50"])}
    assert channels["layer1.0.conv3"] == 4 * channels["layer1.0.conv1"]
    assert output_size(224, 7, 2, 3) == 112
