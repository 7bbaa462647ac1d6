"""A network as an ONNX file of any image size, in the precision that a runtime opens."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from srbench.deploying.backend import Precision
from srbench.deploying.onnx_sessions import exact_session
from srbench.errors import UnavailableError
from srbench.files import atomic_write
from srbench.networks.comparing import EXAMPLE, SIZES, difference, image
from srbench.networks.conversion import INPUT, to_onnx

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The types of the half precisions."""
BOUND = 1e-4
"""How far the images of a file in fp32 may be from PyTorch's on the average, where white is 1.

The mean, as rounding lets HPINet choose other patches in some places. A program that takes another number of images in
a wrong way, as those of HAT and DAT would, is off by five times as much and more even with fresh weights."""


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
    quantised: Callable[[bytes], bytes] | None = None, step: int = 1,
) -> None:  # fmt: skip
    """Write a network as an ONNX file that takes any number of images of any size, or one at a time.

    Args:
        module: Maps lr to sr, in eval mode.
        example: An lr (1, C, h, w).
        precision: That of the file.
        path: Where it goes.
        quantised: Makes the int8 model of the fp32 one; needed for "int8".
        step: Sides that the module takes are multiples of it; 0 if it takes the example's alone.

    Raises:
        UnavailableError: The network cannot be converted, or a package is missing.
    """
    if precision in HALVES:
        module = InPrecision(copy.deepcopy(module), precision).eval()
    content = _converted(module, example, step)
    if precision == "int8":
        if quantised is None:
            raise UnavailableError("An int8 network needs images to calibrate it by, and there are none here.")
        content = quantised(content)
    atomic_write(path, content)


def example_of(colours: int, smallest_side: int, device: torch.device, step: int = 1) -> Tensor:
    """Return an image to convert a network by.

    Args:
        colours: Its channels.
        smallest_side: The smallest side that the network takes.
        device: Where it goes.
        step: Its sides are multiples of it.
    """
    return image(1, colours, smallest_side, EXAMPLE, step).to(device)


def _converted(module: nn.Module, example: Tensor, step: int) -> bytes:
    """Convert a network for any number of images, or if that fails for one."""
    reason, ways = "", ((example.repeat(2, 1, 1, 1), (3, 1)), (example, (1, 1)))
    for batch, numbers in ways if step else ways[1:]:
        try:
            content = to_onnx(module, batch, any_size=step > 0)
            if not isinstance(module, InPrecision):
                _compare(content, module, example, numbers, step)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - the exporter may raise anything
            cause = error.__cause__ or error  # the exporter's own words are advice for its developers
            reason = f"{type(cause).__name__}: {(str(cause).strip().splitlines() or [''])[0][:160]}"
        else:
            return content
    size = "any image size" if step else "its image size"
    raise UnavailableError(f"The network cannot be converted to ONNX for {size}: {reason}")


def _compare(content: bytes, module: nn.Module, example: Tensor, numbers: Sequence[int], step: int) -> None:
    """Run a file in fp32 on other images than those that it was made by, and if it takes those on other sizes.

    Raises:
        ValueError: It makes other images than PyTorch.
    """
    session = exact_session(content)

    def run(lr: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {INPUT: lr.cpu().numpy()})[0]).to(lr)

    for number, above in zip(numbers, SIZES, strict=False):
        if step:
            lr = image(number, example.shape[1], min(example.shape[2:]), above, step).to(example)
        else:
            lr = example.flip(-1)
        mean = float(difference(module, run, lr).mean())
        if not mean <= BOUND:
            raise ValueError(f"for {number} of another size, its mean difference from PyTorch is {mean:.1g} of white")
