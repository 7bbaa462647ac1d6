"""The encoder that a network declares: the network without its upsampler, for other decoders to follow."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from srbench.errors import ShapeError, UsageError
from srbench.imaging.borders import pad_to_multiple
from srbench.networks.spec import ArchitectureSpec


def require_encoder(spec: ArchitectureSpec) -> Callable[[], nn.Module]:
    """Return what builds the encoder of a network.

    Raises:
        UsageError: The network declares none.
    """
    if spec.encoder is None:
        raise UsageError(
            f"{spec.name} declares no encoder, so no other decoder can follow it; choose a network that computes "
            "features at the size of lr and enlarges them at its end, such as edsr_baseline, rdn or swinir_light."
        )
    return spec.encoder


def encode(encoder: nn.Module, spec: ArchitectureSpec, lr: Tensor) -> Tensor:
    """Compute features, padding and cropping as the network of ``spec`` needs it.

    Args:
        encoder: The encoder, from `require_encoder`.
        spec: The spec of the network whose encoder it is.
        lr: (N, 3, h, w), normalised.

    Returns:
        (N, C, h, w).

    Raises:
        ShapeError: The encoder returned another size, or something else than a tensor.
    """
    padded, (height, width) = pad_to_multiple(lr, spec.size_multiple, spec.min_size)
    features = encoder(padded)
    if not isinstance(features, Tensor) or features.dim() != 4 or features.shape[2:] != padded.shape[2:]:
        returned = tuple(features.shape) if isinstance(features, Tensor) else f"a {type(features).__name__}"
        raise ShapeError(
            f"The encoder of {spec.name} returned {returned} for lr {tuple(padded.shape)}; it must return features of "
            "the same height and width."
        )
    return features[..., :height, :width]


def count_features(encoder: nn.Module, spec: ArchitectureSpec) -> int:
    """Count the channels of the features, by encoding a small image."""
    like = next(encoder.parameters())
    encoder.eval()
    with torch.no_grad():
        features = encode(encoder, spec, like.new_zeros(1, 3, 8, 8))
    encoder.train()
    return features.shape[1]
