"""Train FreqNet on top of a trained network, whose weights stay unchanged."""

from __future__ import annotations

from collections.abc import Mapping

from srbench_plugins.architectures.freqnet import PAPER
from srbench_plugins.architectures.freqnet_on import FreqNetOn
from torch import Tensor

import srbench
from srbench.imaging import rgb_to_y


class FreqNetOnTrained(srbench.Distiller):
    """Copies the teacher into the student's lower network, freezes it, and trains FreqNet and the merging layers.

    The recipe's losses are taken of the merged image and of FreqNet's own image; the latter terms are named
    ``freqnet_…``.

    Raises:
        TrainingError: The student has no lower network, or its lower network is not the teacher.
    """

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        student, teacher = setup.student, setup.teacher
        if not isinstance(student.module, FreqNetOn) or student.spec.name != f"freqnet_on:{teacher.spec.name}":
            raise srbench.TrainingError(
                f"{student.spec.name} is not built on {teacher.spec.name}; train freqnet_on:{teacher.spec.name} "
                "with this teacher."
            )
        below = student.module.get_submodule("network")
        below.load_state_dict(teacher.module.state_dict())
        below.requires_grad_(requires_grad=False)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms on the merged image and, on luma, on FreqNet's own image."""
        module, path = self.setup.student.module, f"merge.{batch.scale}.freqnet"
        module.get_submodule("network").eval()
        with srbench.capture(module, (path,)) as features:
            merged = super().losses(batch)
        hr = rgb_to_y(batch.hr) if batch.hr.shape[1] == 3 else batch.hr
        own = self.setup.supervised(features[path][..., : hr.shape[2], : hr.shape[3]], hr)  # lr may have been padded
        return {**merged, **{f"freqnet_{name}": term for name, term in own.items()}}


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide the second of two ways to train ``freqnet_on:NAME``."""
    return [
        srbench.DistillerSpec(
            name="freqnet_on_trained",
            label="FreqNet on a trained network",
            build=FreqNetOnTrained,
            tried_on=("freqnet_on:edsr_small", "edsr_small"),
            paper=PAPER,
            reconstruction=True,
            notes="For freqnet_on:NAME with a trained NAME as its teacher, whose weights stay unchanged. The paper "
            "merges two outputs; how they are merged is our reading.",
        )
    ]
