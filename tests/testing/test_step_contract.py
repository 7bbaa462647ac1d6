"""The contract of a step finds what it is there to find."""

from dataclasses import dataclass

import pytest
import torch
from srbench_plugins.steps.blur import GaussianBlur

import srbench
from helpers.violations import one_violation
from srbench.degrading import Chain, Range, column
from srbench.errors import PluginError
from srbench.imaging.borders import Border
from srbench.testing import violations_of


@dataclass(frozen=True)
class Sound:
    by: Range = (0.1, 0.2)

    def draw(self, random, size):
        return {"by": random.within(self.by)}

    def apply(self, images, drawn, size):
        return images + column(drawn, "by", images)


def step(kind, **facts):
    return srbench.StepSpec(name="mine", build=kind, **{"units": {"by": "share"}, **facts})


def altered(**methods):
    return type("Altered", (Sound,), methods)


def test_a_sound_step_passes():
    assert violations_of(step(Sound)) == []


def mixing(self, images, drawn, size):
    return images * 0 + images.mean(0, keepdim=True)


def resizing(self, images, drawn, size):
    side = int(8 + 100 * drawn[0]["by"])
    return images[..., :side]


def needy(by):
    return Sound(by)


counter = iter(range(10**6))


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (step(Sound, units={}), "does not give the unit or meaning of by"),
        (step(lambda by=1.0: object()), "built object; it needs draw and apply"),
        (step(needy), "no default for by and no example of it"),
        (step(altered(draw=lambda s, r, z: {"by": 0.1, "n": next(counter)})), "different values from one seed"),
        (
            step(altered(draw=lambda s, r, z: {"by": r.batch.unit() / 9 if r.chance(0.5) else 0.1})),
            "from the batch's stream depend",
        ),
        (step(altered(draw=lambda s, r, z: {"by": 0.1, "t": (1, 2)})), "draws what JSON does not keep"),
        (step(altered(apply=lambda s, i, d, z: i.mul_(0.99))), "changes its images in place"),
        (step(altered(apply=lambda s, i, d, z: i.mean(1, keepdim=True))), "must keep the images and their channels"),
        (step(altered(apply=lambda s, i, d, z: i.float())), "gave torch.float32 for float64"),
        (step(altered(apply=lambda s, i, d, z: i * 255)), "is far beyond [0, 1]"),
        (step(altered(apply=lambda s, i, d, z: i / 0)), "gave NaN or infinity"),
        (step(altered(apply=lambda s, i, d, z: i + torch.rand(1) / 9)), "two results for the same draws"),
        (step(altered(apply=mixing)), "makes a different image in a batch than alone"),
        (step(altered(apply=resizing)), "different sizes in a batch and alone"),
    ],
)
def test_a_faulty_step_is_reported_with_its_fault(spec, text):
    one_violation(spec, text)


def test_a_step_describes_its_own_parameters_only():
    with pytest.raises(PluginError, match="describes the parameter 'to', which its build does not take; it takes by"):
        step(Sound, units={"by": "share", "to": "px"})
    with pytest.raises(PluginError, match="a parameter called 'weight', which is reserved"):
        srbench.StepSpec(name="mine", build=lambda weight=1: Sound())


def test_a_chain_that_draws_after_the_fact_breaks_the_contract_of_degradations():
    class Late(Sound):
        def apply(self, images, drawn, size):
            noise = 0.01 * next(counter) % 0.1
            return torch.nn.functional.adaptive_avg_pool2d(images, size.lr) * (0.9 - noise)

    one_violation(srbench.DegradationSpec(name="mine", chain=Chain([Late()]), stochastic=True), "two results")


def test_parameters_that_a_step_inherits_from_another_module_have_their_types():
    @dataclass(frozen=True)
    class Wider(GaussianBlur):
        more_px: float = 1.0

    types = {name: kind for name, kind, _ in step(Wider, units={}).parameters}
    assert types["more_px"] is float
    assert types["side_px"] is int
    assert types["border"] == Border
