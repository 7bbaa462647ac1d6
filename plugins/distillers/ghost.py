"""GhostSR's training: the noise that explores the shifts' directions fades (Nie et al., TMLR 2022).

``ghost_clustered`` also starts the layers from a trained network's filters.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
from srbench_plugins.architectures.ghostsr import PAPER, GhostModule, Shift
from torch import Tensor, nn

import srbench

EPOCHS = 6000
"""Of the release's training; the noise is multiplied by 0.97 after each."""
DECAY = 0.97


class Ghost(srbench.Distiller):
    """Trains a ghost network on the recipe's losses while the noise on its shifts fades.

    After the n-th of 6,000 equal parts of the training the noise is 0.97ⁿ, as the paper has it by epochs; the released
    code never counts its epochs. Without this the noise stays as strong as it began.

    Raises:
        TrainingError: The student has no ghost module.
    """

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        self.shifts = [m for m in setup.student.module.modules() if isinstance(m, Shift)]
        if not self.shifts:
            raise srbench.TrainingError(
                f"{setup.student.spec.name} has no ghost module; train ghost:{setup.student.spec.name} this way."
            )

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's, after setting the noise of this step."""
        for shift in self.shifts:
            shift.noise.fill_(DECAY ** (EPOCHS * batch.step // batch.steps))
        return super().losses(batch)


class GhostClustered(Ghost):
    """Starts from the filters of a trained network of the same form, and goes on as `Ghost`."""

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        inherit_filters(setup.student.module, setup.teacher.module)


def inherit_filters(ghost: nn.Module, trained: nn.Module) -> int:
    """Start a ghost network from a trained one whose modules have the same paths.

    Args:
        ghost: Changed in place.
        trained: What it was made from.

    Returns:
        How many convolutions were clustered.

    Raises:
        TrainingError: None fits.
    """
    theirs, count = dict(trained.named_modules()), 0
    with torch.no_grad():
        state = trained.state_dict()
        for key, tensor in ghost.state_dict().items():
            if key in state and state[key].shape == tensor.shape:
                tensor.copy_(state[key])
        for path, module in ghost.named_modules():
            layer = theirs.get(path)
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
            "The teacher has no convolution where the student has a ghost module; name the network it was made from."
        )
    return count


def intrinsic_filters(weight: Tensor, count: int) -> list[int]:
    """Choose the filters that stand for all (Section 3.3): k-means, and of each cluster the one next to its centre.

    A filter that was among the first ``count`` keeps its channel; the others take the channels that are left, in order.

    Args:
        weight: (out, in, h, w).
        count: Clusters.

    Returns:
        Which filter goes to each of ``count`` channels; no filter twice.
    """
    from scipy.cluster.vq import kmeans2
    from scipy.spatial.distance import cdist

    flat = weight.detach().cpu().double().flatten(1).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on clusters that lose all their filters, which are seen to below
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
    """The paper's training, from scratch and from a trained network."""
    return [
        srbench.DistillerSpec(
            name="ghost",
            label="fading shift noise",
            build=Ghost,
            needs_teacher=False,
            tried_on=("ghost:edsr_small", "edsr_small"),
            paper=PAPER,
            license="Apache-2.0",
            notes="For ghost networks only. The epochs of the noise are parts of the training, 6,000 in all, so that "
            "it is gone by the end of a short one too.",
        ),
        srbench.DistillerSpec(
            name="ghost_clustered",
            label="clustered filters",
            build=GhostClustered,
            tried_on=("ghost:edsr_small", "edsr_small"),
            paper=PAPER,
            license="Apache-2.0",
            reconstruction=True,
            notes="For ghost networks; the teacher is the trained network it was made from. The release has no code "
            "for the clusters: which channel a chosen filter takes is ours.",
        ),
    ]
