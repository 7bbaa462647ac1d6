"""A backend: a runtime in a precision, as suites and options name it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from srbench.errors import UnknownNameError

Precision: TypeAlias = Literal["fp32", "bf16", "fp16", "int8"]
"""The number format of weights and activations; input and output are float32 in all of them."""


@dataclass(frozen=True, slots=True)
class Backend:
    """What runs a network, and in which number format."""

    runtime: str
    """Name of the runtime."""
    precision: Precision = "fp32"

    @property
    def name(self) -> str:
        """Its name in suites, options and tables: "onnxruntime-int8"."""
        return f"{self.runtime}-{self.precision}"


EAGER = Backend("eager")
"""Plain PyTorch with the weights as they are."""


def parse_backend(name: str, runtimes: Collection[str]) -> Backend:
    """Return the backend called ``name``: a runtime, a precision, or both with "-" between.

    What is left out is eager, and fp32.

    Args:
        name: "openvino-int8", "openvino" or "bf16".
        runtimes: The names of the known runtimes.

    Raises:
        UnknownNameError: A word is neither a runtime nor a precision.
    """
    runtime, _, precision = name.partition("-")
    if runtime in get_args(Precision) and not precision:
        runtime, precision = EAGER.runtime, runtime
    for word, known in ((runtime, runtimes), (precision or "fp32", get_args(Precision))):
        if word not in known:
            raise UnknownNameError.among("backend", word, [*runtimes, *get_args(Precision)], f"It is part of {name!r}.")
    return Backend(runtime, precision or "fp32")  # type: ignore[arg-type]  # it was looked up
