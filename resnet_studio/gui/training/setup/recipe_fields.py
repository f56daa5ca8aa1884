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
        "none: images as they are\nshift: moved by up to an eighth of the side (digits)\n"
        "crop and flip: four pixels of padding, a random crop of that or of its mirror image (the paper's CIFAR)\n"
        "resized crop: a random part of the image in the network's size (folders)\n"
        "scale and crop: shorter side 256 to 480, then a random crop (the paper's ImageNet)",
        {"none": "none", "shift": "shift", "crop-flip": "crop and flip", "resized-crop": "resized crop",
         "scale-crop": "scale and crop"}, listed=True,
    ),
    "length": RecipeField("Length", "How long to train: epochs (every training image once) or steps (one batch each)"),
    "batch_size": RecipeField("Batch size", "Images in one step, over all devices together", unit="images"),
    "optimizer": RecipeField(
        "Optimizer", "SGD with momentum, as in the paper, or AdamW with β = (0.9, 0.999)",
        {"sgd": "SGD", "adamw": "AdamW"},
    ),
    "lr": RecipeField("Learning rate", "The highest learning rate of the run, such as 0.1"),
    "schedule": RecipeField(
        "Schedule",
        "How the learning rate goes on\nsteps: divided by 10 at each milestone, as in the paper",
        {"constant": "constant", "steps": "steps", "linear": "linear decay", "cosine": "cosine",
         "one-cycle": "one cycle"}, listed=True,
    ),
    "milestones": RecipeField(
        "Milestones", "Where the learning rate is divided by 10, such as 32000, 48000", unit="unit"
    ),
    "device": RecipeField("Device", "Where to train", {"cpu": "CPU"}, listed=True),
}  # fmt: skip
MORE_FIELDS: dict[str, RecipeField] = {
    "warmup": RecipeField("Warm-up", "How long the learning rate is smaller at the beginning; 0 for none", unit="unit"),
    "warmup_lr": RecipeField(
        "Warm-up rate",
        "A fixed learning rate during warm-up, such as the paper's 0.01 for 110 layers; empty for a linear rise",
    ),
    "momentum": RecipeField("Momentum", "Of SGD; the paper has 0.9"),
    "weight_decay": RecipeField("Weight decay", "The paper has 0.0001"),
    "label_smoothing": RecipeField("Smoothing", "Of the labels: 0 for none, 0.1 as it is usual on ImageNet"),
    "normalise": RecipeField(
        "Mean of",
        "What is subtracted: the mean of each channel (and its deviation divides), or of each pixel (the paper)",
        {"channel": "channels", "pixel": "pixels"},
    ),
    "precision": RecipeField(
        "Precision", "fp32, or autocast to half precision where the device gains by it",
        {"fp32": "fp32", "bf16": "bf16", "fp16": "fp16"},
    ),
    "holdout": RecipeField(
        "Hold out", "Training images to test on instead of the set's own test images; 0 for none", unit="images"
    ),
    "measure_training": RecipeField(
        "Training error",
        "Running: of each batch while the weights change. Measured: of the whole set after every epoch, too",
        {"false": "running", "true": "measured"},
    ),
    "damaged": RecipeField(
        "Bad images", "An image that can't be read ends the run, or is left out and counted",
        {"fail": "end run", "skip": "leave out"},
    ),
    "seed": RecipeField("Seed", "Of weights, order and augmentation: the same seed gives the same run"),
}  # fmt: skip
EFFECTIVE_IF: dict[str, Callable[[Recipe], bool]] = {
    "milestones": lambda recipe: recipe.schedule == "steps",
    "momentum": lambda recipe: recipe.optimizer == "sgd",
    "warmup_lr": lambda recipe: recipe.warmup > 0,
}
"""Fields that have an effect only under a condition."""
RECIPE_TIPS = {
    "digits-quick": "30 epochs of one cycle with shifted images: the digits in under a minute",
    "digits-degradation": "110 steps in which plain networks of 56 layers hardly begin to learn",
    "paper-cifar": "He et al. 2015, section 4.2: 64k steps, 0.1, divided by 10 at 32k and 48k",
    "paper-cifar-110": "The same for 110 layers: 400 steps of warm-up at 0.01",
    "paper-imagenet": "He et al. 2015, section 3.4, on a folder of class folders",
    "mnist-quick": "Three epochs of one cycle with shifted images",
    "folder-quick": "30 epochs of one cycle on a folder of class folders",
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
