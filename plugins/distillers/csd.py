"""CSD: the student is the first channels of the teacher, and both are trained together (Wang et al., IJCAI 2021).

There is one set of weights, those of the wide network; the student uses their first channels. The wide network starts
from the teacher, and both are trained at once,

``L(S, hr) + L(W, hr) + w * sum over levels of w_i d(e_i(W), e_i(S)) / sum over k of d(e_i(N_k), e_i(S))``

where d is the mean absolute difference, W the image of the wide network (without gradient in the last term), S the
image of the student, N the images of other patches, enlarged from lr, and e a frozen encoder. ``L`` are the recipe's
own losses. The release works on images in [0, 255], where w is 200; the ratio has no unit, so w is 200 / 255 on [0, 1].

The paper's encoder is VGG19, whose weights do not come with srbench; `srbench.distilling.encoders` has the encoders
used instead. The release chooses the negatives wrongly: it takes the first ten images of the batch for every patch,
including the patch itself (``csd_official``). Here each patch draws ten others.

The release can also compare by angles (``csd_cosine``), for which it gives no weight. That code has two more errors
(``csd_cosine_official``), see `cosine_contrast`.

Most of the gain comes from starting with the teacher's weights (issue 9 of the release): judge CSD by its gain over
``weight_inherit``.
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
"""Side in pixels of the lr that shows which parameters of the wide network are used."""


def contrast(
    anchors: Sequence[Tensor],
    positives: Sequence[Tensor],
    negatives: Sequence[Tensor],
    chosen: Tensor,
    weights: Sequence[float] = LEVEL_WEIGHTS,
) -> Tensor:
    """Divide the distance to the positives by the distance to the negatives, summed over levels (equations 4 and 5).

    Args:
        anchors: One tensor (N, C, h, w) for each level.
        positives: Tensors of the same shapes.
        negatives: (K, C, h, w).
        chosen: (N, K), 1 where an image has a negative and 0 elsewhere; distances to an image's negatives are added up.
        weights: One for each level.
    """
    terms = []
    for weight, anchor, positive, negative in zip(weights, anchors, positives, negatives, strict=True):
        with full_precision(anchor):
            anchor_vectors, negative_vectors = (_vectors(maps) for maps in (anchor, negative))
            distances = torch.cdist(anchor_vectors, negative_vectors, p=1)  # holds nothing larger than a map
            distances = distances / anchor_vectors.shape[1]
            negative_distance = (chosen.to(distances) * distances).sum(dim=1).mean()
            terms.append(weight * F.l1_loss(anchor_vectors, _vectors(positive)) / (negative_distance + 1e-7))
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
    """Contrast by angle: ``-log(exp(cos p) / (exp(cos n) + 1e-7))``, summed over levels.

    Args:
        anchors: See `contrast`.
        positives: See `contrast`.
        negatives: See `contrast`.
        chosen: See `contrast`; here the mean over an image's negatives is taken.
        weights: One for each level.
        across_batch: Compute both cosines as the release does. It takes the cosine of anchors and positives along the
            batch, for each place and channel, and divides the cosine of the negatives by the number of values in a
            map, which makes it negligible.
    """
    terms = []
    for weight, anchor, positive, negative in zip(weights, anchors, positives, negatives, strict=True):
        with full_precision(anchor):
            anchors_, positives_, negatives_ = (_vectors(maps) for maps in (anchor, positive, negative))
            positive_cosine = F.cosine_similarity(anchors_, positives_, dim=0 if across_batch else 1).mean()
            cosines = chosen.to(anchors_) * (F.normalize(anchors_) @ F.normalize(negatives_).mT)
            divisor = anchors_.shape[1] if across_batch else chosen.to(anchors_).sum(dim=1)
            negative_cosine = (cosines.sum(dim=1) / divisor).mean()
            terms.append(weight * (torch.log(torch.exp(negative_cosine) + 1e-7) - positive_cosine))
    return torch.stack(terms).sum()


def _vectors(maps: Tensor) -> Tensor:
    return maps.to(torch.promote_types(maps.dtype, torch.float32)).flatten(1)


def draw_others(count: int, wanted: int, generator: Generator) -> Tensor:
    """Choose ``wanted`` negatives, or all if there are fewer, for each of ``count`` images among the others.

    Returns:
        (count, count), 1 where a negative was chosen and 0 elsewhere; the diagonal is 0.
    """
    order = torch.rand(count, count, generator=generator).fill_diagonal_(2.0).argsort(dim=1)
    return torch.zeros(count, count).scatter_(1, order[:, : min(wanted, count - 1)], 1.0)


def first_of_batch(count: int, wanted: int) -> Tensor:
    """Choose as the release does: the first ``wanted`` images for every image, itself included; see `draw_others`."""
    return (torch.arange(count) < wanted).to(torch.float32).expand(count, count)


class CSD(srbench.Distiller):
    """Trains the wide network, and copies the student's weights from it after every step.

    The terms are the recipe's for the student, the recipe's for the wide network (named ``wide_…``), and ``contrast``.

    Args:
        setup: The training setup; the wide network starts from its teacher.
        encoder: Makes the frozen encoder.
        compare: Computes ``contrast``.
        weight: Weight of ``contrast``, for images in [0, 1].
        wide_weight: Weight of the losses of the wide network.
        negatives: Negatives for each patch; fewer if the batch is too small.
        own: Whether the negatives of every patch are the first of the batch, as in the release.

    Raises:
        TrainingError: The student's weights are not a part of the teacher's.
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
        self.wide = teacher.spec.network(setup.scales[0])  # a new one, as a frozen one hides what is trained
        self.wide.load_state_dict(teacher.module.state_dict())
        self.wide.to(setup.device)
        self.sources = _sources(student, self.wide)
        trained = [name for name, weights in student.named_parameters() if weights.requires_grad]
        if missing := [name for name in trained if name not in self.sources]:
            raise srbench.TrainingError(
                f"{setup.student.spec.name} is not a part of {teacher.spec.name}, which has no weights for "
                f"{missing[0]}; choose a wider teacher of the same family and at least the same depth."
            )
        inherit(student, self.wide)
        self.encode = encoder(setup.device)
        self.compare, self.weight, self.wide_weight = compare, weight, wide_weight
        self.negatives, self.own = negatives, own
        self.notes = (f"The encoder is {self.encode.name}.",)

    def phases(self) -> Sequence[srbench.Phase]:
        """A single phase, which trains the wide network alone."""
        return (srbench.Phase("train", optimise={"main": self._used()}),)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """Compute the terms that the class lists."""
        if len(batch.lr) < 2:
            raise srbench.TrainingError(
                "CSD takes negatives from the other patches of the batch, and the batch has only one patch; set the "
                "recipe's batch to 2 or more."
            )
        wide = srbench.Network(self.setup.teacher.spec, self.wide)(batch.lr, batch.scale)
        sr = self.setup.student(batch.lr, batch.scale, self._shared())
        with torch.no_grad():
            positives = self.encode(wide)
            negatives = self.encode(imresize(batch.lr, size=(sr.shape[-2], sr.shape[-1])))
        distance = self.compare(self.encode(sr), positives, negatives, self._chosen(batch))
        own = self.setup.supervised(wide, batch.hr)
        return {
            **self.setup.supervised(sr, batch.hr),
            **{f"wide_{name}": self.wide_weight * term for name, term in own.items()},
            "contrast": self.weight * distance,
        }

    def after_step(self, batch: srbench.Batch) -> None:  # noqa: ARG002 - the student is the same part at every step
        """Copy the trained weights into the student, which is measured and saved."""
        own = dict(self.setup.student.module.named_parameters())
        with torch.no_grad():
            for name, weights in self._shared().items():
                own[name].copy_(weights)

    def _shared(self) -> dict[str, Tensor]:
        """The student's weights, as views of the wide network's."""
        own, wide = (dict(module.named_parameters()) for module in (self.setup.student.module, self.wide))
        return {name: leading(wide[source], own[name].shape) for name, source in self.sources.items()}

    def _used(self) -> list[nn.Parameter]:
        """The parameters of the wide network that the trained scales use; the others get no gradient."""
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
    """Map each parameter name of the student to the parameter of the wide network that it is a part of, if any."""
    parts, wholes = ({id(p): name for name, p in module.named_parameters()} for module in (student, wide))
    pairs = ((id(part), id(whole)) for part, whole in inheritable(student, wide))
    return {parts[part]: wholes[whole] for part, whole in pairs if part in parts and whole in wholes}


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
        notes=f"{notes} The teacher must be a wider network of the student's family; a copy of it is trained with the "
        "student. The paper's encoder is VGG19 on images in [0, 255]. Nearly all of its gain is the warm start from "
        "the teacher's weights: judge it by its gain over weight_inherit.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide variants that differ in the encoder and in the negatives."""
    plain = "The encoder is an untrained network, the same on every machine."
    return [
        _spec("csd", "CSD", plain),
        _spec("csd_alex", "CSD (AlexNet)", "The encoder is ImageNet's AlexNet.", encoder=alexnet),
        _spec("csd_vgg", "CSD (VGG-16)", "The encoder is ImageNet's VGG-16.", encoder=vgg16),
        _spec(
            "csd_official",
            "CSD (official negatives)",
            f"{plain} As in the release's code, the negatives are the first ten images of the batch, which can include "
            "the patch itself.",
            own=True,
        ),
        _spec(
            "csd_cosine",
            "CSD (cosine)",
            f"{plain} Compared by angles, with the weight of the other form, as the release gives none.",
            compare=cosine_contrast,
        ),
        _spec(
            "csd_cosine_official",
            "CSD (cosine, official)",
            f"{plain} As in the release's code, angles are taken across the batch, and the negatives are the first ten "
            "images of it.",
            compare=partial(cosine_contrast, across_batch=True),
            own=True,
        ),
    ]
