"""Degradations: their specs, steps and chains, random draws, realisations, and LR images.

For authors: ``from srbench.degrading import Chain, Random, Size, Step``; the functions on tensors are in
`srbench.imaging.kernels` and its neighbours.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
