"""Settings that suit a device: precision, memory layout, and the tuning of cuDNN."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from srbench.errors import TrainingError

if TYPE_CHECKING:
    from accelerate import Accelerator


def make_accelerator(precision: Literal["fp32", "bf16", "fp16"], device: torch.device) -> Accelerator:
    """Make the accelerator, for autocast and loss scaling on any device.

    Raises:
        TrainingError: The device cannot train in that precision.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    if precision == "fp16" and device.type == "cpu":
        raise TrainingError("A CPU cannot train in fp16; choose bf16 or fp32 in the recipe.")
    # One process trains many models, and accelerate would keep the precision of the first one.
    AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(mixed_precision="no" if precision == "fp32" else precision, cpu=device.type == "cpu")


def fast_memory_format(device: torch.device, mixed_precision: str) -> torch.memory_format:
    """Return the layout that convolutions are fastest in.

    It is a rule and not a measurement of the moment, since the layout decides the order of sums, and so the last bits
    of the weights. Measured on two x86 cores, channels last is 1.0 to 1.5 times as fast for 16 to 64 channels; on GPUs
    it is what the half-precision units read.
    """
    fast = device.type == "cpu" or mixed_precision != "no"
    return torch.channels_last if fast else torch.contiguous_format


def lay_out(module: nn.Module, device: torch.device, memory_format: torch.memory_format) -> None:
    """Move a module to a device, and its filters into a memory format.

    Buffers keep theirs: not every one with four dimensions holds filters (a memory bank).
    """
    module.to(device=device)
    for parameter in module.parameters():
        if parameter.ndim == 4 and not parameter.is_contiguous(memory_format=memory_format):
            parameter.data = parameter.data.contiguous(memory_format=memory_format)


@contextmanager
def tuned(device: torch.device, *, deterministic: bool = False) -> Iterator[None]:
    """Let cuDNN look for its fastest algorithm, since patches have one size, or have one result from every run.

    ``deterministic`` allows deterministic kernels alone, and one thread on a CPU, whose number decides the order of
    sums. An operation without such a kernel raises `RuntimeError`.
    """
    if deterministic:
        with _deterministic():
            yield
        return
    if device.type != "cuda":
        yield
        return
    before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


@contextmanager
def _deterministic() -> Iterator[None]:
    cudnn = torch.backends.cudnn
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    flags, threads = (cudnn.benchmark, cudnn.deterministic), torch.get_num_threads()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it is first used
    torch.use_deterministic_algorithms(True)
    cudnn.benchmark, cudnn.deterministic = False, True
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.benchmark, cudnn.deterministic = flags
        torch.set_num_threads(threads)
