"""ResNet Studio: residual networks, what they cost, and what they see.

In a notebook: `import resnet_studio as rs`, then `rs.layer_table(rs.preset("resnet50")).totals.macs`. The import
itself loads neither torch nor Qt; each name is fetched when it is first used.
"""

from __future__ import annotations

import sys
import time

if sys.argv[:1] == ["-m"] and "resnet_studio" in sys.orig_argv and not sys.flags.safe_path:
    del sys.path[0]  # the working directory, before a file there is taken for a module that is imported below

from importlib import import_module

STARTED = time.time()
"""When the program began, before anything slow was loaded, in seconds since 1970."""
TYPE_CHECKING = False  # typing's own would be the first module that such a file could stand for
if TYPE_CHECKING:
    from typing import Any

    from resnet_studio.analysis.comparison import compare as compare
    from resnet_studio.analysis.compute.counting import layer_table as layer_table
    from resnet_studio.analysis.compute.verification import verify as verify
    from resnet_studio.inference.compute.capture import capture as capture
    from resnet_studio.networks.architecture import Baseline as Baseline
    from resnet_studio.networks.architecture import Residual as Residual
    from resnet_studio.networks.families.basic import Basic as Basic
    from resnet_studio.networks.families.bottleneck import Bottleneck as Bottleneck
    from resnet_studio.networks.modules.network import build as build
    from resnet_studio.networks.presets import PRESETS as presets  # noqa: N811
    from resnet_studio.networks.presets import preset as preset

    __version__: str

_PLACES = {
    "Baseline": "networks.architecture:Baseline",
    "Basic": "networks.families.basic:Basic",
    "Bottleneck": "networks.families.bottleneck:Bottleneck",
    "Residual": "networks.architecture:Residual",
    "build": "networks.modules.network:build",
    "capture": "inference.compute.capture:capture",
    "compare": "analysis.comparison:compare",
    "layer_table": "analysis.compute.counting:layer_table",
    "preset": "networks.presets:preset",
    "presets": "networks.presets:PRESETS",
    "verify": "analysis.compute.verification:verify",
}
__all__ = [
    "Baseline", "Basic", "Bottleneck", "Residual", "build", "capture", "compare", "layer_table", "preset", "presets",
    "verify",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("resnet-studio")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
