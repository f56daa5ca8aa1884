"""The fields of a recipe as the form shows them: labels, values, tooltips, and when a field has an effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from resnet_studio.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class RecipeField:
    """How one field is shown."""

    label: str
    tip: str
    values: dict[str, str] = field(default_factory=dict)
    """The values of a choice and their labels; empty for a line of text."""
    listed: bool = False
    """Whether the choice is a combo box rather than a segmented control."""
    unit: str = ""
    """Shown after the line; "unit" for the recipe's own unit, epochs or steps."""


MAIN_FIELDS: dict[str, RecipeField] = {
    "augmentation": RecipeField(
        "Augmentation",
        "none: unchanged images\nshift: random shift by up to 1/8 of the image size (digits)\n"
        "crop and flip: 4 pixels of padding, random crop, random horizontal flip (CIFAR in the paper)\n"
        "resized crop: a random crop resized to the network's input size (folders)\n"
        "scale and crop: shorter side resized to 256–480, random crop (ImageNet in the paper)",
        {"none": "none", "shift": "shift", "crop-flip": "crop and flip", "resized-crop": "resized crop",
         "scale-crop": "scale and crop"}, listed=True,
    ),
    "length": RecipeField("Length", "Training length in epochs (passes over the training set) or steps (batches)"),
    "batch_size": RecipeField("Batch size", "Images per step, summed over all devices", unit="images"),
    "optimizer": RecipeField(
        "Optimizer", "SGD with momentum, as in the paper, or AdamW with β = (0.9, 0.999)",
        {"sgd": "SGD", "adamw": "AdamW"},
    ),
    "lr": RecipeField("Learning rate", "Maximum learning rate of the run, such as 0.1"),
    "schedule": RecipeField(
        "Schedule",
        "How the learning rate changes\nsteps: divided by 10 at each milestone, as in the paper",
        {"constant": "constant", "steps": "steps", "linear": "linear decay", "cosine": "cosine",
         "one-cycle": "one cycle"}, listed=True,
    ),
    "milestones": RecipeField(
        "Milestones", "When the learning rate is divided by 10, such as 32000, 48000", unit="unit"
    ),
    "device": RecipeField("Device", "Device to train on", {"cpu": "CPU"}, listed=True),
}  # fmt: skip
MORE_FIELDS: dict[str, RecipeField] = {
    "warmup": RecipeField("Warm-up", "Length of the warm-up with a lower learning rate; 0 for none", unit="unit"),
    "warmup_lr": RecipeField(
        "Warm-up LR",
        "Constant learning rate during warm-up, such as 0.01 for 110 layers in the paper; empty for a linear ramp",
    ),
    "momentum": RecipeField("Momentum", "Momentum of SGD; 0.9 in the paper"),
    "weight_decay": RecipeField("Weight decay", "L2 penalty on the weights; 0.0001 in the paper"),
    "label_smoothing": RecipeField("Label smoothing", "0 for none; 0.1 is common on ImageNet"),
    "zero_init_residual": RecipeField(
        "Residual start",
        "usual: batch norms begin with γ = 1\nzero: the last one of a block begins with γ = 0, so F(x) is 0 at first",
        {"false": "usual", "true": "zero"},
    ),
    "stochastic_depth": RecipeField(
        "Stochastic depth",
        "How likely each image skips F(x) of the last block; it grows linearly over the blocks.\n"
        "0 for none; 0.2 is common",
    ),
    "normalise": RecipeField(
        "Normalize by",
        "channel: subtract each channel's mean and divide by its std\npixel: subtract each pixel's mean (the paper)",
        {"channel": "channel", "pixel": "pixel"},
    ),
    "precision": RecipeField(
        "Precision", "fp32, or autocast to half precision on devices that support it",
        {"fp32": "fp32", "bf16": "bf16", "fp16": "fp16"},
    ),
    "holdout": RecipeField(
        "Hold out", "Training images held out for testing instead of the data set's test set; 0 for none", unit="images"
    ),
    "measure_training": RecipeField(
        "Training error",
        "running: on each batch during training\nmeasured: also on the whole training set after every epoch",
        {"false": "running", "true": "measured"},
    ),
    "damaged": RecipeField(
        "Bad images", "Images that can't be read fail the run, or are skipped and counted",
        {"fail": "fail run", "skip": "skip"},
    ),
    "seed": RecipeField("Seed", "Seed for weights, image order and augmentation; the same seed reproduces the run"),
}  # fmt: skip
EFFECTIVE_IF: dict[str, Callable[[Recipe], bool]] = {
    "milestones": lambda recipe: recipe.schedule == "steps",
    "momentum": lambda recipe: recipe.optimizer == "sgd",
    "warmup_lr": lambda recipe: recipe.warmup > 0,
}
"""Fields that have an effect only under a condition."""
RECIPE_TIPS = {
    "digits-quick": "30 epochs, one-cycle schedule, random shifts: trains on the digits in under a minute",
    "digits-degradation": "110 steps, in which plain 56-layer networks barely start to learn",
    "paper-cifar": "He et al. 2015, section 4.2: 64k steps, 0.1, divided by 10 at 32k and 48k",
    "paper-cifar-110": "The same for 110 layers, with 400 warm-up steps at 0.01",
    "paper-imagenet": "He et al. 2015, section 3.4, on a folder of class folders",
    "mnist-quick": "3 epochs, one-cycle schedule, random shifts",
    "folder-quick": "30 epochs, one-cycle schedule, on a folder of class folders",
}


def has_effect(recipe: Recipe, name: str) -> bool:
    """Whether a field has any effect, given the others."""
    return name not in EFFECTIVE_IF or EFFECTIVE_IF[name](recipe)


def field_text(recipe: Recipe, name: str) -> str:
    """A field's value as text that `with_text` can parse."""
    value = getattr(recipe, name)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
