"""The contract of networks that are fitted to each image finds every rule that one breaks."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

import srbench
from srbench.networks.per_image import FittedToEachImage
from srbench.testing import violations_of


class Sound(FittedToEachImage):
    """Fits a colour to add to the enlarged image."""

    def __init__(self, scale: int) -> None:
        super().__init__(steps=3)
        self.scale = scale
        self.colour = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def fit(self, lr, *, steps, generator, kernel, go_on: Callable[[], bool]) -> srbench.Fitted:
        colour, losses = self.first(lr, generator), []
        for _ in range(steps):
            if not go_on():
                break
            losses.append(colour.square().mean().item())
            colour = colour / 2
        enlarged = nn.functional.interpolate(lr, scale_factor=self.scale)
        return srbench.Fitted(enlarged + colour, len(losses), tuple(losses))

    def first(self, lr: Tensor, generator) -> Tensor:
        return torch.rand(self.colour.shape, generator=generator)

    def once(self, lr):
        return nn.functional.interpolate(lr, scale_factor=self.scale) + self.colour


class Global(Sound):
    def first(self, lr, generator):
        return torch.rand(self.colour.shape)


class Remembers(Sound):
    def first(self, lr, generator):
        with torch.no_grad():
            return self.colour.add_(1).clone()


class Changes(Sound):
    def first(self, lr, generator):
        lr.mul_(0.5)
        return super().first(lr, generator)


class Stubborn(Sound):
    def fit(self, lr, **options):
        return super().fit(lr, **options | {"go_on": lambda: True})


class Greedy(Sound):
    def fit(self, lr, **options):
        return super().fit(lr, **options | {"steps": options["steps"] + 1})


class Wrong(Sound):
    def fit(self, lr, **options):
        return super().fit(lr[..., :1], **options)


class Loose(Sound):
    def fit(self, lr, **options):
        return super().fit(lr, **options).sr


class Graph(Sound):
    def first(self, lr, generator):
        return super().first(lr, generator) + self.colour


class Kernelless(Sound):
    def fit(self, lr, **options):
        if options["kernel"] is not None:
            raise ValueError("a kernel")
        return super().fit(lr, **options)


class Small(Sound):
    def once(self, lr):
        return lr


class Unfit(nn.Module):
    def __init__(self, scale: int) -> None:
        super().__init__()


def spec_of(build):
    fitting = srbench.Fitting(steps=3)
    return srbench.ArchitectureSpec(
        name="mine", build=build, scales=frozenset({2, 3}), trainable=False, fitting=fitting
    )


def test_a_sound_one_has_no_violation():
    assert violations_of(spec_of(Sound)) == []


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (Global, "fit of mine draws from torch's global generator"),
        (Remembers, "fit of mine changes the weights of its module"),
        (Changes, "fit of mine changes lr in place"),
        (Stubborn, "fit of mine did not end after the one step"),
        (Greedy, "fit of mine took 3 steps and was allowed 2"),
        (Wrong, "gave sr (1, 3, 10, 2) torch.float32 for float32 lr (1, 3, 5, 7)"),
        (Loose, "fit of mine gave Tensor; it must give srbench.Fitted(sr, steps, losses)"),
        (Graph, "without gradients"),
        (Kernelless, "Fitting mine with a kernel raised ValueError: a kernel"),
        (Small, "once of mine gave (1, 3, 5, 7) for lr (1, 3, 5, 7); it must give (1, 3, 10, 14)"),
        (Unfit, "gave Unfit without a method fit"),
    ],
)
def test_a_broken_rule_is_named(build, sentence):
    assert any(sentence in found for found in violations_of(spec_of(build))), violations_of(spec_of(build))


def test_a_call_fits_to_each_image_from_seed_0_where_gradients_are_off_too():
    module, lr = Sound(2), torch.rand(2, 3, 4, 5)
    fit = partial(module.fit, steps=3, kernel=None, go_on=lambda: True)
    alone = [fit(image[None], generator=torch.Generator().manual_seed(0)).sr for image in lr]
    with torch.inference_mode():
        assert torch.equal(module(lr), torch.cat(alone))
