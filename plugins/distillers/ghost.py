"""GhostSR's training: fade out the noise that explores the directions of the shifts (Nie et al., TMLR 2022).

``ghost_clustered`` also starts the layers from a trained network's filters.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
from srbench_plugins.architectures.ghostsr import PAPER, GhostModule, Shift
from torch import Tensor, nn

import srbench

NOISE_EPOCHS = 6000
"""Epochs of the release's training; the noise is multiplied by `NOISE_DECAY` after each."""
NOISE_DECAY = 0.97


class Ghost(srbench.Distiller):
    """Trains a ghost network on the recipe's losses while the noise on its shifts fades.

    After the n-th of 6,000 equal parts of the training the noise is 0.97ⁿ, where the paper counts epochs; the released
    code never advances its epoch counter. Without this the noise keeps its initial strength.

    Raises:
        TrainingError: The student has no ghost module.
    """

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        self.shifts = [m for m in setup.student.module.modules() if isinstance(m, Shift)]
        if not self.shifts:
            raise srbench.TrainingError(
                f"{setup.student.spec.name} has no ghost module, which this distiller needs; train "
                f"ghost:{setup.student.spec.name} instead."
            )

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """Set the noise of this step and return the recipe's terms."""
        for shift in self.shifts:
            shift.noise.fill_(NOISE_DECAY ** (NOISE_EPOCHS * batch.step // batch.steps))
        return super().losses(batch)


class GhostClustered(Ghost):
    """Starts from the filters of a trained network of the same form, and trains as `Ghost` does."""

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        inherit_filters(setup.student.module, setup.teacher.module)


def inherit_filters(ghost: nn.Module, trained: nn.Module) -> int:
    """Initialise a ghost network from a trained one whose modules have the same paths.

    Args:
        ghost: The ghost network; changed in place.
        trained: The network that it was made from.

    Returns:
        How many convolutions were clustered.

    Raises:
        TrainingError: No convolution of the trained network fits.
    """
    trained_layers, count = dict(trained.named_modules()), 0
    with torch.no_grad():
        state = trained.state_dict()
        for key, tensor in ghost.state_dict().items():
            if key in state and state[key].shape == tensor.shape:
                tensor.copy_(state[key])
        for path, module in ghost.named_modules():
            layer = trained_layers.get(path)
            primary = module.primary_conv if isinstance(module, GhostModule) else None
            if (
                primary is None
                or not isinstance(layer, nn.Conv2d)
                or layer.weight.shape[1:] != primary.weight.shape[1:]
            ):
                continue
            filters = intrinsic_filters(layer.weight, primary.out_channels)
            primary.weight.copy_(layer.weight[filters])
            if primary.bias is not None and layer.bias is not None:
                primary.bias.copy_(layer.bias[filters])
            count += 1
    if not count:
        raise srbench.TrainingError(
            "The teacher has no convolution where the student has a ghost module; choose the network that the student "
            "was made from as teacher."
        )
    return count


def intrinsic_filters(weight: Tensor, count: int) -> list[int]:
    """Choose representative filters (Section 3.3): cluster by k-means and take the one nearest to each centre.

    A filter that was among the first ``count`` keeps its channel; the others take the remaining channels in order.

    Args:
        weight: The filters (out, in, h, w).
        count: Number of clusters.

    Returns:
        The index of the filter for each of ``count`` channels; no filter occurs twice.
    """
    from scipy.cluster.vq import kmeans2
    from scipy.spatial.distance import cdist

    flat = weight.detach().cpu().double().flatten(1).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about clusters that lose all their filters, which are handled below
        centres, labels = kmeans2(flat, flat[:: len(flat) // count][:count], iter=20, minit="matrix")
    distances = cdist(centres, flat)
    chosen: list[int] = []
    for cluster in range(count):
        members = (labels == cluster).nonzero()[0]
        if len(members):
            chosen.append(int(members[distances[cluster, members].argmin()]))
    chosen += [i for i in range(len(flat)) if i not in chosen][: count - len(chosen)]
    left = iter(sorted(i for i in chosen if i >= count))
    return [channel if channel in chosen else next(left) for channel in range(count)]


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide the paper's training, from scratch and from a trained network."""
    return [
        srbench.DistillerSpec(
            name="ghost",
            label="fading shift noise",
            build=Ghost,
            needs_teacher=False,
            tried_on=("ghost:edsr_small", "edsr_small"),
            paper=PAPER,
            license="Apache-2.0",
            notes="For ghost networks only. The noise fades over 6,000 equal parts of the training instead of epochs, "
            "so that it is gone by the end of a short training too.",
        ),
        srbench.DistillerSpec(
            name="ghost_clustered",
            label="clustered filters",
            build=GhostClustered,
            tried_on=("ghost:edsr_small", "edsr_small"),
            paper=PAPER,
            license="Apache-2.0",
            reconstruction=True,
            notes="For ghost networks; the teacher is the trained network that the student was made from. The release "
            "has no code for the clusters: the channel that a chosen filter takes is our reading.",
        ),
    ]
