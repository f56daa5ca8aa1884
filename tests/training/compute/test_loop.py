"""The loop against bare PyTorch on the same tensors, step for step, and what it tells of the gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.plan import plan
from resnet_studio.training.compute.data import Data, InMemoryImages, measuring_order, training_order
from resnet_studio.training.compute.loop import Step, make_optimizer, measure, train
from resnet_studio.training.compute.step_events import stage_norms, stage_weights
from resnet_studio.training.recipe import Optimizer, Recipe, learning_rate
from small import SHORT, TINY, curves, make_run, opened
from small import train as run

STEPS, PER_EPOCH = 22, 11
SGD = replace(SHORT, lr=0.1, schedule="one-cycle", weight_decay=5e-4)


@pytest.fixture(scope="module")
def digits() -> Data:
    return opened(SHORT)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the runs of `small.py`: sums of floats depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(before)


def network() -> nn.Module:
    return build(TINY, SHORT.seed).to(memory_format=torch.channels_last)


def ours(digits: Data, recipe: Recipe, net: nn.Module | None = None, count: int = STEPS) -> list[Step]:
    net = net or network()
    batches = digits.training.batches(training_order(len(digits.training), recipe, 0), recipe.augmentation)
    scaler = torch.amp.GradScaler("cpu", enabled=recipe.precision == "fp16")
    steps = train(net, make_optimizer(net, recipe), scaler, batches, digits.normalise, recipe, PER_EPOCH, 0)
    return list(islice(steps, count))


def losses(steps: list[Step]) -> list[float]:
    return [float(step.loss) for step in steps]


Criterion = Callable[[Tensor, Tensor], Tensor]


def theirs(
    digits: Data, recipe: Recipe, optimizer: torch.optim.Optimizer, net: nn.Module, loss: Criterion
) -> list[float]:
    """What anybody would write."""
    assert isinstance(digits.training, InMemoryImages)
    mean, deviation = torch.tensor(digits.mean), torch.tensor(digits.deviation)
    images = (digits.training.pixels.float() / 255 - mean.view(-1, 1, 1)) / deviation.view(-1, 1, 1)
    told = []
    for number, (_, places) in enumerate(islice(training_order(len(images), recipe, 0), STEPS)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, number, PER_EPOCH)
        value = loss(net(images[places].to(memory_format=torch.channels_last)), digits.training.labels[places])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        told.append(float(value.detach()))
    return told


def test_every_loss_is_that_of_a_bare_loop(digits: Data) -> None:
    net = network()
    bare = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)
    assert losses(ours(digits, SGD)) == theirs(digits, SGD, bare, net, functional.cross_entropy)


def test_a_run_tells_the_same_losses(digits: Data, tmp_path: Path) -> None:
    """With everything that a run does besides: measuring, saving, looking at probe images."""
    net = network()
    bare = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)
    expected = theirs(digits, SGD, bare, net, functional.cross_entropy)
    run(make_run(tmp_path / "run", SGD))
    assert curves(tmp_path / "run").training("loss").y.tolist() == expected


def test_sgd_in_torchs_plainest_form_comes_to_the_same(digits: Data) -> None:
    net = network()
    bare = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=False, foreach=False)
    expected = theirs(digits, SGD, bare, net, functional.cross_entropy)
    assert losses(ours(digits, SGD)) == pytest.approx(expected, rel=1e-3)


def test_adamw(digits: Data) -> None:
    recipe, net = replace(SHORT, optimizer="adamw", lr=0.003, weight_decay=0.05), network()
    bare = torch.optim.AdamW(net.parameters(), lr=0.003, weight_decay=0.05, fused=True)
    assert losses(ours(digits, recipe)) == theirs(digits, recipe, bare, net, functional.cross_entropy)


def test_label_smoothing_is_the_formulas(digits: Data) -> None:
    """(1 − ε) times the loss of the right class, and ε spread evenly over all."""
    recipe, net = replace(SGD, label_smoothing=0.1), network()
    bare = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)

    def smoothed(logits: Tensor, labels: Tensor) -> Tensor:
        shares = -logits.log_softmax(1)
        return (0.9 * shares.gather(1, labels[:, None])[:, 0] + 0.1 * shares.mean(1)).mean()

    assert losses(ours(digits, recipe)) == pytest.approx(theirs(digits, recipe, bare, net, smoothed), rel=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_learns_nearly_the_same(digits: Data, precision: str) -> None:
    mixed = ours(digits, replace(SGD, precision=precision))  # type: ignore[arg-type]
    whole = ours(digits, SGD)
    assert losses(mixed)[:3] == pytest.approx(losses(whole)[:3], rel=0.02)
    assert losses(mixed)[-1] < 0.9 * losses(mixed)[0]
    assert mixed[0].loss.dtype == torch.float32


@pytest.fixture
def unset_memory_is_nan() -> Iterator[None]:
    """Have torch fill memory that nobody has set with NaN, so that it is never zero by luck."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("unset_memory_is_nan")
@pytest.mark.parametrize("momentum", [0.9, 0.0])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_first_steps_that_the_scaler_skips_leave_the_optimizer_sound(
    digits: Data, optimizer: Optimizer, momentum: float
) -> None:
    """At first the loss is scaled beyond float16: steps are skipped until the scale is halved far enough."""
    recipe, net = replace(SGD, precision="fp16", optimizer=optimizer, momentum=momentum, lr=0.003), network()
    batches = digits.training.batches(training_order(len(digits.training), recipe, 0), "none")
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    before = {name: values.clone() for name, values in net.named_parameters()}
    told, skipped = [], 0
    for step in islice(train(net, make_optimizer(net, recipe), scaler, batches, digits.normalise, recipe, 11, 0), 60):
        told.append(float(step.loss))
        if all(torch.equal(values, before[name]) for name, values in net.named_parameters()):
            skipped = len(told)
    assert 3 < skipped < 40
    assert np.isfinite(told).all()
    assert np.mean(told[-5:]) < np.mean(told[:5])


def test_learning_rates_are_the_recipes(digits: Data) -> None:
    net = network()
    for schedule in ("constant", "linear", "cosine", "one-cycle"):
        recipe = replace(SHORT, schedule=schedule, warmup=1)  # type: ignore[arg-type]
        rates = [step.rate for step in ours(digits, recipe, net, count=14)]
        assert rates == [learning_rate(recipe, number, PER_EPOCH) for number in range(14)]


def test_the_optimiser_gets_the_rate(digits: Data) -> None:
    """At a rate of nothing the weights stay as they are."""
    recipe, net = replace(SHORT, warmup=1, warmup_lr=0.0), network()
    before = {name: values.clone() for name, values in net.named_parameters()}
    ours(digits, recipe, net, count=PER_EPOCH)
    assert all(torch.equal(values, before[name]) for name, values in net.named_parameters())
    ours(digits, replace(recipe, warmup_lr=0.1), net, count=1)
    assert not any(torch.equal(values, before[name]) for name, values in net.named_parameters() if values.ndim == 4)


def test_wrong_images_are_counted_before_the_update(digits: Data) -> None:
    net = network()
    assert isinstance(digits.training, InMemoryImages)
    _, places = next(training_order(len(digits.training), SHORT, 0))
    with torch.no_grad():
        logits = network().train()(digits.normalise(digits.training.pixels[places]))
    [step] = ours(digits, SHORT, net, count=1)
    assert int(step.wrong) == int((logits.argmax(1) != digits.training.labels[places]).sum())
    assert step.images == 128


def test_measuring_is_in_eval_mode_over_all_images(digits: Data) -> None:
    net = network()
    ours(digits, SHORT, net, count=5)
    before = {name: values.clone() for name, values in net.state_dict().items()}
    order = measuring_order(len(digits.test), replace(SHORT, batch_size=100))
    loss, wrong, count = measure(net, digits.test.batches(order, "none"), digits.normalise).tolist()
    assert all(torch.equal(values, before[name]) for name, values in net.state_dict().items())
    assert net.training
    assert isinstance(digits.test, InMemoryImages)
    with torch.no_grad():
        logits = net.eval()(digits.normalise(digits.test.pixels)).double()
    assert count == 360
    assert wrong == (logits.argmax(1) != digits.test.labels).sum()
    assert loss == pytest.approx(float(functional.cross_entropy(logits, digits.test.labels, reduction="sum")), rel=1e-5)


def test_gradients_of_a_stage_are_those_of_all_its_weights() -> None:
    architecture = Residual("basic", (2, 1, 1), shortcut="B", width=4, stem="cifar", image=8, channels=1, classes=10)
    net = build(architecture, 3)
    images = torch.randn(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    value = functional.cross_entropy(net(images), torch.arange(16) % 10)
    names, weights = zip(*net.named_parameters(), strict=True)
    gradients = dict(zip(names, torch.autograd.grad(value, weights, retain_graph=True), strict=True))
    value.backward()
    parts = {
        "conv1": ("conv1.", "bn1."), "conv2_x": ("layer1.",), "conv3_x": ("layer2.",), "conv4_x": ("layer3.",),
        "fc": ("fc.",),
    }  # fmt: skip
    norms = stage_norms(stage_weights(net, architecture))
    assert norms.keys() == parts.keys() == {layer.stage for layer in plan(architecture)}
    for stage, beginnings in parts.items():
        squares = [values.double().square().sum() for name, values in gradients.items() if name.startswith(beginnings)]
        assert norms[stage] == pytest.approx(float(torch.stack(squares).sum().sqrt()), rel=1e-5)
    whole = np.sqrt(sum(norm**2 for norm in norms.values()))
    assert whole == pytest.approx(float(torch.nn.utils.get_total_norm(gradients.values())), rel=1e-5)
