"""iResNet for faces, with attention to channels and places (Shin et al., ECCV 2022).

The networks of A-SKD: residual blocks as for ArcFace (Deng et al., CVPR 2019), which normalise before, between and
after two convolutions, with CBAM (Woo et al., ECCV 2018) at the end of each. They were made for aligned faces of
112x112 pixels, of which a map of 7x7 is left; from images of other sizes, features are pooled or repeated to 7x7. The
release reads images in the order blue, green, red; trained from scratch, the order does not matter.
"""

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

import srbench
from srbench.networks.folding import fold_norms
from srbench.networks.recognition.attention import CBAM

WIDTHS = (64, 128, 256, 512)
"""Channels of the four stages."""
REDUCTION = 16
"""Channels of a block by the hidden units of its attention."""
MAP_SIDE = 7
"""Side of the last map, in pixels, at 112x112."""
DROPOUT = 0.4


class Block(nn.Module):
    """Two convolutions, the second with the stride, and attention, on a shortcut."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inward == outward
            else nn.Sequential(nn.Conv2d(inward, outward, 1, stride, bias=False), nn.BatchNorm2d(outward))
        )
        self.residual = nn.Sequential(
            nn.BatchNorm2d(inward),
            nn.Conv2d(inward, outward, 3, padding=1, bias=False),
            nn.BatchNorm2d(outward),
            nn.PReLU(outward),
            nn.Conv2d(outward, outward, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outward),
        )
        self.cbam = CBAM(outward, outward // REDUCTION)

    def switch_to_deploy(self) -> None:
        """Fold normalisation into convolutions, except the first one, which is before a convolution that pads."""
        for part in (self.residual, self.shortcut):
            if isinstance(part, nn.Sequential):
                fold_norms(part)

    def forward(self, features: Tensor) -> Tensor:
        """(N, inward, h, w) -> (N, outward, h/stride, w/stride), rounded up."""
        attended: Tensor = self.cbam(self.residual(features)) + self.shortcut(features)
        return attended


class IResNet(nn.Module):
    """A stem at full size, four stages that each halve the sides, and a linear layer on all places of the last map.

    Args:
        blocks: Blocks of each stage, of which the first halves the sides.
        embedding: Length of the embedding.
    """

    def __init__(self, blocks: Sequence[int], embedding: int = 512) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False)
        self.start = nn.Sequential(nn.BatchNorm2d(WIDTHS[0]), nn.PReLU(WIDTHS[0]))
        stages, inward = [], WIDTHS[0]
        for width, count in zip(WIDTHS, blocks, strict=True):
            stages.append(nn.Sequential(Block(inward, width, 2), *(Block(width, width, 1) for _ in range(count - 1))))
            inward = width
        self.stages = nn.Sequential(*stages)
        self.embed = nn.Sequential(
            nn.BatchNorm2d(inward),
            nn.Dropout(DROPOUT),
            nn.AdaptiveAvgPool2d(MAP_SIDE),
            nn.Flatten(),
            nn.Linear(inward * MAP_SIDE**2, embedding),
            nn.BatchNorm1d(embedding),
        )

    def switch_to_deploy(self) -> None:
        """Fold the first normalisation into the stem."""
        fold_norms(self.start, before=self.stem)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, embedding)."""
        embeddings: Tensor = self.embed(self.stages(self.start(self.stem(images))))
        return embeddings


REPORTED = {
    2: {"none": 92.75, "askd": 93.35, "askd_kd": 93.58},
    4: {"none": 87.74, "askd": 88.58, "askd_kd": 89.15},
    8: {"none": 77.82, "askd": 79.00, "askd_kd": 79.45},
}
"""Accuracy on AgeDB-30 in percent by scale and distiller, with a depth of 50. Those of plain training follow from the
gains that the authors print."""


def _reported() -> tuple[srbench.Reported, ...]:
    return tuple(
        srbench.Reported(
            dataset="agedb_30", scale=scale, metric="verification_accuracy", value=value, distiller=distiller,
            source="A-SKD, ECCV 2022, as quoted by others" + (", less its gain" if distiller == "none" else ""),
            degradation="nearest_upper_left", protocol="recognition:hr=112x112,view=askd",
        )
        for scale, row in REPORTED.items()
        for distiller, value in row.items()
    )  # fmt: skip


def _spec(depth: int, blocks: tuple[int, ...]) -> srbench.RecogniserSpec:
    return srbench.RecogniserSpec(
        name=f"iresnet{depth}_cbam",
        label=f"iResNet-{depth} + CBAM",
        build=partial(IResNet, blocks),
        paper=srbench.Paper(
            title="Teaching Where to Look: Attention Similarity Knowledge Distillation for Low Resolution Face "
            "Recognition",
            venue="ECCV",
            year=2022,
            url="https://arxiv.org/abs/2209.14498",
        ),
        license="Apache-2.0",
        input_mean=(0.5, 0.5, 0.5),
        input_std=(0.5, 0.5, 0.5),
        taps=tuple(f"stages.{stage}" for stage in range(4)),
        attention=tuple(
            f"stages.{stage}.{block}.cbam.{part}"
            for stage, count in enumerate(blocks)
            for block in range(count)
            for part in ("channel", "spatial")
        ),
        stem="stem",
        reported=_reported() if depth == 50 else (),
    )


@srbench.hookimpl
def register_recognisers() -> list[srbench.RecogniserSpec]:
    """The release's depth of 50, and two smaller ones."""
    return [_spec(18, (2, 2, 2, 2)), _spec(34, (3, 4, 6, 3)), _spec(50, (3, 4, 14, 3))]
