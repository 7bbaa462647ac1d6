"""Costs of a network as a backend runs it."""

import pytest
import torch
from srbench_plugins.runtimes.pytorch import register_runtimes

from srbench.deploying.backend import Backend
from srbench.deploying.opening import open_session
from srbench.profiling.sessions import NOT_ASKED, Runnable, process_memory, session_costs
from srbench.profiling.settings import Profiling
from srbench.records.stored import Measured
from srbench.scales import parse_scale
from srbench.testing.runtime import probe

EAGER = register_runtimes()[0]
QUICK = Profiling(latency_seconds=0.01, latency_repeats=2)


@pytest.fixture
def session(tmp_path):
    return open_session(probe(), Backend("eager"), EAGER, torch.rand(1, 3, 8, 8), tmp_path)


def test_times_memory_and_what_is_not_there(session):
    found = session_costs(session, torch.rand(1, 3, 8, 12), QUICK, lambda: Measured(value=12.5))
    assert found.latency_input == "8x12"
    assert 0 < found.latency_low_ms <= found.latency_ms_p50.value <= found.latency_high_ms
    assert found.peak_memory_mib.value == 12.5
    assert found.cold_start_ms.value > 0
    assert found.file_mib.reason
    assert found.stable in (True, False)
    assert found.threads == torch.get_num_threads()


def test_what_was_not_asked_for_is_not_measured(session):
    def never():
        raise AssertionError

    found = session_costs(session, torch.rand(1, 3, 8, 8), QUICK.model_copy(update={"memory": False}), never)
    assert found.peak_memory_mib == NOT_ASKED
    untimed = session_costs(session, torch.rand(1, 3, 8, 8), QUICK.model_copy(update={"enabled": False}), never)
    assert untimed.latency_ms_p50 is None


def test_the_memory_of_a_process_that_opens_a_network_is_at_least_its_image(catalog):
    found = process_memory("espcn", 2, Backend("eager"), None, (1, 1, 256, 256), "cpu", ())
    assert found.reason is None
    assert found.value > 256 * 256 * 4 * 4 / 2**20


def test_a_backend_that_does_not_work_in_that_process_is_a_reason(catalog):
    found = process_memory("espcn", 2, Backend("onnxruntime"), None, (1, 1, 16, 16), "cpu", ())
    assert found.value is None
    assert found.reason


def test_a_runnable_network_takes_values_from_zero_to_one(catalog):
    spec = catalog.architectures["edsr_small"]
    network = spec.network(2).eval()
    lr = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(Runnable(spec, 2, network)(lr), network(lr * spec.input_range))


@pytest.mark.parametrize(
    ("output", "scale", "size"),
    [
        ("", "2", (256, 256)),
        ("1280x720", "2", (360, 640)),
        ("1280x720", "3", (240, 427)),
        ("640x640", "2.5", (256, 256)),
    ],
)
def test_the_input_is_the_scaleth_part_of_an_output(output, scale, size):
    assert Profiling(latency_output=output).size_at(parse_scale(scale)) == size
