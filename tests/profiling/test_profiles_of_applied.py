"""The profile of a network that draws is that of one sr, and a network that is fitted has reasons instead."""

import pytest
import torch
from torch import nn

from helpers.applied import Gaussian, Regression, gaussian_spec, regression_spec, repeated
from srbench.deploying.opening import plain_module
from srbench.errors import UnavailableError
from srbench.networks.network import build_network
from srbench.profiling.complexity import count_parameters, macs_at
from srbench.profiling.network_facts import network_facts
from srbench.profiling.profile import profile_network
from srbench.profiling.sessions import session_of
from srbench.profiling.settings import Profiling

SHORT = Profiling(latency_height=8, latency_width=8, latency_seconds=0.01, latency_repeats=1, memory=False)


class Convolved(Gaussian):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, padding=1)

    def denoised(self, lr):
        return self.convolution(repeated(lr))


@pytest.mark.parametrize("steps", [1, 4, 7])
def test_macs_are_those_of_all_evaluations_of_the_default_sampler(steps):
    class Drawn(Convolved):
        def forward(self, lr):
            return self.sample(lr, "ancestral", steps, torch.Generator().manual_seed(0))

    found = macs_at(gaussian_spec(Drawn), 2, (10, 12))
    assert found.total == steps * 3 * 3 * 9 * 20 * 24
    assert found.activations == steps * 3 * 20 * 24


def test_a_network_that_draws_has_a_whole_profile():
    profile = profile_network(gaussian_spec(Convolved), 2, SHORT, "cpu")
    assert profile.parameters.value == 3 * 3 * 9 + 3 + 1
    assert profile.macs_256_g.value == pytest.approx(4 * 81 * 512**2 / 1e9)
    assert profile.latency_ms_p50.value > 0


def test_a_network_that_is_fitted_has_parameters_and_reasons():
    calls = []

    class Never(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Parameter(torch.zeros(2))

        def fit(self, lr, **given):
            calls.append(lr)

        forward = fit

    spec = regression_spec(Never)
    profile = profile_network(spec, 2, SHORT.model_copy(update={"memory": True}), "cpu")
    assert profile.parameters.value == count_parameters(Never()) == 2
    reason = "it is fitted to each image; its costs are those of one sr, beside its scores"
    costs = ("macs_720p_g", "macs_256_g", "activations_m", "latency_ms_p50", "peak_memory_mib")
    assert {name: getattr(profile, name).reason for name in costs} == dict.fromkeys(costs, reason)
    assert calls == []
    assert "regression is fitted to each image, and has no method once(lr)" in network_facts(spec).reason


def test_one_evaluation_of_a_network_that_is_fitted_can_be_counted():
    class Once(Regression):
        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(3, 3, 3, padding=1)

        def once(self, lr):
            return self.convolution(repeated(lr))

    assert macs_at(regression_spec(Once), 2, (10, 12)).total == 81 * 20 * 24
    assert network_facts(regression_spec(Once)).modules.macs == 81 * 96 * 96


@pytest.mark.parametrize(
    ("spec", "how"), [(gaussian_spec(), "draws sr step by step"), (regression_spec(), "is fitted to each image")]
)
def test_runtimes_are_refused(catalog, tmp_path, spec, how):
    from srbench.deploying.backend import Backend

    match = f"^{spec.name} {how}, and runtimes open networks that are evaluated once"
    with pytest.raises(UnavailableError, match=match):
        plain_module(build_network(spec, 2), 2)
    runtime = next(iter(catalog.runtimes.values()))
    with pytest.raises(UnavailableError, match=match):
        session_of(
            spec, 2, spec.network(2), Backend(runtime.name, "fp32"), runtime, torch.rand(1, 3, 8, 8), tmp_path, 1
        )
