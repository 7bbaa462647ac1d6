"""Weights from files: safetensors, or ``torch.load(weights_only=True)``. No pickle is ever executed."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from srbench.errors import CheckpointError, SrbenchError
from srbench.files import sha256_of
from srbench.networks.network import Network

if TYPE_CHECKING:
    from srbench.networks.spec import ArchitectureSpec

MAX_BYTES = 4 * 2**30
"""A larger file is refused: the field's largest networks stay below 1 GiB."""
WRAPPERS = ("params_ema", "params", "state_dict", "model_state_dict", "model")
"""Keys under which releases keep their weights; where several are there, the first of these wins."""
PREFIXES = ("module.", "_orig_mod.")
"""What data-parallel and compiled modules put before every key."""
OPTIMISER_KEYS = frozenset({"param_groups", "optimizer", "optimizers", "optimizer_state_dict"})


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """A state dict, and what had to be undone to get it."""

    state: dict[str, Tensor]
    undone: tuple[str, ...]
    """What was removed, outermost first: ("params_ema", "without epoch", "module.")."""


def load_state_dict(path: Path) -> LoadedWeights:
    """Read a file of weights onto the CPU.

    Args:
        path: A safetensors file, or one that ``torch.save`` wrote from tensors alone.

    Raises:
        CheckpointError: The file is missing, empty, too large, damaged, holds code or anything but tensors, or is an
            optimiser's state.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint at {path}; give the path of a weights file.")
    size = path.stat().st_size
    if size == 0:
        raise CheckpointError(f"{path} is empty; its download or copy failed, so get it again.")
    if size > MAX_BYTES:
        raise CheckpointError(
            f"{path} has {size / 2**30:.1f} GiB, more than the {MAX_BYTES / 2**30:.0f} GiB that srbench reads; "
            "export the weights alone into a safetensors file."
        )
    content = _read_safetensors(path) if _is_safetensors(path) else _read_torch(path)
    return _unwrapped(content, path)


def average_weights(states: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The uniform mean of the weights of several checkpoints of one network.

    A "model soup" (Wortsman et al., ICML 2022), and the feature ensemble of SwinFIR (section 3.4): checkpoints that do
    well each, and lie near each other in the same training, do better in the middle. Tables of whole numbers must be
    the same in all.

    Args:
        states: State dicts by what to call them in messages, such as their files.

    Returns:
        The mean of every tensor, in its own precision; the tensors themselves where there is one state dict.

    Raises:
        CheckpointError: There is none, or keys, shapes or whole numbers differ.
    """
    if not states:
        raise CheckpointError("There are no weights to average; give at least one state dict.")
    (first, start), *others = states.items()
    for name, state in others:
        differing = sorted(start.keys() ^ state.keys()) or [k for k in start if start[k].shape != state[k].shape]
        if differing:
            raise CheckpointError(
                f"The weights of {first} and {name} cannot be averaged, since {differing[0]} is not in both or has "
                "two shapes; give checkpoints of one network."
            )
    return {key: _mean([state[key] for state in states.values()], key) for key in start}


def _mean(tensors: Sequence[Tensor], key: str) -> Tensor:
    first = tensors[0]
    if len(tensors) == 1:
        return first
    if first.is_floating_point():
        return torch.stack([tensor.double() for tensor in tensors]).mean(0).to(first.dtype)
    if any(not torch.equal(tensor, first) for tensor in tensors):
        raise CheckpointError(
            f"{key} holds other whole numbers in each checkpoint, which have no mean; they must agree."
        )
    return first


def verified(path: Path, sha256: str) -> Path:
    """The path, if the file has this hash.

    Raises:
        CheckpointError: It has another.
    """
    if (found := sha256_of(path)) != sha256:
        raise CheckpointError(
            f"{path} is not the published file (sha256 {found[:12]}…, expected {sha256[:12]}…); "
            "remove it and get it again."
        )
    return path


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


def _is_safetensors(path: Path) -> bool:
    # the format starts with the length of a JSON header, so its ninth byte is a brace
    with path.open("rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def _read_safetensors(path: Path) -> Any:  # noqa: ANN401 - checked by the caller
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged or no safetensors file ({error}); get it again.") from error


def _read_torch(path: Path) -> Any:  # noqa: ANN401 - checked by the caller
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on pickle protocols; what matters is said below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        with path.open("rb") as file:
            start = file.read(2)
        if start != b"PK" and start[:1] != b"\x80":  # neither the zip nor the pickle that torch.save writes
            raise CheckpointError(f"{path} is damaged or no checkpoint of PyTorch; get it again.") from error
        raise CheckpointError(
            f"{path} holds pickled Python objects, which could run code, so it was not loaded; "
            "ask its authors for the state_dict alone, or convert it where you trust it."
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or no checkpoint of PyTorch; get it again.") from error


def _unwrapped(content: object, path: Path) -> LoadedWeights:
    undone: list[str] = []
    while isinstance(content, Mapping) and (key := _wrapper(content)):
        content = content[key]
        undone.append(key)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a state dict; save `model.state_dict()`.")
    tensors = {str(k): t for k, t in content.items() if isinstance(t, Tensor)}
    others = [str(k) for k in content if str(k) not in tensors]
    if OPTIMISER_KEYS & {str(k) for k in content} and not tensors:
        raise CheckpointError(f"{path} holds an optimiser's state and no weights; give the file of the network.")
    if not tensors:
        raise CheckpointError(f"{path} holds no tensors; give a file with the weights of a network.")
    if others:
        undone.append(f"without {', '.join(others[:3])}{', …' if len(others) > 3 else ''}")
    while prefix := next((p for p in PREFIXES if all(k.startswith(p) for k in tensors)), ""):
        tensors = {k.removeprefix(prefix): t for k, t in tensors.items()}
        undone.append(prefix)
    return LoadedWeights(tensors, tuple(undone))


def _wrapper(content: Mapping[Any, Any]) -> str:
    return next((k for k in WRAPPERS if isinstance(content.get(k), Mapping)), "")


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
