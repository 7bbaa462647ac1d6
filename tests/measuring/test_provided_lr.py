"""LR that comes with a dataset is compared with bicubic LR as MATLAB makes it."""

import numpy as np
import pytest
from PIL import Image

from srbench.datasets.library import Library
from srbench.datasets.verification import Verification
from srbench.imaging.files import write_png
from srbench.measuring.provided_lr import compare_lr, compare_with_ours


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("set5", "bicubic"),
        pytest.param("set14", "bicubic", marks=pytest.mark.slow),
        pytest.param("b100", "bicubic_replicate", marks=pytest.mark.slow),
    ],
)
def test_the_lr_in_use_comes_out_bit_equal(shared, catalog, name, made):
    found = Library(shared("data/Set5").parent, catalog.datasets).verification(catalog.datasets[name])
    assert compare_with_ours(found, catalog.degradations) == [f"The x{s} LR is identical to {made}." for s in (2, 3, 4)]


def test_lr_that_is_not_bicubic_is_called_so(tiny, tmp_path, catalog):
    hr, lr = tmp_path / "hr.png", tmp_path / "lr.png"
    tiny.picture(hr, seed=1)
    with Image.open(hr) as picture:
        write_png(lr, np.asarray(picture.reduce(2)))
    found = Verification(catalog.datasets["tiny_test"], (), {"a": hr}, {}, lr={2: {"a": lr}})
    assert "not bicubic as MATLAB makes it" in compare_with_ours(found, catalog.degradations)[0]


def test_lr_differing_at_the_border_only_is_recognised():
    ours = np.full((20, 20, 3), 100, np.uint8)
    border, inside = ours.copy(), ours.copy()
    border[0, 7] += 1
    inside[10, 10] += 1
    assert compare_lr(ours, ours.copy()) == "identical"
    assert compare_lr(border, ours) == "differs in border"
    assert compare_lr(inside, ours) == "differs"
    assert compare_lr(ours[:-1], ours) == "differs"
    assert compare_lr(ours[:6] + 1, ours[:6]) == "differs"
