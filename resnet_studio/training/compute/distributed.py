"""The processes that share a run's batches, as torchrun starts them; one alone where nothing else was started."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from resnet_studio.training.errors import WorkersError

PATIENCE = timedelta(days=30)
"""How long the others wait for the first, which may have been told to pause. A dead worker is noticed at once."""
ASK_EVERY = 0.05
"""Seconds between two looks whether all have met."""


@dataclass(frozen=True, slots=True, eq=False)
class Workers:
    """This process among those of its run."""

    rank: int = 0
    """Its number; the first writes the run's folder."""
    count: int = 1
    local: int = 0
    """Its number on its own machine, and so of its GPU."""
    talk: Any = None
    """torch's process group in which numbers on the CPU are agreed on; None for a process alone."""

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def agree(self, number: int) -> int:
        """The largest of what all workers say; each waits here for the others."""
        if self.talk is None:
            return number
        said = torch.tensor([number])
        dist.all_reduce(said, dist.ReduceOp.MAX, group=self.talk)
        return int(said)

    def total(self, values: Tensor) -> Tensor:
        """The sum over all workers; on the CPU."""
        if self.talk is not None:
            dist.all_reduce(values, group=self.talk)
        return values

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let the first worker of each machine do something before the others do."""
        if self.local:
            self.agree(0)
        yield
        if not self.local:
            self.agree(0)

    def share(self, network: nn.Module, device: torch.device) -> tuple[nn.Module, nn.Module]:
        """What to call so that gradients are averaged over the workers, and the network in it.

        All begin with the first one's weights. Batch norm is each worker's own on the CPU, and synchronised on GPUs
        (torch has that for no CPU).
        """
        if self.talk is None:
            return network, network
        if device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
            return DistributedDataParallel(network, device_ids=[device.index], broadcast_buffers=False), network
        return DistributedDataParallel(network, broadcast_buffers=False), network

    def equalise(self, network: nn.Module) -> None:
        """Give every worker the first one's batch norm statistics, so that all measure the same network."""
        if self.talk is not None:
            for buffer in network.buffers():
                dist.broadcast(buffer, 0)


@contextmanager
def join() -> Iterator[Workers]:
    """Meet the other workers that torchrun started, and part from them in the end.

    An error of torch's own is raised as `WorkersError` where it is that another worker is gone.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Workers()
        return
    local = int(os.environ["LOCAL_RANK"])
    if local < torch.cuda.device_count():
        torch.cuda.set_device(local)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    store, rank, count = next(rendezvous("env://"))
    dist.init_process_group(backend, store=_fresh(store, rank, count), rank=rank, world_size=count, timeout=PATIENCE)
    talk = dist.new_group(backend="gloo", timeout=PATIENCE)  # beside the GPUs' own, which make the CPU wait
    try:
        yield Workers(dist.get_rank(), dist.get_world_size(), local, talk)
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise WorkersError(
                "another worker of the run is gone. torchrun --max-restarts goes on from the newest checkpoint"
            ) from None
        raise
    finally:
        dist.destroy_process_group()


def _fresh(store: Store, rank: int, count: int) -> Store:
    """A part of torchrun's store that is these very processes' own.

    torchrun keeps one store through its restarts, and torch would find in it the addresses of workers that are gone.
    So the first worker names a part anew and takes in who answers to that name; one that answered to the name of an
    earlier one, who is gone too, asks again.
    """
    me = uuid4().hex
    if rank == 0:
        store.set("first", me)
        for other in range(1, count):
            store.set(f"{me} took in {store.get(f'{me} {other}').decode()}", "")
        return PrefixStore(me, store)
    while True:
        first = store.get("first").decode()
        store.set(f"{first} {rank}", me)
        if store.check([f"{first} took in {me}"]):
            return PrefixStore(first, store)
        time.sleep(ASK_EVERY)
