"""The moving average of weights, and the PSNR on held-out patches."""

import pytest
import torch
from torch import nn

from helpers.training import LUMA, SMALL
from srbench.networks.network import Network, build_network
from srbench.training.averages import Average, held_out_psnr


def test_the_average_copies_buffers():
    network = build_network(SMALL, 2)
    average = Average(network, 0.999)
    network.module(torch.rand(1, 3, 8, 8))
    average.update(10**6)
    assert torch.equal(average.network.module.norm.running_mean, network.module.norm.running_mean)
    assert average.network.module.norm.num_batches_tracked == 1


def test_the_held_out_psnr_is_that_of_the_patches():
    network = Network(LUMA, nn.Upsample(scale_factor=2))
    lr, hr = torch.rand(5, 1, 4, 4), torch.rand(5, 1, 8, 8)
    sr = nn.Upsample(scale_factor=2)(lr)
    expected = (-10 * torch.log10((sr - hr).square().mean(dim=(1, 2, 3)))).mean().item()
    assert held_out_psnr(network, {2: (lr, hr)}, torch.device("cpu"), 2) == pytest.approx(expected, rel=1e-5)
    assert network.module.training
