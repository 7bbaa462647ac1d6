"""What a plugin declares of a recogniser: a network that maps images to embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from srbench.errors import PluginError
from srbench.networks.spec import ArchitectureSpec
from srbench.scales import Scale

if TYPE_CHECKING:
    from torch import nn

ANY_SCALE: frozenset[Scale] = frozenset(range(1, 33))
"""The ratios of HR to LR sides that are offered for a network that works at any size of image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecogniserSpec(ArchitectureSpec):
    """A network that maps images (N, C, H, W) to embeddings (N, D): the backbone of a classifier.

    ``build()`` takes nothing and gives the network without a head; srbench adds the head that a recipe names. (With
    ``parts`` it takes the scale.) The network is called with images of any size, normalised as the spec says.
    ``scales`` are the ratios of HR to LR sides at which it is offered. What the base says of sr, and of one network for
    several scales, does not apply.
    """

    task: ClassVar[str] = "recognition"
    kind: ClassVar[str] = "recogniser"

    scales: frozenset[Scale] = ANY_SCALE
    attention: tuple[str, ...] = ()
    """Paths of its attention maps before the sigmoid, in order of depth, as `capture` takes them: (N, C, 1, 1) over
    channels, (N, 1, h, w) over places."""
    stem: str = ""
    """Path of the first convolution, whose output (N, C, h, w) precedes normalisation and activation."""
    takes_lr: bool = False
    """True if it enlarges images itself, so that it is given LR where others see an enlarged view."""

    def __post_init__(self) -> None:
        ArchitectureSpec.__post_init__(self)  # slots make another class, which super() would not find
        for_sr = ("multi_scale", "any_scale", "conditions", "representation", "uncertainty", "lookups")
        if declared := [name for name in for_sr if getattr(self, name)]:
            raise PluginError(
                f"Recogniser {self.name!r} declares {declared[0]}, which only networks for super-resolution have; "
                "leave it out."
            )

    @property
    def distinct_scales(self) -> tuple[Scale, ...]:
        """The smallest ratio alone where the network is the same at every one."""
        return tuple(sorted(self.scales)) if self.parts else (min(self.scales),)

    def network(self, scale: Scale) -> nn.Module:
        """Build an untrained backbone, which is the same network at every scale unless it is composed of others."""
        return self.build(scale) if self.parts else self.build()
