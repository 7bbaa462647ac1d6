"""Every bundled network, at full size, learns what it is shown. What it then scores: ``srbench run smoke``."""

import pytest
import skimage.data
import torch
import torch.nn.functional as F

from srbench.catalog.catalog import load_catalog
from srbench.imaging import imresize
from srbench.networks.network import build_network

STEPS = 8


def trainable():
    shelf = load_catalog().architectures
    return [name for name in shelf if shelf[name].trainable]


@pytest.mark.slow
@pytest.mark.parametrize("name", trainable())
def test_its_loss_on_patches_of_a_photograph_falls(name):
    spec = load_catalog().architectures[name]
    scale = min(spec.scales)
    torch.manual_seed(0)
    network = build_network(spec, scale)
    side = max(16, spec.min_size) * scale
    cat = torch.from_numpy(skimage.data.chelsea()[100 : 100 + side, 200 : 200 + side]).permute(2, 0, 1)[None] / 255
    hr = torch.cat([cat, cat.flip(-1)])[:, : network.colours]  # two, for batch norms over a pooled image (DAT's)
    lr = imresize(hr, scale=1 / scale)
    optimiser = torch.optim.Adam(network.module.parameters(), lr=1e-4)
    network.module.train()
    losses = []
    for _ in range(STEPS):
        if spec.samplers:
            loss = network.objective(lr, hr, torch.Generator().manual_seed(0))
        else:
            loss = F.l1_loss(network(lr, scale), hr)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
