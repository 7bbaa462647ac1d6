"""PyTorch as it is, with images pixel by pixel in memory, and compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

import srbench
from srbench.deploying.onnx_files import HALVES, InPrecision


def open_module(given: srbench.ToOpen, *, channels_last: bool = False, compiled: bool = False) -> srbench.Opened:
    """Open a network as a PyTorch module, in its precision by converted weights, not by autocast.

    Args:
        given: The network.
        channels_last: Whether memory holds images pixel by pixel, as vector instructions like them.
        compiled: Whether `torch.compile` makes code of it, once for all sizes.
    """
    module: nn.Module = given.module
    if given.precision in HALVES:
        module = InPrecision(module, given.precision)
    module = module.eval().to(given.device)
    if channels_last:
        for weight in module.parameters():
            if weight.dim() == 4:  # HAN has a convolution of three dimensions, which `Module.to` refuses
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    call: Callable[[Tensor], Tensor] = torch.compile(module, dynamic=True) if compiled else module

    def run(lr: Tensor) -> Tensor:
        return call(lr.contiguous(memory_format=torch.channels_last) if channels_last else lr)

    return srbench.Opened(run=run, version=f"torch {torch.__version__.partition('+')[0]}")


@srbench.hookimpl
def register_runtimes() -> list[srbench.RuntimeSpec]:
    """Provide PyTorch's ways to run a module."""
    spec = partial(srbench.RuntimeSpec, precisions=("fp32", "bf16", "fp16"), license="BSD-3-Clause")
    last = partial(open_module, channels_last=True)
    return [
        spec(name="eager", label="PyTorch", open=open_module),
        spec(name="channels_last", label="PyTorch, channels last", open=last),
        spec(name="compile", label="torch.compile", open=partial(open_module, compiled=True)),
        spec(
            name="compile_channels_last", label="torch.compile, channels last", open=partial(last, compiled=True)
        ),
    ]  # fmt: skip
