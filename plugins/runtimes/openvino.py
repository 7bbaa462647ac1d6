"""OpenVINO on the CPU. It reads the same ONNX files as ONNX Runtime."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

import srbench

HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}
"""The type that it computes in where the file says nothing. Without a hint it takes bf16 on processors with AMX, for
files in fp32 too, so that a row called fp32 would be one of another computation."""

SATURATES = (
    "OpenVINO in int8 loses quality on this processor that it keeps on others: without VNNI, it adds products of 8 "
    "bits in 16 bits, which saturate."
)


def open_openvino(given: srbench.ToOpen) -> srbench.Opened:
    """Open an ONNX file in the very precision that was asked for.

    Raises:
        UnavailableError: The package is missing, the device or its processor lacks the precision, or OpenVINO has
            nothing for an operator of the network.
    """
    try:
        import openvino as ov
    except ImportError as error:
        raise srbench.UnavailableError(f"openvino needs {error.name}; install srbench[openvino].") from error
    if given.device.type != "cpu":
        raise srbench.UnavailableError(f"The runtime openvino runs on the CPU here, not on {given.device}.")
    hint, core = HINTS[given.precision], ov.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": given.threads,
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        compiled = core.compile_model(core.read_model(str(given.onnx)), "CPU", settings)
    except RuntimeError as error:  # the lines before the last say where in OpenVINO it was raised
        why = (str(error).strip().splitlines() or [""])[-1].replace(str(given.onnx), "its file")[:200]
        raise srbench.UnavailableError(f"OpenVINO cannot compile the network: {why}") from error
    taken = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    if taken != hint:
        raise srbench.UnavailableError(f"OpenVINO computes in {taken} on this processor, not in {hint}.")

    def run(lr: Tensor) -> Tensor:
        (sr,) = compiled(lr.numpy()).values()
        return torch.from_numpy(sr.copy())  # which the next call overwrites

    return srbench.Opened(
        run=run,
        version=f"openvino {version('openvino')}",
        file=given.onnx,
        doubt=SATURATES if given.precision == "int8" and saturates() else "",
    )


def saturates(facts: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether this is known as an x86 processor without instructions that add products of 8 bits in 32 bits."""
    try:
        flags = next((line for line in facts.read_text().splitlines() if line.startswith("flags")), "").split()
    except OSError:
        return False
    return bool(flags) and not {"avx512_vnni", "avx_vnni", "amx_int8"} & set(flags)


@srbench.hookimpl
def register_runtimes() -> list[srbench.RuntimeSpec]:
    """Provide OpenVINO."""
    return [
        srbench.RuntimeSpec(
            name="openvino",
            label="OpenVINO",
            open=open_openvino,
            precisions=("fp32", "bf16", "fp16", "int8"),
            onnx={"fp32": "fp32", "bf16": "fp32", "fp16": "fp32", "int8": "int8"},
            license="Apache-2.0",
        )
    ]
