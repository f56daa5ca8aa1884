"""The names of Hugging Face transformers' ResNet (`modeling_resnet.py`)."""

from __future__ import annotations

from resnet_studio.inference.weights.dialects.dialect import Dialect, Table
from resnet_studio.inference.weights.dialects.torchvision import BLOCK

LAYER = "encoder.stages.{stage-1}.layers.{block}"

TRANSFORMERS = Dialect(
    "transformers",
    "Hugging Face transformers",
    (
        Table(
            (
                ("embedder.embedder.convolution", "conv1"),
                ("embedder.embedder.normalization", "bn1"),
                (f"{LAYER}.layer.{{n-1}}.convolution", f"{BLOCK}.conv{{n}}"),
                (f"{LAYER}.layer.{{n-1}}.normalization", f"{BLOCK}.bn{{n}}"),
                (f"{LAYER}.shortcut.convolution", f"{BLOCK}.downsample.0"),
                (f"{LAYER}.shortcut.normalization", f"{BLOCK}.downsample.1"),
            ),
            head="classifier.1",
        ),
    ),
    prefix="resnet.",
)
