from .chain import Chain, draw_step
from .choosing import InTurn, OneOf, PerScale, Shuffled, Sometimes
from .describing import DescribingStep, describe_chain
from .draws import Random, Range
from .kernels import BlurringStep, DroppingStep
from .realisation import Realisation, freeze, realise
from .steps import Drawn, FixedStep, Size, Step, column

__all__ = [
    "BlurringStep",
    "Chain",
    "DescribingStep",
    "Drawn",
    "DroppingStep",
    "FixedStep",
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
    "draw_step",
    "freeze",
    "realise",
]
