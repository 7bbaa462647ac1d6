"""Average the weights of several checkpoints of one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from srbench.errors import CheckpointError

BATCHES_SEEN = "num_batches_tracked"
"""The buffer of PyTorch's batch normalisation that counts."""


def average_weights(
    states: Mapping[str, Mapping[str, Tensor]], shares: Sequence[float] | None = None
) -> dict[str, Tensor]:
    """Return the mean of the weights of several checkpoints of one network.

    The uniform mean is the "model soup" (Wortsman et al., ICML 2022) and the feature ensemble of SwinFIR (section 3.4):
    the mean of good checkpoints that are near each other in one training scores better than each. With shares it is the
    network interpolation of ESRGAN (section 3.4). Tables of whole numbers must be equal, except for the number of
    batches that a batch normalisation has seen, of which the largest is kept; its running statistics are averaged as
    weights are, and are then not exactly those of the averaged network.

    Args:
        states: State dicts by their names in messages, such as their files.
        shares: What each contributes, in their order, adding up to 1; equal if absent. One with a share of 0 is checked
            and left out, so that a share of 1 gives a state dict to the bit.

    Returns:
        The mean of every tensor, in its own precision; the tensors themselves where there is one state dict.

    Raises:
        CheckpointError: There is no state dict, or keys, shapes or whole numbers differ.
    """
    if not states:
        raise CheckpointError("There are no weights to average; give at least one state dict.")
    (first, start), *others = states.items()
    for name, state in others:
        differing = sorted(start.keys() ^ state.keys()) or [k for k in start if start[k].shape != state[k].shape]
        if differing:
            raise CheckpointError(
                f"The weights of {first} and {name} cannot be averaged: {differing[0]} is missing in one of them or "
                "has two shapes; give checkpoints of one network."
            )
    return {key: _mean([state[key] for state in states.values()], shares, key) for key in start}


def _mean(tensors: Sequence[Tensor], shares: Sequence[float] | None, key: str) -> Tensor:
    first = tensors[0]
    if len(tensors) == 1:
        return first
    if first.is_floating_point():
        if shares is None:
            return torch.stack([tensor.double() for tensor in tensors]).mean(0).to(first.dtype)
        parts = [(share, tensor) for share, tensor in zip(shares, tensors, strict=True) if share]
        if len(parts) == 1:
            return parts[0][1]
        return torch.stack([share * tensor.double() for share, tensor in parts]).sum(0).to(first.dtype)
    if key.rpartition(".")[2] == BATCHES_SEEN:
        used = [t for t, share in zip(tensors, shares or [1.0] * len(tensors), strict=True) if share]
        return max(used, key=int)
    if any(not torch.equal(tensor, first) for tensor in tensors):
        raise CheckpointError(
            f"{key} holds whole numbers that differ between the checkpoints, and they have no mean; give checkpoints "
            "of one network."
        )
    return first
