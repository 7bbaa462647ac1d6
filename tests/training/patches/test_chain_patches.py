"""What a chain draws in training depends on the seed and the step alone, not on what was drawn before or by whom."""

import multiprocessing

import numpy as np
import torch

from helpers.patches import patches_of
from srbench.catalog.catalog import load_catalog
from srbench.training.patches.images import TrainingImages

STEPS = (0, 3, 7)


def patches(folder, name="anisotropic_noise", seed=0):
    images = [np.random.default_rng(n).integers(0, 256, (90, 100, 3), dtype=np.uint8) for n in range(3)]
    degradation = load_catalog().degradations[name]
    return patches_of(TrainingImages(folder, images), degradation=degradation, patch=24, batch=4, seed=seed)


def lr_of(folder, step):
    torch.set_num_threads(1)
    return patches(folder).sample(step)[0].numpy()


def test_steps_may_be_taken_in_any_order_and_by_any_worker(tmp_path):
    one = patches(tmp_path)
    lr = {step: one.sample(step)[0].numpy() for step in STEPS}
    assert len({values.tobytes() for values in lr.values()}) == len(STEPS)
    again = patches(tmp_path)
    for step in reversed(STEPS):
        assert np.array_equal(again.sample(step)[0].numpy(), lr[step])
    with multiprocessing.get_context("spawn").Pool(1) as workers:
        (theirs,) = workers.starmap(lr_of, [(tmp_path, 7)])
    assert np.abs(theirs - lr[7]).max() <= 1 / 255 + 1e-6  # a tie may fall the other way with other threads
    assert (theirs != lr[7]).mean() < 1e-3


def test_every_image_of_a_batch_has_draws_of_its_own(tmp_path):
    one = patches(tmp_path)
    lr, hr, _ = one.sample(0)
    again, _, _ = one.sample(0, draw=1)
    assert not torch.equal(lr, again)
    other = patches(tmp_path, seed=1).sample(0)[0]
    assert not torch.equal(lr, other)
    assert lr.shape == (4, 3, 24, 24)
    assert hr.shape == (4, 3, 48, 48)
