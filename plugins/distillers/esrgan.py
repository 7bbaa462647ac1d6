"""ESRGAN: SRGAN with a relativistic average discriminator (Wang et al., ECCV Workshops 2018).

It is `srbench_plugins.distillers.srgan` with another adversarial loss. With ``d = D(hr)``, ``s = D(S)`` and means over
the batch, the student's is

``0.005 * (BCE(s - mean(d), 1) + BCE(d - mean(s), 0)) / 2``,

and the discriminator's is ``(BCE(d - mean(s), 1) + BCE(s - mean(d), 0)) / 2``. The architecture ``mix`` interpolates
between weights trained for PSNR and by this method (section 3.4).
"""

from __future__ import annotations

from functools import partial

from srbench_plugins.architectures.rrdbnet import PAPER
from srbench_plugins.distillers.srgan import OTHER_ENCODER, STAGES, build, family

import srbench
from srbench.distilling.adversarial import RELATIVISTIC
from srbench.distilling.encoders import MakeEncoder, vgg19


def _spec(name: str, label: str, encoder: MakeEncoder) -> srbench.DistillerSpec:
    form = "The losses and weights are those published." if encoder is vgg19 else OTHER_ENCODER
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(build, loss=RELATIVISTIC, encoder=encoder),
        needs_teacher=False,
        license="Apache-2.0",
        paper=PAPER,
        notes=f"{form} {STAGES}",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec | srbench.Family]:
    """Provide the published form, and it with other encoders."""
    return [_spec("esrgan", "ESRGAN", vgg19), family("esrgan", "ESRGAN", _spec)]
