"""Real-ESRGAN's kernels are drawn as often as its paper says."""

import math
from collections import Counter

import pytest
from srbench_plugins.steps import realesrgan as steps

from srbench.degrading import Random, Size, draw_step

SIZE = Size(256, 256, 4)


def draws(step, count=4000):
    return [draw_step(step, Random(own, Random(own + 10**6)), SIZE) for own in range(count)]


def near(count, probability, total):
    """Within four standard deviations of a binomial count."""
    return abs(count - probability * total) <= 4 * math.sqrt(total * probability * (1 - probability))


def test_kernels_are_drawn_as_often_as_published():
    drawn = draws(steps.MixedBlur())
    kinds = Counter(
        (one["family"], one["family"] != "sinc" and one["sigma_x_px"] != one["sigma_y_px"]) for one in drawn
    )
    published = {
        ("sinc", False): 0.1, ("gaussian", False): 0.9 * 0.45, ("gaussian", True): 0.9 * 0.25,
        ("generalized_gaussian", False): 0.9 * 0.12, ("generalized_gaussian", True): 0.9 * 0.03,
        ("plateau", False): 0.9 * 0.12, ("plateau", True): 0.9 * 0.03,
    }  # fmt: skip
    for kind, probability in published.items():
        assert near(kinds[kind], probability, len(drawn)), kind
    sides = Counter(one["side_px"] for one in drawn)
    assert all(near(sides[side], 1 / 8, len(drawn)) for side in range(7, 22, 2))
    assert len(sides) == 8
    flat = [one["beta"] for one in drawn if one["family"] == "plateau"]
    assert near(sum(beta == 1 for beta in flat), 0.5, len(flat))
    cut = [one for one in drawn if one["family"] == "sinc"]
    for small in (True, False):
        omegas = [one["omega"] for one in cut if (one["side_px"] < 13) == small]
        assert math.pi / (3 if small else 5) <= min(omegas) < math.pi / (2.6 if small else 4.4)
    widths = [one["sigma_x_px"] for one in drawn if "sigma_x_px" in one]
    assert (min(widths), max(widths)) == (pytest.approx(0.2, abs=0.01), pytest.approx(3.0, abs=0.01))
