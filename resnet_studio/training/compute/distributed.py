"""The worker processes of a run as torchrun starts them, which share each batch. Without torchrun there is one."""

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

TIMEOUT = timedelta(days=30)
"""Timeout of collectives. It is long as the main worker may be paused; a dead worker is noticed at once."""
POLL_INTERVAL = 0.05
"""Seconds between two checks whether all workers have met."""


@dataclass(frozen=True, slots=True, eq=False)
class Workers:
    """This process as one of a run's workers, and the collectives between them."""

    rank: int = 0
    """Rank of this process. Rank 0, the main worker, writes the run's folder."""
    world_size: int = 1
    local_rank: int = 0
    """Rank on its own machine, which is also the number of its GPU."""
    group: Any = None
    """torch's process group for collectives on the CPU; None for a single process."""

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def all_reduce_max(self, number: int) -> int:
        """The maximum of all workers' numbers. Blocks until every worker calls it."""
        if self.group is None:
            return number
        result = torch.tensor([number])
        dist.all_reduce(result, dist.ReduceOp.MAX, group=self.group)
        return int(result)

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """The sum of a CPU tensor over all workers, in place."""
        if self.group is not None:
            dist.all_reduce(values, group=self.group)
        return values

    @contextmanager
    def local_main_first(self) -> Iterator[None]:
        """Run a block on the first worker of each machine before the others run it."""
        if self.local_rank:
            self.all_reduce_max(0)
        yield
        if not self.local_rank:
            self.all_reduce_max(0)

    def wrap(self, network: nn.Module, device: torch.device) -> tuple[nn.Module, nn.Module]:
        """The network wrapped in DistributedDataParallel, and the network inside.

        All workers start with the main worker's weights. Batch norm is synchronized on GPUs; on the CPU each worker
        has its own, as torch has no SyncBatchNorm there.
        """
        if self.group is None:
            return network, network
        if device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
            return DistributedDataParallel(network, device_ids=[device.index], broadcast_buffers=False), network
        return DistributedDataParallel(network, broadcast_buffers=False), network

    def broadcast_buffers(self, network: nn.Module) -> None:
        """Give every worker the main worker's batch norm statistics, so that all evaluate the same network."""
        if self.group is not None:
            for buffer in network.buffers():
                dist.broadcast(buffer, 0)


@contextmanager
def join() -> Iterator[Workers]:
    """Join the process group of the workers that torchrun started, for the duration of a block.

    torch's errors about a worker that is gone are raised as `WorkersError`.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Workers()
        return
    local = int(os.environ["LOCAL_RANK"])
    if local < torch.cuda.device_count():
        torch.cuda.set_device(local)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    store, rank, count = next(rendezvous("env://"))
    dist.init_process_group(
        backend, store=_fresh_store(store, rank, count), rank=rank, world_size=count, timeout=TIMEOUT
    )
    group = dist.new_group(backend="gloo", timeout=TIMEOUT)  # NCCL's collectives would block the CPU
    try:
        yield Workers(dist.get_rank(), dist.get_world_size(), local, group)
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise WorkersError(
                "another worker of the run has exited. torchrun --max-restarts continues from the latest checkpoint"
            ) from None
        raise
    finally:
        dist.destroy_process_group()


def _fresh_store(store: Store, rank: int, count: int) -> Store:
    """A prefix of torchrun's store that only the present workers use.

    torchrun keeps one store through its restarts, and torch would find the addresses of dead workers in it. So the
    main worker publishes a new prefix and acknowledges every worker that answers under it. A worker that answered
    under the prefix of an earlier main worker gets no acknowledgment and asks again.
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
        time.sleep(POLL_INTERVAL)
