"""A recogniser that was trained on HR, fed with LR that something else has enlarged: the controls of recognition.

``after:FRONT:NAME`` is the recogniser NAME after FRONT, which is any architecture of super-resolution as suites name it
(``after:bicubic:cbam_small``, ``after:edsr_baseline.div2k:cbam_small``), or ``lr``, which leaves LR as small as it is.
Nothing is trained but its two parts, each by its own task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

import srbench

NO_FRONT = "lr"


@dataclass(frozen=True, slots=True, eq=False)
class After(srbench.Recogniser):
    """A recogniser behind a network that enlarges; its module holds both."""

    front: srbench.Network | None
    recogniser: srbench.Recogniser

    def fed(self, lr: Tensor, scale: srbench.Wanted = 1, conditions: Tensor | None = None) -> Tensor:
        """Return LR enlarged by the front."""
        return lr if self.front is None else self.front(lr, scale, conditions=conditions).clamp(0, 1)

    def embed(self, images: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the embeddings of the recogniser."""
        return self.recogniser.embed(images, weights)

    def logits(self, embeddings: Tensor) -> Tensor:
        """Return the logits of the recogniser; see `srbench.Recogniser`."""
        return self.recogniser.logits(embeddings)


class _Chain(nn.Module):
    """Both networks as one module, called as their specs say; to count and time them."""

    def __init__(self, network: After, scale: int) -> None:
        super().__init__()
        self.parts, self.network, self.scale = network.module, network, scale

    def forward(self, lr: Tensor) -> Tensor:
        """(N, 3, h, w) in [0, 1] -> embeddings (N, D)."""
        return self.network(lr, self.scale)


def compose(spec: srbench.ArchitectureSpec, parts: Sequence[srbench.Network]) -> After:
    """Put the parts together, the front first if there is one."""
    *front, recogniser = parts
    modules = nn.ModuleList([part.module for part in parts])
    return After(
        cast("srbench.RecogniserSpec", spec), modules, next(iter(front), None), cast("srbench.Recogniser", recogniser)
    )


def make(
    argument: str,
    recognisers: srbench.SpecMap[srbench.RecogniserSpec],
    architectures: srbench.SpecMap[srbench.ArchitectureSpec],
) -> srbench.RecogniserSpec:
    """Make the spec of ``after:ARGUMENT``."""
    front, _, name = argument.partition(":")
    if not (front and name):
        raise srbench.SrbenchError(
            f"after:{argument} is incomplete; write after:FRONT:RECOGNISER, such as after:bicubic:cbam_small."
        )
    own = recognisers[name]
    enlarging = None if front == NO_FRONT else architectures[front.partition(".")[0]]
    weights = front.partition(".")[2]
    fed = "LR" if enlarging is None else f"LR enlarged by {enlarging.title}" + (f" ({weights})" if weights else "")

    def build(scale: int) -> nn.Module:
        parts: list[srbench.Network] = [srbench.build_recogniser(own, classes=1)]
        if enlarging is not None:
            parts.insert(0, srbench.Network(enlarging, enlarging.network(scale)))
        return _Chain(compose(spec, parts), scale)

    spec = srbench.RecogniserSpec(
        name=f"after:{argument}",
        label=f"{own.title} trained on HR, fed {fed}",
        build=build,
        scales=own.scales if enlarging is None else enlarging.scales,
        parts=(name,) if enlarging is None else (front, name),
        compose=compose,
        takes_lr=True,
        license=own.license,
        notes="A control: nothing was trained on LR.",
    )
    return spec


@srbench.hookimpl
def register_recognisers() -> list[srbench.Family]:
    """Provide the family ``after``."""
    return [
        srbench.Family(
            name="after",
            make=make,
            example="after:bicubic:cbam_small",
            label="a recogniser that was trained on HR, behind a network that enlarges LR",
            needs=("architecture",),
        )
    ]
