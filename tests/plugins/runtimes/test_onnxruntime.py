"""ONNX Runtime gives PyTorch's images, and says what it lacks."""

import sys

import pytest
import torch
from srbench_plugins.runtimes.onnxruntime import register_runtimes

import srbench
from srbench.deploying.backend import Backend
from srbench.deploying.opening import open_session
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
