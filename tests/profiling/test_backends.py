"""Every backend gives the eager network's image, or says why it cannot."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from srbench.errors import UnavailableError, UnknownNameError
from srbench.profiling.backends import Backend, parse_backend, prepare


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2)
    ).eval()


@pytest.fixture
def lr():
    return torch.rand(1, 3, 12, 10, generator=torch.Generator().manual_seed(1))


@given(
    st.builds(
        Backend,
        st.sampled_from(["eager", "compile", "onnxruntime"]),
        st.sampled_from(["fp32", "bf16", "fp16", "int8"]),
        st.booleans(),
    )
)
def test_a_backend_is_found_again_by_its_name(backend):
    assert parse_backend(backend.name) == backend


def test_names_are_short_where_the_default_is_meant():
    assert parse_backend("bf16") == Backend("eager", "bf16")
    assert parse_backend("channels_last") == Backend("eager", "fp32", channels_last=True)
    assert Backend(channels_last=True).name == "channels_last-fp32"


def test_an_unknown_backend_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean onnxruntime"):
        parse_backend("onnxruntine-fp32")


@pytest.mark.parametrize(
    ("name", "tolerance"), [("eager", 0), ("channels_last", 1e-6), ("bf16", 2e-2), ("channels_last-bf16", 2e-2)]
)
def test_pytorch_backends_give_the_networks_image(network, lr, name, tolerance):
    before = copy.deepcopy(network.state_dict())
    with torch.no_grad():
        expected = network(lr)
        sr = prepare(network, parse_backend(name), lr)(lr)
    assert sr.dtype == torch.float32
    torch.testing.assert_close(sr, expected, rtol=0, atol=tolerance)
    for key, value in network.state_dict().items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


@pytest.mark.slow  # importing the exporter alone takes ten seconds
def test_onnxruntime_gives_the_networks_image_and_names_what_it_lacks(network, lr):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    with torch.no_grad():
        expected = network(lr)
    torch.testing.assert_close(prepare(network, parse_backend("onnxruntime"), lr)(lr), expected, rtol=0, atol=1e-5)
    with pytest.raises(UnavailableError, match="does not run as onnxruntime-bf16 on cpu"):
        prepare(network, parse_backend("onnxruntime-bf16"), lr)


@pytest.mark.slow  # compiles C++
@pytest.mark.filterwarnings("ignore")
def test_compile_gives_the_networks_image(network, lr):
    with torch.no_grad():
        expected = network(lr)
        sr = prepare(network, parse_backend("compile"), lr)(lr)
    torch.testing.assert_close(sr, expected, rtol=0, atol=1e-5)


def test_onnxruntime_that_is_not_installed_is_a_reason(network, lr, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UnavailableError, match=r"onnxruntime is not installed; install srbench\[onnx\]"):
        prepare(network, Backend("onnxruntime"), lr)


@pytest.mark.parametrize(
    ("name", "reason"), [("int8", "quantised"), ("onnxruntime-channels_last", "drop channels_last")]
)
def test_what_no_machine_supports_is_a_reason(network, lr, name, reason):
    with pytest.raises(UnavailableError, match=reason):
        prepare(network, parse_backend(name), lr)


def test_a_network_that_fails_in_a_precision_is_a_reason(lr):
    class OnlyFloat32(nn.Module):
        def forward(self, x):
            if x.dtype != torch.float32:
                raise TypeError("float32 or nothing")
            return x

    with pytest.raises(UnavailableError, match="OnlyFloat32 does not run as eager-bf16 on cpu: TypeError: float32 or"):
        prepare(OnlyFloat32(), Backend(precision="bf16"), lr)
