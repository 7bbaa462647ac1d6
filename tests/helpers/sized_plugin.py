"""A family of networks of a few weights, one of which ends its process on demand, and a dataset to choose by."""

import os
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

import srbench


@dataclass(frozen=True)
class Sizes:
    width: Annotated[int, Field(ge=1, le=64)] = 2
    kernel: Literal[1, 3, 5] = 3

    def __post_init__(self):
        if self.kernel == 5 and self.width < 3:
            raise ValueError(f"a kernel of 5 needs 3 channels, not {self.width}")


class Sized(nn.Module):
    """Two convolutions and a shuffle."""

    def __init__(self, scale, sizes):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, sizes.width, sizes.kernel, padding=sizes.kernel // 2),
            nn.Conv2d(sizes.width, 3 * scale**2, 1),
            nn.PixelShuffle(scale),
        )

    def forward(self, lr):
        ends = Path(os.environ.get("SRBENCH_TEST_END", "absent"))
        if self.training and ends.exists() and int(ends.read_text()) == self.body[0].out_channels:
            ends.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.training and self.body[0].out_channels == 7:
            raise RuntimeError("seven channels are too many")
        return self.body(lr)


def make(sizes, others):
    return srbench.ArchitectureSpec(
        name="sized",
        label=f"Sized {sizes.width}/{sizes.kernel}",
        build=partial(Sized, sizes=sizes),
        scales=frozenset({2}),
    )


def plain(argument, others):
    return others["dot"]


@srbench.hookimpl
def register_architectures():
    return [
        srbench.Family(name="sized", make=make, takes=Sizes, example="sized:width=4"),
        srbench.Family(name="plain", make=plain, example="plain:x"),
    ]


@srbench.hookimpl
def register_datasets():
    facts = {"license": "CC0-1.0", "citation": "nobody"}
    return [srbench.DatasetSpec(name="tiny_validate", label="TinyValidate", split="test", images=4, **facts)]
