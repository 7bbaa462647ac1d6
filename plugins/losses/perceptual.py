"""Losses on features of a frozen network: perceptual, and style by Gram matrices.

``perceptual`` and ``style`` use VGG19 of ImageNet, whose weights do not come with srbench; ``perceptual_with:alexnet``
and ``style_with:alexnet`` use another encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import srbench
from srbench.distilling.encoders import ENCODERS, MakeEncoder, encoder_named, vgg19
from srbench.distilling.perceptual import Comparison, FeatureLoss, perceptual, style


class _Kind(NamedTuple):
    name: str
    label: str
    compare: Comparison
    paper: srbench.Paper
    notes: str


PERCEPTUAL = _Kind(
    "perceptual",
    "perceptual",
    perceptual,
    srbench.Paper(
        title="Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
        venue="ECCV",
        year=2016,
        url="https://arxiv.org/abs/1603.08155",
    ),
    "The mean absolute difference of the encoder's deepest features; of VGG19, conv5_4 before its ReLU, as in ESRGAN.",
)
STYLE = _Kind(
    "style",
    "style",
    style,
    srbench.Paper(
        title="Image Style Transfer Using Convolutional Neural Networks",
        venue="CVPR",
        year=2016,
        url="https://openaccess.thecvf.com/content_cvpr_2016/html/Gatys_Image_Style_Transfer_CVPR_2016_paper.html",
    ),
    "The mean absolute difference of the Gram matrices F F^T / (C h w) of the encoder's deepest features.",
)


def _spec(kind: _Kind, name: str, label: str, encoder: MakeEncoder) -> srbench.LossSpec:
    build: Callable[[], FeatureLoss] = partial(FeatureLoss, encoder, kind.compare)
    return srbench.LossSpec(name=name, label=label, build=build, paper=kind.paper, notes=kind.notes)


def _family(kind: _Kind) -> srbench.Family:
    def make(argument: str, others: srbench.SpecMap[srbench.LossSpec]) -> srbench.LossSpec:  # noqa: ARG001
        return _spec(kind, f"{kind.name}_with:{argument}", f"{kind.label} ({argument})", encoder_named(argument))

    return srbench.Family(
        name=f"{kind.name}_with",
        make=make,
        example=f"{kind.name}_with:alexnet",
        label=f"{kind.label} loss on the features of one of {', '.join(ENCODERS)}",
    )


@srbench.hookimpl
def register_losses() -> list[srbench.LossSpec | srbench.Family]:
    """Provide both losses with VGG19, and with the other encoders."""
    kinds = (PERCEPTUAL, STYLE)
    return [*(_spec(kind, kind.name, kind.label, vgg19) for kind in kinds), *map(_family, kinds)]
