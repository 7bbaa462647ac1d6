"""SRCNN: the first CNN for super-resolution, three convolutions on the bicubic image (Dong et al., TPAMI 2016)."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

import srbench
from srbench.imaging import imresize
from srbench.networks.blocks import zero_bias


class SRCNN(nn.Module):
    """The network on luma: extract patches, map them, reconstruct (Section 3.1), after bicubic enlargement.

    Args:
        scale: Up-sampling factor of the bicubic image; the three convolutions do not depend on it.
        kernels: Sides of the three kernels: (9, 5, 5), or (9, 1, 5) for the smallest.
        channels: Filters of the first two convolutions.
    """

    def __init__(
        self, scale: int, *, kernels: tuple[int, int, int] = (9, 5, 5), channels: tuple[int, int] = (64, 32)
    ) -> None:
        super().__init__()
        self.scale = scale
        sizes = (1, *channels, 1)
        # The authors' test code replicates the border pixels.
        self.conv1, self.conv2, self.conv3 = (
            nn.Conv2d(sizes[i], sizes[i + 1], kernel, padding=kernel // 2, padding_mode="replicate")
            for i, kernel in enumerate(kernels)
        )
        self.act1, self.act2 = nn.ReLU(inplace=True), nn.ReLU(inplace=True)
        for module in (self.conv1, self.conv2, self.conv3):
            nn.init.normal_(module.weight, std=0.001)
            zero_bias(module)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 1, h, w) to (N, 1, scale*h, scale*w), in [0, 1]."""
        enlarged = imresize(lr, scale=self.scale)
        sr: Tensor = self.conv3(self.act2(self.conv2(self.act1(self.conv1(enlarged)))))
        return sr


RECIPE = srbench.Recipe(
    name="srcnn_adapted",
    datasets=("t91",),
    patch=24,
    batch=16,
    steps=500_000,
    learning_rate=1e-4,
    schedule="cosine",
    final_learning_rate=1e-6,
    losses={"mse": 1.0},
    source="ours: the paper's smaller training set and its MSE, but Adam at one rate for every layer instead of SGD "
    "with a tenth of it for the last, and a schedule of fixed length",
)
REPORTED = (
    srbench.Reported(
        dataset="set5", scale=4, metric="psnr_y", value=30.48, protocol="luma-first",
        source="comparison in the survey \"Hitchhiker's Guide to Super-Resolution\"",
    ),
)  # fmt: skip


def _spec(
    name: str, label: str, kernels: tuple[int, int, int], reported: tuple[srbench.Reported, ...], notes: str
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(SRCNN, kernels=kernels),
        scales=frozenset({2, 3, 4}),
        channels="y",
        taps=("act1", "act2"),
        half_precision=frozenset({"bf16"}),  # weights that start at 0.001 make features too small for fp16
        recipe=RECIPE,
        reported=reported,
        paper=srbench.Paper(
            title="Image Super-Resolution Using Deep Convolutional Networks",
            venue="IEEE TPAMI",
            year=2016,
            url="https://arxiv.org/abs/1501.00092",
        ),
        notes=f"{notes} Written from the paper; sr has the full size, with replicated borders as in its test code.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the paper's best network and its smallest."""
    return [
        _spec("srcnn", "SRCNN", (9, 5, 5), REPORTED, "9-5-5, the variant of the tables: 57,184 weights."),
        _spec("srcnn_915", "SRCNN 9-1-5", (9, 1, 5), (), "9-1-5, the variant to start from: 8,032 weights."),
    ]
