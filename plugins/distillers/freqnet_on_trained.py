"""Train FreqNet on top of a network that has been trained already, and that stays as it is."""

from __future__ import annotations

from collections.abc import Mapping

from srbench_plugins.architectures.freqnet import PAPER
from srbench_plugins.architectures.freqnet_on import FreqNetOn
from torch import Tensor

import srbench
from srbench.imaging import rgb_to_y


class FreqNetOnTrained(srbench.Distiller):
    """Copies the teacher into the student's lower network, freezes it, and trains FreqNet and the mix.

    FreqNet learns for itself, as if alone, and from the merged image, both by the recipe's losses; the terms of its own
    are called ``freqnet_…``.

    Raises:
        TrainingError: The student has no network below, or the teacher is another one than that.
    """

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        student, teacher = setup.student, setup.teacher
        if not isinstance(student.module, FreqNetOn) or student.spec.name != f"freqnet_on:{teacher.spec.name}":
            raise srbench.TrainingError(
                f"{student.spec.name} does not stand on {teacher.spec.name}; train freqnet_on:{teacher.spec.name} "
                "with this teacher."
            )
        below = student.module.get_submodule("network")
        below.load_state_dict(teacher.module.state_dict())
        below.requires_grad_(requires_grad=False)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's on the merged image and, on luma, on FreqNet's own."""
        module, path = self.setup.student.module, f"merge.{batch.scale}.freqnet"
        module.get_submodule("network").eval()
        with srbench.capture(module, (path,)) as features:
            merged = super().losses(batch)
        hr = rgb_to_y(batch.hr) if batch.hr.shape[1] == 3 else batch.hr
        own = self.setup.supervised(features[path][..., : hr.shape[2], : hr.shape[3]], hr)  # lr may have been padded
        return {**merged, **{f"freqnet_{name}": term for name, term in own.items()}}


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """The second of two ways to train ``freqnet_on:NAME``."""
    return [
        srbench.DistillerSpec(
            name="freqnet_on_trained",
            label="FreqNet on a trained network",
            build=FreqNetOnTrained,
            tried_on=("freqnet_on:edsr_small", "edsr_small"),
            paper=PAPER,
            reconstruction=True,
            notes="For freqnet_on:NAME with a trained NAME as its teacher, whose weights stay as they are. That two "
            "outputs are merged is the paper's, how is ours.",
        )
    ]
