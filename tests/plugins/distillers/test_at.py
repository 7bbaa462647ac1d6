"""Attention transfer has the value and gradient of its authors' code, and knows strength from width."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.distillers.at import AttentionTransfer, attention, attention_distance

from helpers.distilling import (
    PAIRS,
    assert_equal_to,
    assert_gradients,
    assert_resumes_to_the_same_bits,
    oracle,
    setup,
    trained,
)


@pytest.mark.parametrize("name", ["at_official", "pixd_at"])  # the second pools a larger teacher
def test_the_distance_is_that_of_the_authors(name):
    arrays = oracle(name)
    student = arrays["s"].requires_grad_()
    loss = attention_distance([(student, arrays["t"])])
    assert_equal_to(loss.detach(), arrays["loss"])
    assert_gradients(loss, [student], [arrays["grad_s"]])


def test_attention_is_that_of_the_authors():
    arrays = oracle("at_official")
    assert_equal_to(attention(arrays["s"]), arrays["att_s"])


@given(st.integers(1, 4), st.floats(0.1, 10), st.integers(0, 99))
def test_attention_depends_on_where_features_are_strong_and_on_nothing_else(copies, factor, seed):
    features = torch.rand(2, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + 0.01
    wider = factor * features.repeat(1, copies, 1, 1).flip(1)
    torch.testing.assert_close(attention(wider), attention(features))
    assert attention_distance([(wider, features)] * 2).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("pair", PAIRS)
def test_it_trains_students_of_any_width_depth_and_family_without_an_adapter(pair, tmp_path):
    method = AttentionTransfer(setup(*PAIRS[pair]))
    assert list(method.parameters()) == []
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "attention"}
    assert all(0 < value < 100 for value in report.terms.values())


def test_a_stopped_training_ends_with_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits(lambda: AttentionTransfer(setup(*PAIRS["RCAN to EDSR"])), tmp_path)
