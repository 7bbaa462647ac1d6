"""Each thing that a camera does is drawn from its range, and a frozen lr is made again bit by bit."""

import pytest
import torch
from srbench_plugins.degradations import cameras

from helpers.degrading import rough
from srbench.degrading import Realisation, Size, freeze, realise

SPECS = {spec.name: spec for spec in cameras.register_degradations()}


@pytest.mark.parametrize("name", SPECS)
def test_a_frozen_lr_is_made_again_bit_by_bit_from_its_json(name):
    hr = rough(1, 48, 60)
    for seed in range(4):
        realisation = freeze(SPECS[name], Size(48, 60, 4), seed)
        again = Realisation.model_validate_json(realisation.model_dump_json())
        assert torch.equal(realise(SPECS[name], hr, again), realise(SPECS[name], hr, realisation))
