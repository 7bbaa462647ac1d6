"""Sessions of ONNX Runtime that compute the same on every processor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, SessionOptions

EXACT = ("session.x64quantprecision", "1")
"""The option by which x86 processors without VNNI add products of 8 bits exactly. Their usual kernel adds two of them
in 16 bits, which saturate: NCNet then loses 2.3 dB at x3 instead of 0.02. Other processors compute exactly anyway."""
LEFT_OUT = ("QDQS8ToU8Transformer",)
"""An optimisation for int8 activations, which srbench does not write; with `EXACT` it cannot open a file in which
layers share weights, as those of transformers do."""
CPU = ("CPUExecutionProvider",)


def exact_session(
    model: str | bytes, providers: Sequence[str] = CPU, threads: int = 0, options: SessionOptions | None = None
) -> InferenceSession:
    """Open an ONNX model.

    Args:
        model: A path, or the content of a file.
        providers: What computes, by ONNX Runtime's names.
        threads: Threads of the CPU; 0 leaves their number to ONNX Runtime.
        options: Others than the usual ones; changed here.

    Raises:
        Exception: ONNX Runtime's own, of several classes, if it cannot open the model.
    """
    import onnxruntime as ort

    options = options or ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # errors come back as exceptions with their text
    options.add_session_config_entry(*EXACT)
    return ort.InferenceSession(model, options, providers=list(providers), disabled_optimizers=list(LEFT_OUT))
