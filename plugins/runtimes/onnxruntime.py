"""ONNX Runtime, on the CPU or on CUDA."""

from __future__ import annotations

import torch
from torch import Tensor

import srbench
from srbench.deploying.onnx_sessions import exact_session

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def open_onnx(given: srbench.ToOpen) -> srbench.Opened:
    """Open an ONNX file.

    Raises:
        UnavailableError: The package is missing, or has nothing for the device.
    """
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise srbench.UnavailableError(f"onnxruntime needs {error.name}; install srbench[onnx].") from error
    provider, offered = PROVIDERS.get(given.device.type, ""), ort.get_available_providers()
    if provider not in offered:
        raise srbench.UnavailableError(
            f"The installed onnxruntime cannot run on {given.device}; it offers {', '.join(offered)}."
        )
    session = exact_session(str(given.onnx), [provider], given.threads)
    (taken,) = session.get_inputs()

    def run(lr: Tensor) -> Tensor:
        (sr,) = session.run(None, {taken.name: lr.cpu().numpy()})
        return torch.from_numpy(sr).to(lr.device)

    return srbench.Opened(run=run, version=f"onnxruntime {ort.__version__}", file=given.onnx)


@srbench.hookimpl
def register_runtimes() -> list[srbench.RuntimeSpec]:
    """Provide ONNX Runtime."""
    return [
        srbench.RuntimeSpec(
            name="onnxruntime",
            label="ONNX Runtime",
            open=open_onnx,
            precisions=("fp32", "bf16", "fp16", "int8"),
            onnx={"fp32": "fp32", "bf16": "bf16", "fp16": "fp16", "int8": "int8"},
            license="MIT",
        )
    ]
