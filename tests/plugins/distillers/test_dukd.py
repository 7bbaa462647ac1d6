"""DUKD's changes are the release's and can be taken back; the release's own slips run beside the corrected form."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.distillers.dukd import DUKD, Change, crops, register_distillers
from torch import Generator

from helpers.distilling import PAIRS, assert_equal_to, assert_resumes_to_the_same_bits, batch, oracle, setup, trained
from srbench.distilling.distiller import Optimiser, sum_of
from srbench.errors import TrainingError
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in register_distillers()}
TERMS = {"l1", "logits", "zoom_in", "zoom_out", "zoom_out_logits"}


def mask(indices, count):
    return torch.zeros(count, dtype=torch.bool).index_fill(0, indices, value=True)


def test_changes_are_the_releases_and_its_repetition_does_not_take_all_of_them_back():
    arrays = oracle("dukd_noising")
    images = arrays["x"]
    change = Change(*(mask(arrays[f"idx_{kind}"], len(images)) for kind in "ihvt"))
    assert_equal_to(change.apply(images), arrays["augmented"])
    assert_equal_to(change.undo(arrays["augmented"]), arrays["dckd_reverted"])
    assert_equal_to(change.apply(arrays["augmented"]), arrays["dukd_applied_twice"])
    assert_equal_to(change.undo(arrays["augmented"]), images)


@given(st.integers(0, 999), st.floats(0, 1), st.integers(1, 3))
def test_every_change_is_taken_back_from_the_enlarged_image_too(seed, chance, scale):
    images = photograph(6, 3, 5, 5)
    change = Change.draw(6, chance, Generator().manual_seed(seed), images.device)
    enlarged = change.apply(images).repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    wanted = images.repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    torch.testing.assert_close(change.undo(enlarged), wanted)


def test_each_change_comes_as_often_as_said():
    change = Change.draw(20_000, 0.3, Generator().manual_seed(0), torch.device("cpu"))
    shares = [m.float().mean().item() for m in (change.inverted, change.flipped_down, change.transposed)]
    assert shares == pytest.approx([0.3] * 3, abs=0.02)
    upside_down = change.transposed & (change.flipped_down ^ change.flipped_across)
    assert upside_down.float().mean().item() == pytest.approx(0.126, abs=0.01)


def test_crops_are_squares_of_the_image_anywhere_in_it():
    hr = torch.arange(2 * 36.0).reshape(2, 1, 6, 6)
    found = {tuple(c.flatten().tolist()) for seed in range(400) for c in crops(hr, 4, Generator().manual_seed(seed))}
    places = [(top, left) for top in range(3) for left in range(3)]
    assert found == {tuple(image[0, t : t + 4, x : x + 4].flatten().tolist()) for image in hr for t, x in places}


def test_a_student_that_is_its_teacher_and_needs_no_change_has_only_the_truth_to_learn():
    given_setup = setup(*PAIRS["equal"])
    given_setup.student.module.load_state_dict(given_setup.teacher.module.state_dict())
    terms = DUKD(given_setup, chance=0.0).losses(batch())
    assert set(terms) == TERMS
    for name in ("logits", "zoom_in", "zoom_out_logits"):
        assert terms[name].item() == pytest.approx(0, abs=1e-6)
    assert min(terms["l1"].item(), terms["zoom_out"].item()) > 0


def test_truth_weighs_five_times_and_for_rcan_once():
    given_setup, patches = setup(*PAIRS["equal"]), batch()
    plain = given_setup.supervised(given_setup.student(patches.lr, 2), patches.hr)["l1"].item()
    assert SPECS["dukd"].build(given_setup).losses(patches)["l1"].item() == pytest.approx(5 * plain)
    rcan = SPECS["dukd_rcan"].build(given_setup).losses(patches)
    assert set(rcan) == {"l1", "logits", "zoom_in"}
    assert rcan["l1"].item() == pytest.approx(plain)


class Noting:
    """An optimiser that notes what it is given and moves nothing."""

    def __init__(self, parameters):
        self.seen = []
        self.optimiser = Optimiser(torch.optim.SGD(parameters, 0.0), torch.autograd.backward, self._note)

    def _note(self, optimiser):
        self.seen.append([p.grad.clone() for group in optimiser.param_groups for p in group["params"]])


def gradients(name):
    method = SPECS[name].build(setup(*PAIRS["equal"]))
    noting = Noting(list(method.setup.student.module.parameters()))
    terms = method.step(batch(), {"main": noting.optimiser}, batch)
    assert set(terms) == TERMS
    return method, noting.seen


def test_the_release_counts_the_first_gradients_twice_and_the_corrected_form_once():
    method, (first, second) = gradients("dukd_official")
    weights = list(method.setup.student.module.parameters())
    alone = torch.autograd.grad(sum_of(method.at_hand(batch())), weights)
    zoomed = torch.autograd.grad(sum_of(method.zoomed(batch())), weights)
    for a, b, at_hand, zoom in zip(first, second, alone, zoomed, strict=True):
        torch.testing.assert_close(a, at_hand)
        torch.testing.assert_close(b, at_hand + zoom, rtol=1e-4, atol=1e-6)
    assert len(gradients("dukd")[1]) == 1


@pytest.mark.parametrize("scale", [3, 4])
def test_patches_that_the_scale_does_not_divide_are_cut_before_they_are_made_smaller(scale):
    method = DUKD(setup(*PAIRS["equal"], scale=scale))
    assert all(term.isfinite() for term in method.losses(batch(scale)).values())


@pytest.mark.parametrize(("name", "pair"), [*(("dukd", pair) for pair in PAIRS), ("dukd_official", "RCAN to EDSR")])
def test_it_trains_students_of_any_width_depth_and_family(name, pair, tmp_path):
    report, _ = trained(SPECS[name].build(setup(*PAIRS[pair])), tmp_path)
    assert set(report.terms) == TERMS
    assert all(value > 0 for value in report.terms.values())


@pytest.mark.parametrize("name", ["dukd", "dukd_official"])
def test_a_stopped_training_ends_with_the_same_bits(name, tmp_path):
    assert_resumes_to_the_same_bits(lambda: SPECS[name].build(setup(*PAIRS["wider teacher"])), tmp_path)


def test_without_a_teacher_it_says_what_to_add():
    with pytest.raises(TrainingError, match="needs a teacher"):
        SPECS["dukd"].build(setup(PAIRS["equal"][0]))
