"""Patches of a pixel file are those that slicing cuts."""

from __future__ import annotations

import numpy as np

from srbench.training.patches.pixels import PixelFile


def test_pixels_cut_what_slicing_cuts(tmp_path):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((9, 7), (5, 5), (30, 11))]
    pixels = PixelFile.make(tmp_path / "p", enumerate_names(images))
    for side in (1, 3, 5):
        number = rng.integers(0, 3, 50)
        top = rng.integers(0, pixels.heights[number] - side + 1)
        left = rng.integers(0, pixels.widths[number] - side + 1)
        expected = [images[n][t : t + side, x : x + side] for n, t, x in zip(number, top, left, strict=True)]
        assert (pixels.cut(number, top, left, side) == np.stack(expected)).all()


def enumerate_names(images):
    return [(str(n), image) for n, image in enumerate(images)]
