"""The names of Detectron2's ResNet (`modeling/backbone/resnet.py`), which continues Caffe2's: res2 is conv2_x."""

from __future__ import annotations

from resnet_studio.inference.weights.dialects.dialect import Dialect, Table
from resnet_studio.inference.weights.dialects.torchvision import BLOCK

STAGE = "res{stage+1}.{block}"

DETECTRON2 = Dialect(
    "detectron2",
    "Detectron2",
    (
        Table(
            (
                ("stem.conv1", "conv1"),
                ("stem.conv1.norm", "bn1"),
                (f"{STAGE}.conv{{n}}", f"{BLOCK}.conv{{n}}"),
                (f"{STAGE}.conv{{n}}.norm", f"{BLOCK}.bn{{n}}"),
                (f"{STAGE}.shortcut", f"{BLOCK}.downsample.0"),
                (f"{STAGE}.shortcut.norm", f"{BLOCK}.downsample.1"),
            ),
            head="linear",
            usual={"stride_on": "1x1"},
        ),
    ),
    caveat="Detectron2's own weights take BGR images of 0 … 255. Whether these do, the file doesn't say",
)
