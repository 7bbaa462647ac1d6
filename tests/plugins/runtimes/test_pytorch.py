"""PyTorch's runtimes give the eager network's images."""

import pytest
import torch
from srbench_plugins.runtimes.pytorch import register_runtimes

from srbench.deploying.backend import Backend
from srbench.deploying.opening import open_session
from srbench.testing import violations_of
from srbench.testing.runtime import probe

SPECS = {spec.name: spec for spec in register_runtimes()}


@pytest.mark.parametrize("name", ["eager", "channels_last"])
def test_it_keeps_the_contract_of_a_runtime(name):
    assert violations_of(SPECS[name]) == []


@pytest.mark.slow  # compiles C++
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["compile", "compile_channels_last"])
def test_compiled_it_keeps_the_contract_of_a_runtime(name):
    assert violations_of(SPECS[name]) == []


def test_eager_in_fp32_is_the_network_to_the_last_bit(tmp_path):
    lr, network = torch.rand(1, 3, 9, 14), probe()
    with torch.inference_mode():
        assert torch.equal(open_session(network, Backend("eager"), SPECS["eager"], lr, tmp_path)(lr), network(lr))


def test_half_precision_is_that_of_converted_weights_and_not_of_autocast(tmp_path):
    lr, network = torch.rand(1, 3, 9, 14), probe()
    session = open_session(network, Backend("eager", "bf16"), SPECS["eager"], lr, tmp_path)
    with torch.inference_mode():
        sr = session(lr)
        converted = probe().to(torch.bfloat16)(lr.to(torch.bfloat16)).float()
    assert sr.dtype == torch.float32
    assert torch.equal(sr, converted)
