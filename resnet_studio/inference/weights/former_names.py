"""What torchvision called some tensors of its networks before, as in weights that it still offers. Needs no torch."""

from __future__ import annotations

import re

FORMER = (
    (re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d)\."), r"\1\2."),
    (re.compile(r"\.mlp\.linear_1\."), ".mlp.0."),
    (re.compile(r"\.mlp\.linear_2\."), ".mlp.3."),
)
"""DenseNet before names could have no dots, and vision transformers before torchvision had one perceptron for all."""


def current_name(name: str) -> str:
    """A tensor's name in today's network; most have not changed."""
    for former, current in FORMER:
        name = former.sub(current, name)
    return name
