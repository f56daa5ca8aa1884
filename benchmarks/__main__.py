"""Print every claim with its measurement: `python -m benchmarks`, or `python -m benchmarks PART …` for some."""

from __future__ import annotations

import platform
import sys
import warnings
from importlib import import_module

PARTS = (
    "tables",
    "inference",
    "live",
    "training",
    "contention",
    "window",
    "edits",
    "training-window",
    "identification",
    "figures",
    "costs",
    "catalog",
    "sweep",
)


def main() -> int:
    """Run the named parts, or all; return 1 if a claim is missed."""
    warnings.simplefilter("ignore", FutureWarning)  # from fvcore, about torch.jit
    selected = sys.argv[1:] or PARTS
    if unknown := set(selected) - set(PARTS):
        print(f"unknown: {', '.join(sorted(unknown))}; available: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    import torch

    print(f"{platform.machine()}, {torch.get_num_threads()} threads, Python {platform.python_version()}, "
          f"torch {torch.__version__}; medians (min … max)")  # fmt: skip
    missed = 0
    for part in selected:
        for line in import_module(f"benchmarks.{part.replace('-', '_')}").measure():
            print(line, flush=True)
            missed += not line.met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
