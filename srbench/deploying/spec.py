"""What a plugin declares of a runtime, and what a runtime gets and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from srbench.deploying.backend import Precision
from srbench.naming import check_name

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class ToOpen:
    """A network for a runtime to open."""

    module: nn.Module
    """Maps lr (N, C, h, w) to sr (N, C, H, W), both float32, nominally in [0, 1], for any N, h and w; in eval mode on
    ``device``. It is the runtime's own copy, so the runtime may change it."""
    example: Tensor
    """An lr to convert it by, on ``device``."""
    precision: Precision
    device: torch.device
    threads: int
    """Threads of the CPU that it may use, at least 1."""
    folder: Path
    """An empty folder for its files, which is there as long as the network runs."""
    onnx: Path | None = None
    """The network as an ONNX file in the precision that `RuntimeSpec.onnx` names; None for a runtime without any. Its
    input and output are float32 and have any height, width and number of images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A network that a runtime has opened."""

    run: Callable[[Tensor], Tensor]
    """Maps lr to sr as `ToOpen.module` does, in the runtime's precision; the result is on the device of lr."""
    version: str
    """The runtime with its version: "onnxruntime 1.31.1"."""
    file: Path | None = None
    """The file with the network's program and weights, as one would ship it; None where there is none."""
    doubt: str = ""
    """A sentence about why its sr may be worse than on other machines; it goes into records and notes of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSpec:
    """What runs a trained network: PyTorch, or a program that is made for deployment."""

    name: str
    open: Callable[[ToOpen], Opened]
    """Prepares a network to be run many times. It raises `srbench.errors.UnavailableError` with the reason if this
    machine lacks something; any other error becomes a reason too."""
    precisions: tuple[Precision, ...] = ("fp32",)
    """Those that it can compute in, on some machine."""
    onnx: Mapping[Precision, Precision] = field(default_factory=dict)
    """For a runtime that opens ONNX files: the precision of the file for each of ``precisions``; "int8" is one with
    quantised weights and activations (QDQ). Empty for a runtime that takes the module."""
    label: str = ""
    """For tables; the name if empty."""
    license: str = "unknown"
    """SPDX id of the runtime."""
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("runtime", self.name)

    @property
    def title(self) -> str:
        """Label for tables."""
        return self.label or self.name
