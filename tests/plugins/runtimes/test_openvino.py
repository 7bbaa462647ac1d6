"""OpenVINO gives PyTorch's images, and says what it lacks."""

import sys

import numpy as np
import pytest
import torch
from srbench_plugins.runtimes import openvino

import srbench
from helpers.onnx_models import patches, tiny_model
from srbench.deploying.backend import Backend
from srbench.deploying.opening import open_session
from srbench.deploying.quantisation import quantise
from srbench.deploying.settings import Quantisation
from srbench.testing import violations_of
from srbench.testing.runtime import probe

(SPEC,) = openvino.register_runtimes()


@pytest.mark.slow  # the exporter takes ten seconds, for each precision again
def test_it_keeps_the_contract_of_a_runtime():
    pytest.importorskip("openvino")
    pytest.importorskip("onnxscript")
    assert violations_of(SPEC) == []


def test_without_its_package_there_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(srbench.UnavailableError, match=r"install srbench\[openvino\]"):
        open_session(probe(), Backend("openvino"), SPEC, torch.rand(1, 3, 8, 8), tmp_path)


def test_a_device_that_it_has_nothing_for_is_a_reason(tmp_path):
    pytest.importorskip("openvino")
    lr = torch.rand(1, 3, 8, 8, device="meta")
    with pytest.raises(srbench.UnavailableError, match="runs on the CPU here, not on meta"):
        open_session(probe(), Backend("openvino"), SPEC, lr, tmp_path)


def test_what_it_cannot_compile_is_a_reason_in_its_own_words(tmp_path):
    pytest.importorskip("openvino")
    (tmp_path / "network.onnx").write_bytes(b"no network")
    with pytest.raises(srbench.UnavailableError, match="OpenVINO cannot compile the network: ") as raised:
        open_session(probe(), Backend("openvino"), SPEC, torch.rand(1, 3, 8, 8), tmp_path, tmp_path / "network.onnx")
    assert "Exception from" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


@pytest.mark.slow  # the exporter takes ten seconds
def test_fp32_is_not_the_bf16_that_it_takes_by_itself(tmp_path):
    pytest.importorskip("openvino")
    from srbench.deploying.onnx_files import write_onnx

    lr, network = torch.rand(1, 3, 16, 16), probe()
    write_onnx(network, lr, "fp32", tmp_path / "network.onnx")
    session = open_session(network, Backend("openvino"), SPEC, lr, tmp_path, tmp_path / "network.onnx")
    with torch.inference_mode():
        assert (session(lr) - network(lr)).abs().max() < 1e-5  # bf16 is off by 1e-3 and more


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ("flags\t\t: fpu sse4_2 avx2 fma", True),
        ("flags\t\t: fpu avx2 avx512f avx512bw", True),
        ("flags\t\t: fpu avx2 avx_vnni", False),
        ("flags\t\t: fpu avx512f avx512_vnni amx_int8", False),
        ("Features\t: fp asimd asimddp", False),
        ("", False),
    ],
)
def test_processors_that_saturate_are_known_by_their_flags(facts, expected, tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\n{facts}\nbugs\t: none\n")
    assert openvino.saturates(path) == expected
    assert not openvino.saturates(tmp_path / "nothing")


@pytest.mark.parametrize(("precision", "doubted"), [("int8", True), ("fp32", False)])
def test_8_bits_on_a_processor_that_saturates_are_doubted(precision, doubted, tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(openvino, "saturates", lambda: True)
    content = tiny_model()
    if precision == "int8":
        content = quantise(content, patches(), Quantisation())
    (tmp_path / "network.onnx").write_bytes(content)
    lr = torch.from_numpy(np.stack(patches()[:1]))
    backend = Backend("openvino", precision)
    session = open_session(probe(), backend, SPEC, lr, tmp_path / "files", tmp_path / "network.onnx")
    assert session.opened.doubt.startswith("OpenVINO in int8 loses quality on this processor") == doubted
    assert bool(session.opened.doubt) == doubted
