"""The passes over an ONNX graph leave what onnxscript's own optimiser leaves."""

from collections import Counter

import pytest
import torch
from torch import nn

from srbench.networks.conversion import to_onnx

pytest.importorskip("onnxscript")
onnx = pytest.importorskip("onnx")


class _Folded(nn.Module):
    """A convolution with batch norm, padding that is computed, and an activation."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())

    def forward(self, lr):
        odd = lr.shape[-1] % 2
        return self.body(nn.functional.pad(lr, (0, odd, 1, 1)) * 1.0)


def nodes_of(content):
    return Counter(node.op_type for node in onnx.load_from_string(content).graph.node)


def test_nodes_and_images_are_those_of_onnxscripts_optimiser():
    onnxruntime = pytest.importorskip("onnxruntime")
    module, lr = _Folded().eval(), torch.rand(2, 3, 13, 20)
    with torch.no_grad():
        program = torch.onnx.export(module, (lr,), dynamo=True, verbose=False, dynamic_shapes=({2: "h", 3: "w"},))
    contents = to_onnx(module, lr, any_size=True), program.model_proto.SerializeToString()
    assert nodes_of(contents[0]) == nodes_of(contents[1])
    assert "BatchNormalization" not in nodes_of(contents[0])
    other = torch.rand(2, 3, 9, 17)
    images = [onnxruntime.InferenceSession(content).run(None, {"lr": other.numpy()})[0] for content in contents]
    assert torch.allclose(*map(torch.from_numpy, images), atol=1e-6)
    assert torch.allclose(torch.from_numpy(images[0]), module(other), atol=1e-5)


def test_the_rule_that_is_left_out_is_one_of_onnxscripts():
    from onnxscript import rewriter
    from onnxscript.rewriter.rules.common import slice_split_rule

    assert slice_split_rule in rewriter._DEFAULT_REWRITE_RULES
