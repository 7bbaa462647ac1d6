"""The picture of growth on the page about scale is that of its table."""

import numpy as np
import pytest
from PIL import Image

from docs.site import growth


def test_the_picture_is_drawn_from_the_table(tmp_path):
    pytest.importorskip("matplotlib")
    growth.draw(tmp_path / "growth.png")
    committed, drawn = (
        np.asarray(Image.open(path).convert("RGB"), float) for path in (growth.PICTURE, tmp_path / "growth.png")
    )
    assert committed.shape == drawn.shape
    assert np.abs(committed - drawn).mean() < 0.1, "run python -m docs.site.growth"  # a moved point changes 0.5


def test_the_table_is_read_to_its_end_and_what_was_not_measured_is_left_out():
    text = (
        "| cells | `plan` | `compare` of two CSV files |\n|---:|---:|---:|\n"
        "| 100 | 1.6 s, 0.8 GiB | 2 s |\n| 1,000 | 9.25 s, 1.0 GiB | not measured |\n\n| 7 | 1 s | 1 s |\n"
    )
    assert growth.growth(text) == {"plan": {100: 1.6, 1000: 9.25}, "compare of two CSV files": {100: 2.0}}
