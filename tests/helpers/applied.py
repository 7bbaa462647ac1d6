"""Networks that draw sr or are fitted to an image, small enough to compute by hand what they do."""

import torch
from torch import nn
from torch.nn import functional as F

import srbench
from srbench.networks.network import Network


def repeated(image):
    """Return an image of twice the size."""
    return image.repeat_interleave(2, -1).repeat_interleave(2, -2)


class Gaussian(nn.Module):
    """Sr is the repeated lr, shifted, with normal noise of a known deviation; each step draws its share."""

    def __init__(self, deviation=0.02):
        super().__init__()
        self.deviation = deviation
        self.shift = nn.Parameter(torch.zeros(()))
        self.evaluations = 0

    def denoised(self, lr):
        self.evaluations += 1
        return repeated(lr) + self.shift

    def sample(self, lr, sampler, steps, generator):
        noise = torch.zeros_like(repeated(lr))
        for _ in range(steps):
            mean = self.denoised(lr)
            if sampler == "ancestral":
                noise = noise + torch.randn(mean.shape, generator=generator).to(mean) * self.deviation / steps**0.5
        return mean + noise

    def objective(self, lr, hr, generator):
        noise = torch.randn(hr.shape, generator=generator).to(hr) * self.deviation
        return F.mse_loss(repeated(lr) + self.shift, hr + noise)

    def forward(self, lr):
        return self.sample(lr, "ancestral", 4, torch.Generator().manual_seed(0))


SAMPLERS = (
    srbench.Sampler(name="ancestral", steps=(4, 2), most=10),
    srbench.Sampler(name="mean", steps=(1,), most=10, evaluations=1),
)


class Regression(nn.Module):
    """Fits a gain and an offset that make lr from its own half by gradient descent, and applies them to lr."""

    def __init__(self):
        super().__init__()
        self.line = nn.Parameter(torch.tensor([1.0, 0.0]))

    def fit(self, lr, *, steps, generator, kernel, go_on):
        line = (torch.tensor([1.0, 0.0]) + torch.randn(2, generator=generator) / 100).to(lr).requires_grad_()
        height, width = (side // 2 * 2 for side in lr.shape[-2:])
        wanted = lr[..., :height, :width]
        given = repeated(F.avg_pool2d(wanted, 2) if kernel is None else blurred(wanted, kernel)[..., ::2, ::2])
        rate = 0.5 / (1 + given.square().mean())
        losses = []
        for _ in range(steps):
            if not go_on():
                break
            loss = F.mse_loss(line[0] * given + line[1], wanted)
            (gradient,) = torch.autograd.grad(loss, line)
            line = (line - rate * gradient).detach().requires_grad_()
            losses.append(loss.item())
        return srbench.Fitted(line[0].detach() * repeated(lr) + line[1].detach(), len(losses), tuple(losses))

    def forward(self, lr):
        with torch.inference_mode(mode=False), torch.enable_grad():
            lr = lr.clone()
            made = [
                self.fit(
                    image[None], steps=20, generator=torch.Generator().manual_seed(0), kernel=None, go_on=lambda: True
                ).sr
                for image in lr
            ]
        return torch.cat(made)


def blurred(image, kernel):
    """Return an image filtered by a kernel of odd side."""
    margin = kernel.shape[0] // 2
    padded = F.pad(image, (margin,) * 4, mode="replicate")
    return F.conv2d(padded, kernel.expand(image.shape[1], 1, -1, -1), groups=image.shape[1])


def gaussian_spec(build=Gaussian, **facts):
    """Return the spec of a network that draws."""
    known = {"name": "gaussian", "build": lambda _: build(), "scales": frozenset({2}), "samplers": SAMPLERS}
    return srbench.ArchitectureSpec(**known | facts)


def regression_spec(build=Regression, **facts):
    """Return the spec of a network that is fitted."""
    known = {
        "name": "regression", "build": lambda _: build(), "scales": frozenset({2}), "trainable": False,
        "fitting": srbench.Fitting(steps=20),
    }  # fmt: skip
    return srbench.ArchitectureSpec(**known | facts)


def gaussian(module=None, **facts):
    """Return a network that draws."""
    module = module or Gaussian()
    return Network(gaussian_spec(lambda: module, **facts), module.eval())


def regression(module=None, **facts):
    """Return a network that is fitted."""
    module = module or Regression()
    return Network(regression_spec(lambda: module, **facts), module.eval())
