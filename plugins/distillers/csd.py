"""CSD: the student is the teacher's first channels, and both learn together (Wang et al., IJCAI 2021).

There is one set of weights, the wide network's; the student's are the first channels of them. The wide network starts
from the teacher and both are trained at once,

``L(S, hr) + L(W, hr) + w * sum over levels of w_i d(e_i(W), e_i(S)) / sum over k of d(e_i(N_k), e_i(S))``

with d the mean absolute difference, W the image of the wide network, without gradient in the last term, S that of the
student, N the images of other patches, enlarged from lr, and e a frozen encoder. ``L`` are the recipe's own losses. The
release works on images in [0, 255], where w is 200: the ratio has no unit, so w is 200 / 255 on [0, 1].

The paper's encoder is VGG19, whose weights do not come with srbench; `srbench.distilling.encoders` has what is used
instead. Which images are negatives is where the release slips: for all patches it takes the first ten of the batch, the
patch's own among them (``csd_official``). Here they are ten others, drawn for each patch.

The release can compare by angles instead (``csd_cosine``), for which it names no weight; there it slips twice more
(``csd_cosine_official``), see `cosine_contrast`.

Most of the gain is that of starting from the teacher's weights (issue 9 of the release): judge by ``weight_inherit``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from srbench_plugins.distillers.weight_inherit import inherit, inheritable, leading
from torch import Generator, Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.distilling.encoders import LEVEL_WEIGHTS, MakeEncoder, alexnet, untrained, vgg16
from srbench.imaging import imresize
from srbench.networks.blocks import full_precision

CONTRAST_WEIGHT = 200 / 255
"""w, for images in [0, 1]."""
NEGATIVES = 10
TRIAL_SIDE = 16
"""Side in pixels of the lr on which the wide network is tried."""


def contrast(
    anchors: Sequence[Tensor],
    positives: Sequence[Tensor],
    negatives: Sequence[Tensor],
    chosen: Tensor,
    weights: Sequence[float] = LEVEL_WEIGHTS,
) -> Tensor:
    """How far the positives are, by how far the negatives are, summed over levels (equations 4 and 5).

    Args:
        anchors: Of each level, (N, C, h, w).
        positives: The same.
        negatives: (K, C, h, w).
        chosen: (N, K), 1 where an image has a negative and 0 elsewhere; distances to an image's negatives are added up.
        weights: One for each level.
    """
    terms = []
    for weight, anchor, positive, negative in zip(weights, anchors, positives, negatives, strict=True):
        with full_precision(anchor):
            mine, theirs = (_vectors(maps) for maps in (anchor, negative))
            distances = torch.cdist(mine, theirs, p=1) / mine.shape[1]  # nothing larger than a map is held
            away = (chosen.to(distances) * distances).sum(dim=1).mean()
            terms.append(weight * F.l1_loss(mine, _vectors(positive)) / (away + 1e-7))
    return torch.stack(terms).sum()


def cosine_contrast(
    anchors: Sequence[Tensor],
    positives: Sequence[Tensor],
    negatives: Sequence[Tensor],
    chosen: Tensor,
    weights: Sequence[float] = LEVEL_WEIGHTS,
    *,
    across_batch: bool = False,
) -> Tensor:
    """How much closer by angle the negatives are than the positives: ``-log(exp(cos p) / (exp(cos n) + 1e-7))``.

    Args:
        anchors: See `contrast`, as for all that follow.
        positives: The same.
        negatives: The same.
        chosen: The same; the mean is taken over an image's negatives.
        weights: One for each level.
        across_batch: As the release runs: the cosine of anchors and positives is that of the vectors that the images of
            a batch make of each place and channel, and that of the negatives is divided by how many values a map has,
            which leaves next to nothing of it.
    """
    terms = []
    for weight, anchor, positive, negative in zip(weights, anchors, positives, negatives, strict=True):
        with full_precision(anchor):
            mine, target, theirs = (_vectors(maps) for maps in (anchor, positive, negative))
            toward = F.cosine_similarity(mine, target, dim=0 if across_batch else 1).mean()
            cosines = chosen.to(mine) * (F.normalize(mine) @ F.normalize(theirs).mT)
            away = cosines.sum(dim=1) / (mine.shape[1] if across_batch else chosen.to(mine).sum(dim=1))
            terms.append(weight * (torch.log(torch.exp(away.mean()) + 1e-7) - toward))
    return torch.stack(terms).sum()


def _vectors(maps: Tensor) -> Tensor:
    return maps.to(torch.promote_types(maps.dtype, torch.float32)).flatten(1)


def draw_others(count: int, wanted: int, generator: Generator) -> Tensor:
    """Choose negatives for each of ``count`` images among the others, ``wanted`` of them or as many as there are.

    Returns:
        (count, count), 1 where one was chosen and 0 elsewhere, which the diagonal always is.
    """
    order = torch.rand(count, count, generator=generator).fill_diagonal_(2.0).argsort(dim=1)
    return torch.zeros(count, count).scatter_(1, order[:, : min(wanted, count - 1)], 1.0)


def first_of_batch(count: int, wanted: int) -> Tensor:
    """The release's choice, the first ``wanted`` for every image and so its own too; as `draw_others`."""
    return (torch.arange(count) < wanted).to(torch.float32).expand(count, count)


class CSD(srbench.Distiller):
    """Trains the wide network; the student's weights are read from it, at every step anew.

    The terms are the recipe's, the same as ``wide_…`` of the wide network, and ``contrast``.

    Args:
        setup: The training's. The teacher is what the wide network starts from.
        encoder: What sees the images.
        compare: What the term ``contrast`` is.
        weight: Of ``contrast``, for images in [0, 1].
        wide_weight: Of the wide network's own losses.
        negatives: How many each patch has, if the batch has as many.
        own: Whether negatives are the batch's first for every patch, as in the release.

    Raises:
        TrainingError: The student's weights are no part of the teacher's.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        encoder: MakeEncoder = untrained,
        compare: Callable[..., Tensor] = contrast,
        weight: float = CONTRAST_WEIGHT,
        wide_weight: float = 1.0,
        negatives: int = NEGATIVES,
        own: bool = False,
    ) -> None:
        super().__init__(setup)
        setup.require_common_colours()
        student, teacher = setup.student.module, setup.teacher
        self.wide = teacher.spec.network(setup.scales[0])  # made anew, since a frozen one does not tell what is trained
        self.wide.load_state_dict(teacher.module.state_dict())
        self.wide.to(setup.device)
        self.sources = _sources(student, self.wide)
        trained = [name for name, weights in student.named_parameters() if weights.requires_grad]
        if missing := [name for name in trained if name not in self.sources]:
            raise srbench.TrainingError(
                f"{setup.student.spec.name} is no part of {teacher.spec.name}, which has nothing for {missing[0]}; "
                "choose a wider teacher of the same family and at least the same depth."
            )
        inherit(student, self.wide)
        self.encode = encoder(setup.device)
        self.compare, self.weight, self.wide_weight = compare, weight, wide_weight
        self.negatives, self.own = negatives, own
        self.notes = (f"Images are seen by {self.encode.name}.",)

    def phases(self) -> Sequence[srbench.Phase]:
        """One, which trains the wide network alone."""
        return (srbench.Phase("train", optimise={"main": self._used()}),)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The terms of the class."""
        if len(batch.lr) < 2:
            raise srbench.TrainingError(
                "CSD takes other patches of the batch for negatives and got one; set the recipe's batch to 2 or more."
            )
        wide = srbench.Network(self.setup.teacher.spec, self.wide)(batch.lr, batch.scale)
        sr = self.setup.student(batch.lr, batch.scale, self._shared())
        with torch.no_grad():
            positives = self.encode(wide)
            negatives = self.encode(imresize(batch.lr, scale=batch.scale))
        distance = self.compare(self.encode(sr), positives, negatives, self._chosen(batch))
        own = self.setup.supervised(wide, batch.hr)
        return {
            **self.setup.supervised(sr, batch.hr),
            **{f"wide_{name}": self.wide_weight * term for name, term in own.items()},
            "contrast": self.weight * distance,
        }

    def after_step(self, batch: srbench.Batch) -> None:  # noqa: ARG002 - the student is the same part at every step
        """The student's own weights follow, to be measured and saved."""
        own = dict(self.setup.student.module.named_parameters())
        with torch.no_grad():
            for name, weights in self._shared().items():
                own[name].copy_(weights)

    def _shared(self) -> dict[str, Tensor]:
        """The student's weights, as parts of the wide network's."""
        own, wide = (dict(module.named_parameters()) for module in (self.setup.student.module, self.wide))
        return {name: leading(wide[source], own[name].shape) for name, source in self.sources.items()}

    def _used(self) -> list[nn.Parameter]:
        """What of the wide network serves the scales that are trained; the rest has no gradient."""
        network = srbench.Network(self.setup.teacher.spec, self.wide.eval())
        lr = torch.zeros(1, network.colours, TRIAL_SIDE, TRIAL_SIDE, device=self.setup.device)
        total = torch.stack([network(lr, scale).sum() for scale in self.setup.scales]).sum()
        trained = [weights for weights in self.wide.train().parameters() if weights.requires_grad]
        slopes = torch.autograd.grad(total, trained, allow_unused=True)
        return [weights for weights, slope in zip(trained, slopes, strict=True) if slope is not None]

    def _chosen(self, batch: srbench.Batch) -> Tensor:
        count = len(batch.lr)
        if self.own:
            return first_of_batch(count, self.negatives)
        return draw_others(count, self.negatives, batch.generator)


def _sources(student: nn.Module, wide: nn.Module) -> dict[str, str]:
    """For each of the student's parameters that is a part of one of the wide network's, the name of that."""
    own, whole = ({id(p): name for name, p in module.named_parameters()} for module in (student, wide))
    pairs = ((id(ours), id(theirs)) for ours, theirs in inheritable(student, wide))
    return {own[ours]: whole[theirs] for ours, theirs in pairs if ours in own and theirs in whole}


def _spec(name: str, label: str, notes: str, **options: Any) -> srbench.DistillerSpec:  # noqa: ANN401 - CSD's
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(CSD, **options),
        form="official" if name.endswith("_official") else "corrected",
        license="unknown (no licence file)",
        paper=srbench.Paper(
            title="Towards Compact Single Image Super-Resolution via Contrastive Self-distillation",
            venue="IJCAI",
            year=2021,
            url="https://arxiv.org/abs/2105.11683",
        ),
        notes=f"{notes} The teacher must be a wider network of the student's family; a copy of it is trained along. "
        "The paper's encoder is VGG19 on images in [0, 255]. Nearly all that it gains is the warm start from the "
        "teacher's weights: judge it by its gain over weight_inherit.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Variants differ in the encoder and in the negatives."""
    plain = "Images are seen by an untrained network, the same on every machine."
    return [
        _spec("csd", "CSD", plain),
        _spec("csd_alex", "CSD (AlexNet)", "Images are seen by ImageNet's AlexNet.", encoder=alexnet),
        _spec("csd_vgg", "CSD (VGG-16)", "Images are seen by ImageNet's VGG-16.", encoder=vgg16),
        _spec(
            "csd_official",
            "CSD (official negatives)",
            f"{plain} As the release runs, negatives are the first ten of the batch, the patch's own among them.",
            own=True,
        ),
        _spec(
            "csd_cosine",
            "CSD (cosine)",
            f"{plain} Compared by angles, by the weight of the other form: the release names none.",
            compare=cosine_contrast,
        ),
        _spec(
            "csd_cosine_official",
            "CSD (cosine, official)",
            f"{plain} As the release runs: angles across the batch, the first ten of it as negatives.",
            compare=partial(cosine_contrast, across_batch=True),
            own=True,
        ),
    ]
