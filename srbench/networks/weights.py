"""Find the weights of a network in what a file holds, whatever its training script wrapped them in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from srbench.errors import CheckpointError
from srbench.networks.checkpoint_files import MAX_BYTES, read_checkpoint
from srbench.networks.pickled import PickledArray

PREFIXES = ("module.", "_orig_mod.")
"""What data-parallel and compiled modules put before every key."""
_CONTAINERS = (Mapping, list, tuple)
_DEPTH = 8
"""How far inside a file weights are looked for."""
_AVERAGE = re.compile(r"(?<![a-z])(ema|swa|averaged?)(?![a-z])")
_COUNTER = re.compile(r"step|iter|epoch|count|n_averaged|num_batches|num_updates|decay")
_SCALE_KEYS = frozenset({"scale", "upscale", "upscale_factor", "upscaling_factor", "sr_scale"})
_SCALE_IN_NAME = re.compile(r"(?<![0-9])(?<!ma)(?<!mi)[xX]([2-9])(?![0-9])|(?<![0-9A-Za-z])([2-9])[xX](?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """A state dict, and how it was found."""

    state: dict[str, Tensor]
    place: str = ""
    """Where in the file it was: "state_dict.generator_ema"; empty if it was not inside anything."""
    ignored: tuple[str, ...] = ()
    """Keys beside the weights that are not used."""
    scale: int | None = None
    """The scale that the file or its name states; None if neither does."""

    @property
    def read(self) -> str:
        """What was read from the file: "params_ema, without epoch"; empty if it holds nothing else."""
        more = f" and {len(self.ignored) - 2} more keys" if len(self.ignored) > 2 else ""
        without = (f"without {', '.join(self.ignored[:2])}{more}",) if self.ignored else ()
        return ", ".join((*([self.place] if self.place else ()), *without))


class _Found(NamedTuple):
    """A mapping in a file that holds tensors."""

    place: tuple[str, ...]
    tensors: dict[str, Tensor]
    others: tuple[str, ...]
    """Keys of what is not a tensor."""


class _Choice(NamedTuple):
    """One mapping, and a prefix that its keys have before those of the network."""

    found: _Found
    prefix: str
    shapes: int
    """How many weights of the network are there with their shape."""
    names: int
    """How many are there at all."""

    @property
    def place(self) -> str:
        return _joined(self.found.place, self.prefix)

    @property
    def averaged(self) -> bool:
        return _AVERAGE.search(self.place.lower()) is not None

    def state(self) -> dict[str, Tensor]:
        start = len(self.prefix)
        return {key[start:]: tensor for key, tensor in self.found.tensors.items() if key.startswith(self.prefix)}


def load_state_dict(path: Path, like: Mapping[str, Tensor] | None = None) -> LoadedWeights:
    """Read the weights in a file onto the CPU.

    Of weights and their moving average (EMA), the average is taken, as published scores are its.

    Args:
        path: A safetensors file, or what ``torch.save`` wrote.
        like: The state dict of the network that they are for: the mapping and the prefix are taken under which most of
            its keys are with their shapes. If absent, the largest mapping is taken, without ``PREFIXES``.

    Raises:
        CheckpointError: See `read_checkpoint`; or it holds no weights, several that fit, or values other than weights.
    """
    content = read_checkpoint(path)
    found = list(_mappings(content))
    if not found:
        raise _without_weights(path, content)
    choice = _chosen(path, found, like) if like else None
    state, place, ignored = _taken(choice, like or {}) if choice else _largest(found)
    _check(path, state)
    scale = _scale_in(content) or _scale_in_name(path.stem)
    return LoadedWeights({key: tensor.detach().clone() for key, tensor in state.items()}, place, ignored, scale)


def _mappings(content: object) -> Iterator[_Found]:
    """Yield the mappings that hold tensors, except an optimiser's; a file may contain itself."""
    seen: set[int] = set()
    level: list[tuple[tuple[str, ...], object]] = [((), content)]
    for _ in range(_DEPTH):
        below: list[tuple[tuple[str, ...], object]] = []
        for place, value in level:
            if id(value) in seen or (isinstance(value, Mapping) and "param_groups" in value):
                continue
            seen.add(id(value))
            if isinstance(value, Mapping):
                items = {str(key): _as_tensor(entry) for key, entry in value.items()}
                tensors = {key: entry for key, entry in items.items() if isinstance(entry, Tensor)}
                if any("." in key or entry.numel() > 1 for key, entry in tensors.items()):
                    yield _Found(place, tensors, tuple(key for key in items if key not in tensors))
                below += [((*place, key), entry) for key, entry in items.items() if isinstance(entry, _CONTAINERS)]
            elif isinstance(value, list | tuple):
                below += [((*place, f"[{at}]"), entry) for at, entry in enumerate(value) if isinstance(entry, Mapping)]
        level = below


def _as_tensor(entry: object) -> object:
    try:
        return entry.tensor() if isinstance(entry, PickledArray) else entry
    except (ValueError, TypeError):
        return None  # an array of other things than numbers


def _chosen(path: Path, found: Sequence[_Found], like: Mapping[str, Tensor]) -> _Choice | None:
    choices = [_counted(one, prefix, like) for one in found for prefix in _prefixes(one.tensors, like)]
    if not choices:
        return None
    most = max(choice[2:] for choice in choices)
    best = [choice for choice in choices if choice[2:] == most]
    best = [choice for choice in best if choice.averaged] or best
    best.sort(key=lambda choice: len(choice.state()))
    others = [choice for choice in best[1:] if most[0] == len(like) and not _equal(choice, best[0], like)]
    if others:
        raise CheckpointError(
            f"{path} holds several sets of weights that fit: {_sets(best[0], others[0])}; save the one that you mean "
            "in a file of its own."
        )
    return best[0]


def _sets(*choices: _Choice) -> str:
    return " and ".join(choice.place or "those without a prefix" for choice in choices)


def _prefixes(tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> list[str]:
    """Return the prefixes under which a few of the network's keys are, its longest names."""
    probes = [*sorted(like, key=len)[-4:], next(iter(like))]
    prefixes = Counter(key.removesuffix(probe) for probe in probes for key in tensors if key.endswith(probe))
    return [prefix for prefix, _ in prefixes.most_common(16) if not prefix or prefix.endswith(".")]


def _counted(found: _Found, prefix: str, like: Mapping[str, Tensor]) -> _Choice:
    there = [found.tensors.get(prefix + key) for key in like]
    shapes = sum(t is not None and t.shape == own.shape for t, own in zip(there, like.values(), strict=True))
    return _Choice(found, prefix, shapes, sum(t is not None for t in there))


def _equal(one: _Choice, other: _Choice, like: Mapping[str, Tensor]) -> bool:
    first, second = one.state(), other.state()
    pairs = [(first[key], second[key]) for key in like]
    if any(_special(tensor) for pair in pairs for tensor in pair):  # refused later
        return True
    return all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)


def _taken(choice: _Choice, like: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str, tuple[str, ...]]:
    """Return the weights without stray counters, their place, and the keys beside them."""
    tensors, prefix = choice.found.tensors, choice.prefix
    state = {key: tensor for key, tensor in choice.state().items() if key in like or not _is_counter(key, tensor)}
    ignored = [key for key in tensors if not key.startswith(prefix) or key[len(prefix) :] not in state]
    return state, choice.place, (*ignored, *choice.found.others)


def _is_counter(key: str, tensor: Tensor) -> bool:
    if "." in key or tensor.numel() != 1:
        return False
    return not tensor.is_floating_point() or _COUNTER.search(key) is not None


def _largest(found: Sequence[_Found]) -> tuple[dict[str, Tensor], str, tuple[str, ...]]:
    most = max(len(one.tensors) for one in found)
    largest = [one for one in found if len(one.tensors) == most]
    one = next((one for one in largest if _AVERAGE.search(".".join(one.place).lower())), largest[0])
    state, prefix = one.tensors, ""
    while wrapper := next((p for p in PREFIXES if all(key.startswith(p) for key in state)), ""):
        state, prefix = {key.removeprefix(wrapper): t for key, t in state.items()}, prefix + wrapper
    return state, _joined(one.place, prefix), one.others


def _joined(place: Sequence[str], prefix: str) -> str:
    return ".".join((*place, prefix)).strip(".").replace(".[", "[")


def _check(path: Path, state: Mapping[str, Tensor]) -> None:
    """Refuse what is not a plain array of numbers, by name, before any of it is copied."""
    for key, tensor in state.items():
        if kind := _special(tensor):
            raise CheckpointError(
                f"{path} holds {kind} for {key}; save the network's weights as ordinary floating-point tensors."
            )
    declared = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    if declared > MAX_BYTES:
        raise CheckpointError(
            f"{path} declares weights of {declared / 2**30:.1f} GiB, more than the {MAX_BYTES / 2**30:.0f} GiB that "
            "srbench reads; export the weights alone into a safetensors file."
        )


def _special(tensor: Tensor) -> str:
    return (
        "quantised values" if tensor.is_quantized else
        "sparse values" if tensor.layout is not torch.strided else
        "complex values" if tensor.is_complex() else
        "a shape without values (on the meta device)" if tensor.is_meta else
        ""
    )  # fmt: skip


def _without_weights(path: Path, content: object) -> CheckpointError:
    if not isinstance(content, Mapping):
        kind = "NumPy array" if isinstance(content, PickledArray) else type(content).__name__
        return CheckpointError(f"{path} holds a {kind}, not a state dict; save `model.state_dict()`.")
    if any("param_groups" in one for one in (content, *content.values()) if isinstance(one, Mapping)):
        return CheckpointError(f"{path} holds the state of an optimiser, not weights; give the file of the network.")
    return CheckpointError(f"{path} holds no tensors; give a file with the weights of a network.")


def _scale_in(content: object) -> int | None:
    """Return the scale among a file's options; None if there is none, or several that differ."""
    mappings = [content, *(content.values() if isinstance(content, Mapping) else ())]
    stated = {
        value
        for one in mappings
        if isinstance(one, Mapping)
        for key, value in one.items()
        if key in _SCALE_KEYS and isinstance(value, int) and value > 1
    }
    return stated.pop() if len(stated) == 1 else None


def _scale_in_name(name: str) -> int | None:
    stated = {int(after or before) for after, before in _SCALE_IN_NAME.findall(name)}
    return stated.pop() if len(stated) == 1 else None
