"""KDSR's controls are its SR network without an estimate, of equal depth and of equal size."""

import pytest
import torch
from srbench_plugins.architectures import kdsr, kdsr_controls

from helpers.rounding import assert_equal_but_for_rounding
from srbench.profiling.complexity import count_parameters
from srbench.testing import photograph, violations_of

STUDENT = next(spec for spec in kdsr.register_architectures() if spec.name == "kdsr_small")
SPECS = {spec.name: spec for spec in kdsr_controls.register_architectures()}


@pytest.mark.parametrize("name", SPECS)
def test_it_keeps_the_contract_of_an_architecture(name):
    assert violations_of(SPECS[name]) == []


def test_a_control_computes_what_the_student_computes_if_its_estimate_is_that_constant():
    student, control = STUDENT.network(4), SPECS["kdsr_small_constant"].network(4)
    control.G.load_state_dict(student.G.state_dict())
    lr = photograph(2, 3, 9, 7)
    with torch.no_grad():
        control.degradation.copy_(torch.linspace(0, 1, 16))
        wanted = student.G(lr, control.degradation.expand(2, -1))
        assert torch.equal(control(lr), wanted)


def test_the_kernels_of_the_non_blind_network_follow_its_conditions():
    network, lr = SPECS["kdsr_small_nonblind"].network(4).eval(), photograph(2, 3, 9, 7)
    sharp, wide = torch.zeros(2, 4), torch.tensor([[9.0, 0.0, 9.0, 0.0]]).expand(2, -1)
    with torch.no_grad():
        usual = torch.tensor([[8.0, 0.0, 8.0, 12.5]]).expand(2, -1)
        assert torch.equal(network(lr), network(lr, usual))
        assert not torch.equal(network(lr), network(lr, sharp))
        assert not torch.equal(network(lr), network(lr, wide))
        mixed = network(lr, torch.cat((sharp[:1], wide[:1])))
    assert_equal_but_for_rounding(mixed[1:], network(lr[1:], wide[:1]))


def test_the_deep_one_has_as_many_parameters_as_the_student():
    student, deep = (count_parameters(spec.network(4)) for spec in (STUDENT, SPECS["kdsr_small_constant_deep"]))
    assert deep == pytest.approx(student, rel=0.03)
    shallow = count_parameters(SPECS["kdsr_small_constant"].network(4))
    assert shallow == count_parameters(STUDENT.network(4).G) + 16
