"""Run a network in a runtime, a precision and a memory format, on all of which its latency depends."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from srbench.errors import UnavailableError, UnknownNameError
from srbench.networks.conversion import to_onnx

Runtime = Literal["eager", "compile", "onnxruntime"]
Precision = Literal["fp32", "bf16", "fp16", "int8"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Backend:
    """A runtime in a precision.

    Attributes:
        runtime: Plain PyTorch, ``torch.compile``, or an export to onnxruntime.
        precision: Of weights and activations. Input and output stay float32.
        channels_last: Whether memory holds images pixel by pixel (PyTorch runtimes only).
    """

    runtime: Runtime = "eager"
    precision: Precision = "fp32"
    channels_last: bool = False

    @property
    def name(self) -> str:
        """Return the name for options and tables: ``eager-fp32``, ``compile-channels_last-fp16``."""
        words: list[str] = [self.runtime] if self.runtime != "eager" or not self.channels_last else []
        words += ["channels_last"] if self.channels_last else []
        return "-".join([*words, self.precision])


def parse_backend(name: str) -> Backend:
    """Return the backend called ``name``: words of `Backend.name` joined by ``-``; default is eager in fp32.

    Raises:
        UnknownNameError: A word is unknown.
    """
    fields: dict[str, Any] = {}
    for word in name.split("-"):
        if word in get_args(Runtime):
            fields["runtime"] = word
        elif word in get_args(Precision):
            fields["precision"] = word
        elif word == "channels_last":
            fields["channels_last"] = True
        else:
            known = [*get_args(Runtime), *get_args(Precision), "channels_last"]
            raise UnknownNameError.among("backend", word, known, hint=f"It is part of {name!r}.")
    return Backend(**fields)


def prepare(network: nn.Module, backend: Backend, example: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the network as the backend runs it; the network itself is not changed.

    Args:
        network: Maps lr to sr; wrap it in a module that adds a scale or a value range.
        backend: How to run it.
        example: An lr (N, C, h, w), float32, on the device to run on. Compiled and exported networks are made for
            exactly this size. It is run once, so that a network that does not work fails here.

    Returns:
        A function from float32 lr to float32 sr.

    Raises:
        UnavailableError: This machine or this network does not support the backend.
    """
    if backend.precision == "int8":
        raise UnavailableError("int8 needs a quantised network, which srbench cannot make; choose fp32, bf16 or fp16.")
    if backend.runtime == "onnxruntime" and backend.channels_last:
        raise UnavailableError("onnxruntime chooses its own memory format; drop channels_last.")
    try:
        with torch.no_grad():
            run = _prepare(network, backend, example)
            run(example)
    except UnavailableError:
        raise
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0][:160]
        raise UnavailableError(
            f"{type(network).__name__} does not run as {backend.name} on {example.device}: "
            f"{type(error).__name__}: {first}"
        ) from error
    return run


class _InPrecision(nn.Module):
    """Computes in another precision; input and output stay float32, as for every backend."""

    def __init__(self, network: nn.Module, precision: Precision) -> None:
        super().__init__()
        self.dtype = _DTYPES[precision]
        self.network = copy.deepcopy(network).eval().to(self.dtype)

    def forward(self, lr: Tensor) -> Tensor:
        sr: Tensor = self.network(lr.to(self.dtype))
        return sr.float()


def _prepare(network: nn.Module, backend: Backend, example: Tensor) -> Callable[[Tensor], Tensor]:
    module = _InPrecision(network, backend.precision).eval().to(example.device)
    if backend.runtime == "onnxruntime":
        return _in_onnxruntime(module, example)
    call: Callable[[Tensor], Tensor] = torch.compile(module) if backend.runtime == "compile" else module
    if backend.channels_last:
        module.to(memory_format=torch.channels_last)
        return lambda lr: call(lr.contiguous(memory_format=torch.channels_last))
    return call


def _in_onnxruntime(module: nn.Module, example: Tensor) -> Callable[[Tensor], Tensor]:
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise UnavailableError(
            f"onnxruntime cannot be measured: {error.name} is not installed; install srbench[onnx]."
        ) from error
    provider = "CUDAExecutionProvider" if example.device.type == "cuda" else "CPUExecutionProvider"
    if example.device.type not in {"cuda", "cpu"} or provider not in ort.get_available_providers():
        raise UnavailableError(
            f"The installed onnxruntime cannot run on {example.device}; "
            f"it offers {', '.join(ort.get_available_providers())}."
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors; they come back as exceptions with their text
    session = ort.InferenceSession(to_onnx(module, example), options, providers=[provider])
    (given,) = session.get_inputs()

    def run(lr: Tensor) -> Tensor:
        (sr,) = session.run(None, {given.name: lr.cpu().numpy()})
        return torch.from_numpy(sr).to(lr.device)

    return run
