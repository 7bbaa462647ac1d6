from .borders import mod_crop, pad_beyond, pad_to_multiple, shave
from .colour import rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb
from .files import image_size, read_image, write_png
from .pixels import to_tensor, to_uint8
from .resize import imresize
from .tiling import chopped, self_ensemble, tiled

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
