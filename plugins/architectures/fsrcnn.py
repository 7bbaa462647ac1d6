"""FSRCNN: shrink, map and expand at LR size, then one 9x9 deconvolution (Dong et al., ECCV 2016)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

import srbench
from srbench.networks.blocks import zero_bias


class FSRCNN(nn.Module):
    """FSRCNN(d, s, m) on luma.

    Every PReLU has one slope for all channels, so the network has the paper's weight count (12,464 for (56, 12, 4))
    plus its biases and slopes, at every scale.

    Args:
        scale: Up-sampling factor, the stride of the deconvolution.
        d: Channels of the extracted and of the expanded features.
        s: Channels of the shrunken features.
        m: Mapping layers.
    """

    def __init__(self, scale: int, *, d: int = 56, s: int = 12, m: int = 4) -> None:
        super().__init__()
        self.extract = nn.Sequential(nn.Conv2d(1, d, 5, padding=2), nn.PReLU())
        self.shrink = nn.Sequential(nn.Conv2d(d, s, 1), nn.PReLU())
        self.mapping = nn.Sequential(
            *(layer for _ in range(m) for layer in (nn.Conv2d(s, s, 3, padding=1), nn.PReLU()))
        )
        self.expand = nn.Sequential(nn.Conv2d(s, d, 1), nn.PReLU())
        self.deconv = nn.ConvTranspose2d(d, 1, 9, stride=scale, padding=4, output_padding=scale - 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.25)  # PReLU starts at a slope of 0.25
                zero_bias(module)
        nn.init.normal_(self.deconv.weight, std=0.001)
        zero_bias(self.deconv)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 1, h, w) to (N, 1, scale*h, scale*w), in [0, 1]."""
        sr: Tensor = self.deconv(self.expand(self.mapping(self.shrink(self.extract(lr)))))
        return sr


RECIPE = srbench.Recipe(
    name="fsrcnn_adapted",
    datasets=("t91", "general100"),
    patch=24,
    batch=16,
    steps=200_000,
    learning_rate=1e-3,
    schedule="cosine",
    final_learning_rate=1e-5,
    losses={"mse": 1.0},
    source="ours: the paper's training images and its MSE, but one stage, larger patches and Adam at one rate",
)


def _spec(name: str, label: str, build: Callable[[int], nn.Module]) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=build,
        scales=frozenset({2, 3, 4, 8}),
        channels="y",
        taps=("extract", "mapping", "expand"),
        recipe=RECIPE,
        paper=srbench.Paper(
            title="Accelerating the Super-Resolution Convolutional Neural Network",
            venue="ECCV",
            year=2016,
            url="https://arxiv.org/abs/1608.00367",
        ),
        notes="Written from the paper. The deconvolution pads 4 and adds scale - 1 rows, so that sr has exactly "
        "scale times the size of lr.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the paper's network and its small variant."""
    return [_spec("fsrcnn", "FSRCNN", FSRCNN), _spec("fsrcnn_s", "FSRCNN-s", partial(FSRCNN, d=32, s=5, m=1))]
