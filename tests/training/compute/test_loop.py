"""The loop compared with bare PyTorch on the same tensors, step by step, and the gradient norms."""

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
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.plan import plan
from resnet_studio.training.compute.data import Data, InMemoryImages, evaluation_order, training_order
from resnet_studio.training.compute.loop import Step, evaluate, make_optimizer, train
from resnet_studio.training.compute.step_events import stage_gradient_norms, stage_weights
from resnet_studio.training.recipe import Optimizer, Recipe, learning_rate
from small import SHORT, TINY, make_run, open_recipe_data, read_curves
from small import train as run

STEPS, PER_EPOCH = 22, 11
SGD = replace(SHORT, lr=0.1, schedule="one-cycle", weight_decay=5e-4)


@pytest.fixture(scope="module")
def digits() -> Data:
    return open_recipe_data(SHORT)


@pytest.fixture(autouse=True)
def single_thread() -> Iterator[None]:
    """One thread, like the runs of `small.py`, as floating point sums depend on it."""
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
    steps = train(net, make_optimizer(net, recipe), scaler, batches, digits.normalize, recipe, PER_EPOCH, 0)
    return list(islice(steps, count))


def losses(steps: list[Step]) -> list[float]:
    return [float(step.loss) for step in steps]


Criterion = Callable[[Tensor, Tensor], Tensor]


def bare_loop(
    digits: Data, recipe: Recipe, optimizer: torch.optim.Optimizer, net: nn.Module, loss: Criterion
) -> list[float]:
    """Losses of a plain PyTorch training loop."""
    assert isinstance(digits.training, InMemoryImages)
    mean, std = torch.tensor(digits.mean), torch.tensor(digits.std)
    images = (digits.training.pixels.float() / 255 - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)
    losses_so_far = []
    for number, (_, indices) in enumerate(islice(training_order(len(images), recipe, 0), STEPS)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, number, PER_EPOCH)
        value = loss(net(images[indices].to(memory_format=torch.channels_last)), digits.training.labels[indices])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses_so_far.append(float(value.detach()))
    return losses_so_far


def test_every_loss_equals_a_bare_loops(digits: Data) -> None:
    net = network()
    bare = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)
    assert losses(ours(digits, SGD)) == bare_loop(digits, SGD, bare, net, functional.cross_entropy)


def test_a_run_reports_the_same_losses(digits: Data, tmp_path: Path) -> None:
    """Although a run also evaluates, saves checkpoints and takes snapshots."""
    net = network()
    bare = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)
    expected = bare_loop(digits, SGD, bare, net, functional.cross_entropy)
    run(make_run(tmp_path / "run", SGD))
    assert read_curves(tmp_path / "run").per_step("loss").y.tolist() == expected


def test_fused_sgd_equals_torchs_single_tensor_form(digits: Data) -> None:
    net = network()
    bare = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=False, foreach=False)
    expected = bare_loop(digits, SGD, bare, net, functional.cross_entropy)
    assert losses(ours(digits, SGD)) == pytest.approx(expected, rel=1e-3)


def test_adamw(digits: Data) -> None:
    recipe, net = replace(SHORT, optimizer="adamw", lr=0.003, weight_decay=0.05), network()
    bare = torch.optim.AdamW(net.parameters(), lr=0.003, weight_decay=0.05, fused=True)
    assert losses(ours(digits, recipe)) == bare_loop(digits, recipe, bare, net, functional.cross_entropy)


def test_label_smoothing_equals_its_formula(digits: Data) -> None:
    """(1 − ε) times the loss of the true class plus ε times the mean over all classes."""
    recipe, net = replace(SGD, label_smoothing=0.1), network()
    bare = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)

    def smoothed(logits: Tensor, labels: Tensor) -> Tensor:
        shares = -logits.log_softmax(1)
        return (0.9 * shares.gather(1, labels[:, None])[:, 0] + 0.1 * shares.mean(1)).mean()

    assert losses(ours(digits, recipe)) == pytest.approx(bare_loop(digits, recipe, bare, net, smoothed), rel=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_learns_nearly_the_same(digits: Data, precision: str) -> None:
    mixed = ours(digits, replace(SGD, precision=precision))  # type: ignore[arg-type]
    whole = ours(digits, SGD)
    assert losses(mixed)[:3] == pytest.approx(losses(whole)[:3], rel=0.02)
    assert losses(mixed)[-1] < 0.9 * losses(mixed)[0]
    assert mixed[0].loss.dtype == torch.float32


@pytest.fixture
def unset_memory_is_nan() -> Iterator[None]:
    """Have torch fill uninitialized memory with NaN, so that it is never zero by chance."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("unset_memory_is_nan")
@pytest.mark.parametrize("momentum", [0.9, 0.0])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_optimizer_stays_valid_if_the_scaler_skips_the_first_steps(
    digits: Data, optimizer: Optimizer, momentum: float
) -> None:
    """At first the scaled loss overflows float16: steps are skipped until the scale is small enough."""
    recipe, net = replace(SGD, precision="fp16", optimizer=optimizer, momentum=momentum, lr=0.003), network()
    batches = digits.training.batches(training_order(len(digits.training), recipe, 0), "none")
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    before = {name: values.clone() for name, values in net.named_parameters()}
    losses_so_far, skipped = [], 0
    for step in islice(train(net, make_optimizer(net, recipe), scaler, batches, digits.normalize, recipe, 11, 0), 60):
        losses_so_far.append(float(step.loss))
        if all(torch.equal(values, before[name]) for name, values in net.named_parameters()):
            skipped = len(losses_so_far)
    assert 3 < skipped < 40
    assert np.isfinite(losses_so_far).all()
    assert np.mean(losses_so_far[-5:]) < np.mean(losses_so_far[:5])


def test_learning_rates_follow_the_recipe(digits: Data) -> None:
    net = network()
    for schedule in ("constant", "linear", "cosine", "one-cycle"):
        recipe = replace(SHORT, schedule=schedule, warmup=1)  # type: ignore[arg-type]
        rates = [step.lr for step in ours(digits, recipe, net, count=14)]
        assert rates == [learning_rate(recipe, number, PER_EPOCH) for number in range(14)]


def test_the_optimizer_uses_the_learning_rate(digits: Data) -> None:
    """With a learning rate of 0 the weights don't change."""
    recipe, net = replace(SHORT, warmup=1, warmup_lr=0.0), network()
    before = {name: values.clone() for name, values in net.named_parameters()}
    ours(digits, recipe, net, count=PER_EPOCH)
    assert all(torch.equal(values, before[name]) for name, values in net.named_parameters())
    ours(digits, replace(recipe, warmup_lr=0.1), net, count=1)
    assert not any(torch.equal(values, before[name]) for name, values in net.named_parameters() if values.ndim == 4)


def test_misclassified_images_are_counted_before_the_update(digits: Data) -> None:
    net = network()
    assert isinstance(digits.training, InMemoryImages)
    _, indices = next(training_order(len(digits.training), SHORT, 0))
    with torch.no_grad():
        logits = network().train()(digits.normalize(digits.training.pixels[indices]))
    [step] = ours(digits, SHORT, net, count=1)
    assert int(step.wrong) == int((logits.argmax(1) != digits.training.labels[indices]).sum())
    assert step.images == 128


def test_evaluation_is_in_eval_mode_over_all_images(digits: Data) -> None:
    net = network()
    ours(digits, SHORT, net, count=5)
    before = {name: values.clone() for name, values in net.state_dict().items()}
    order = evaluation_order(len(digits.test), replace(SHORT, batch_size=100))
    loss, wrong, count = evaluate(net, digits.test.batches(order, "none"), digits.normalize).tolist()
    assert all(torch.equal(values, before[name]) for name, values in net.state_dict().items())
    assert net.training
    assert isinstance(digits.test, InMemoryImages)
    with torch.no_grad():
        logits = net.eval()(digits.normalize(digits.test.pixels)).double()
    assert count == 360
    assert wrong == (logits.argmax(1) != digits.test.labels).sum()
    assert loss == pytest.approx(float(functional.cross_entropy(logits, digits.test.labels, reduction="sum")), rel=1e-5)


def test_a_stages_gradient_norm_is_over_all_its_weights() -> None:
    architecture = Residual(Basic(), (2, 1, 1), shortcut="B", width=4, stem="cifar", image=8, channels=1, classes=10)
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
    norms = stage_gradient_norms(stage_weights(net, architecture))
    assert norms.keys() == parts.keys() == {layer.stage for layer in plan(architecture)}
    for stage, beginnings in parts.items():
        squares = [values.double().square().sum() for name, values in gradients.items() if name.startswith(beginnings)]
        assert norms[stage] == pytest.approx(float(torch.stack(squares).sum().sqrt()), rel=1e-5)
    whole = np.sqrt(sum(norm**2 for norm in norms.values()))
    assert whole == pytest.approx(float(torch.nn.utils.get_total_norm(gradients.values())), rel=1e-5)
