"""A backend: a runtime in a precision, as suites and options name it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from srbench.deploying.settings import read_quantisation
from srbench.errors import UnknownNameError, UsageError

Precision: TypeAlias = Literal["fp32", "bf16", "fp16", "int8"]
"""The number format of weights and activations; input and output are float32 in all of them."""


QUANTISATION = "qdq-pc"
"""How networks are quantised unless a backend says otherwise; see `srbench.deploying.quantisation.Quantisation`."""


@dataclass(frozen=True, slots=True)
class Backend:
    """What runs a network, and in which number format."""

    runtime: str
    """Name of the runtime."""
    precision: Precision = "fp32"
    quantisation: str = ""
    """With int8, how the network is quantised, as a word; empty in other precisions."""

    def __post_init__(self) -> None:
        if self.precision == "int8" and not self.quantisation:
            object.__setattr__(self, "quantisation", QUANTISATION)

    @property
    def name(self) -> str:
        """Its name in protocol ids, suites and options: "openvino-bf16", "onnxruntime-int8-qdq-pc"."""
        return "-".join(filter(None, (self.runtime, self.precision, self.quantisation)))


EAGER = Backend("eager")
"""Plain PyTorch with the weights as they are."""


def parse_backend(name: str, runtimes: Collection[str]) -> Backend:
    """Return the backend called ``name``: a runtime, a precision, or both with "-" between.

    What is left out is eager, and fp32. How a network is quantised may follow int8.

    Args:
        name: "openvino-int8", "openvino", "bf16" or "onnxruntime-int8-qdq-pt".
        runtimes: The names of the known runtimes.

    Raises:
        UnknownNameError: A word is neither a runtime nor a precision.
        UsageError: A way to quantise follows another precision than int8, or is none.
    """
    runtime, _, rest = name.partition("-")
    if runtime in get_args(Precision):
        runtime, rest = EAGER.runtime, name
    precision, _, quantisation = rest.partition("-")
    for word, known in ((runtime, runtimes), (precision or "fp32", get_args(Precision))):
        if word not in known:
            raise UnknownNameError.among("backend", word, [*runtimes, *get_args(Precision)], f"It is part of {name!r}.")
    if quantisation and precision != "int8":
        raise UsageError(
            f"The backend {name!r} says {quantisation!r} after its precision, which only int8 has; drop it."
        )
    if quantisation:
        quantisation = read_quantisation(quantisation).id
    return Backend(runtime, precision or "fp32", quantisation)  # type: ignore[arg-type]  # it was looked up
