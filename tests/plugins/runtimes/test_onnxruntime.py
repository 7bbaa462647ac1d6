"""ONNX Runtime gives PyTorch's images, and says what it lacks."""

import sys

import numpy as np
import pytest
import torch
from srbench_plugins.runtimes.onnxruntime import register_runtimes

import srbench
from helpers.onnx_models import patches, tiny_model
from srbench.deploying.backend import Backend
from srbench.deploying.onnx_sessions import exact_session
from srbench.deploying.opening import open_session
from srbench.deploying.quantisation import quantise
from srbench.deploying.settings import Quantisation
from srbench.testing import violations_of
from srbench.testing.runtime import probe

(SPEC,) = register_runtimes()


@pytest.mark.slow  # the exporter takes ten seconds, for each precision again
def test_it_keeps_the_contract_of_a_runtime():
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    assert violations_of(SPEC) == []


def test_without_its_package_there_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(srbench.UnavailableError, match=r"install srbench\[onnx\]"):
        open_session(probe(), Backend("onnxruntime"), SPEC, torch.rand(1, 3, 8, 8), tmp_path)


def test_a_device_that_it_has_nothing_for_is_a_reason(tmp_path):
    pytest.importorskip("onnxruntime")
    lr = torch.rand(1, 3, 8, 8, device="meta")
    with pytest.raises(srbench.UnavailableError, match="cannot run on meta; it offers "):
        open_session(probe(), Backend("onnxruntime"), SPEC, lr, tmp_path)


def test_8_bits_are_added_exactly_on_every_processor(tmp_path):
    pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    content = quantise(tiny_model(spread=1.5), patches(), Quantisation())
    (tmp_path / "network.onnx").write_bytes(content)
    lr = torch.from_numpy(np.stack(patches()))
    session = open_session(
        probe(), Backend("onnxruntime", "int8"), SPEC, lr[:1], tmp_path / "files", tmp_path / "network.onnx"
    )
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # then it is in floating point
    exact = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    for image in lr.split(1):
        (expected,) = exact.run(None, {exact.get_inputs()[0].name: image.numpy()})
        error = (session(image) - torch.from_numpy(expected)).square().mean()
        assert error < 1e-5, "a processor without VNNI saturates, at 1.6e-4"


def test_a_file_in_which_layers_share_8_bit_weights_is_opened(tmp_path):
    """Transformers share LayerNorm's so; with `EXACT` alone, ONNX Runtime raises an error at such a file."""
    helper, numpy_helper = pytest.importorskip("onnx").helper, pytest.importorskip("onnx").numpy_helper
    pytest.importorskip("onnxruntime")
    weights = np.asarray([3, -5, 127], np.int8)
    constants = {"weight": weights, "step": np.float32(1 / 127), "zero": np.int8(0), "bias": np.zeros(3, np.float32)}
    nodes = [
        helper.make_node("DequantizeLinear", ["weight", "step", "zero"], ["scale"]),
        helper.make_node("LayerNormalization", ["lr", "scale", "bias"], ["hidden"], axis=-1),
        helper.make_node("LayerNormalization", ["hidden", "scale", "bias"], ["sr"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes, "shared",
        [helper.make_tensor_value_info("lr", 1, [4, 3])], [helper.make_tensor_value_info("sr", 1, [4, 3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    lr = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    (sr,) = exact_session(model.SerializeToString()).run(None, {"lr": lr.numpy()})
    scale, expected = torch.from_numpy(weights) / 127, lr
    for _ in range(2):
        expected = torch.nn.functional.layer_norm(expected, (3,), scale)
    torch.testing.assert_close(torch.from_numpy(sr), expected, rtol=1e-4, atol=1e-4)
