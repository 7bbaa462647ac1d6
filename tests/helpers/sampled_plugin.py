"""A network that draws its sr and one that is fitted to each image, so small that both can be computed by hand."""

import torch
from torch import nn
from torch.nn.functional import interpolate

import srbench

SPREAD = 0.05
"""Standard deviation of the noise that a draw adds to each value."""


class Dice(nn.Module):
    """lr enlarged by repetition, its colours mixed by a trained matrix, plus noise of one size for any steps."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.colours = nn.Conv2d(3, 3, 1)
        nn.init.dirac_(self.colours.weight)
        nn.init.zeros_(self.colours.bias)

    def enlarged(self, lr):
        return interpolate(self.colours(lr), scale_factor=self.scale, mode="nearest")

    def sample(self, lr, sampler, steps, generator):
        sr = self.enlarged(lr)
        for _ in range(steps):
            noise = torch.randn(sr.shape, generator=generator).to(sr)
            sr = sr + noise * SPREAD / steps**0.5
        return sr

    def objective(self, lr, hr, generator):
        noise = torch.randn(hr.shape, generator=generator).to(hr)
        return (self.enlarged(lr) + SPREAD * noise - hr).square().mean()

    def forward(self, lr):
        return self.sample(lr, "walk", 4, torch.Generator().manual_seed(0))


class Mean(nn.Module):
    """Fits one number, the mean of lr, and adds the lr around it, enlarged by repetition."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.level = nn.Parameter(torch.zeros(1))

    def fit(self, lr, *, steps, generator, kernel, go_on):
        level = torch.randn(1, generator=generator).to(lr).requires_grad_()
        taken, losses = 0, []
        while taken < steps and go_on():
            loss = (level - lr).square().mean()
            (slope,) = torch.autograd.grad(loss, level)
            level = (level - 0.25 * slope).detach().requires_grad_()
            taken += 1
            losses.append(float(loss.detach()))
        sr = interpolate(lr - lr.mean(), scale_factor=self.scale) + level.detach()
        return srbench.Fitted(sr, taken, tuple(losses))

    def forward(self, lr):
        with torch.inference_mode(False), torch.enable_grad():
            lr = lr.clone()
            fits = [
                self.fit(
                    one[None], steps=30, generator=torch.Generator().manual_seed(0), kernel=None, go_on=lambda: True
                )
                for one in lr
            ]
            return torch.cat([fit.sr for fit in fits])


@srbench.hookimpl
def register_architectures():
    scales = frozenset({2, 3})
    walk = srbench.Sampler(name="walk", steps=(4, 1), most=10)
    leap = srbench.Sampler(name="leap", steps=(2,), most=2, evaluations=2)
    return [
        srbench.ArchitectureSpec(name="dice", label="Dice", build=Dice, scales=scales, samplers=(walk, leap)),
        srbench.ArchitectureSpec(
            name="mean", label="Mean", build=Mean, scales=scales, trainable=False, fitting=srbench.Fitting(steps=30)
        ),
    ]
