"""Protocols: how scores are measured.

Every score has an id such as ``psnr_y@classic-y:sr=u8,y=bt601,shave=2,lr=bicubic-u8,whole``: metric and version, preset
and its meaning, the source of lr, how the network was applied. Scores with different ids never share a column.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from srbench.deploying.backend import Backend
from srbench.errors import UnknownNameError, UsageError
from srbench.measuring.metrics.spec import SrScoreSpec
from srbench.networks.applied import FitBudget, Sampling
from srbench.scales import Scale, next_whole, whole_scale

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]
"""The number format in which a network is applied."""


class ScoringProtocol(typing.Protocol):
    """What the protocols of all tasks have; they are frozen and have a hash."""

    @property
    def name(self) -> str:
        """Name of the preset, which a suite gives."""

    def describe(self, scale: Scale) -> str:
        """Describe it in the short form of the protocol id."""

    def takes_provided_lr(self, degradation: str) -> bool:
        """Return True if the LR of a dataset is used, if it has any; otherwise lr is made here."""

    def input_size(self, scale: Scale) -> tuple[int, int] | None:
        """Return height and width of what a network sees; None where images have sizes of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Colour, rounding and borders of a measurement of sr."""

    name: str
    about: str
    headline: str
    """The metric for ranks: "psnr_y" or "psnr_rgb"."""
    sr_rounding: Literal["u8", "none"] = "u8"
    """Whether sr is rounded to 8 bits before it is compared; it is always clamped."""
    lr_rounding: Literal["u8", "none"] = "u8"
    """Whether lr is rounded to 8 bits."""
    y_rounding: bool = False
    """Whether luma is rounded to 8 bits (MATLAB's rgb2ycbcr on uint8 images does)."""
    luma_first: bool = False
    """Whether lr is made from the image's luma, rounded to 8 bits; then only metrics on luma have a score. Otherwise lr
    is made from RGB, and luma is computed from the compared images."""
    shave_scales: int = 1
    """Border in units of the scale, rounded up …"""
    shave_pixels: int = 0
    """… plus this many pixels."""
    keep_grey: bool = False
    """Whether greyscale images are used as luma, also for networks on luma; otherwise they are converted to RGB, and
    their luma is computed as for other images (the two differ by 1.3 dB)."""
    crop: int = 0
    """Side of the square in the middle of hr that is measured, in pixels; lr is cropped to the same before a network
    sees it. 0 for whole images."""

    def shave(self, scale: Scale) -> int:
        """Return the number of pixels removed at every edge before measuring."""
        return self.shave_scales * next_whole(scale) + self.shave_pixels

    def levels(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the pixels to measure: the rounded luma (H, W) of (H, W, 3) if luma comes first, else ``pixels``."""
        if not self.luma_first or pixels.ndim == 2:
            return pixels
        import torch

        from srbench.imaging.colour import rgb_to_y

        luma = rgb_to_y(torch.from_numpy(pixels).movedim(-1, 0).double() / 255)
        levels: NDArray[np.uint8] = (luma[0] * 255).round().to(torch.uint8).numpy()
        return levels

    def cropped(self, image: Tensor, scale: Scale, *, of_lr: bool = False) -> Tensor:
        """Return the part of an image (…, H, W) that is measured, a view.

        Args:
            image: hr whose sides divide by the scale, or sr or lr of it.
            scale: The factor.
            of_lr: Whether it is lr.

        Raises:
            ShapeError: The image is smaller than the crop, or the crop does not divide by the scale.
        """
        if not self.crop:
            return image
        from srbench.imaging.borders import centre_crop

        step = whole_scale(scale)
        return centre_crop(image, self.crop // step) if of_lr else centre_crop(image, self.crop, step)

    def takes_provided_lr(self, degradation: str) -> bool:
        """Return True if the LR of a dataset is used, if it has any; otherwise lr is made here."""
        return degradation == "bicubic" and self.lr_rounding == "u8"

    def input_size(self, scale: Scale) -> None:
        """Return None: images have sizes of their own."""

    def describe(self, scale: Scale) -> str:
        """Describe the preset at ``scale`` in the short form of the id."""
        luma = "bt601" + "-u8" * self.y_rounding + "-first" * self.luma_first
        parts = [f"sr={self.sr_rounding}", f"y={luma}", f"shave={self.shave(scale)}"]
        if self.keep_grey:
            parts.append("grey=kept")
        if self.crop:
            parts.append(f"crop={self.crop}")
        return f"{self.name}:{','.join(parts)}"


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        p.name: p
        for p in (
            Protocol(
                name="classic-y",
                headline="psnr_y",
                about="What SR papers print: sr rounded to 8 bits, BT.601 limited-range luma kept in float, "
                "scale pixels shaved, PSNR per image and then the mean.",
            ),
            Protocol(
                name="published-bicubic",
                headline="psnr_y",
                sr_rounding="none",
                lr_rounding="none",
                y_rounding=True,
                keep_grey=True,
                about="lr and sr of RGB images in double precision, luma rounded at the end, greyscale images kept "
                "grey: within 0.01 dB of the bicubic rows of the papers.",
            ),
            Protocol(
                name="luma-first",
                headline="psnr_y",
                sr_rounding="none",
                lr_rounding="none",
                y_rounding=True,
                keep_grey=True,
                luma_first=True,
                about="As the code of SRCNN and VDSR: images become luma of 8 bits first, lr and sr of it stay in "
                "double precision, sr is rounded. Set5's bicubic row was made so.",
            ),
            Protocol(
                name="matlab-u8",
                headline="psnr_y",
                y_rounding=True,
                keep_grey=True,
                about="MATLAB on uint8 images throughout, as many tables before 2016: lr, sr and luma rounded, "
                "greyscale images kept grey.",
            ),
            Protocol(name="rgb", headline="psnr_rgb", about="As classic-y, ranked on RGB."),
            Protocol(
                name="div2k-rgb",
                headline="psnr_rgb",
                shave_pixels=6,
                about="DIV2K's convention: RGB, scale + 6 pixels shaved.",
            ),
            Protocol(
                name="liif",
                headline="psnr_y",
                sr_rounding="none",
                about="LIIF's on benchmark sets, at any scale: sr is not rounded, luma in float, the scale, rounded "
                "up, shaved. At real scales and from x6, lr is of the degradation pil_bicubic.",
            ),
            Protocol(
                name="liif-div2k",
                headline="psnr_rgb",
                sr_rounding="none",
                shave_pixels=6,
                about="LIIF's on DIV2K: as liif, on RGB, and 6 pixels more shaved.",
            ),
            Protocol(
                name="ntire-esr",
                headline="psnr_rgb",
                shave_scales=0,
                shave_pixels=4,
                about="NTIRE's efficient-SR track: RGB, 4 pixels shaved.",
            ),
            Protocol(
                name="real-isr",
                headline="psnr_rgb",
                shave_scales=0,
                about="Perceptual methods on real pairs, such as pyiqa measures by default: RGB, nothing shaved, the "
                "whole image or the crop that a test set comes in.",
            ),
            Protocol(
                name="real-isr-512",
                headline="psnr_rgb",
                shave_scales=0,
                crop=512,
                about="As real-isr on whole images of RealSR and DRealSR: the middle 512 x 512 pixels of hr, at x4 of "
                "128 x 128 of lr.",
            ),
        )
    }
)


def protocol_named(name: str) -> Protocol:
    """Return the preset called ``name``, or raise `UnknownNameError`."""
    if name not in PROTOCOLS:
        raise UnknownNameError.among("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def precision_named(name: str) -> Precision:
    """Return a number format of networks, or raise `UsageError`."""
    for known in typing.get_args(Precision):
        if known == name:
            return typing.cast("Precision", known)
    raise UsageError(f"--precision {name} is none; give one of {', '.join(typing.get_args(Precision))}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """How a network is applied to an image; part of the protocol, since tiles and ensembles change scores."""

    tile: int = 0
    """Side of an LR tile in pixels; 0 for the whole image."""
    overlap: int = 16
    """LR pixels around a tile that the network also gets."""
    self_ensemble: bool = False
    """Mean over the eight flips and rotations (the "+" of EDSR+)."""
    chop: bool = False
    """The EDSR family's recursive quarters; needed to reproduce their published scores."""
    precision: Precision = "fp32"
    """Of autocast, for what has no backends: single photographs, and recognisers."""
    backend: Backend | None = None
    """What runs the network; None for its module as it is, in PyTorch."""
    resize: int = 0
    """The whole scale at which the network is applied, if that is not the scale of the cell; sr is then reduced by
    MATLAB's ``imresize``."""
    sampling: Sampling | None = None
    """How sr is drawn from a network that models its distribution; None for all others."""
    fitting: FitBudget | None = None
    """How a network is fitted to every image; None for all others."""

    def __post_init__(self) -> None:
        if self.tile < 0 or self.overlap < 0 or (self.tile and self.overlap * 2 >= self.tile):
            raise UsageError(
                f"A tile of {self.tile} pixels is too small for an overlap of {self.overlap}; "
                "give a tile larger than twice the overlap, or 0 for whole images."
            )
        if self.tile and self.chop:
            raise UsageError("Tiles and the EDSR chop exclude each other; choose one.")

    @property
    def drawn(self) -> str:
        """How sr is drawn or the network fitted: "ddim-20,samples=4", "fit=3000"; empty for all others."""
        return self.sampling.id if self.sampling else self.fitting.id if self.fitting else ""

    def id(self, limit: int | None = None) -> str:
        """Return the short form for the protocol id; ``limit`` is the number of measured images, if not all."""
        how = "chop" if self.chop else f"tile={self.tile}+{self.overlap}" if self.tile else "whole"
        how += f",resize={self.resize}" if self.resize else ""
        how += (",x8" if self.self_ensemble else "") + ("" if self.precision == "fp32" else f",{self.precision}")
        how += f",{self.drawn}" if self.drawn else ""
        how += f",{self.backend.name}" if self.backend else ""
        return how if limit is None else f"{how},first={limit}"


def score_id(
    metric: SrScoreSpec, protocol: Protocol, scale: Scale, lr: str, inference: Inference, limit: int | None = None,
    weights: str = "",
) -> str:  # fmt: skip
    """Return the id that is shown beside a score.

    Args:
        metric: The metric; its version is part of the id.
        protocol: The preset.
        scale: The factor, which decides the border.
        lr: The source of lr: "bicubic-u8", "own:1f3a…".
        inference: How the network was applied.
        limit: Number of measured images, if not all of the dataset.
        weights: The sha256 of the metric's weights, whose first digits become part of the id; empty without any.
    """
    version = "" if metric.version == "1" else f".v{metric.version}"
    version += f".w{weights[:8]}" if weights else ""
    meaning = protocol.describe(scale)
    if not metric.shaved:
        meaning = meaning.replace(f"shave={protocol.shave(scale)}", "shave=0")
    return f"{metric.name}{version}@{meaning},lr={lr},{inference.id(limit)}"
