"""Values come to 8 bits as each way of rounding says."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.steps.down import Subsample
from srbench_plugins.steps.quantise import Quantise

from helpers.degrading import done, once, oracle
from srbench.imaging.filtering import filter2d


@settings(deadline=None)
@given(st.integers(0, 254), st.sampled_from([torch.float32, torch.float64]))
def test_rounding_goes_where_it_says_at_a_tie(level, dtype):
    tie = torch.tensor((level + 0.5) / 255, dtype=dtype).view(1, 1, 1, 1)
    up, down = (float(once(Quantise(r), tie) * 255) for r in ("half_up", "down"))
    assert up == pytest.approx(level + 1)
    assert down == pytest.approx(level)
    on = torch.tensor(level / 255, dtype=dtype).view(1, 1, 1, 1)
    assert [round(float(once(Quantise(r), on) * 255)) for r in ("half_up", "half_even", "down")] == [level] * 3


def test_usrnets_blur_of_8_bit_images_rounds_down():
    data = oracle("classical_pipelines")
    hr = torch.from_numpy(data["usrnet_hr_uint8"]).permute(2, 0, 1)[None].double() / 255
    blurred = filter2d(hr, torch.from_numpy(data["k"])[None], border="circular", flip=True)
    for phase, name in (("upper_left", "usrnet_G_uint8_x3"), ("centre", "usrnet_G_uint8_x3_center")):
        lr = done(blurred, 3, Quantise("down"), Subsample(phase))
        assert np.abs(lr[0].permute(1, 2, 0).numpy() * 255 - data[name]).max() < 1e-9
