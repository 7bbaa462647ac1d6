"""What degradations are made of: steps and chains, random draws, and the mathematics of blurs, noise and codecs.

For authors: ``from srbench.degrading import Chain, Random, Size, Step``; the functions on tensors stand in
`srbench.imaging.kernels` and its neighbours.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
