"""Runs a long computation of captum as a generator that yields before each forward pass."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Semaphore
from typing import TypeAlias, TypeVar

from torch import Tensor, nn

from resnet_studio.progress import Progress

Result = TypeVar("Result")
ForwardFunction: TypeAlias = Callable[[Tensor], Tensor]


class _Abandoned(BaseException):  # no Exception, so that no library catches it
    """Raised inside the computation when its generator is closed."""


def pass_steps(
    computation: Callable[[ForwardFunction], Result], network: nn.Module, total: int, description: str
) -> Generator[Progress, None, Result]:
    """Run `computation` with a function that calls the network; yield before each of about `total` passes.

    A library that calls a function can't be made a generator, so it runs in a thread. The two never run at the same
    time: between a yield and the next step others may use the network and put hooks on it.
    """
    arrived, go = Semaphore(0), Semaphore(0)
    abandoned = False

    def forward(images: Tensor) -> Tensor:
        arrived.release()
        go.acquire()
        if abandoned:
            raise _Abandoned
        output: Tensor = network(images)
        return output

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(computation, forward)
        future.add_done_callback(lambda _: arrived.release())
        try:
            for done in count():
                arrived.acquire()
                if future.done():
                    return future.result()
                yield Progress(min(done, total - 1), total, description)
                go.release()
        finally:
            abandoned = True
            go.release()
    raise AssertionError  # the loop has no other end
