from .chain import Chain, InTurn, OneOf, PerScale, Shuffled, Sometimes
from .describing import Telling, telling
from .draws import Random, Range
from .realisation import Realisation, freeze, realise
from .steps import Drawn, Size, Step, column

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
