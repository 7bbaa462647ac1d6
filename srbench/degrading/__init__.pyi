from .chain import Chain, InTurn, OneOf, PerScale, Shuffled, Sometimes
from .describing import DescribingStep, describe_chain
from .draws import Random, Range
from .realisation import Realisation, freeze, realise
from .steps import Drawn, Size, Step, column

__all__ = [
    "Chain",
    "DescribingStep",
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
    "column",
    "describe_chain",
    "freeze",
    "realise",
]
