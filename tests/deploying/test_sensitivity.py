"""The loss of each layer is that of its rounded weights and input alone, and the worst comes first."""

import numpy as np
import pytest

from helpers.onnx_models import patches, tiny_model
from srbench.deploying.qdq import check_images, run, session_of
from srbench.deploying.sensitivity import sensitivity
from srbench.deploying.settings import Quantisation

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

PATCHES = patches()


def outputs(content):
    return np.concatenate(list(run(session_of(content), check_images(PATCHES)))).astype(np.float64)


def with_rounded_weights(content, name):
    """The model in floating point, with a weight on the grid of 255 values of each output channel."""
    model = onnx.load_from_string(content)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    weight = onnx.numpy_helper.to_array(tensor)
    step = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / 127
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.round(weight / step) * step, name))
    return model.SerializeToString()


def test_a_layer_behind_lr_loses_what_rounding_its_weights_loses():
    content = tiny_model(spread=1)
    rows = {row.layer: row for row in sensitivity(content, PATCHES, Quantisation())}
    assert {row.weight for row in rows.values()} == {"body.0.weight", "body.2.weight", "nearest"}
    error = np.square(outputs(with_rounded_weights(content, "body.0.weight")).clip(0, 1) - outputs(content).clip(0, 1))
    assert rows["first"].psnr == pytest.approx(-10 * np.log10(error.mean()), abs=0.1)  # its bias is rounded too
    assert rows["skip"].psnr > 100, "lr and the weights of the skip are exact in 8 bits"


def test_the_most_sensitive_layer_comes_first():
    one = sensitivity(tiny_model(spread=1), PATCHES, Quantisation(per_channel=False))
    assert [row.psnr for row in one] == sorted(row.psnr for row in one)
    other = {row.layer: row.psnr for row in sensitivity(tiny_model(spread=1), PATCHES, Quantisation())}
    assert all(row.psnr <= other[row.layer] + 0.5 for row in one), "a step for each channel loses no more"
