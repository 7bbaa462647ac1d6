"""down_noise has the level of the field."""

import pytest
import torch
from srbench_plugins.degradations import down_noise

from helpers.degrading import flat

(SPEC,) = down_noise.register_degradations()


def test_the_level_of_the_field_is_thirty():
    hr = flat(4, 128 / 255, 120).float()
    lr = SPEC.apply(hr, 3, torch.Generator().manual_seed(0))
    assert (lr - 128 / 255).std() * 255 == pytest.approx(30, rel=0.01)
    assert torch.allclose(lr * 255, (lr * 255).round(), atol=1e-4)
