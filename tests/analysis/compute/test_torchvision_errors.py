"""The file of published errors against the metadata of the installed torchvision."""

from __future__ import annotations

import math

from torchvision import models

from resnet_studio.analysis.published_errors import published_errors
from resnet_studio.networks.presets import preset

RENAMED = {f"resnet{depth}": f"resnet{depth}-v1.5" for depth in (50, 101, 152)}
"""torchvision's networks whose names are those of the paper's here."""


def test_the_file_has_every_error_of_torchvision_s_metadata() -> None:
    ours = {
        (error.subject.partition(" ")[0], error.weights): (100 - float(error.top1), 100 - float(error.top5), error)
        for error in published_errors()
        if error.source.startswith("torchvision")
    }
    theirs = 0
    for model in models.list_models(module=models):
        for weights in models.get_model_weights(model):
            accuracy = weights.meta["_metrics"]["ImageNet-1K"]
            if math.isnan(accuracy["acc@1"]):
                continue
            top1, top5, error = ours[RENAMED.get(model, model), weights.name]
            assert (round(top1, 3), round(top5, 3)) == (accuracy["acc@1"], accuracy["acc@5"])
            crop = weights.transforms().crop_size[0]
            assert error.protocol.startswith(f"center crop {crop} ")
            assert bool(error.more_data) == ("SWAG" in weights.name)
            theirs += 1
    assert theirs == len(ours)


def test_weights_for_another_size_are_of_the_network_at_that_size() -> None:
    subjects = {error.subject for error in published_errors() if error.weights == "IMAGENET1K_SWAG_E2E_V1"}
    assert "vit_b_16 image=384" in subjects
    assert preset("vit_b_16").image == 224
