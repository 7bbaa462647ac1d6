"""Random streams are named."""

import torch

from srbench.training.seeds import seed_of, stream


def test_streams_are_named_and_unrelated():
    assert seed_of(1, 2) == seed_of(1, 2)
    assert len({seed_of(1, 2), seed_of(2, 1), seed_of(12), seed_of("1", 2)}) == 4
    assert torch.equal(torch.rand(3, generator=stream("a")), torch.rand(3, generator=stream("a")))
