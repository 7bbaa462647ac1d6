"""SRGAN: adversarial training with a VGG-style discriminator (Ledig et al., CVPR 2017).

In the first stage the network is trained alone, on the recipe's losses ``L``. In the second stage its loss is

``0.01 L(S, hr) + |f(S) - f(hr)| + 0.005 * BCE(D(S), 1)``,

and D, a VGG-style classifier of patches, takes a step on ``BCE(D(hr), 1) + BCE(D(S), 0)`` after each of its steps. f is
the last convolution of ImageNet's VGG19, before its ReLU. These are the losses and weights of BasicSR's SRGAN. Those of
the paper (``srgan_paper``) have no pixel term: ``mean((relu(f(S)) - relu(f(hr)))²) / 12.75² + 0.001 * BCE(D(S), 1)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from srbench_plugins.architectures.msrresnet import PAPER
from torch import Tensor
from torch.nn import functional as F

import srbench
from srbench.distilling.adversarial import PLAIN, AdversarialLoss, AdversarialTraining, Adversary
from srbench.distilling.discriminators import vgg_discriminator
from srbench.distilling.encoders import ENCODERS, MakeEncoder, encoder_named, vgg19
from srbench.distilling.perceptual import Comparison, perceptual

PIXEL_WEIGHT = 1e-2
ADVERSARIAL_WEIGHT = 5e-3
PAPER_ADVERSARIAL_WEIGHT = 1e-3
PAPER_FEATURE_DIVISOR = 12.75
"""Features are divided by it before they are compared."""
STAGES = (
    "As published, the network is trained alone for 1,000,000 steps, and then with the adversary for 400,000 at half "
    "of the rate, with Adam's betas 0.9 and 0.99, on HR patches of 128 pixels in batches of 16. The recipe's steps are "
    "divided in the same proportion, and each stage runs through the recipe's schedule. With a recipe that starts from "
    "other weights (start_from), all steps belong to the second stage. Improves perceptual quality at the cost of PSNR."
)
OTHER_ENCODER = "Not the published form: the deepest features of another encoder than VGG19 are compared."


def build(
    setup: srbench.Setup,
    *,
    loss: AdversarialLoss = PLAIN,
    encoder: MakeEncoder = vgg19,
    compare: Comparison = perceptual,
    pixel_weight: float = PIXEL_WEIGHT,
    adversarial_weight: float = ADVERSARIAL_WEIGHT,
) -> AdversarialTraining:
    """Make the training of SRGAN or ESRGAN.

    Args:
        setup: The training setup; no teacher is needed.
        loss: What the logits of the discriminator cost.
        encoder: Makes the encoder of the term ``perceptual``.
        compare: Compares the features, from the encoder's shallowest level to its deepest.
        pixel_weight: Factor on the recipe's losses in the second stage.
        adversarial_weight: Weight of ``adversarial``.

    Raises:
        TrainingError: HR patches are too small, or of several sizes.
        UnavailableError: The encoder's weights are not on this machine.
    """
    discriminator = vgg_discriminator(setup)
    adversary = Adversary(setup, discriminator, weight=adversarial_weight, loss=loss, encoder=encoder, compare=compare)
    return AdversarialTraining(setup, adversary, pixel_weight=pixel_weight)


def rectified_content(maps: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Return the paper's content loss: the mean squared error of the deepest features after a ReLU, each / 12.75."""
    features, target = (F.relu(levels[-1]) / PAPER_FEATURE_DIVISOR for levels in (maps, targets))
    return F.mse_loss(features, target)


def family(
    name: str, label: str, make_spec: Callable[[str, str, MakeEncoder], srbench.DistillerSpec]
) -> srbench.Family:
    """Return the family ``NAME_with:ENCODER``, whose members compare the features of another encoder.

    Args:
        name: Name of the distiller.
        label: Label of the distiller.
        make_spec: ``make_spec(name, label, encoder)`` makes the spec of a member.
    """

    def make(argument: str, others: srbench.SpecMap[srbench.DistillerSpec]) -> srbench.DistillerSpec:  # noqa: ARG001
        return make_spec(f"{name}_with:{argument}", f"{label} ({argument})", encoder_named(argument))

    return srbench.Family(
        name=f"{name}_with",
        make=make,
        example=f"{name}_with:alexnet",
        label=f"{label} with the features of one of {', '.join(ENCODERS)}",
    )


def _spec(
    name: str,
    label: str,
    encoder: MakeEncoder = vgg19,
    *,
    notes: str = "The losses and weights of BasicSR.",
    **options: Any,  # noqa: ANN401 - those of `build`
) -> srbench.DistillerSpec:
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(build, encoder=encoder, **options),
        needs_teacher=False,
        license="Apache-2.0",
        paper=PAPER,
        notes=f"{notes if encoder is vgg19 else OTHER_ENCODER} {STAGES}",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec | srbench.Family]:
    """Provide BasicSR's form, the paper's losses, and BasicSR's form with other encoders."""
    return [
        _spec("srgan", "SRGAN"),
        _spec(
            "srgan_paper",
            "SRGAN (paper)",
            notes="The losses of the paper, which has no pixel loss beside them, with BasicSR's discriminator.",
            compare=rectified_content,
            pixel_weight=0.0,
            adversarial_weight=PAPER_ADVERSARIAL_WEIGHT,
        ),
        family("srgan", "SRGAN", _spec),
    ]
