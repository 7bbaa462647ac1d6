"""KDSR's student and teacher compute what their authors' code computes, and a distiller can reach what is distilled."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.architectures import kdsr

from helpers.architectures import assert_close_in, assert_compiles_whole, assert_one_export_serves, fresh
from helpers.networks import HERE, gmacs
from helpers.rounding import assert_equal_but_for_rounding
from srbench.networks.capture import capture
from srbench.profiling.complexity import count_parameters
from srbench.testing import photograph, violations_of

SPECS = {spec.name: spec for spec in kdsr.register_architectures()}
TINY = {"n_feats": 8, "n_blocks": 2, "n_resblocks": 1}
SPEC = dataclasses.replace(SPECS["kdsr_m"], build=partial(kdsr.KDSR, **TINY), taps=("G.body.0.body.1",))
MEAN_SHIFTS = 24
"""Constants that the release counts among its parameters."""


def privileged(teacher, lr):
    """Call a teacher with the oracle's hr, which its archive leaves out."""
    count, _, height, width = lr.shape
    shape = (count, 3, height * teacher.scale, width * teacher.scale)
    return teacher(lr, torch.from_numpy(np.random.Generator(np.random.PCG64(4321)).random(shape, dtype=np.float32)))


def test_a_tiny_student_equals_the_official_one(assert_official):
    assert_official(kdsr.KDSR(3, **TINY), "kdsr_s_tiny_x3")


def test_a_tiny_teacher_equals_the_official_one(assert_official):
    assert_official(kdsr.KDSRTeacher(3, **TINY), "kdsr_t_tiny_x3", call=privileged)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "oracle"), [("kdsr_m", "kdsr_s_m_x4"), ("kdsr_l", "kdsr_s_l_x4"), ("kdsr_gan", "kdsr_gan_s_x4")]
)
def test_the_papers_students_equal_the_official_ones(name, oracle, assert_official):
    assert_official(SPECS[name].network(4), oracle)


def test_the_papers_teacher_equals_the_official_one(assert_official):
    teacher = SPECS["kdsr_m"].network(4).teacher()
    assert_official(teacher, "kdsr_t_m_x4", call=privileged)


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "published"),
    [
        ("kdsr_m", 2, 5_647_387, 773.8),
        ("kdsr_m", 4, 5_795_099, 228.6),
        ("kdsr_l", 4, 14_191_003, 625.5),
        ("kdsr_gan", 4, 18_846_107, 762.3),
    ],
)
def test_its_size_and_multiply_accumulates_are_those_of_the_release(name, scale, parameters, published):
    with torch.device("meta"):
        assert count_parameters(SPECS[name].network(scale)) == parameters - MEAN_SHIFTS
    assert gmacs(SPECS[name], scale) == pytest.approx(published, abs=0.05)


def test_the_dynamic_convolution_equals_the_official_layer():
    arrays = {key: torch.from_numpy(array) for key, array in np.load(HERE / "kdsr_idr_ddc.npz").items()}
    layer = kdsr.DynamicConvolution(8).double()
    layer.load_state_dict({"kernel.0.weight": arrays["w0"], "kernel.2.weight": arrays["w2"]})
    torch.testing.assert_close(layer(arrays["x"], arrays["v"]), arrays["out"], rtol=1e-12, atol=1e-14)


@given(
    st.integers(1, 4),
    st.one_of(st.integers(1, 5), st.just(kdsr.WIDE)),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([1, 3, 5]),
    st.booleans(),
)
def test_every_channel_of_every_image_meets_its_own_kernel(count, channels, height, width, side, last):
    generator = torch.Generator().manual_seed(count + 7 * channels)
    x = torch.randn(count, channels, height, width, generator=generator, dtype=torch.float64)
    kernels = torch.randn(count, channels, side, side, generator=generator, dtype=torch.float64)
    expected = torch.stack(
        [
            torch.stack(
                [F.conv2d(x[n, c, None, None], kernels[n, c, None, None], padding=side // 2)[0, 0] for c in row]
            )
            for n, row in enumerate([range(channels)] * count)
        ]
    )
    laid_out = x.contiguous(memory_format=torch.channels_last) if last else x
    assert_equal_but_for_rounding(kdsr.per_image_depthwise(laid_out, kernels), expected)


@pytest.mark.parametrize("channels", [8, kdsr.WIDE])
def test_own_kernels_keep_the_layout_and_have_the_same_gradients_in_each(channels):
    found = []
    for layout in (torch.contiguous_format, torch.channels_last):
        generator = torch.Generator().manual_seed(0)
        x, kernels, weights = (
            torch.randn(*shape, generator=generator, dtype=torch.float64)
            for shape in [(3, channels, 7, 5), (3, channels, 3, 3), (3, channels, 7, 5)]
        )
        x = x.contiguous(memory_format=layout).requires_grad_()
        convolved = kdsr.per_image_depthwise(x, kernels.requires_grad_())
        assert convolved.is_contiguous(memory_format=layout)
        (convolved * weights).sum().backward()
        found.append((x.grad, kernels.grad))
    for one, other in zip(*found, strict=True):
        assert_equal_but_for_rounding(one, other)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_student_keeps_the_contract_of_an_architecture(scale):
    assert violations_of(dataclasses.replace(SPEC, scales=frozenset({scale}))) == []


@pytest.mark.parametrize("network", [kdsr.KDSR(2, **TINY), kdsr.KDSRTeacher(2, **TINY)], ids=["student", "teacher"])
def test_what_is_distilled_can_be_captured_and_decides_the_kernels(network):
    lr, hr = photograph(2, 3, 9, 7), photograph(2, 3, 18, 14)
    estimator = network.get_submodule(network.idr.rpartition(".")[0])
    with capture(network, (network.idr,)) as features, capture(estimator, ("compress",)) as made:
        network(lr, hr) if isinstance(network, kdsr.KDSRTeacher) else network(lr)
    distilled = features[network.idr]
    assert distilled.shape == (2, 4 * TINY["n_feats"])
    assert torch.equal(estimator.compress(distilled), made["compress"])


def test_the_distilled_divergence_reaches_the_estimator_and_nothing_else():
    student, lr, hr = kdsr.KDSR(2, **TINY), photograph(2, 3, 9, 7), photograph(2, 3, 18, 14)
    teacher = student.teacher().eval()
    with capture(student, (student.idr,)) as ours, capture(teacher, (teacher.idr,)) as theirs:
        student(lr)
        teacher(lr, hr)
    wanted = F.softmax(theirs[teacher.idr].detach() / 0.15, dim=1)
    F.kl_div(F.log_softmax(ours[student.idr] / 0.15, dim=1), wanted, reduction="batchmean").backward()
    reached = {key for key, parameter in student.named_parameters() if parameter.grad is not None}
    assert reached == {key for key, _ in student.named_parameters() if key.startswith(("E_st.E", "E_st.mlp"))}


def test_a_student_can_start_from_its_teachers_restorer():
    student = kdsr.KDSR(3, **TINY)
    found = student.load_state_dict(student.teacher().state_dict(), strict=False)
    assert all(key.startswith("E_st.") for key in found.missing_keys)
    assert all(key.startswith("E.") for key in found.unexpected_keys)
    assert len(found.missing_keys) == len(found.unexpected_keys) == 18


def test_the_teacher_looks_at_hr():
    teacher, lr = kdsr.KDSRTeacher(2, **TINY), photograph(1, 3, 9, 7)
    with torch.no_grad():
        first, second = (teacher(lr, photograph(1, 3, 18, 14, seed=seed)) for seed in (0, 1))
    assert first.shape == (1, 3, 18, 14)
    assert not torch.equal(first, second)


def test_one_export_serves_every_size_and_every_batch():
    assert_one_export_serves(kdsr.KDSR(2, **TINY).eval(), ((1, 8, 9), (3, 21, 10), (1, 5, 203)))


@pytest.mark.slow
def test_compiled_whole_it_gives_the_same():
    assert_compiles_whole(kdsr.KDSR(2, **TINY).eval(), photograph(2, 3, 12, 10))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_converted_to_half_precision_it_stays_close(dtype):
    assert_close_in(dtype, fresh(SPEC), photograph(2, 3, 12, 10))
