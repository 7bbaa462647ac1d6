"""FitNet brings the student's features to the teacher's, through a regressor where widths differ."""

import pytest
import torch
from srbench_plugins.distillers.fitnet import FitNet, hint_distance

from helpers.distilling import PAIRS, RECIPE, assert_resumes_to_the_same_bits, batch, setup, trained


def test_the_distance_is_the_mean_of_squares_summed_over_taps():
    zeros, ones = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    assert hint_distance([(zeros, 3 * ones), (ones, zeros), (ones, ones)]) == 10


def test_a_student_with_the_teachers_weights_has_no_hint_to_follow():
    given = setup(*PAIRS["equal"])
    given.student.module.load_state_dict(given.teacher.module.state_dict())
    given.student.module.eval()
    terms = FitNet(given).losses(batch())
    assert terms["hint"].item() == pytest.approx(0, abs=1e-10)
    assert terms["l1"] > 0


def test_the_hint_alone_brings_the_features_closer(tmp_path):
    given = setup(*PAIRS["RCAN to EDSR"], recipe=RECIPE.model_copy(update={"steps": 40, "checkpoint_every": 40}))
    method = FitNet(given, weight=1000.0)
    patches = batch()
    before = method.losses(patches)["hint"].item()
    trained(method, tmp_path)
    assert method.losses(patches)["hint"].item() < 0.7 * before


def test_chosen_taps_are_the_ones_compared():
    method = FitNet(setup(*PAIRS["RCAN to EDSR"]), pairs=(("head", "tail:input"),))
    assert method.features.pairs == (("head", "tail:input"),)
    assert method.losses(batch())["hint"] > 0


@pytest.mark.parametrize("pair", PAIRS)
def test_it_trains_students_of_any_width_depth_and_family(pair, tmp_path):
    method = FitNet(setup(*PAIRS[pair]))
    before = [p.detach().clone() for p in method.parameters()]
    assert len(before) == (4 if pair in ("wider teacher", "RCAN", "RCAN to EDSR") else 0)
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "hint"}
    assert all(value > 0 for value in report.terms.values())
    assert all(not torch.equal(old, new) for old, new in zip(before, method.parameters(), strict=True))


def test_a_stopped_training_ends_with_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits(lambda: FitNet(setup(*PAIRS["wider teacher"])), tmp_path)
