"""Image-specific optimisation, the training of IKM: kernels learn from each image's own copy (Huang et al., 2021)."""

from __future__ import annotations

from srbench_plugins.architectures.ikm import LICENSE, PAPER, ModulatedConv2d

import srbench


class ImageSpecific(srbench.Distiller):
    """Trains a modulated network on the recipe's losses, its kernels by the mean gradient of the images' copies.

    An image's copy is the kernel times that image's factors. The gradient of the loss would weigh what each copy
    receives by those factors again; here it does not, and the other parameters are trained as ever.

    Raises:
        TrainingError: The student has no modulated convolution.
    """

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        layers = [m for m in setup.student.module.modules() if isinstance(m, ModulatedConv2d)]
        if not layers:
            name = setup.student.spec.name
            raise srbench.TrainingError(f"{name} has no modulated convolution; train ikm:{name} this way.")
        for layer in layers:
            layer.image_specific = True


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """The paper's training."""
    return [
        srbench.DistillerSpec(
            name="iso",
            label="image-specific optimisation",
            build=ImageSpecific,
            needs_teacher=False,
            tried_on=("ikm:edsr_small", "edsr_small"),
            paper=PAPER,
            license=LICENSE,
            notes="For modulated networks only: uhdn_ikm, comonet_s, comonet_l and ikm:NAME. With the distiller none "
            "they are trained by the gradient of the loss itself.",
        )
    ]
