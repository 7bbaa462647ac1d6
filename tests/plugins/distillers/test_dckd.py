"""DCKD's terms are the release's, with its second soft-max and without; its past and its codes survive a stop."""

import pytest
import torch
from srbench_plugins.distillers import dckd, spn
from torch import Generator

from helpers.distilling import (
    PAIRS,
    assert_equal_to,
    assert_resumes_to_the_same_bits,
    batch,
    edsr,
    oracle,
    setup,
    trained,
)
from srbench.distilling.encoders import Encoder, untrained
from srbench.errors import TrainingError
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in dckd.register_distillers()}
TERMS = {"l1", "logits", "contrast", "codes"}
HERE = [name for name in SPECS if not name.endswith(("_alex", "_vgg"))]


def test_codes_are_compared_as_in_the_release_and_as_in_the_paper():
    arrays = oracle("dckd_dmm")
    student, teacher = (dckd.likeness(arrays[f"feat_{side}"], arrays["codebook"]) for side in "st")
    assert_equal_to(student.exp(), arrays["dist_s"])
    assert_equal_to(teacher.exp(), arrays["dist_t"])
    assert_equal_to(dckd.CODES_WEIGHT * dckd.code_entropy(student, teacher, twice=True), arrays["loss"])
    assert_equal_to(dckd.CODES_WEIGHT * dckd.code_entropy(student, teacher), arrays["loss_paper_eq9_mean"])


def test_the_nearest_code_is_the_likeliest_and_equal_images_have_the_least_entropy():
    generator = Generator().manual_seed(0)
    codes = torch.randn(7, 5, generator=generator)
    maps = codes.T.reshape(1, 5, 7, 1)
    assert dckd.likeness(maps, codes).argmax(dim=1).tolist() == list(range(7))
    one, other = (dckd.likeness(torch.randn(2, 5, 3, 3, generator=generator), codes) for _ in range(2))
    assert dckd.code_entropy(one, one) < dckd.code_entropy(other, one)


def test_its_terms_are_the_contrast_to_five_images_of_the_past_and_the_distance_to_the_teacher():
    method = dckd.DCKD(setup(*PAIRS["wider teacher"]), cap=100.0)
    patches = batch()
    with torch.no_grad():
        for parameter in method.history.module.parameters():
            parameter.mul_(0.5)
        terms = method.losses(patches)
        again = batch().generator
        torch.randperm(3, generator=again)  # the codes are drawn first: a pixel of each image
        inputs = [*(spn.noisy(patches.lr, again) for _ in range(4)), patches.lr]
        past = [method.encode(method.history(lr, 2)) for lr in inputs]
        sr, target = (network(patches.lr, 2) for network in (method.setup.student, method.setup.teacher))
        levels = [torch.stack(level) for level in zip(*past, strict=True)]
    assert set(terms) == TERMS
    assert terms["logits"].item() == pytest.approx((sr - target).abs().mean().item())
    wanted = spn.contrast(method.encode(sr), method.encode(target), levels)
    assert terms["contrast"].item() == pytest.approx(0.1 * wanted.item(), rel=1e-4)


def test_codes_are_pixels_of_what_is_seen_of_hr_and_then_stay():
    method = dckd.DCKD(setup(*PAIRS["equal"]), codes=4)
    patches = batch()
    method.losses(patches)
    seen = method.encode(patches.hr)[-1].movedim(1, -1).flatten(0, -2)
    assert method.known == min(4, len(seen))
    known = method.codes[: int(method.known)].clone()
    assert all((seen == code).all(dim=1).any() for code in known)
    for seed in (1, 2):
        method.losses(batch(seed=seed))
    assert method.known == 4
    full = method.codes.clone()
    assert torch.equal(full[: len(known)], known)
    method.losses(batch(seed=3))
    assert torch.equal(method.codes, full)


def test_an_encoder_may_bring_its_codes():
    codes = torch.randn(9, 64, generator=Generator().manual_seed(0))

    def encoder(device):
        plain = untrained(device)
        return Encoder("a network with codes", plain.levels, plain.mean, plain.std, codes=codes)

    method = dckd.DCKD(setup(*PAIRS["equal"]), encoder=encoder)
    patches = batch()
    with torch.no_grad():
        term = method.losses(patches)["codes"]
        images = (network(patches.lr, 2) for network in (method.setup.student, method.setup.teacher))
        likenesses = [dckd.likeness(method.encode(image)[-1], codes) for image in images]
    assert term.item() == pytest.approx(0.001 * dckd.code_entropy(*likenesses).item())
    assert method.notes == ("The encoder is a network with codes; 9 codes come from its codebook.",)


def test_a_teacher_that_does_not_care_how_an_image_is_turned_is_consistent_with_itself():
    given = setup(*PAIRS["equal"])
    with torch.no_grad():
        for parameter in given.teacher.module.parameters():
            parameter.zero_()
        given.student.module.load_state_dict(given.teacher.module.state_dict())
    method = SPECS["dckd_dukd"].build(given)
    term = method.losses(batch())["consistency"]
    lr = photograph(3, 3, 4, 4)
    grey_difference = (given.student(lr, 2) - given.teacher(lr, 2)).abs().max()
    assert grey_difference < 1e-6
    assert term.item() < 0.2  # both give the mean colour; inverted, its opposite


def test_the_releases_past_follows_the_average_of_the_weights():
    official = SPECS["dckd_official"].build(setup(*PAIRS["equal"]))
    plain = SPECS["dckd"].build(setup(*PAIRS["equal"]))
    for method in (official, plain):
        with torch.no_grad():
            method.setup.student.module.head[0].weight += 1
        method.after_step(batch())  # of so few steps each is a period
    weight = official.setup.student.module.head[0].weight
    torch.testing.assert_close(plain.history.module.head[0].weight, weight - 0.1)
    torch.testing.assert_close(official.average.head[0].weight, weight - 0.999)
    torch.testing.assert_close(official.history.module.head[0].weight, weight - 0.1 - 0.9 * 0.999)


@pytest.mark.parametrize(("name", "pair"), [*(("dckd", pair) for pair in PAIRS), *((n, "RCAN to EDSR") for n in HERE)])
def test_it_trains_students_of_any_width_depth_and_family(name, pair, tmp_path):
    report, _ = trained(SPECS[name].build(setup(*PAIRS[pair])), tmp_path)
    assert set(report.terms) == (TERMS | {"consistency"} if name == "dckd_dukd" else TERMS)
    assert all(torch.tensor(value).isfinite() and value > 0 for value in report.terms.values())
    assert any("an untrained network" in note for note in report.notes)


@pytest.mark.parametrize("name", HERE)
def test_a_stopped_training_ends_with_the_same_bits_past_and_codes_included(name, tmp_path):
    assert_resumes_to_the_same_bits(lambda: SPECS[name].build(setup(*PAIRS["wider teacher"])), tmp_path)


def test_without_a_teacher_it_says_what_to_add():
    with pytest.raises(TrainingError, match="needs a teacher"):
        SPECS["dckd"].build(setup(edsr()))
