"""The degradation experiment's configuration, and its verdict on synthetic curves."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiment_curves import PER_EPOCH, TEST, TRAINING, curves
from resnet_studio.networks.presets import PRESETS
from resnet_studio.training.degradation import experiment as degradation
from resnet_studio.training.degradation.experiment import Experiment, ExperimentError, NetworkSpec, from_json, to_json
from resnet_studio.training.degradation.gradient_flow import VANISHING_RATIO, describe, summarize_gradients
from resnet_studio.training.degradation.statistics import aggregate, error_curve, noise_margin, spread
from resnet_studio.training.degradation.verdict import Verdict, judge
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.curves import Curve, Curves
from resnet_studio.training.runs.events import Ended, Stepped

STAGES = ("conv1", "conv2_x", "conv3_x", "conv4_x", "fc")
EVEN = [dict.fromkeys(STAGES, 1.0)] * 3


def judged(experiment: Experiment, errors_of: dict[str, tuple[list[float], list[float]]], **named: object) -> Verdict:
    """The verdict on the named runs; the others are missing."""
    known = {
        part.name: curves(part, *errors_of[part.name], EVEN, **named)
        for part in experiment.runs
        if part.name in errors_of
    }
    return judge(experiment, known)


def ended_with(plain20: float, plain56: float, resnet20: float = 0.0, resnet56: float = 0.0) -> Verdict:
    """The verdict where every run has the same error on both sets after each of two epochs."""
    values = {"plain20": plain20, "plain56": plain56, "resnet20": resnet20, "resnet56": resnet56}
    return judged(Experiment(), {f"{name}-seed0": ([one] * 2, [one] * 2) for name, one in values.items()})


def test_the_networks_are_the_papers() -> None:
    for depth in (20, 56):
        assert NetworkSpec(depth, False).architecture == PRESETS[f"plain{depth}-cifar"]
        assert NetworkSpec(depth, True).architecture == PRESETS[f"resnet{depth}-cifar"]
    for depth in (18, 34):
        assert NetworkSpec(depth, False).architecture == PRESETS[f"plain{depth}"]
        assert NetworkSpec(depth, True).architecture == replace(PRESETS[f"resnet{depth}"], shortcut="A")
    assert [NetworkSpec(depth, True).architecture.depth for depth in (8, 14, 110, 164)] == [8, 14, 110, 164]
    assert (NetworkSpec(56, False).title, NetworkSpec(56, True).title) == ("plain-56", "ResNet-56")


def test_counterparts_differ_only_in_shortcuts() -> None:
    experiment = Experiment(depths=(20, 56), seeds=(3, 4))
    assert [part.name for part in experiment.runs] == [
        f"{family}{depth}-seed{seed}" for seed in (3, 4) for family in ("plain", "resnet") for depth in (20, 56)
    ]
    assert {part.recipe for part in experiment.runs} == {
        replace(RECIPES["digits-degradation"], seed=seed) for seed in (3, 4)
    }
    for part in experiment.runs:
        counterpart = NetworkSpec(part.network.depth, residual=True).architecture
        assert replace(part.network.architecture, shortcut="A") == counterpart


@pytest.mark.parametrize(
    ("depths", "seeds", "message"),
    [
        ((20,), (0,), "at least two"), ((56, 20), (0,), "increasing order"), ((20, 20), (0,), "increasing order"),
        ((20, 21), (0,), "6n + 2"), ((2, 20), (0,), "6n + 2"), ((True, 20), (0,), "must be integers"),
        ((18, 34), (0,), "8×8"), ((20, 34), (0,), "large images"), ((20, 56), (), "seeds"), ((20, 56), (1, 1), "seeds"),
        ((20, 56), (-1,), "seed"),
    ],
)  # fmt: skip
def test_invalid_experiments_are_rejected_with_a_reason(
    depths: tuple[int, ...], seeds: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        Experiment(depths=depths, seeds=seeds)


def test_large_images_have_networks_of_their_own(tmp_path: Path) -> None:
    recipe = replace(RECIPES["folder-quick"], data=str(tmp_path))
    assert Experiment(recipe, (18, 34)).runs[0].name == "plain18-seed0"


def test_an_experiment_is_read_as_it_was_written(tmp_path: Path) -> None:
    experiment = Experiment(replace(RECIPES["digits-degradation"], length=3, seed=9), (8, 14, 20), (5, 6))
    assert experiment.recipe.seed == 5
    degradation.create(tmp_path / "one", experiment)
    assert degradation.read_experiment(tmp_path / "one") == experiment
    assert from_json(json.loads(json.dumps(to_json(experiment)))) == experiment
    assert degradation.find_experiments(tmp_path) == [tmp_path / "one"]
    assert degradation.free_name(tmp_path, "digits") == "degradation-digits-1"
    with pytest.raises(ExperimentError, match="already"):
        degradation.create(tmp_path / "one", experiment)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"), ("{", "damaged"), ("[]", "damaged"), ('{"version": 99}', "newer"),
        ('{"version": 1, "kind": "width"}', "kind"), ('{"version": 1, "kind": "degradation"}', "damaged"),
        ('{"version": 1, "kind": "degradation", "recipe": {"lr": "x"}, "depths": [20, 56], "seeds": [0]}', "damaged"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_rejected_with_a_reason(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / degradation.EXPERIMENT).write_text(text)
    with pytest.raises(ExperimentError, match=message):
        degradation.read_experiment(tmp_path)
    with pytest.raises(ExperimentError, match="not an experiment"):
        degradation.read_experiment(tmp_path / "elsewhere")


def test_a_folder_that_holds_only_a_log_may_become_an_experiment(tmp_path: Path) -> None:
    (tmp_path / run_folder.LOG).touch()
    degradation.create(tmp_path, Experiment())
    assert degradation.read_experiment(tmp_path) == Experiment()


def test_chance_is_two_standard_errors() -> None:
    assert noise_margin(0.5, 0.5, 100) == pytest.approx(2 * math.sqrt(0.25 / 100 + 0.25 / 100))
    assert noise_margin(0.0, 0.0, 100) == 0


def test_degradation_is_seen_if_the_deeper_plain_network_is_worse() -> None:
    verdict = ended_with(0.01, 0.6)
    assert (verdict.kind, verdict.seen, verdict.steps, verdict.from_epoch) == ("seen", True, 2 * PER_EPOCH, 1)
    assert verdict.plain is not None
    assert verdict.plain.difference("training") == pytest.approx(0.59)
    assert verdict.plain.noise_margin("training") == pytest.approx(2 * math.sqrt((0.01 * 0.99 + 0.6 * 0.4) / TRAINING))
    assert verdict.plain.noise_margin("test") == pytest.approx(2 * math.sqrt((0.01 * 0.99 + 0.6 * 0.4) / TEST))
    assert verdict.sentences[0] == (
        "Degradation observed after 20 steps: plain-56 has a measured training error of 60.0 %, 59.0 percentage "
        "points above plain-20's 1.00 %, and a test error of 60.0 %, 59.0 percentage points above plain-20's 1.00 %."
    )
    assert "no worse: ResNet-56 has a measured training error of 0.00 %" in verdict.text
    assert "trains more slowly: a longer run" in verdict.text


@pytest.mark.parametrize(("plain20", "plain56"), [(0.1, 0.1), (0.3, 0.1), (0.1, 0.11), (0.0, 0.0)])
def test_equal_better_or_hardly_worse_is_no_degradation(plain20: float, plain56: float) -> None:
    verdict = ended_with(plain20, plain56)
    assert (verdict.kind, verdict.seen, verdict.from_epoch) == ("not seen", False, None)
    assert verdict.sentences[0].startswith("No degradation observed after 20 steps: plain-56 has")
    assert "trains more slowly" not in verdict.text
    if plain20 == plain56:
        assert verdict.sentences[0].count("the same as plain-20") == 2


def test_worse_by_exactly_the_noise_margin_is_not_worse() -> None:
    images, low = TRAINING, 0.0
    high = 4 / (images + 4)  # where p = 2 √(p (1 − p) / images)
    assert high == pytest.approx(noise_margin(low, high, images))
    assert not judged_on_training(low, high * 0.999).seen
    assert judged_on_training(low, high * 1.001).kind in ("seen", "training only")


def judged_on_training(low: float, high: float) -> Verdict:
    both = {"plain20": low, "plain56": high, "resnet20": 0.0, "resnet56": 0.0}
    return judged(Experiment(), {f"{name}-seed0": ([one], [0.1]) for name, one in both.items()})


def test_worse_on_one_set_alone_has_its_own_kind() -> None:
    good, bad = ([0.01], [0.1]), ([0.5], [0.1])
    runs_of = dict.fromkeys(("plain20-seed0", "resnet20-seed0", "resnet56-seed0"), good)
    assert judged(Experiment(), {**runs_of, "plain56-seed0": bad}).kind == "training only"
    overfitted = judged(Experiment(), {**runs_of, "plain56-seed0": ([0.01], [0.5])})
    assert (overfitted.kind, overfitted.seen) == ("test only", False)
    assert "overfitting" in overfitted.text


def test_shortcuts_may_fail_to_help() -> None:
    assert "With shortcuts, the deeper network is also worse" in ended_with(0.01, 0.6, 0.01, 0.5).text


def test_the_epoch_is_the_first_from_which_the_network_stays_worse() -> None:
    plain20 = [0.9, 0.5, 0.5, 0.1, 0.0]
    plain56 = [0.9, 0.9, 0.5, 0.6, 0.6]
    others = dict.fromkeys(("resnet20-seed0", "resnet56-seed0"), ([0.0] * 5, [0.0] * 5))
    verdict = judged(Experiment(), {"plain20-seed0": (plain20, plain20), "plain56-seed0": (plain56, plain56), **others})
    assert verdict.from_epoch == 4
    assert verdict.sentences[1] == "Plain-56 is worse from epoch 4 to the end."


def test_missing_runs_leave_the_verdict_open() -> None:
    nothing = judge(Experiment(), {})
    assert (nothing.kind, nothing.seen, nothing.results, nothing.rule) == ("open", None, (), "")
    assert nothing.text == "Verdict pending: waiting for plain-20 and plain-56 to finish."
    half = judged(Experiment(), {"plain20-seed0": ([0.1], [0.1])})
    assert half.text == "Verdict pending: waiting for plain-56 to finish."
    assert [one.network.title for one in half.results] == ["plain-20"]


def test_the_plain_pair_has_its_verdict_before_the_residual_one_has_begun() -> None:
    verdict = judged(Experiment(), {"plain20-seed0": ([0.1], [0.1]), "plain56-seed0": ([0.8], [0.8])})
    assert verdict.kind == "seen"
    assert verdict.residual is None
    assert verdict.vanished is None
    assert "shortcuts" not in verdict.text


@pytest.mark.parametrize("how", ["failed", "stopped", "killed"])
def test_an_unfinished_run_does_not_count_and_is_reported(how: str) -> None:
    experiment = Experiment()
    known = {part.name: curves(part, [0.1], [0.1]) for part in experiment.runs}
    broken = experiment.runs[1]
    known[broken.name] = curves(broken, [math.nan], [math.nan], how=how, why="the loss is not a number")
    verdict = judge(experiment, known)
    assert verdict.kind == "open"
    assert verdict.text.endswith(f"plain56-seed0 {how}: the loss is not a number.")


def test_nan_errors_leave_the_verdict_open() -> None:
    verdict = ended_with(0.1, math.nan)
    assert verdict.kind == "open"
    assert json.dumps(verdict.to_json(), allow_nan=False)


def test_with_several_seeds_the_medians_decide() -> None:
    experiment = Experiment(seeds=(0, 1, 2))
    ends = {"plain20": (0.0, 0.01, 0.9), "plain56": (0.5, 0.6, 0.02), "resnet20": (0, 0, 0), "resnet56": (0, 0, 0)}
    verdict = judged(
        experiment,
        {f"{name}-seed{seed}": ([one], [one]) for name, values in ends.items() for seed, one in enumerate(values)},
    )
    assert verdict.seen
    assert verdict.plain is not None
    assert verdict.plain.difference("test") == pytest.approx(0.5 - 0.01)
    assert "plain-56 has a measured training error of 50.0 % (2.00–60.0 %)" in verdict.text
    assert "medians and ranges over 3 seeds" in verdict.text
    assert [one.runs for one in verdict.results] == [3] * 4


def test_json_has_the_numbers_and_no_nan() -> None:
    values = json.loads(json.dumps(ended_with(0.01, 0.6).to_json(), allow_nan=False))
    assert values["seen"] is True
    assert values["plain"]["training_points"] == pytest.approx(59)
    assert values["residual"]["test_points"] == 0
    assert values["gradients_vanished"] is False
    assert [one["network"] for one in values["gradients"]] == ["plain-20", "plain-56", "ResNet-20", "ResNet-56"]


def test_gradients_that_shrink_in_the_backward_pass_vanish() -> None:
    def verdict(first: float) -> Verdict:
        experiment = Experiment()
        known = {part.name: curves(part, [0.1], [0.1], EVEN) for part in experiment.runs}
        small = [{**EVEN[0], "conv2_x": first}] * 3
        known["plain56-seed0"] = curves(experiment.runs[1], [0.9], [0.9], small)
        return judge(experiment, known)

    assert verdict(0.9 * VANISHING_RATIO).vanished
    assert "Gradients vanish in plain-56, as the article says" in verdict(0.9 * VANISHING_RATIO).text
    assert not verdict(1.1 * VANISHING_RATIO).vanished
    assert "Gradients do not vanish in plain-56" in verdict(1.1 * VANISHING_RATIO).text
    assert "it grows during backpropagation" in verdict(20.0).text
    assert "it grows during backpropagation" not in verdict(1.0).text


def test_gradients_are_summarized_over_seeds() -> None:
    part = Experiment().runs[0]
    norms = [{"conv2_x": one, "conv4_x": 2 * one} for one in (8.0, 1.0, 3.0)]
    other = [{"conv2_x": one, "conv4_x": 5.0} for one in (4.0, 0.5, math.nan)]
    flow = summarize_gradients(part.network, [curves(part, [0.1], [0.1], norms), curves(part, [0.1], [0.1], other)])
    assert flow is not None
    assert flow.first == {"conv2_x": 6.0, "conv4_x": (16 + 5) / 2}
    assert flow.median == {"conv2_x": 3.0, "conv4_x": 5.0}  # of 8, 1, 3, 4, 0.5 and of 16, 2, 6, 5, 5, 5
    assert (flow.smallest, flow.smallest_stage) == (0.5, "conv2_x")
    assert (flow.first_ratio, flow.median_ratio) == (6 / 10.5, 3 / 5)
    assert summarize_gradients(part.network, [Curves()]) is None
    assert summarize_gradients(part.network, [curves(part, [0.1], [0.1], [{"conv1": 1.0}])]) is None


def test_aggregated_curves_are_medians_and_ranges() -> None:
    long, short = (Curve(np.arange(float(n)), np.arange(float(n)) + n) for n in (3, 2))
    holed = Curve(np.array([0.0, 1.0]), np.array([10.0, math.nan]))
    found = aggregate([long, short, holed])
    assert found.x.tolist() == [0, 1, 2]
    assert found.median.tolist() == [3, 3.5, 5]
    assert found.low.tolist() == [2, 3, 5]
    assert found.high.tolist() == [10, 4, 5]
    assert aggregate([]).x.tolist() == []
    assert math.isnan(spread([math.nan]).median)


def without_training(run: Curves, *, but_last: bool) -> Curves:
    """The run as a recipe leaves it that measures the training error only at the end, or never."""
    left = Curves()
    for event in (run.prepared, run.began):
        assert event is not None
        left.add(event)
    losses, errors_, rates = (run.per_step(what).y for what in ("loss", "error", "rate"))  # type: ignore[arg-type]
    left.add(Stepped(0.0, 0, tuple(losses), tuple(errors_), tuple(rates), 1.0, 1.0))
    for one in run.measured:
        if one.split == "test" or (but_last and one.step == run.steps):
            left.add(one)
    left.add(Ended(0.0, "finished", run.steps))
    return left


def test_a_verdict_is_made_from_measured_errors_alone() -> None:
    experiment = Experiment()
    values = {"plain20": 0.01, "plain56": 0.6, "resnet20": 0.01, "resnet56": 0.0}

    def known(*, but_last: bool) -> dict[str, Curves]:
        made = {part.name: curves(part, *([values[part.name[:-6]]] * 2,) * 2, EVEN) for part in experiment.runs}
        return {name: without_training(run, but_last=but_last) for name, run in made.items()}

    never = judge(experiment, known(but_last=False))
    assert never.kind == "open"
    assert never.sentences == ("No verdict: an error of a finished run was not measured. Run the experiment again.",)
    at_the_end = judge(experiment, known(but_last=True))
    assert at_the_end.kind == "seen"
    assert at_the_end.from_epoch is None, "the earlier epochs have no measured training errors"


def test_an_unmeasured_training_error_is_the_mean_of_the_batches() -> None:
    run = curves(Experiment().runs[0], [0.4, 0.2], [0.5, 0.3])
    run.measured = [one for one in run.measured if one.split == "test"]
    assert error_curve(run, "training").y.tolist() == pytest.approx([0.4, 0.2])
    assert error_curve(run, "test", "epoch").x.tolist() == [1, 2]


def test_a_small_file_does_not_ask_for_millions_of_runs() -> None:
    values = to_json(Experiment())
    with pytest.raises(ExperimentError, match=r"^seeds: 1,998,000 runs are too many; the limit is 4,000$"):
        from_json(values | {"depths": list(range(8, 6002, 6)), "seeds": list(range(1000))})


def test_leftovers_of_a_killed_process_do_not_block_a_name(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".writing-0123").write_text("{")
    odd = Experiment(replace(RECIPES["digits-degradation"], data="/data/\udcff"))
    degradation.create(tmp_path / "mine", odd)
    assert degradation.read_experiment(tmp_path / "mine") == odd
    with pytest.raises(ExperimentError, match="already exists in"):
        degradation.create(tmp_path / "mine", Experiment())


def test_gradient_norms_of_any_size_have_three_digits() -> None:
    part = Experiment().runs[0]
    for size, written in (
        (3.14159e-21, "3.14e−21"),
        (0.0314159, "0.0314"),
        (3141.59, "3,142"),
        (3.14159e18, "3.14e18"),
    ):
        norms = [{"conv2_x": size, "conv4_x": size}] * 3
        flow = summarize_gradients(part.network, [curves(part, [0.1], [0.1], norms)])
        assert flow is not None
        sentence = describe(flow, flow, flow)
        assert f"is {written}, 1.00 × that in conv4_x" in sentence
        assert f"The smallest norm in any stage is {written};" in sentence
