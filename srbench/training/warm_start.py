"""Start a network from the weights of another one: take what fits, and name what does not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from torch import Tensor, nn

from srbench.errors import TrainingError
from srbench.records.model import WarmStart


def start_from(module: nn.Module, weights: Mapping[str, Tensor], title: str) -> WarmStart:
    """Load every weight whose name and shape the network has.

    Args:
        module: Changed in place.
        weights: A state dict: of the same network at another scale, or of another architecture.
        title: What to call the network in messages.

    Returns:
        What was taken, and what was not on either side.

    Raises:
        TrainingError: Nothing fits.
    """
    own = module.state_dict()
    taken = {name for name, weight in weights.items() if name in own and own[name].shape == weight.shape}
    if not taken:
        raise TrainingError(
            f"No weight of {title} has the name and shape of one that it should start from; name a network of its own "
            "family in the recipe's start_from."
        )
    module.load_state_dict({name: weights[name] for name in taken}, strict=False)
    return WarmStart(
        taken=tuple(in_short(taken, own)),
        fresh=tuple(in_short(own.keys() - taken, own)),
        unused=tuple(in_short(weights.keys() - taken, weights)),
    )


def in_short(names: Collection[str], among: Collection[str]) -> list[str]:
    """Shorten a list of weights: a module replaces its weights if all that it has ``among`` them are in ``names``."""
    mixed = {path for other in among if other not in names for path in _paths(other)}
    return sorted({next(path for path in _paths(name) if path not in mixed) for name in names})


def _paths(name: str) -> Iterator[str]:
    """Yield a name and the modules that contain it, the outermost first."""
    parts = name.split(".")
    return (".".join(parts[: depth + 1]) for depth in range(len(parts)))


def sentence(start: WarmStart, title: str) -> str:
    """Describe a warm start in a sentence; empty if all weights were taken and none was left over."""
    parts = [
        f"{what} {_some(names)}"
        for what, names in (("initialises", start.fresh), ("leaves unused", start.unused))
        if names
    ]
    return f"{title} takes {_some(start.taken)} from other weights, {' and '.join(parts)}." if parts else ""


def _some(names: Collection[str], count: int = 12) -> str:
    shown = list(names)[:count]
    return ", ".join(shown) + (f" and {len(names) - count} more" if len(names) > count else "")
