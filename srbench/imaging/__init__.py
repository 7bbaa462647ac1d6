"""Functions on images: files, colour, resizing, borders, tiles, and the operators of degradations.

A module is loaded when one of its names is first used, so that reading an image does not import torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
