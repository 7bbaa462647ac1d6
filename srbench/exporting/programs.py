"""Programs that compute what a network does, each compared with PyTorch before anybody gets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srbench.deploying.onnx_sessions import exact_session
from srbench.errors import ExportError, UnavailableError, text_of
from srbench.exporting.facts import NAME, ExportFacts
from srbench.networks.comparing import EXAMPLE, SIZES, difference, image
from srbench.networks.conversion import INPUT, AtScale, load_torchscript, to_onnx, to_torchscript
from srbench.networks.network import Network

BOUND = 1e-4
"""How far a program's values may be from PyTorch's: a fortieth of a level of 8 bits. White is 1; where a network's own
values go beyond it, the bound grows with them."""


@dataclass(frozen=True, slots=True)
class ProgramForm:
    """A file format of programs."""

    title: str
    write: Callable[[nn.Module, Tensor, str], bytes]
    """Converts a module by an example, with facts as JSON in the file."""
    load: Callable[[bytes], Callable[[Tensor], Tensor]]


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was compared with PyTorch."""

    content: bytes
    sizes: tuple[tuple[int, ...], ...]
    """The shapes (N, C, h, w) of the compared images."""
    difference: float
    """The largest difference of a value, where white is 1."""

    @property
    def any_batch(self) -> bool:
        """Whether it takes batches of any number of images; if not, one at a time."""
        return any(shape[0] > 1 for shape in self.sizes)


def make_program(form: ProgramForm, network: Network, facts: ExportFacts) -> Program:
    """Convert a network, and compare the file's program with PyTorch on three sizes.

    It takes any number of images if that can be converted, else one at a time.

    Raises:
        ExportError: It cannot be converted, or computes something else; the sentence has the reason.
        UnavailableError: A package is missing.
    """
    module = AtScale(network, facts.scale).eval()
    for batches in ((2, 1, 3, 1), (1, 1, 1, 1)):
        example, *images = (
            image(count, network.colours, facts.smallest_side, size)
            for count, size in zip(batches, (EXAMPLE, *SIZES), strict=True)
        )
        try:
            content = form.write(module, example, facts.text)
            run = form.load(content)
            away = max(float(difference(module, run, lr).max()) for lr in images)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - a converter and a runtime may raise anything
            reason = f"it cannot be converted ({_brief(error)})"
            continue
        if away <= BOUND:
            return Program(content, tuple(tuple(lr.shape) for lr in images), away)
        reason = f"the program differs from PyTorch by {away:.1g} of white, more than {BOUND:.0e}"
    raise ExportError(
        f"{facts.architecture} x{facts.scale} was not exported as {form.title}: {reason}; choose another form."
    )


def _brief(error: BaseException) -> str:
    """Return the end of TorchScript's message, which begins with its own traceback, and the beginning of others.

    The ONNX exporter's own message is advice; the reason is in the error that it was raised from.
    """
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    line = lines[-1] if "TorchScript" in lines[0] else lines[0]
    return text_of(ValueError(line))[:160]


def _write_onnx(module: nn.Module, example: Tensor, facts: str) -> bytes:
    content = to_onnx(module, example, any_size=True)
    import onnx

    model = onnx.load_from_string(content)
    for node in (*model.graph.node, *(node for function in model.functions for node in function.node)):
        del node.metadata_props[:]  # the lines of Python that each operator is from, with the paths of this machine
    onnx.helper.set_model_props(model, {NAME: facts})
    whole: bytes = model.SerializeToString()
    return whole


def _load_onnx(content: bytes) -> Callable[[Tensor], Tensor]:
    try:
        import onnxruntime  # noqa: F401 - or the next line raises in other words
    except ImportError as error:
        raise UnavailableError("An ONNX model is compared by onnxruntime; install srbench[onnx].") from error
    session = exact_session(content)
    return lambda lr: torch.from_numpy(session.run(None, {INPUT: lr.numpy()})[0])


def _write_torchscript(module: nn.Module, example: Tensor, facts: str) -> bytes:
    return to_torchscript(module, example, {NAME: facts})


ONNX = ProgramForm("ONNX", _write_onnx, _load_onnx)
TORCHSCRIPT = ProgramForm("TorchScript", _write_torchscript, load_torchscript)
