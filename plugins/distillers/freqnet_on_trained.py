"""Train FreqNet on top of a network that has been trained already, and that stays as it is."""

from __future__ import annotations

from collections.abc import Mapping

from srbench_plugins.architectures.freqnet import PAPER
from srbench_plugins.architectures.freqnet_on import FreqNetOn
from torch import Tensor

import srbench


class FreqNetOnTrained(srbench.Distiller):
    """Copies the teacher into the student's lower network, freezes it, and trains the rest on the recipe's losses.

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
        """The recipe's, the network below in eval mode."""
        self.setup.student.module.get_submodule("network").eval()
        return super().losses(batch)


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
