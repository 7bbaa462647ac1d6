"""Compare what was computed in two ways, for every processor.

Another processor, another number of threads and another size of a batch sum in another order, fuse a product with its
sum or not, and have another exponential: what is the same by its formula differs in its last bits.
"""

import torch


def assert_equal_but_for_rounding(found, wanted, roundings=256):
    """Assert that two tensors differ by rounding only.

    Args:
        found: What was computed in one way.
        wanted: What was computed in the other.
        roundings: How far they may be apart, in units of the machine epsilon of the coarser of their types times the
            largest value of ``wanted``. A sum of n products of random signs is off by about the root of n of them, and
            every layer adds its own; a wrong formula is off by more than ten thousand.
    """
    assert found.shape == wanted.shape
    epsilon = max(torch.finfo(tensor.dtype).eps for tensor in (found, wanted))
    away = (found.detach().double() - wanted.detach().double()).abs().max()
    measured = (
        away / (epsilon * wanted.detach().double().abs().max().clamp(min=torch.finfo(torch.float64).tiny))
    ).item()
    assert measured <= roundings, f"{measured:.0f} roundings of the largest value apart; {roundings} are allowed"
