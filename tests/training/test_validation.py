"""The score on what is held out, which shows how a training goes."""

import pytest
import torch
from torch import nn

from helpers.training import LUMA
from srbench.networks.network import Network
from srbench.training.validation import PSNR


def test_the_held_out_psnr_is_that_of_the_patches():
    network = Network(LUMA, nn.Upsample(scale_factor=2))
    lr, hr = torch.rand(5, 1, 4, 4), torch.rand(5, 1, 8, 8)
    sr = nn.Upsample(scale_factor=2)(lr)
    expected = (-10 * torch.log10((sr - hr).square().mean(dim=(1, 2, 3)))).mean().item()
    assert PSNR.measure(network, {2: (lr, hr)}, torch.device("cpu"), 2) == pytest.approx(expected, rel=1e-5)
    assert network.module.training
