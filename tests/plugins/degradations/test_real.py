"""``real`` makes no lr: it says that a dataset brings its own."""

import pytest
import torch
from srbench_plugins.degradations import real

from srbench.errors import PluginError

(SPEC,) = real.register_degradations()


def test_its_lr_is_provided_and_neither_drawn_nor_made():
    assert (SPEC.provided, SPEC.stochastic, SPEC.chain) == (True, False, None)
    with pytest.raises(PluginError, match="its lr comes with datasets"):
        SPEC.apply(torch.rand(1, 3, 8, 8), 2, torch.Generator())
