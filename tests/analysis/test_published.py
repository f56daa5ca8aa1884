from dataclasses import replace
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.analysis.published import PublishedFigure, holds, nearest_figure, network, paper_figure, published
from resnet_studio.networks.architecture import Baseline, Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.layers import Kind
from resnet_studio.networks.presets import PRESETS, preset

GIGA = PublishedFigure("resnet34", "resnet34", "macs", "3.6", 10**9, "multiply-adds", "somewhere")
TABLE_1 = {18: "1.8", 34: "3.6", 50: "3.8", 101: "7.6", 152: "11.3"}
TABLE_6 = {20: "0.27", 32: "0.46", 44: "0.66", 56: "0.85", 110: "1.7", 1202: "19.4"}


def printed(place: str) -> dict[str, str]:
    return {figure.subject: figure.printed for figure in published() if figure.of_paper and place in figure.source}


def test_the_paper_is_quoted_as_it_prints():
    assert printed("Table 1") == {f"resnet{depth}": flops for depth, flops in TABLE_1.items()}
    assert printed("Table 6") == {f"resnet{depth}-cifar": parameters for depth, parameters in TABLE_6.items()}
    assert printed("Figure 3") == {"vgg19": "19.6", "plain34": "3.6", "resnet34": "3.6"}


def test_the_article_and_v1_5_are_listed_with_the_papers_networks():
    compared = [figure for figure in published() if figure.subject != figure.about]
    assert {figure.subject: figure.printed for figure in compared} == {
        **{f"article{depth}": flops for depth, flops in TABLE_1.items()},
        **{f"resnet{depth}-v1.5": TABLE_1[depth] for depth in (50, 101, 152)},
    }
    assert not any(figure.of_paper for figure in compared)


def test_every_figure_names_presets_and_its_source():
    for figure in published():
        assert {figure.subject.split()[0], figure.about.split()[0]} <= set(PRESETS)
        assert network(figure.subject)
        assert figure.source
        units = {"macs": "multiply-adds", "parameters": "parameters", "activations": "activations"}
        assert figure.unit == units[figure.quantity]
        assert set(figure.beyond) <= set(get_args(Kind))


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torchvision's own imports, with some versions of torch
def test_torchvision_is_quoted_as_it_documents_its_weights():
    from torchvision import models

    quoted = {(f.subject, f.quantity): f.printed for f in published() if f.source.startswith("torchvision")}
    documented = {}
    for subject in {subject for subject, _ in quoted}:
        meta = models.get_model_weights(subject.removesuffix("-v1.5"))["IMAGENET1K_V1"].meta
        documented[subject, "macs"] = str(meta["_ops"])
        documented[subject, "parameters"] = str(meta["num_params"])
    assert quoted == documented


@pytest.mark.parametrize(
    ("figure", "measured", "verdict"),
    [
        (GIGA, 3_663_761_408, True),  # truncated
        (replace(GIGA, printed="7.6"), 7_570_194_432, True),  # rounded
        (replace(GIGA, printed="3.8"), 4_089_184_256, False),
        (GIGA, 3_550_000_000, True),  # half up
        (GIGA, 3_549_999_999, False),
        (GIGA, 3_699_999_999, True),
        (GIGA, 3_700_000_000, False),
        (replace(GIGA, printed="3.60"), 3_663_761_408, False),  # as many digits as are printed
        (replace(GIGA, printed="11689512", scale=1), 11_689_512, True),
        (replace(GIGA, printed="11689512", scale=1), 11_689_513, False),
    ],
)
def test_truncated_or_rounded_to_the_printed_digits(figure, measured, verdict):
    assert holds(figure, measured) is verdict


@given(st.integers(0, 10**13), st.integers(0, 4), st.sampled_from([1, 10**6, 10**9]), st.integers(-2, 2))
def test_the_rule_agrees_with_whole_number_arithmetic(measured, digits, scale, off):
    truncated = measured * 10**digits // scale
    rounded = (2 * measured * 10**digits + scale) // (2 * scale)
    wanted = max(0, truncated + off)
    text = f"{wanted // 10**digits}.{wanted % 10**digits:0{digits}}" if digits else str(wanted)
    assert holds(replace(GIGA, printed=text, scale=scale), measured) == (wanted in (truncated, rounded))


@given(st.sampled_from(published()))
def test_value_and_text_say_the_same(figure):
    assert figure.value == Fraction(figure.printed) * figure.scale
    number, _, prefix = figure.text.partition(" ")
    assert Fraction(number.replace(",", "")) * {"": 1, "M": 10**6, "G": 10**9}[prefix] == figure.value


def test_an_architecture_meets_the_papers_figure_of_its_depth():
    wide = paper_figure(replace(preset("resnet50"), width=128))
    assert wide is not None
    assert (wide.about, wide.printed, wide.of_paper) == ("resnet50", "3.8", False)
    assert paper_figure(preset("resnet50")) == published()[2]


def test_of_two_figures_of_a_depth_the_nearer_one_is_used():
    plain = paper_figure(replace(preset("plain34"), classes=10))
    assert plain is not None
    assert plain.about == "plain34"


@pytest.mark.parametrize("architecture", [Baseline("alexnet"), Residual(Basic(), (1, 1))])
def test_a_depth_that_the_paper_does_not_print_has_no_figure(architecture):
    assert paper_figure(architecture) is None


@pytest.mark.parametrize(
    "name", ["preresnet50", "preresnet110-cifar", "resnext50_32x4d", "wide_resnet50_2", "seresnet50", "resnet50d"]
)
def test_blocks_that_came_after_the_paper_have_no_figure_of_it(name):
    assert paper_figure(preset(name)) is None


@pytest.mark.parametrize(
    ("name", "printed", "publisher"),
    [
        ("resnet50", "3.8", "paper"),
        ("resnet50-v1.5", "3.8", "paper"),
        ("resnext50_32x4d", "4.2", "Xie et al. 2017"),
        ("wide_resnet50_2", "11.398", "torchvision"),
        ("resnet50d", "4.3", "He et al. 2019"),
        ("seresnet18", "1.82", "timm"),
    ],
)
def test_a_preset_is_held_against_its_own_figure(name, printed, publisher):
    figure = nearest_figure(preset(name))
    assert figure is not None
    assert (figure.printed, figure.publisher) == (printed, publisher)
    assert nearest_figure(replace(preset(name), width=40, classes=7)) == paper_figure(
        replace(preset(name), width=40, classes=7)
    )
