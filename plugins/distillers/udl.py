"""UDL: learn the uncertainty of sr, then weigh the loss by it (Ning et al., NeurIPS 2021).

Step 1 trains sr μ and the map s together: ``L1(e^-s μ, e^-s y) + 2 mean(s)``, the likelihood of a Laplace distribution
of scale e^s with Jeffreys' prior. Step 2 keeps a copy of that network, frozen, and goes on with the image alone:
``L1(w μ, w y)`` with ``w = s - min s + 1`` by the copy's map, the minimum over the pixels of a channel of an image. So
uncertain values, which are edges and texture, weigh more. (The paper's w has no + 1, the release's has.)

Both are in the network's own units, since the map is. Other losses than L1 take its place if the recipe names them.

The student of step 2 keeps the branch of its map as step 1 left it, on features that have moved since; ``udl_step1``
ends after step 1, with a map that belongs to its sr. The control is ``none``, which trains the image alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

import torch
from srbench_plugins.architectures.udl import PAPER
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import full_precision
from srbench.networks.map_parameters import map_parameters
from srbench.networks.prediction import unit

STEP_EPOCHS = (6, 20)
"""How often the release goes through its images in an epoch of step 1 and of step 2; both have as many epochs."""
PRIOR_WEIGHT = 2.0
"""Weight of the mean of the map in step 1."""
LEARN, WEIGH = range(2)
"""The steps."""


def certainty(spread: Tensor) -> Tensor:
    """Return the weights of step 1, e^-s, for the map s (N, C, H, W)."""
    return (-spread).exp()


def emphasis(spread: Tensor) -> Tensor:
    """Return the weights of step 2, s - min s + 1, for the map s (N, C, H, W); at least 1, and without a gradient."""
    spread = spread.detach()
    return spread - spread.amin(dim=(2, 3), keepdim=True) + 1


class UncertaintyDriven(srbench.Distiller):
    """Trains the map and then the image; the terms are the recipe's, weighted, and in step 1 ``prior``.

    Args:
        setup: The training setup; no teacher is needed.
        steps: The steps to take, of `LEARN` and `WEIGH`.

    Raises:
        TrainingError: The student's map is not the logarithm of the scale of a Laplace distribution.
    """

    step_number: Tensor

    def __init__(self, setup: srbench.Setup, *, steps: Sequence[int] = (LEARN, WEIGH)) -> None:
        super().__init__(setup)
        spec = setup.student.spec
        if spec.uncertainty != "log_scale":
            raise srbench.TrainingError(
                f"{spec.name} does not return the log_scale of its uncertainty, which this distiller trains; choose a "
                "network that does, such as udl_edsr_s."
            )
        self.steps = tuple(steps)
        self.judge = copy.deepcopy(setup.student.module).eval().requires_grad_(requires_grad=False)
        self.register_buffer("step_number", torch.tensor(LEARN))

    def phases(self) -> Sequence[srbench.Phase]:
        """Step 1 of the whole student, and step 2 of what decides its sr."""
        student = self.setup.student
        of_map = set(map_parameters(student, self.setup.scales))
        for_image: list[nn.Module | nn.Parameter] = [p for p in student.module.parameters() if p not in of_map]
        phases = (
            srbench.Phase("uncertainty", STEP_EPOCHS[LEARN], {"main": [student.module]}, begin=self._learn),
            srbench.Phase("image", STEP_EPOCHS[WEIGH], {"main": for_image}, begin=self._weigh),
        )
        return tuple(phases[step] for step in self.steps)

    def _learn(self) -> None:
        self.step_number.fill_(LEARN)

    def _weigh(self) -> None:
        """Freeze a copy of the student, which has learnt its uncertainty."""
        self.step_number.fill_(WEIGH)
        self.judge.load_state_dict(self.setup.student.module.state_dict())

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """Compare sr and hr under the weights of the step."""
        student = self.setup.student
        sr, spread = student.predict(batch.lr, batch.scale, conditions=batch.conditions)
        if self.step_number == WEIGH:
            judge = srbench.Network(student.spec, self.judge)
            with torch.no_grad():
                spread = judge.predict(batch.lr, batch.scale, conditions=batch.conditions).map
        sr, hr, spread = (_wide(each) for each in (sr, batch.hr, cast("Tensor", spread)))
        with full_precision(sr):
            own_units = 1 / unit(student.spec, sr)
            if self.step_number == WEIGH:
                weight = own_units * emphasis(spread)
                return self.setup.supervised(weight * sr, weight * hr)
            weight = own_units * certainty(spread)
            return {**self.setup.supervised(weight * sr, weight * hr), "prior": PRIOR_WEIGHT * spread.mean()}


def _wide(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _spec(
    name: str, label: str, build: Callable[[srbench.Setup], srbench.Distiller], notes: str
) -> srbench.DistillerSpec:
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=build,
        needs_teacher=False,
        trains_uncertainty=True,
        tried_on=("udl_edsr_small", "udl_edsr_small"),
        paper=PAPER,
        license="unknown (no licence file)",
        notes=notes,
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide the paper's training and its first step alone."""
    return [
        _spec(
            "udl",
            "UDL",
            UncertaintyDriven,
            "Step 1 has 6 of 26 parts of the training, step 2 the others, as in the release; the schedule goes over "
            "each. The release also skips batches whose loss is a million times that of the epoch before, which is "
            "left out. The student's map is that of step 1 on features that step 2 has moved.",
        ),
        _spec(
            "udl_step1",
            "UDL, step 1",
            partial(UncertaintyDriven, steps=(LEARN,)),
            "The first step of UDL alone, for as long as the recipe says: its map belongs to its sr.",
        ),
    ]
