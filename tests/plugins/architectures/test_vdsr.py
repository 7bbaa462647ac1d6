"""VDSR has its authors' size and counts, and takes their weights."""

import pytest
import torch
from srbench_plugins.architectures import vdsr

from helpers.architectures import assert_scores_distinct, assert_size, assert_weights_load
from helpers.networks import gmacs
from srbench.errors import CheckpointError
from srbench.imaging import imresize
from srbench.testing import photograph

(SPEC,) = vdsr.register_architectures()


def test_its_parameters_and_operations_are_the_published_ones():
    assert_size(SPEC, 2, 665_921)
    assert round(gmacs(SPEC, 2), 1) == 612.6


@pytest.mark.parametrize("checkpoint", SPEC.checkpoints, ids=lambda c: f"{c.tag}-x{c.scale}")
def test_the_official_weights_load_as_they_are(checkpoint, shared):
    assert_weights_load(SPEC, checkpoint, shared)


def test_a_damaged_file_of_weights_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"not weights at all")
    with pytest.raises(CheckpointError, match="is damaged or"):
        vdsr.read_matlab(path)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_without_its_body_it_is_bicubic_interpolation_within_the_range_of_luma(scale):
    network = vdsr.VDSR(layers=3, channels=4).eval()
    for parameter in network.body[-1].parameters():
        torch.nn.init.zeros_(parameter)
    lr = 0.2 + 0.6 * photograph(1, 1, 9, 7)
    lr[..., :3] *= 0.1
    enlarged = imresize(lr, scale=scale)
    assert enlarged.min() < vdsr.LUMA_BLACK
    with torch.no_grad():
        assert torch.equal(network(lr, scale), enlarged.clamp(16 / 255, 235 / 255))


def test_its_reported_scores_are_distinct_and_complete():
    assert_scores_distinct(SPEC)
    found = {(r.dataset, r.scale, r.metric): (r.value, r.protocol) for r in SPEC.reported}
    assert found["set5", 3, "psnr_y"] == (33.66, "luma-first")
    assert found["b100", 4, "ssim_y"] == (0.7251, "luma-first")
