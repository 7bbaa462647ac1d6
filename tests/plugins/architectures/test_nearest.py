"""Nearest neighbours repeat every pixel."""

import numpy as np
import pytest
import torch
from srbench_plugins.architectures.nearest import Nearest


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_every_pixel_is_repeated(scale):
    lr = torch.rand(2, 3, 5, 7)
    wanted = np.repeat(np.repeat(lr.numpy(), scale, axis=2), scale, axis=3)
    assert np.array_equal(Nearest(scale)(lr).numpy(), wanted)
