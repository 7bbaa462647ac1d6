"""A network with its weights that enlarges images of any size, tile by tile in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from srbench.errors import ShapeError, UnavailableError
from srbench.imaging.photographs import Photograph, Values
from srbench.imaging.resize import imresize
from srbench.imaging.tiling import Upscale, tiled
from srbench.measuring.inference import super_resolve
from srbench.measuring.protocol import Inference
from srbench.networks.network import Network
from srbench.profiling.working_memory import working_bytes
from srbench.scales import Scale, hr_size

AnyImage: TypeAlias = Image.Image | NDArray[Any] | Tensor
I = TypeVar("I", bound=AnyImage)  # noqa: E741

OVERLAP = 32
"""Pixels of lr around a tile that the network also sees."""
SIDES = (1024, 768, 512, 384, 256, 192, 128, 96, 64)
"""Sides of tiles to choose from."""
UNTRACED = 256
"""The side of tiles for networks whose memory cannot be counted."""
_UNSEEN = 2
"""What is counted from shapes, times this: an operator has buffers of its own."""
MEMORY = 2**31
"""Bytes that a network may use for a tile, unless somebody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Upscaler:
    """A network with its weights, ready to enlarge images."""

    name: str
    network: Network
    """The network in eval mode, in its deployed form; see `srbench.networks.deployed`."""
    scale: Scale
    device: torch.device
    inference: Inference = field(default_factory=Inference)
    """Self-ensemble and precision, or how sr is drawn; without a tile, one is chosen by ``memory`` for images that need
    it."""
    memory: int = MEMORY
    """Bytes that the network may use at once."""
    doubts: tuple[str, ...] = ()
    """A sentence for each reason why the weights may be meant for something else."""
    _tiles: dict[tuple[int, int], int] = field(default_factory=dict, init=False, repr=False)

    def upscale(self, image: I) -> I:
        """Enlarge an image; the result has its type, and is clamped to the range of its values.

        Args:
            image: A Pillow image of mode L, LA, RGB or RGBA; an array (H, W) or (H, W, 3) of uint8, uint16, or of
                floats in [0, 1]; or a tensor (3, H, W), (1, H, W) or a batch of such, of floats in [0, 1].

        Raises:
            ShapeError: It has another shape or type.
        """
        if isinstance(image, Image.Image):
            return cast("I", self._pillow(image))
        if isinstance(image, Tensor):
            if image.ndim not in (3, 4) or image.shape[-3] not in (1, 3) or not image.is_floating_point():
                raise ShapeError(
                    f"A tensor of {image.dtype} with the shape {tuple(image.shape)} is not an image; give floats in "
                    "[0, 1] of shape (3, H, W), (1, H, W), or a batch of such."
                )
            batch = image if image.ndim == 4 else image[None]
            made = torch.cat([self._enlarged(one[None]) for one in batch])
            return cast("I", made if image.ndim == 4 else made[0])
        return cast("I", self._array(image))

    def upscale_photograph(self, photograph: Photograph) -> Photograph:
        """Enlarge a photograph; its transparency is enlarged bicubically."""
        colours = cast("Values", self._array(photograph.colours))
        alpha, largest = photograph.alpha, photograph.largest
        if alpha is not None:

            def bicubic(part: Tensor) -> Tensor:
                size = hr_size((part.shape[-2], part.shape[-1]), self.scale)
                return (imresize(part.float() / largest, size=size).clamp(0, 1) * largest).round().to(part.dtype)

            planes = torch.from_numpy(np.array(alpha, order="C"))[None, None]
            alpha = cast("Values", self._by_tiles(bicubic, planes, SIDES[0])[0, 0].numpy())
        return Photograph(colours, alpha, photograph.beside)

    def _pillow(self, image: Image.Image) -> Image.Image:
        if image.mode not in ("L", "LA", "RGB", "RGBA"):
            raise ShapeError(f"An image of mode {image.mode} has no channels of its own; convert it to RGB or L.")
        pixels = np.asarray(image)
        if image.mode in ("L", "RGB"):
            return Image.fromarray(cast("Any", self._array(pixels)))
        colours = pixels[..., 0] if image.mode == "LA" else np.ascontiguousarray(pixels[..., :3])
        made = self.upscale_photograph(Photograph(colours, np.ascontiguousarray(pixels[..., -1])))
        return Image.fromarray(np.dstack((made.colours, cast("Values", made.alpha))))

    def _array(self, pixels: NDArray[Any]) -> NDArray[Any]:
        kind = pixels.dtype
        if kind not in (np.uint8, np.uint16) and kind.kind != "f":
            raise ShapeError(f"An array of {kind} is not an image; give uint8, uint16, or floats in [0, 1].")
        if not pixels.size or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
            raise ShapeError(f"An array of shape {pixels.shape} is not an image; give (H, W) or (H, W, 3).")
        planes = np.array(
            pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1), order="C"
        )  # torch must own it
        largest = float(np.iinfo(kind).max) if kind.kind == "u" else 0.0
        made: NDArray[Any] = self._enlarged(torch.from_numpy(planes)[None], largest)[0].numpy()
        return made[0] if pixels.ndim == 2 else np.ascontiguousarray(made.transpose(1, 2, 0))

    def _enlarged(self, lr: Tensor, largest: float = 0.0) -> Tensor:
        """Enlarge (1, C, h, w) whole, or tile by tile, so that only tiles are ever there as floats.

        Args:
            lr: The image, in the type of the result.
            largest: The value of white, if that is a whole number.
        """
        return self._by_tiles(lambda part: self._once(part, largest), lr, self.tile_for(lr.shape[-2], lr.shape[-1]))

    def _by_tiles(self, enlarge: Upscale, lr: Tensor, tile: int) -> Tensor:
        """Enlarge into memory in the order of image files, (H, W, C), so that nothing has to be copied later."""
        if not tile or not isinstance(self.scale, int):
            return enlarge(lr)
        count, channels, height, width = lr.shape
        size = (count, channels, self.scale * height, self.scale * width)
        whole = torch.empty(size, dtype=lr.dtype, memory_format=torch.channels_last)
        return tiled(enlarge, lr, self.scale, tile=tile, overlap=OVERLAP, whole=whole)

    def _once(self, lr: Tensor, largest: float) -> Tensor:
        part = lr.to(self.device).float() / (largest or 1.0)
        grey = part.shape[1] == 1
        if grey and self.network.colours == 3:
            part = part.expand(-1, 3, -1, -1)
        sr = super_resolve(self.network, part, self.scale, self.inference)
        sr = (sr.mean(dim=1, keepdim=True) if grey else sr).clamp(0, 1).cpu()
        return (sr * largest).round().to(lr.dtype) if largest else sr.to(lr.dtype)

    def tile_for(self, height: int, width: int) -> int:
        """Return the side of the largest tiles that memory allows for an image; 0 if it needs none.

        A network that cannot be traced without computing gets tiles of 256 pixels. At real scales, where the pixels of
        sr belong to no single tile, images are enlarged whole; so they are by networks that sample or are fitted, whose
        tiles would be drawn apart from one another.

        Raises:
            UnavailableError: A sample of the whole image needs more than ``memory``.
        """
        if self.inference.sampling and not self._fits((height, width)):
            raise UnavailableError(
                f"{self.name} draws {height}×{width} pixels of lr as a whole, which needs more than the "
                f"{self.memory / 2**30:.2g} GiB that it may use; allow more memory, or enlarge a part of the image."
            )
        if self.inference.sampling or self.inference.fitting:
            return 0
        if self.inference.tile or self.inference.chop or not isinstance(self.scale, int):
            return 0
        size = height, width
        if size not in self._tiles:
            around = [(min(side + 2 * OVERLAP, height), min(side + 2 * OVERLAP, width)) for side in SIDES]
            fitting = (side for side, part in zip((0, *SIDES), (size, *around), strict=True) if self._fits(part))
            self._tiles[size] = next(fitting, SIDES[-1])
        return self._tiles[size]

    def _fits(self, size: tuple[int, int]) -> bool:
        try:
            return working_bytes(self.network.spec, self.scale, size) * _UNSEEN <= self.memory
        except UnavailableError:
            return bool(self.inference.sampling) or max(size) <= UNTRACED + 2 * OVERLAP
