"""A library's long computation as steps: it stops before every pass that it sends through the network."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Semaphore
from typing import TypeAlias, TypeVar

from torch import Tensor, nn

from resnet_studio.progress import Progress

Result = TypeVar("Result")
Forward: TypeAlias = Callable[[Tensor], Tensor]


class _Left(BaseException):  # no error, and nothing in a library may catch it
    """Raised inside the computation when nobody waits for it any more."""


def in_passes(
    work: Callable[[Forward], Result], network: nn.Module, of: int, what: str
) -> Generator[Progress, None, Result]:
    """Run `work` with a function that is the network; yield before each of about `of` passes.

    A library that calls a function can't be made a generator, so it runs in a thread. The two never run at the same
    time: between a yield and the next step the network belongs to others, who may put hooks on it.
    """
    arrived, go = Semaphore(0), Semaphore(0)
    left = False

    def forward(images: Tensor) -> Tensor:
        arrived.release()
        go.acquire()
        if left:
            raise _Left
        output: Tensor = network(images)
        return output

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work, forward)
        future.add_done_callback(lambda _: arrived.release())
        try:
            for done in count():
                arrived.acquire()
                if future.done():
                    return future.result()
                yield Progress(min(done, of - 1), of, what)
                go.release()
        finally:
            left = True
            go.release()
    raise AssertionError  # the loop has no other end
