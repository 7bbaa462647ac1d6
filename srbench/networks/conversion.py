"""Convert a network into a program that runs without its Python code: ONNX, or TorchScript."""

from __future__ import annotations

import copy
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from srbench.errors import UnavailableError
from srbench.networks.network import Network
from srbench.networks.onnx_passes import simplify
from srbench.scales import Scale

INPUT, OUTPUT = "lr", "sr"
"""The names of a program's input and output."""


class AtScale(nn.Module):
    """A network at one scale, as a module that maps lr to sr, both in [0, 1], with padding and value range included.

    Args:
        network: The network; a network on luma takes and returns one channel here.
        scale: One that it has.
    """

    def __init__(self, network: Network, scale: Scale) -> None:
        super().__init__()
        self.network, self.module, self.scale = network, network.module, scale

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, C, H, W)."""
        return self.network(lr, self.scale)


def to_onnx(module: nn.Module, example: Tensor, *, any_size: bool = False) -> bytes:
    """Return a network as an ONNX model.

    Args:
        module: Maps lr to sr, in eval mode.
        example: An lr (N, C, h, w) on the device of the module.
        any_size: Whether the model takes images of other heights and widths too, and of other batches where the example
            is a batch of several. If not, it is made for exactly the example's size.

    Raises:
        UnavailableError: A package is missing, or the exporter returned nothing. The exporter may raise any other error
            for a network that it cannot convert.
    """
    try:
        import onnxscript  # noqa: F401 - torch.onnx needs it
    except ImportError as error:
        raise UnavailableError(f"A network becomes ONNX with {error.name}; install srbench[onnx].") from error
    sides = {2: "height", 3: "width"} | ({0: "batch"} if len(example) > 1 else {})
    shapes = (dict.fromkeys(sides, torch.export.Dim.DYNAMIC),) if any_size else None
    with quiet(), torch.no_grad():  # so that networks may work in place, as they do when they are run
        # torch.onnx.export would try other ways where this one fails, by which a side that the network's Python code
        # makes a number is taken for any.
        # A copy, as a network that keeps tensors from call to call, as CRAFT does, would keep those of the trace.
        exported = torch.export.export(copy.deepcopy(module), (example,), dynamic_shapes=shapes, strict=False)
        program = torch.onnx.export(
            exported, dynamo=True, verbose=False, input_names=[INPUT], output_names=[OUTPUT],
            dynamic_shapes=(sides,) if any_size else None, optimize=False,
        )  # fmt: skip
        if program is None:
            raise UnavailableError("The ONNX exporter returned nothing for this network.")
        simplify(program.model)
    model: bytes = program.model_proto.SerializeToString()
    return model


def to_torchscript(module: nn.Module, example: Tensor, beside: Mapping[str, str] | None = None) -> bytes:
    """Return a network as the TorchScript program of what it does with one image.

    Whether the program is right for other sizes must be tried: what the network decides in Python is decided by the
    example.

    Args:
        module: Maps lr to sr, in eval mode.
        example: An lr (N, C, h, w) on the device of the module.
        beside: Texts that the file holds beside the program, by name.
    """
    file = io.BytesIO()
    with quiet(), torch.no_grad():
        program = torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(program, file, _extra_files=dict(beside or {}))
    return file.getvalue()


def load_torchscript(content: bytes) -> torch.jit.ScriptModule:
    """Return the program that `to_torchscript` made."""
    with quiet():
        program: torch.jit.ScriptModule = torch.jit.load(io.BytesIO(content))  # type: ignore[no-untyped-call]
    return program


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back what converters say about their own future, what a trace makes constant and what they do not improve.

    Warnings are dropped. Log records still reach those who listen, but Python does not print them for want of one.
    """
    unheard, root = logging.NullHandler(), logging.getLogger()
    root.addHandler(unheard)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeHandler(unheard)
