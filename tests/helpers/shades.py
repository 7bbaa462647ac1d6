"""A labelled dataset of a few drawn images, and a recogniser of a few weights, so that whole runs take a second."""

from __future__ import annotations

import numpy as np
from PIL import Image

PLUGIN = '''
"""A recogniser of a few weights, its teacher, and a super-resolution network beside them."""

from torch import nn

import srbench


class Mean(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())

    def forward(self, images):
        return self.body(self.stem(images)).mean((2, 3))


class Looking(Mean):
    def __init__(self):
        super().__init__(4)
        self.where = nn.Conv2d(4, 1, 1)

    def forward(self, images):
        features = self.body(self.stem(images))
        return (features * self.where(features).sigmoid()).mean((2, 3))


@srbench.hookimpl
def register_recognisers():
    return [
        *(
            srbench.RecogniserSpec(name=name, build=lambda width=width: Mean(width), taps=("body",), stem="stem")
            for name, width in (("small", 4), ("large", 6))
        ),
        srbench.RecogniserSpec(name="looking", build=Looking, taps=("body",), attention=("where",), stem="stem"),
    ]


@srbench.hookimpl
def register_architectures():
    class Dot(nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

        def forward(self, lr):
            return self.body(lr)

    return [srbench.ArchitectureSpec(name="dot", build=Dot, scales=frozenset({2}))]
'''

MANIFEST = """
[shades_train]
label = "Shades (train)"
split = "train"
images = 12
license = "CC0-1.0"
citation = "nobody"
folders = ["shades"]
[shades_train.labels]
layout = "class-folders"
question = "classification"
take = [1, 6]

[shades_test]
label = "Shades"
split = "test"
images = 8
license = "CC0-1.0"
citation = "nobody"
folders = ["shades"]
[shades_test.labels]
layout = "class-folders"
question = "classification"
take = [7, 10]
"""

RECIPE = """
name = "shades"
datasets = ["shades_train"]
validate_on = "shades_test"
choose = "official"
height = 8
width = 8
batch = 4
steps = 6
learning_rate = 1e-2
augment = "flip"
validate_every = 3
"""

SR_RECIPE = """
name = "dots"
datasets = ["shades_train"]
patch = 4
batch = 2
steps = 2
"""


def write_shades(folder):
    """Write ten images of two classes, dark and light, each with noise of its own, 24 pixels high and wide."""
    random = np.random.default_rng(0)
    for name, shade in (("dark", 60), ("light", 180)):
        (folder / "shades" / name).mkdir(parents=True)
        for number in range(1, 11):
            pixels = np.clip(random.normal(shade, 40, (24, 24, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "shades" / name / f"{number}.png")
