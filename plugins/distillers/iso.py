"""Image-specific optimisation, the training of IKM: kernels get the mean of their gradients (Huang et al., 2021)."""

from __future__ import annotations

from srbench_plugins.architectures.ikm import LICENSE, PAPER, ModulatedConv2d

import srbench


class ImageSpecific(srbench.Distiller):
    """Trains a modulated network on the recipe's losses, and its kernels on the mean gradient of their copies.

    Each image has its own copy of a kernel, multiplied by the image's factors. The chain rule would multiply the
    gradient of each copy by those factors again; this is left out. All other parameters are trained as usual.

    Raises:
        TrainingError: The student has no modulated convolution.
    """

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        layers = [m for m in setup.student.module.modules() if isinstance(m, ModulatedConv2d)]
        if not layers:
            name = setup.student.spec.name
            raise srbench.TrainingError(
                f"{name} has no modulated convolution, which this distiller needs; train ikm:{name} instead."
            )
        for layer in layers:
            layer.image_specific = True


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide the paper's training."""
    return [
        srbench.DistillerSpec(
            name="iso",
            label="image-specific optimisation",
            build=ImageSpecific,
            needs_teacher=False,
            tried_on=("ikm:edsr_small", "edsr_small"),
            paper=PAPER,
            license=LICENSE,
            notes="For modulated networks only: uhdn_ikm, comonet_s, comonet_l and ikm:NAME. The distiller none trains "
            "them with the gradient of the loss itself.",
        )
    ]
