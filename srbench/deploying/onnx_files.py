"""A network as an ONNX file of any image size, in the precision that a runtime opens."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from srbench.deploying.backend import Precision
from srbench.errors import UnavailableError
from srbench.files import atomic_write
from srbench.networks.conversion import to_onnx

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The types of the half precisions."""
_EXAMPLE = (13, 20)
"""Height and width of the image that a file is made by, in pixels above the network's smallest side."""


class InPrecision(nn.Module):
    """A module that computes in half precision; input and output stay float32.

    Args:
        module: Converted in place.
        precision: "bf16" or "fp16".
    """

    def __init__(self, module: nn.Module, precision: Precision) -> None:
        super().__init__()
        self.dtype = HALVES[precision]
        self.module = module.to(self.dtype)

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr to sr."""
        sr: Tensor = self.module(lr.to(self.dtype))
        return sr.float()


def write_onnx(
    module: nn.Module, example: Tensor, precision: Precision, path: Path,
    quantised: Callable[[bytes], bytes] | None = None,
) -> None:  # fmt: skip
    """Write a network as an ONNX file that takes any number of images of any size, or one at a time.

    Args:
        module: Maps lr to sr, in eval mode.
        example: An lr (1, C, h, w).
        precision: That of the file.
        path: Where it goes.
        quantised: Makes the int8 model of the fp32 one; needed for "int8".

    Raises:
        UnavailableError: The network cannot be converted, or a package is missing.
    """
    if precision in HALVES:
        module = InPrecision(copy.deepcopy(module), precision).eval()
    content = _any_size(module, example)
    if precision == "int8":
        if quantised is None:
            raise UnavailableError("An int8 network needs images to calibrate it by, and there are none here.")
        content = quantised(content)
    atomic_write(path, content)


def example_of(colours: int, smallest_side: int, device: torch.device) -> Tensor:
    """Return an image to convert a network by.

    Args:
        colours: Its channels.
        smallest_side: The smallest side that the network takes.
        device: Where it goes.
    """
    height, width = (smallest_side + side for side in _EXAMPLE)
    return torch.rand(1, colours, height, width, generator=torch.Generator().manual_seed(height)).to(device)


def _any_size(module: nn.Module, example: Tensor) -> bytes:
    """Convert a network for any number of images, or if that fails for one."""
    attempts: Sequence[Tensor] = (example.repeat(2, 1, 1, 1), example)
    for batch in attempts:
        try:
            return to_onnx(module, batch, any_size=True)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - the exporter may raise anything
            cause = error.__cause__ or error  # the exporter's own words are advice for its developers
            reason = f"{type(cause).__name__}: {(str(cause).strip().splitlines() or [''])[0][:160]}"
    raise UnavailableError(f"The network cannot be converted to ONNX for any image size: {reason}")
