"""Give a network its weights, and say what does not fit and what would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from srbench.errors import CheckpointError, SrbenchError
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec


def fit(network: Network, state: Mapping[str, Tensor], path: Path, known: Mapping[str, ArchitectureSpec]) -> None:
    """Give a network its weights; every key and shape must fit, unless the module's own loading hooks make them fit.

    Args:
        network: Changed in place.
        state: From `load_state_dict`.
        path: The file, for messages.
        known: Architectures by name, among which one that fits better is looked for.

    Raises:
        CheckpointError: Keys are missing, unexpected or of another shape, or a value is not finite.
    """
    broken = [k for k, t in state.items() if t.is_floating_point() and not t.isfinite().all()]
    if broken:
        raise CheckpointError(f"{path} holds NaN or infinity in {broken[0]}; its training diverged, use another.")
    try:
        network.module.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} does not fit {network.spec.name}, keys: {_misfits(network, state)}. {_advice(state, known)}"
        ) from error


def _misfits(network: Network, state: Mapping[str, Tensor]) -> str:
    wanted = network.module.state_dict()
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


def _advice(state: Mapping[str, Tensor], known: Mapping[str, ArchitectureSpec]) -> str:
    best, share = _best_fit(state, known)
    if not best or share < 0.5:
        return "No architecture that srbench knows fits; is it for another network?"
    if share == 1.0:
        return f"It fits {best} exactly; use that."
    return f"The nearest is {best}, where {share:.0%} of the keys fit."


def _best_fit(state: Mapping[str, Tensor], known: Mapping[str, ArchitectureSpec]) -> tuple[str, float]:
    """The architecture and scale whose keys and shapes overlap most with ``state``; 1 means all of both."""
    ours = {(key, tuple(tensor.shape)) for key, tensor in state.items()}

    def share(name: str, scale: int | None) -> float:
        theirs = _shapes(known[name], scale)
        return len(ours & theirs) / max(len(ours | theirs), 1)

    scales = {name: _scales(spec) for name, spec in known.items()}
    fits = {(name, first): share(name, first) for name, (first, *_) in scales.items()}
    most = max(fits.values(), default=0.0)
    # Scales of one network differ in a few keys: of networks that are far away, the others are not worth building.
    near = [name for name, _ in fits if 0 < most / 2 <= fits[name, scales[name][0]] and most < 1]
    fits |= {(name, scale): share(name, scale) for name in near for scale in scales[name][1:]}
    (best, scale), most = max(fits.items(), key=lambda item: item[1], default=(("", None), 0.0))
    return best if scale is None else f"{best} at x{scale}", most


def _scales(spec: ArchitectureSpec) -> list[int | None]:
    return [None] if spec.multi_scale else [*sorted(spec.scales)]


def _shapes(spec: ArchitectureSpec, scale: int | None) -> frozenset[tuple[str, tuple[int, ...]]]:
    try:
        with torch.device("meta"):
            module: nn.Module = spec.build() if scale is None else spec.build(scale)
    except (SrbenchError, RuntimeError, TypeError, ValueError, NotImplementedError, AttributeError):
        return frozenset()  # a network that cannot be built without memory is only left out of the advice
    return frozenset((key, tuple(tensor.shape)) for key, tensor in module.state_dict().items())
