"""Give a network its weights, and say what does not fit and what would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from srbench.errors import CheckpointError
from srbench.networks.advice import Candidate, advice
from srbench.networks.network import Network
from srbench.networks.shapes import Architectures, shapes_of
from srbench.networks.weights import LoadedWeights
from srbench.scales import Scale

_FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def fit(network: Network, scale: Scale, state: Mapping[str, Tensor], path: Path, known: Architectures) -> None:
    """Give a network its weights; every key and shape must fit, unless the module's own loading hooks make them fit.

    Args:
        network: Changed in place.
        scale: For which it was built.
        state: From `load_state_dict`.
        path: The file, for messages.
        known: Architectures by name, among which one that fits better is looked for.

    Raises:
        CheckpointError: Keys are missing, unexpected or of another shape or type, or a value is not finite.
    """
    own = network.module.state_dict()
    for key, tensor in state.items():
        if key in own and own[key].is_floating_point() and tensor.dtype not in _FLOATING:
            raise CheckpointError(
                f"{path} holds {_named(tensor.dtype)} values for {key}; srbench loads "
                f"{', '.join(map(_named, _FLOATING))}, so give the weights from before they were converted."
            )
        if tensor.dtype in _FLOATING and not tensor.isfinite().all():
            raise CheckpointError(f"{path} holds NaN or infinity in {key}: its training diverged; use other weights.")
    try:
        network.module.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        spec, shapes = network.spec, {key: tuple(tensor.shape) for key, tensor in own.items()}
        at_hand = Candidate(spec.name, None if spec.one_network else scale, shapes)
        raise CheckpointError(
            f"{path} does not fit {at_hand.title}: {_misfits(own, state)}. {advice(state, at_hand, known)}"
        ) from error


def doubts_about_scale(weights: LoadedWeights, path: Path, name: str, scale: Scale, known: Architectures) -> list[str]:
    """Say why weights that fit a network may be meant for another scale.

    Args:
        weights: What was loaded.
        path: From where.
        name: The architecture.
        scale: The scale at which it is used.
        known: The architectures by name.
    """
    spec = known[name]
    if spec.one_network or weights.scale == scale or len(spec.distinct_scales) < len(spec.scales):
        return []
    if weights.scale is not None:
        return [f"{path} says that it is for x{weights.scale}, and it is used at x{scale}; check that this is right."]
    own = shapes_of(known, name, scale)
    same = [f"x{other}" for other in sorted(spec.scales - {scale}) if shapes_of(known, name, other) == own]
    if not own or not same:
        return []
    doubt = (
        f"{path} does not say its scale, and weights of {name} for {', '.join(same)} have the same shapes; check that "
        f"these are for x{scale}."
    )
    return [doubt]


def _named(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _misfits(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    missing = [k for k in wanted if k not in state]
    unexpected = [k for k in state if k not in wanted]
    misshapen = [k for k in wanted if k in state and wanted[k].shape != state[k].shape]
    faults = [
        f"{_keys(keys)} {what} (first: {keys[0]})"
        for what, keys in (("missing", missing), ("not in the network", unexpected))
        if keys
    ]
    if misshapen:
        key = misshapen[0]
        faults.append(
            f"{_keys(misshapen)} of another shape (first: {key}, {tuple(state[key].shape)} in the file and "
            f"{tuple(wanted[key].shape)} in the network)"
        )
    return ", ".join(faults)


def _keys(keys: Sequence[str]) -> str:
    return f"{len(keys)} {'key is' if len(keys) == 1 else 'keys are'}"
