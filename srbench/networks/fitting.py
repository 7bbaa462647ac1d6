"""Give a network its weights, and say what does not fit and what would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from srbench.errors import CheckpointError
from srbench.naming import Scale
from srbench.networks.network import Network
from srbench.networks.shapes import Architectures, Shapes, all_shapes, shapes_of
from srbench.networks.weights import LoadedWeights

_FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def fit(network: Network, state: Mapping[str, Tensor], path: Path, known: Architectures) -> None:
    """Give a network its weights; every key and shape must fit, unless the module's own loading hooks make them fit.

    Args:
        network: Changed in place.
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
                f"{path} holds {_named(tensor.dtype)} values for {key}, where {network.spec.name} has floating-point "
                "weights; give the file from before they were quantised or converted."
            )
        if tensor.dtype in _FLOATING and not tensor.isfinite().all():
            raise CheckpointError(f"{path} holds NaN or infinity in {key}; its training diverged, use another.")
    try:
        network.module.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} does not fit {network.spec.name}, keys: {_misfits(own, state)}. "
            f"{_advice(state, network.spec.name, known)}"
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
    if spec.multi_scale or weights.scale == scale:
        return []
    if weights.scale is not None:
        return [f"{path} states x{weights.scale}, and its weights are used at x{scale}; check that they are for it."]
    own = shapes_of(known, name, scale)
    same = [f"x{other}" for other in sorted(spec.scales - {scale}) if shapes_of(known, name, other) == own]
    if not own or not same:
        return []
    doubt = (
        f"The weights of {name} have the same shapes at x{scale} and {', '.join(same)}, and {path} does not state its "
        f"scale; check that they are for x{scale}."
    )
    return [doubt]


def _named(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _misfits(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    missing = [k for k in wanted if k not in state]
    unexpected = [k for k in state if k not in wanted]
    misshapen = [k for k in wanted if k in state and wanted[k].shape != state[k].shape]
    faults = [
        f"{len(keys)} {what} (first: {keys[0]})"
        for what, keys in (("missing", missing), ("unexpected", unexpected))
        if keys
    ]
    if misshapen:
        key = misshapen[0]
        faults.append(
            f"{len(misshapen)} of another shape (first: {key}, {tuple(state[key].shape)} in the file "
            f"and {tuple(wanted[key].shape)} in the network)"
        )
    return ", ".join(faults)


class _Nearness(NamedTuple):
    """How near weights are to those of an architecture; 1 means all of both."""

    shapes: float
    names: float
    is_wanted: bool
    title: str
    first_difference: str


def _advice(state: Mapping[str, Tensor], wanted: str, known: Architectures) -> str:
    variants = [
        {key[len(prefix) :]: tuple(tensor.shape) for key, tensor in state.items() if key.startswith(prefix)}
        for prefix in _common_prefixes(state)
    ]
    nearest = max(
        (
            _nearness(variant, shapes, name == wanted, name if scale is None else f"{name} at x{scale}")
            for name, scale, shapes in all_shapes(known, wanted, state)
            for variant in variants
        ),
        key=lambda one: (one.shapes if one.shapes >= 0.5 else 0.0, one.names, one.is_wanted),
        default=_Nearness(0, 0, False, "", ""),
    )
    if nearest.shapes == 1:
        return f"It fits {nearest.title} exactly; use that."
    if nearest.names >= 0.9 and nearest.first_difference and nearest.shapes < 0.9:
        return f"Its names are those of {nearest.title} and its sizes are not ({nearest.first_difference})."
    if nearest.shapes >= 0.5:
        return f"The nearest is {nearest.title}, where {nearest.shapes:.0%} of the keys fit."
    return "No architecture that srbench knows fits; is it for another network?"


def _common_prefixes(state: Mapping[str, Tensor]) -> list[str]:
    """Return "" and the prefixes that a good part of the keys have."""
    parts = [key.split(".") for key in state]
    prefixes = Counter(".".join((*key[:depth], "")) for key in parts for depth in (1, 2) if len(key) > depth)
    return ["", *(prefix for prefix, count in prefixes.most_common(4) if count >= 0.4 * len(state))]


def _nearness(ours: Shapes, theirs: Shapes, is_wanted: bool, title: str) -> _Nearness:
    there = [key for key in theirs if key in ours]
    either = max(len(ours) + len(theirs) - len(there), 1)
    differing = [key for key in there if ours[key] != theirs[key]]
    first = f"{differing[0]}: {ours[differing[0]]} in the file, {theirs[differing[0]]} there" if differing else ""
    equal = len(there) - len(differing)
    return _Nearness(equal / (either + len(differing)), len(there) / either, is_wanted, title, first)
