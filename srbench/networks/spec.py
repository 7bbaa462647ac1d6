"""What a plugin declares of an architecture, its checkpoints and its published scores.

A variant of a thing is another spec (``build=partial(EDSR, n_feats=256)``), never keyword arguments from a suite.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from srbench.errors import PluginError
from srbench.naming import Paper, check_name, check_scales
from srbench.networks.applied import Fitting, Sampler
from srbench.recipe import TrainingRecipe
from srbench.scales import Scale, hr_size

if TYPE_CHECKING:
    from torch import Tensor, nn


Uncertainty: TypeAlias = Literal["", "log_scale", "log_variance", "deviation", "order"]
"""What the map of a network's uncertainty is; see `ArchitectureSpec.uncertainty`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A score that the authors published."""

    dataset: str
    scale: Scale
    metric: str
    """Name of the metric: "psnr_y"."""
    value: float
    source: str
    """The table or log from which the figure was read."""
    checkpoint: str | None = None
    """Tag of the checkpoint that scored it; any training of the architecture if absent."""
    degradation: str = "bicubic"
    protocol: str = "classic-y"
    """The preset of `srbench.measuring.protocol` of the score, or all that a protocol id says of it, such as
    "recognition:hr=112x112,view=askd"; it is shown only beside scores of the same."""
    distiller: str = "none"
    """The distiller that trained what scored it."""

    @staticmethod
    def on_luma(
        source: str, results: Mapping[int, Mapping[str, tuple[float, float]]], *, protocol: str = "classic-y"
    ) -> tuple[Reported, ...]:
        """Return the rows of a paper's usual table.

        Args:
            source: See the class.
            results: Scale to dataset to its PSNR in dB and its SSIM, both on luma.
            protocol: See the class.
        """
        return tuple(
            Reported(dataset=dataset, scale=scale, metric=metric, value=value, source=source, protocol=protocol)
            for scale, rows in results.items()
            for dataset, values in rows.items()
            for metric, value in zip(("psnr_y", "ssim_y"), values, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Published weights of an architecture, named ``architecture.tag``."""

    tag: str
    scale: Scale | None
    """The scale of the weights; None if one set of weights serves every scale."""
    file: str
    """Path below a weights folder: "imdn/IMDN_x2.pth"."""
    sha256: str
    url: str | None = None
    """Public address; None if the authors offer only a manual download."""
    license: str = "unknown"
    trained_on: frozenset[str] = frozenset()
    read: Callable[[Path], Mapping[str, Tensor]] | None = None
    """Function that reads a file of another kind (MATLAB, NumPy) into a state dict; never by pickle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureSpec:
    """A network that maps lr to sr."""

    task: ClassVar[str] = "sr"
    """What such networks do, which a suite names: "sr" or "recognition"."""
    kind: ClassVar[str] = "architecture"
    """Name of its kind of plugin."""

    name: str
    build: Callable[..., nn.Module]
    """``build(scale)`` gives a network called ``network(lr)``. With ``multi_scale``, ``build()`` gives one network for
    all ``scales``, called ``network(lr, scale)``. With ``any_scale``, ``build()`` gives one network for every real
    scale, called ``network(lr, (height, width))`` with the wanted size of sr in pixels."""
    scales: frozenset[Scale]
    """Those that it has. With ``any_scale`` it has every other too, and these are the ones that it is trained for."""
    label: str = ""
    """For tables; the name if empty."""
    paper: Paper | None = None
    license: str = "unknown"
    """SPDX id of the release this follows."""
    reconstruction: bool = False
    """True if no code was released and the paper leaves details open, so that this is our reading of it."""
    multi_scale: bool = False
    any_scale: bool = False
    trainable: bool = True
    """False for fixed operators such as bicubic interpolation."""
    points: bool = False
    """True for a network for any scale that also computes single pixels, which recipes with ``points`` train on. It is
    then called ``network(lr, sizes, pixels)`` with the height and width of each image's sr (N, 2), and the rows and
    columns of pixels (N, P, 2); it returns their colours (N, 3, P, 1)."""
    channels: Literal["rgb", "y"] = "rgb"
    """"y": the network maps luma (N, 1, H, W); srbench enlarges the chroma bicubically, as the papers did."""
    input_range: float = 1.0
    """The value of white in the network's own units; srbench scales [0, 1] to it and back."""
    input_mean: tuple[float, ...] = ()
    """A colour in [0, 1], one value a channel, that srbench subtracts from lr and adds to sr; none if empty."""
    input_std: tuple[float, ...] = ()
    """The divisor of each channel after the mean is subtracted; sr is multiplied by it before the mean is added."""
    size_multiple: int = 1
    """LR sides must divide by this; srbench pads and crops."""
    min_size: int = 1
    """Smallest LR side the network can take; srbench pads and crops."""
    padding: Literal["mirror", "beyond"] = "mirror"
    """How its authors pad whole images for measuring. "mirror": as far as ``size_multiple`` and ``min_size`` need,
    without repeating the edge. "beyond": to the next multiple beyond each side, even if the side fits already, with the
    edge repeated, as in the test scripts of SwinIR and its successors."""
    half_precision: frozenset[str] = frozenset({"bf16", "fp16"})
    """Half precisions in which the network works."""
    encoder: Callable[[], nn.Module] | None = None
    """``encoder()`` gives the network without its upsampler and its normalisation, for other decoders to follow. It
    maps lr (N, 3, h, w), normalised as the network with the decoder declares, to features (N, C, h, w)."""
    taps: tuple[str, ...] = ()
    """Module paths of the features that distillers compare by default, in order of depth."""
    representation: str = ""
    """Module path of its representation of the degradation, (N, d) or (N, d, 1, 1), kept for a picture."""
    conditions: tuple[str, ...] = ()
    """The facts about the degradation that a non-blind network takes as input, by the names that
    `DegradationSpec.describe` uses. It is called ``network(lr, conditions)`` with conditions
    (N, len(spec.conditions)), and ``network(lr)`` where the facts are unknown."""
    uncertainty: Uncertainty = ""
    """What the second of two maps is that the network returns, ``(sr, map)``, both (N, C, H, W) in its own units; "" if
    it returns sr alone. "log_scale": the logarithm of the scale of a Laplace distribution of each value.
    "log_variance": that of the variance of a normal one. "deviation": the standard deviation itself. "order": larger
    where sr is less certain, in no unit. See `srbench.networks.uncertainty`."""
    samplers: tuple[Sampler, ...] = ()
    """The ways to draw sr from a network that models its distribution, the default first; see there for the methods
    that its module has then."""
    fitting: Fitting | None = None
    """Not None if the network is fitted to each image by itself: ``trainable`` is False, and see there for the method
    that its module has."""
    lookups: int = 0
    """Entries of its stored tables that it reads for each pixel of lr, all channels together; 0 for networks. Profiles
    have this and the bytes of the tables where those of networks have multiply-accumulates."""
    dead_parameters: tuple[str, ...] = ()
    """Parameters that the official network has but never uses, by name or pattern: "RG.*.gamma"."""
    recipe: TrainingRecipe | None = None
    """The paper's own recipe."""
    checkpoints: tuple[Checkpoint, ...] = ()
    reported: tuple[Reported, ...] = ()
    parts: tuple[str, ...] = ()
    """Other networks that it is composed of, as suites name them, or ``NAME@DISTILLER`` for one that a distiller
    trains; it has their weights and is not trained itself."""
    compose: Callable[..., Any] | None = None
    """``compose(spec, parts)`` makes the `Network` of this spec of its `parts`, which are such too and have their
    weights."""
    weights_sha256: str = ""
    """The sha256 of the file with the weights that its network comes with, for records; empty for all others."""
    extra_hash: str = ""
    """Hash of everything else that determines its output, such as a file that it reads."""
    notes: str = ""

    def __post_init__(self) -> None:
        kind = self.kind.capitalize()
        check_name(self.kind, self.name)
        check_scales(kind, self.name, self.scales)
        tags = [(c.tag, c.scale) for c in self.checkpoints]
        if len(set(tags)) < len(tags):
            raise PluginError(
                f"{kind} {self.name!r} declares a checkpoint tag twice for one scale: {sorted(map(str, tags))}."
            )
        for field_name, values in (("input_mean", self.input_mean), ("input_std", self.input_std)):
            if len(values) not in (0, self.colours):
                raise PluginError(
                    f"{kind} {self.name!r} declares {field_name} with {len(values)} values for {self.colours} "
                    f"{'channel' if self.colours == 1 else 'channels'}; give one for each, or none."
                )
        if self.points and not self.any_scale:
            raise PluginError(
                f"{kind} {self.name!r} declares points, which only networks for any scale have; declare any_scale too."
            )
        if self.any_scale:
            self._check_any_scale(kind)
        self._check_applied(kind)

    def _check_any_scale(self, kind: str) -> None:
        if self.multi_scale:
            raise PluginError(
                f"{kind} {self.name!r} declares multi_scale and any_scale, which differ in how it is called; keep one."
            )
        if (self.size_multiple, self.min_size, self.padding) != (1, 1, "mirror"):
            raise PluginError(
                f"{kind} {self.name!r} declares any_scale with size_multiple, min_size or padding, but padded lr would "
                "have another scale; leave them out, and let the network pad its features itself."
            )

    def _check_applied(self, kind: str) -> None:
        if len({sampler.name for sampler in self.samplers}) < len(self.samplers):
            raise PluginError(f"{kind} {self.name!r} declares a sampler twice; give each a name of its own.")
        if self.fitting and (self.samplers or self.trainable):
            raise PluginError(
                f"{kind} {self.name!r} is fitted to every image, so nothing trains it before and nothing is drawn from "
                "it; declare trainable=False and no samplers."
            )
        given = (self.multi_scale, self.any_scale, self.conditions, self.uncertainty)
        names = ("multi_scale", "any_scale", "conditions", "uncertainty")
        if (self.samplers or self.fitting) and (others := [name for name, on in zip(names, given, strict=True) if on]):
            raise PluginError(
                f"{kind} {self.name!r} declares {others[0]}, which a network with samplers or fitting gets no argument "
                "for; leave it out, and build a network for each scale."
            )

    @property
    def several_passes(self) -> str:
        """What it does, after its name, if one evaluation of the network does not make sr; empty if one does."""
        return "draws sr step by step" if self.samplers else "is fitted to each image" if self.fitting else ""

    @property
    def sampler_choices(self) -> tuple[str, ...]:
        """The samplers and steps to choose from, the default first: "ddim-20", "ddim-4"."""
        return tuple(f"{sampler.name}-{steps}" for sampler in self.samplers for steps in sampler.steps)

    @property
    def title(self) -> str:
        """Label for tables."""
        return self.label or self.name

    @property
    def colours(self) -> int:
        """Channels that the network takes: 3, or 1 if it is a network on luma."""
        return 1 if self.channels == "y" else 3

    @property
    def one_network(self) -> bool:
        """True if one set of weights serves all scales."""
        return self.multi_scale or self.any_scale

    @property
    def distinct_scales(self) -> tuple[Scale, ...]:
        """The scales whose networks may differ in size, in order."""
        return (min(self.scales),) if self.any_scale else tuple(sorted(self.scales))

    def has_scale(self, scale: Scale) -> bool:
        """Return True if it can enlarge by ``scale``."""
        return self.any_scale or scale in self.scales

    def published(self, tag: str | None, scales: Collection[Scale]) -> tuple[Checkpoint, ...]:
        """Return the checkpoints of a tag that serve one of ``scales``."""
        return tuple(c for c in self.checkpoints if c.tag == tag and c.scale in (*scales, None))

    def network(self, scale: Scale) -> nn.Module:
        """Build an untrained network that can enlarge by ``scale``."""
        return self.build() if self.one_network else self.build(scale)

    def arguments(self, lr: Tensor, scale: Scale) -> tuple[object, ...]:
        """Return what the network is called with for ``lr`` (N, C, h, w) at ``scale``; see ``build``."""
        if self.any_scale:
            return lr, hr_size((lr.shape[-2], lr.shape[-1]), scale)
        return (lr, scale) if self.multi_scale else (lr,)
