import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import residuals
from resnet_studio.analysis.published import PublishedFigure, in_words, network, published
from resnet_studio.analysis.quantities import CountingRule
from resnet_studio.analysis.reasons import changes, reason
from resnet_studio.networks.architecture import ArchitectureError, Baseline, Residual
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.presets import preset

REFERENCES = st.sampled_from(["resnet18", "plain34", "resnet50", "resnet20-cifar"]).map(preset)
COUNTINGS = st.sampled_from([
    CountingRule("macs"), CountingRule("parameters"), CountingRule("activations"),
    CountingRule("macs", ("batch norm",)), CountingRule("macs", ("add", "scale", "average pool")),
])  # fmt: skip


@given(REFERENCES, residuals(stages=4, width=64, image=96), COUNTINGS)
def test_the_steps_sum_to_the_whole_difference(reference, architecture, counting):
    steps = changes(reference, architecture, counting)
    assert sum(step.amount for step in steps) == counting.total(architecture) - counting.total(reference)
    assert all(step.amount for step in steps)


def test_the_articles_parameters_are_explained():
    changed = changes(preset("resnet18"), preset("article18"), CountingRule("parameters"))
    steps = {step.what: step.amount for step in changed}
    widths = (64, 128, 256, 512)
    second = sum(2 * 8 * width**2 for width in widths)
    never_called = sum(width * before + width + 2 * width for width, before in zip(widths, (64, *widths), strict=False))
    never_called += sum(width**2 + 3 * width for width in widths)
    biases = 64 + sum((2 * 2 + 1) * width for width in widths)
    assert sorted(steps.values()) == sorted([-second, never_called, 64 * 64 + 2 * 64, biases])
    assert 11_689_512 + sum(steps.values()) == 6_658_088


def test_each_change_is_named_once_in_plain_words():
    other = Residual(Bottleneck(), (1, 1), "A", width=32, stem="cifar", channels=1, image=112, classes=10)
    named = [step.what for step in changes(preset("resnet50"), other, CountingRule("macs"))]
    assert named == [
        "a 112×112 image instead of 224×224",
        "1 input channel instead of 3",
        "10 classes instead of 1,000",
        "width 32 instead of 64",
        "the 3×3/1 stem without max pool instead of the 7×7/2 stem with max pool",
        "1·1 bottleneck blocks instead of 3·4·6·3",
        "shortcut A instead of B",
    ]


def test_baselines_have_steps_too():
    steps = changes(Baseline("vgg19"), Baseline("vgg19", image=112, classes=10), CountingRule("macs"))
    assert [step.what for step in steps] == ["a 112×112 image instead of 224×224", "10 classes instead of 1,000"]
    assert steps[1].amount == -990 * 4096


def test_a_difference_without_a_cause_is_called_that():
    figure = PublishedFigure("resnet18", "resnet18", "parameters", "11689513", 1, "parameters", "a misprint")
    text = reason(figure, preset("resnet18"), 11_689_512)
    assert text == "11,689,512, not 11,689,513: no known difference from resnet18"


def test_architectures_on_the_way_are_always_valid():
    for variant in ("paper", "article"):
        for reference in ("plain34", "resnet20-cifar"):
            try:
                goal = preset("article50").with_values({"variant": variant})
                assert changes(preset(reference), goal, CountingRule("macs"))
            except ArchitectureError as error:
                raise AssertionError(f"{reference} to {variant}") from error


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ("resnext50_32x4d", "a 32×4d template instead of 1×64d"),
        ("wide_resnet50_2", "a 1×128d template instead of 1×64d"),
        ("seresnet50", "squeeze-and-excitation with reduction 16"),
        ("resnet50d", "the stem of three 3×3 with max pool instead of the 7×7/2 stem with max pool"),
        ("resnet50-v1.5 dilated=2", "2 dilated stages instead of 0"),
        ("resnetv2_50", "v2 bottleneck blocks instead of bottleneck blocks"),
    ],
)
def test_what_came_after_the_paper_is_named(goal, words):
    steps = changes(preset("resnet50"), network(goal), CountingRule("macs", ("batch norm",)))
    assert words in [step.what for step in steps]


def test_a_count_beyond_convolutions_says_what_it_consists_of():
    """SE-ResNet-50 of Hu et al. 2018: 56²·256 values in each of three blocks, 28²·512 in four, and so on."""
    values = 3 * 56**2 * 256 + 4 * 28**2 * 512 + 6 * 14**2 * 1024 + 3 * 7**2 * 2048
    gates = sum(n * 2 * channels**2 // 16 for n, channels in ((3, 256), (4, 512), (6, 1024), (3, 2048)))
    weighted = 3_857_973_248 + gates
    figure = next(one for one in published() if in_words(one.subject) == "seresnet50, stride on 1×1")
    text = reason(figure, network(figure.subject), weighted + 3 * values + 7**2 * 2048)
    assert text == (
        f"{(weighted + 3 * values + 7**2 * 2048) / 1e9:.3f} G (conv + fc {weighted / 1e9:.3f} G, "
        f"average pool +{(values + 7**2 * 2048) / 1e9:.3f} G, scale +{values / 1e9:.3f} G, "
        f"add +{values / 1e9:.3f} G) truncates to 3.87 G"
    )
