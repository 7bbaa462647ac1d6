"""MWCNN computes what both of its authors' releases compute, on the bicubic image."""

import pytest
import torch
from srbench_plugins.architectures import mwcnn

from helpers.architectures import assert_alone_as_in_a_batch, assert_scores_distinct, assert_size, fresh
from helpers.networks import gmacs
from srbench.imaging import imresize
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in mwcnn.register_architectures()}


def refined(module, enlarged):
    return module.refine(enlarged)


@pytest.mark.parametrize(("name", "colours"), [("mwcnn_v2_f8", 1), ("mwcnn_v2_f8_rgb", 3)])
def test_a_small_one_equals_the_official_network(name, colours, assert_official):
    assert_official(mwcnn.MWCNN(2, n_feats=8, n_colors=colours), name, call=refined)


def test_the_first_release_equals_the_official_network(assert_official):
    assert_official(SPECS["mwcnn_v1"].network(2), "mwcnn_v1", call=refined)


@pytest.mark.slow
def test_the_large_one_equals_the_official_network(assert_official):
    assert_official(SPECS["mwcnn"].network(2), "mwcnn_v2", call=refined)


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [("mwcnn", 24_927_809, 952.35), ("mwcnn_v1", 16_145_892, 813.80), ("mwcnn_small", 390_345, 15.01)],
)
def test_its_size_is_the_official_one_at_every_scale(name, parameters, macs):
    for scale in (2, 3, 4):
        assert_size(SPECS[name], scale, parameters)
    assert gmacs(SPECS[name], 2) == pytest.approx(macs, abs=0.06)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_without_its_tail_it_is_bicubic_interpolation_of_any_size(scale):
    network = fresh(SPECS["mwcnn_small"], scale)
    for parameter in network.module.tail.parameters():
        torch.nn.init.zeros_(parameter)
    lr = photograph(1, 1, 11, 8)
    inner = (..., slice(3 * scale), slice(None))  # below, the image is mirrored instead of its edge
    with torch.no_grad():
        assert torch.equal(network(lr, scale)[inner], imresize(lr, scale=scale)[inner])


def test_it_treats_every_image_of_a_batch_by_itself():
    assert_alone_as_in_a_batch(fresh(SPECS["mwcnn_small"]), photograph(2, 1, 13, 9))


def test_its_reported_scores_are_distinct_and_belong_to_the_second_release():
    assert_scores_distinct(SPECS["mwcnn"], 24)
    found = {(r.dataset, r.scale, r.metric): r.value for r in SPECS["mwcnn"].reported}
    assert (found["set5", 2, "psnr_y"], found["urban100", 4, "ssim_y"]) == (37.95, 0.7891)
    assert not SPECS["mwcnn_v1"].reported


def test_its_recipe_cuts_patches_of_one_size_at_every_scale_and_halves_the_rate():
    recipe = SPECS["mwcnn"].recipe
    assert [recipe.lr_size(scale) for scale in (2, 3, 4)] == [(128, 128), (85, 85), (64, 64)]
    assert [recipe.rate_at(step) for step in (0, 99_999, 100_000)] == [1.024e-4, 1.024e-4, 0.512e-4]
