"""Networks that a runtime has opened are called as all others are."""

import copy
import dataclasses

import pytest
import torch
from srbench_plugins.runtimes.pytorch import register_runtimes
from torch import nn

import srbench
from srbench.deploying.backend import Backend
from srbench.deploying.opening import deployed_network, open_session, plain_module
from srbench.errors import UnavailableError
from srbench.networks.network import Network
from srbench.testing.runtime import probe

EAGER = register_runtimes()[0]
SPEC = srbench.ArchitectureSpec(name="probe", build=lambda scale: probe(), scales=frozenset({2}))


@pytest.mark.parametrize(
    "facts",
    [{}, {"input_range": 255.0}, {"input_mean": (0.4, 0.5, 0.6), "input_std": (0.2, 0.2, 0.3)}, {"size_multiple": 4}],
)
def test_value_range_and_padding_are_in_the_session_and_not_applied_twice(facts, tmp_path):
    network = Network(dataclasses.replace(SPEC, **facts), nn.Upsample(scale_factor=2).eval())
    lr = torch.rand(1, 3, 9, 14)
    session = open_session(plain_module(network, 2), Backend("eager"), EAGER, lr, tmp_path)
    with torch.inference_mode():
        torch.testing.assert_close(deployed_network(network, session)(lr, 2), network(lr, 2), rtol=0, atol=1e-6)


def test_a_network_for_all_scales_is_opened_at_one(tmp_path):
    class Any(nn.Module):
        def forward(self, lr, size):
            return nn.functional.interpolate(lr, size)

    spec = dataclasses.replace(SPEC, build=Any, scales=frozenset({2}), any_scale=True)
    network, scale, lr = Network(spec, Any()), srbench.parse_scale("2.5"), torch.rand(1, 3, 8, 8)
    session = open_session(plain_module(network, scale), Backend("eager"), EAGER, lr, tmp_path)
    with torch.inference_mode():
        assert torch.equal(deployed_network(network, session)(lr, scale), network(lr, scale))


def test_a_network_on_luma_keeps_its_bicubic_chroma(tmp_path):
    spec = dataclasses.replace(SPEC, channels="y")
    network, lr = Network(spec, nn.Upsample(scale_factor=2).eval()), torch.rand(1, 3, 8, 8)
    session = open_session(plain_module(network, 2), Backend("eager"), EAGER, lr[:, :1], tmp_path)
    with torch.inference_mode():
        torch.testing.assert_close(deployed_network(network, session)(lr, 2), network(lr, 2), rtol=0, atol=1e-6)


def test_a_network_with_conditions_is_refused():
    with pytest.raises(UnavailableError, match="takes sigma beside lr"):
        plain_module(Network(dataclasses.replace(SPEC, conditions=("sigma",)), probe()), 2)


def test_a_network_that_fails_in_a_precision_is_a_reason_and_stays_as_it_was(tmp_path):
    class OnlyFloat32(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x):
            if x.dtype != torch.float32:
                raise TypeError("backend raised:\nfloat32 or nothing\nand more")
            return x

    network, lr = OnlyFloat32(), torch.rand(1, 3, 8, 8)
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(
        UnavailableError,
        match=r"The network does not run as eager-bf16 on cpu: TypeError: backend raised: float32 or nothing$",
    ):
        open_session(network, Backend("eager", "bf16"), EAGER, lr, tmp_path)
    assert network.weight.dtype == torch.float32
    assert torch.equal(network.weight, before["weight"])


def test_a_precision_that_a_runtime_lacks_is_a_reason(tmp_path):
    with pytest.raises(UnavailableError, match="PyTorch does not compute in int8; it has fp32, bf16, fp16"):
        open_session(probe(), Backend("eager", "int8"), EAGER, torch.rand(1, 3, 8, 8), tmp_path)


def test_a_runtime_that_returns_another_type_is_a_reason(tmp_path):
    double = dataclasses.replace(EAGER, open=lambda given: srbench.Opened(run=lambda lr: lr.double(), version="1"))
    with pytest.raises(UnavailableError, match=r"returned torch.float64 on cpu, not float32"):
        open_session(probe(), Backend("eager"), double, torch.rand(1, 3, 8, 8), tmp_path)


def test_a_reason_names_no_folder_of_this_machine(tmp_path):
    def fails(given):
        raise OSError(f"cannot load {given.onnx} into {given.folder}")

    runtime = dataclasses.replace(EAGER, open=fails, onnx={"fp32": "fp32"})
    with pytest.raises(UnavailableError, match=r"OSError: cannot load fp32\.onnx into test_a_reason\w+$"):
        open_session(probe(), Backend("eager"), runtime, torch.rand(1, 3, 8, 8), tmp_path, tmp_path / "fp32.onnx")
