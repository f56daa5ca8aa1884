"""Engines forked from a process that has imported torch once, so that a window's test need not wait for the import."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from resnet_studio.engine import process

PRELOADED = [
    "resnet_studio.engine.jobs", "torchvision", "captum.attr", "sklearn.model_selection", "safetensors.torch",
    "forked_engines", "frozen",
]  # fmt: skip
"""What an engine imports at its start, with the first photograph and the first weights, and for `run_in`."""


class ForkingContext:
    """Stands in for multiprocessing's "spawn" context. A child has this process's environment at its start."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self.Pipe = self._context.Pipe

    def Process(self, target: Callable[..., None], args: tuple[Any, ...], **named: Any) -> Any:
        return self._context.Process(target=run_in, args=(dict(os.environ), target, args), **named)

    def start(self) -> None:
        """Start the server now: it must be there before the first test, whose own processes are counted.

        Its socket is outside of the suite's folder, which is removed before the interpreter ends.
        """
        with process._without_main_module(), pytest.MonkeyPatch.context() as patch:
            patch.delenv("TMPDIR", raising=False)
            patch.setenv("PYTHONPATH", str(Path(__file__).parent))  # of `frozen`
            patch.setattr(tempfile, "tempdir", None)
            first = self._context.Process(target=os.getpid)
            first.start()
            first.join()


def run_in(environment: dict[str, str], target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """In the child: run the target in another environment than the server's."""
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    target(*arguments)


class Multiprocessing:
    """The module `multiprocessing` with another "spawn" context."""

    def __init__(self, context: ForkingContext) -> None:
        self.context = context

    def get_context(self, method: str) -> ForkingContext:
        assert method == "spawn"
        return self.context

    def __getattr__(self, name: str) -> Any:
        return getattr(multiprocessing, name)


@contextmanager
def forked_engines() -> Iterator[None]:
    """Fork the engines that are started meanwhile."""
    context = ForkingContext()
    context.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "multiprocessing", Multiprocessing(context))
        yield
