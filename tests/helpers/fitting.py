"""Fit networks to single images, as srbench does."""

import torch


def seeded_fit(module, lr, *, seed=0, steps=4, kernel=None):
    """Fit from a seed."""
    generator = torch.Generator().manual_seed(seed)
    return module.fit(lr, steps=steps, generator=generator, kernel=kernel, go_on=lambda: True)
