"""Logits with margins are the official ones and the papers' formulas."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from helpers import ORACLES
from srbench.networks.recognition.margins import (
    cosine_margin_logits,
    cosines_to,
    margin_logits,
    quality_margin_logits,
)

AXES = torch.eye(2, dtype=torch.float64)
angles = st.floats(0.1, 3.0)


def at(angle):
    """An embedding at this angle from the centre of class 0, of length 3."""
    return 3 * torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)


def test_logits_with_a_margin_are_the_releases():
    with np.load(ORACLES / "losses" / "askd_arcmargin.npz") as file:
        arrays = {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}
    found = margin_logits(arrays["emb"], arrays["weight"], arrays["labels"])
    torch.testing.assert_close(found, arrays["logits"], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(F.cross_entropy(found, arrays["labels"]), arrays["loss_ce"], rtol=1e-12, atol=1e-12)


@given(st.floats(0.01, 3.1), st.floats(0, 1))
def test_a_margin_makes_the_angle_to_the_right_class_larger_and_leaves_the_others(angle, margin):
    right, other = margin_logits(at(angle), AXES, torch.tensor([0]), margin=margin)[0]
    within = angle + margin < math.pi
    wanted = math.cos(angle + margin) if within else math.cos(angle) - margin * math.sin(margin)
    assert right.item() == pytest.approx(32 * wanted, abs=2e-3)
    assert other.item() == pytest.approx(32 * math.sin(angle), abs=1e-9)


@given(angles, st.floats(0, 1))
def test_a_margin_on_the_cosine_is_subtracted_from_it(angle, margin):
    right, other = cosine_margin_logits(at(angle), AXES, torch.tensor([0]), margin=margin)[0]
    assert right.item() == pytest.approx(64 * (math.cos(angle) - margin), abs=1e-9)
    assert other.item() == pytest.approx(64 * math.sin(angle), abs=1e-9)


@given(angles, st.floats(0, 1), st.floats(-1, 1))
def test_margins_by_quality_are_the_formula_of_the_paper(angle, margin, quality):
    drawn = torch.tensor([quality], dtype=torch.float64)
    right, other = quality_margin_logits(at(angle), AXES, torch.tensor([0]), drawn, margin=margin)[0]
    on_angle, on_cosine = -margin * quality, margin * quality + margin
    within = min(max(angle + on_angle, 1e-3), math.pi - 1e-3)
    assert right.item() == pytest.approx(64 * (math.cos(within) - on_cosine), abs=1e-9)
    assert other.item() == pytest.approx(64 * math.sin(angle), abs=1e-9)


@given(st.floats(0.1, 2.5))
def test_the_poorest_quality_has_the_margin_of_arcface_and_the_middle_one_that_of_cosface(angle):
    embedding, label = at(angle), torch.tensor([0])
    poorest, middle = (
        quality_margin_logits(embedding, AXES, label, torch.tensor([quality], dtype=torch.float64), margin=0.4)
        for quality in (-1.0, 0.0)
    )
    torch.testing.assert_close(poorest, margin_logits(embedding, AXES, label, scale=64.0, margin=0.4))
    torch.testing.assert_close(middle, cosine_margin_logits(embedding, AXES, label, margin=0.4))


def test_cosines_are_computed_in_single_precision_under_autocast():
    centres, embeddings = torch.randn(5, 8), torch.randn(3, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = cosines_to(centres, embeddings.bfloat16())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, cosines_to(centres, embeddings.bfloat16().float()), rtol=0, atol=1e-6)
