"""The names of the quantities of networks, apart from what computes them: sessions and commands only need these."""

from __future__ import annotations

from typing import Literal

QuantityKey = Literal[
    "macs", "parameters", "activation_bytes", "weight_bytes", "training_bytes", "depth", "receptive_field",
    "intensity", "seconds", "images_per_second", "published_error", "published_error_10_crop",
    "published_error_cifar10", "best_run_error",
]  # fmt: skip
