"""The measuring conventions: image files, colour, resizing, borders, tiles.

Everything public can be imported from here; a module is loaded when one of its names is first used, so that
reading the size of an image does not cost the import of torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srbench.imaging.borders import mod_crop, pad_beyond, pad_to_multiple, shave
    from srbench.imaging.colour import rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb
    from srbench.imaging.files import image_size, read_image, to_tensor, to_uint8, write_png
    from srbench.imaging.resize import imresize
    from srbench.imaging.tiling import chopped, self_ensemble, tiled

__all__ = [
    "chopped",
    "image_size",
    "imresize",
    "mod_crop",
    "pad_beyond",
    "pad_to_multiple",
    "read_image",
    "rgb_to_y",
    "rgb_to_ycbcr",
    "self_ensemble",
    "shave",
    "tiled",
    "to_tensor",
    "to_uint8",
    "write_png",
    "ycbcr_to_rgb",
]

_MODULES = {
    "borders": ("mod_crop", "pad_beyond", "pad_to_multiple", "shave"),
    "colour": ("rgb_to_y", "rgb_to_ycbcr", "ycbcr_to_rgb"),
    "files": ("image_size", "read_image", "to_tensor", "to_uint8", "write_png"),
    "resize": ("imresize",),
    "tiling": ("chopped", "self_ensemble", "tiled"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what a module holds can be anything
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
