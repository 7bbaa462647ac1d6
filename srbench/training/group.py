"""The processes that do one training together, and what they send each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from srbench.errors import TrainingError, WorkerError

HERE = "127.0.0.1"
PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others, which may be validating; one that died is noticed at once."""


class LostProcessError(TrainingError):
    """Another process of the training has ended, so that this one cannot go on."""


@dataclass(frozen=True, slots=True)
class Group:
    """The processes of a training, each with the same weights and its own part of every batch.

    All of them call the same methods in the same order; each call waits for the others.
    """

    rank: int = 0
    """The number of this process; 0 validates, saves and shows."""
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process validates, saves and shows."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Return which of ``count`` things belong to this process: neighbours, as many as others have, or one more.

        Raises:
            TrainingError: There are fewer than processes.
        """
        if count < self.size:
            raise TrainingError(
                f"{count} parts of a batch cannot be divided among {self.size} processes; lower --devices to {count}, "
                "or use a larger batch."
            )
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def add(self, tensor: Tensor) -> None:
        """Add up a tensor over all processes, in place; all get the same bits."""
        if self.size > 1:
            if tensor.is_cuda:
                self.any(False)  # nccl waits for a dead process, and gloo notices it
            with _connected():
                dist.all_reduce(tensor)

    def any(self, *facts: bool) -> tuple[bool, ...]:
        """Return for each fact whether it holds in any process."""
        if self.size == 1:
            return facts
        held = torch.tensor(facts, dtype=torch.int32)  # on the CPU, whose connections also notice a dead process
        with _connected():
            dist.all_reduce(held, dist.ReduceOp.MAX)
        return tuple(map(bool, held.tolist()))

    def require_equal(self, tensors: Sequence[Tensor], when: str) -> None:
        """Check that all processes have the same bits in ``tensors``.

        Raises:
            TrainingError: They do not; ``when`` says after what.
        """
        if self.size == 1:
            return
        sums = torch.stack([_checksum(t) for t in tensors]).cpu()
        least, most = sums.clone(), sums.clone()
        with _connected():
            dist.all_reduce(least, dist.ReduceOp.MIN)
            dist.all_reduce(most, dist.ReduceOp.MAX)
        if not torch.equal(least, most):
            raise TrainingError(
                f"The processes of this training have different weights or buffers {when}: something in the method "
                "depends on more than a mean over patches, so train it with --devices 1."
            )


ALONE = Group()
"""A training in one process."""


def _checksum(tensor: Tensor) -> Tensor:
    """Return a whole number that differs where bits differ, except by accident."""
    content = tensor.detach().contiguous().view(-1)
    if content.is_floating_point():
        content = content.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[content.element_size()])
    places = torch.arange(1, content.numel() + 1, device=content.device)
    return (content.to(torch.int64) * places).sum()


@contextmanager
def _connected() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise LostProcessError(
            "Another process of this training has ended; the same command goes on from the last checkpoint. "
            f"({str(error).splitlines()[0]})"
        ) from error


def meeting_point(size: int, port: int = 0, address: str = HERE) -> TCPStore:
    """Open the place where ``size`` processes of this machine find each other, or go to the one at ``port``.

    Raises:
        LostProcessError: Nobody opens one there.
    """
    with _connected():
        return TCPStore(address, port, size, is_master=not port, wait_for_workers=False, timeout=PATIENCE)


def opened_meeting_point(port: int) -> TCPStore:
    """Open a place on this machine where processes of several machines find each other, as long as it is referred to.

    Raises:
        WorkerError: Something else uses the port.
    """
    try:
        return TCPStore(HERE, port, is_master=True, wait_for_workers=False)
    except RuntimeError as error:
        raise WorkerError(f"port {port}, for the processes of a training, cannot be opened ({error})") from error


@contextmanager
def joined(rank: int, size: int, store: TCPStore, device: torch.device) -> Iterator[Group]:
    """Connect this process with the others, by gloo on CPUs and also by nccl on CUDA, until the block ends.

    Args:
        rank: The number of this process.
        size: How many there are.
        store: Where they find each other.
        device: Where this process computes.

    Raises:
        LostProcessError: They do not find each other.
    """
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    with _connected():
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield Group(rank, size)
    finally:
        dist.destroy_process_group()
