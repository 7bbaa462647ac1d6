"""What degradations are made of: steps and chains, random draws, and the mathematics of blurs, noise and codecs.

For authors: ``from srbench.degrading import Chain, Random, Size, Step``; the functions on tensors stand in
`srbench.degrading.kernels` and its neighbours.
"""

from srbench.degrading.chain import Chain, InTurn, OneOf, PerScale, Shuffled, Sometimes
from srbench.degrading.draws import Random, Range
from srbench.degrading.frozen import Realisation, freeze, realise
from srbench.degrading.steps import Drawn, Size, Step, column
from srbench.degrading.telling import Telling, telling

__all__ = [
    "Chain",
    "Drawn",
    "InTurn",
    "OneOf",
    "PerScale",
    "Random",
    "Range",
    "Realisation",
    "Shuffled",
    "Size",
    "Sometimes",
    "Step",
    "Telling",
    "column",
    "freeze",
    "realise",
    "telling",
]
