"""What the article that many readers come from gets wrong, and what is true. Needs no torch.

The article is Gamulin's "ResNet Implementation with PyTorch from Scratch" (2020); its networks are the presets
`article18` … `article152`, and its own table is the paper's Table 1.
"""

from __future__ import annotations

from dataclasses import dataclass

ARTICLE = "Gamulin 2020"


@dataclass(frozen=True, slots=True)
class Slip:
    """One wrong statement of the article, what is true instead, and a source for it."""

    says: str
    true: str
    source: str


ARTICLE_SLIPS = (
    Slip(
        "In the code, the block of the 18- and 34-layer networks is a 3×3 and then a 1×1 convolution.",
        "The paper's block is two 3×3 convolutions. The code also creates 16 modules (18 layers) or 32 (34 layers) "
        "that are never called, so it does not reproduce the article's own table.",
        "He et al. 2015, Table 1 and Figure 5 left",
    ),
    Slip(
        "The third convolution of a bottleneck has three times as many filters as each of the first two.",
        "It has four times as many: 64, 64 and 256 in conv2_x.",
        "He et al. 2015, Table 1",
    ),
    Slip(
        "With padding 3, the first convolution keeps the image size.",
        "With a 7×7 kernel and stride 2, the side becomes ⌊(224 + 2·3 − 7) / 2⌋ + 1 = 112, half of 224.",
        "He et al. 2015, Table 1, output size of conv1",
    ),
    Slip(
        "Deep plain networks get worse because their gradients vanish.",
        "The paper argues this is unlikely: its plain networks use batch norm, and their gradients were verified to "
        "have healthy norms.",
        "He et al. 2015, section 4.1",
    ),
)
