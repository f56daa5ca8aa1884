from hypothesis import given
from hypothesis import strategies as st

from architectures import residuals
from resnet_studio.analysis.published import PublishedFigure
from resnet_studio.analysis.reasons import changes, reason, total
from resnet_studio.networks.architecture import ArchitectureError, Baseline, Residual
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.presets import preset

REFERENCES = st.sampled_from(["resnet18", "plain34", "resnet50", "resnet20-cifar"]).map(preset)
QUANTITIES = st.sampled_from(["macs", "parameters"])


@given(REFERENCES, residuals(stages=4, width=64, image=96), QUANTITIES)
def test_the_steps_sum_to_the_whole_difference(reference, architecture, quantity):
    steps = changes(reference, architecture, quantity)
    assert sum(step.amount for step in steps) == total(architecture, quantity) - total(reference, quantity)
    assert all(step.amount for step in steps)


def test_the_articles_parameters_are_explained():
    steps = {step.what: step.amount for step in changes(preset("resnet18"), preset("article18"), "parameters")}
    widths = (64, 128, 256, 512)
    second = sum(2 * 8 * width**2 for width in widths)
    never_called = sum(width * before + width + 2 * width for width, before in zip(widths, (64, *widths), strict=False))
    never_called += sum(width**2 + 3 * width for width in widths)
    biases = 64 + sum((2 * 2 + 1) * width for width in widths)
    assert sorted(steps.values()) == sorted([-second, never_called, 64 * 64 + 2 * 64, biases])
    assert 11_689_512 + sum(steps.values()) == 6_658_088


def test_each_change_is_named_once_in_plain_words():
    other = Residual(Bottleneck(), (1, 1), "A", width=32, stem="cifar", channels=1, image=112, classes=10)
    named = [step.what for step in changes(preset("resnet50"), other, "macs")]
    assert named == [
        "a 112×112 image instead of 224×224",
        "channels 1 instead of 3",
        "classes 10 instead of 1,000",
        "width 32 instead of 64",
        "the 3×3/1 stem without max pool instead of the 7×7/2 stem with max pool",
        "1·1 bottleneck blocks instead of 3·4·6·3 bottleneck blocks",
        "shortcut A instead of B",
    ]


def test_baselines_have_steps_too():
    steps = changes(Baseline("vgg19"), Baseline("vgg19", image=112, classes=10), "macs")
    assert [step.what for step in steps] == ["a 112×112 image instead of 224×224", "classes 10 instead of 1,000"]
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
                assert changes(preset(reference), goal, "macs")
            except ArchitectureError as error:
                raise AssertionError(f"{reference} to {variant}") from error
