"""Network interpolation: weights between two trainings of one network (ESRGAN, Wang et al., ECCVW 2018, section 3.4).

``mix:SHARE:FIRST+SECOND`` has the weights ``(1 - SHARE) * FIRST + SHARE * SECOND``. With weights trained for PSNR as
FIRST and those of a GAN as SECOND, the share chooses between few errors and a natural look. Models are named as in
suites; ``NAME@DISTILLER`` is one that a distiller trains: ``mix:0.8:rrdbnet_small+rrdbnet_small@esrgan``. Two files can
be mixed if spandrel knows them: ``mix:0.8:spandrel:psnr.pth+spandrel:gan.pth``.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from functools import partial

import torch
from srbench_plugins.architectures.rrdbnet import PAPER

import srbench

EXAMPLE = "mix:0.8:rrdbnet_small+rrdbnet_small@esrgan"
CALLING = ("multi_scale", "any_scale", "channels", "input_range", "input_mean", "input_std", "padding", "conditions")
"""Facts of a spec about how its network is called, in which two networks must agree."""


def compose(
    spec: srbench.ArchitectureSpec, parts: Sequence[srbench.Network], *, share: float, names: tuple[str, str]
) -> srbench.Network:
    """Make the network whose weights are between those of its two parts.

    Args:
        spec: The spec of the mixture.
        parts: Both networks.
        share: Share of the second, from 0 to 1; these give the weights of either to the bit.
        names: What to call both in messages.

    Raises:
        CheckpointError: Keys, shapes or whole numbers among the weights differ.
    """
    first, second = (part.module for part in parts)
    states = dict(zip(names, (first.state_dict(), second.state_dict()), strict=True))
    module = copy.deepcopy(first)
    module.load_state_dict(srbench.average_weights(states, (1 - share, share)))
    return srbench.Network(spec, module)


def make(argument: str, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:
    """Make the spec of ``mix:ARGUMENT``.

    Args:
        argument: ``SHARE:FIRST+SECOND``.
        others: All architectures.

    Raises:
        SrbenchError: The argument is incomplete, the share is not between 0 and 1, or the networks differ.
    """
    text, _, models = argument.partition(":")
    first, _, second = models.partition("+")
    share = _share(text)
    if share is None or not (first and second):
        raise srbench.SrbenchError(
            f"mix:{argument} is not a mixture of two models; write mix:SHARE:FIRST+SECOND with a share from 0 to 1, "
            f"such as {EXAMPLE}."
        )
    own, other = others[_architecture(first)], others[_architecture(second)]
    if first == second:
        raise srbench.SrbenchError(f"mix:{argument} names one model twice; name two trainings of one network.")
    _check_alike(own, other, f"mix:{argument}")
    hashes = {others.code_hash(_architecture(name)): None for name in (first, second)}
    return dataclasses.replace(
        own,
        name=f"mix:{argument}",
        label=f"{1 - share:g} {first} + {share:g} {second}",
        scales=own.scales & other.scales,
        encoder=None,
        paper=PAPER,
        reconstruction=False,
        checkpoints=(),
        reported=(),
        parts=(first, second),
        compose=partial(compose, share=share, names=(first, second)),
        extra_hash="".join((*hashes, own.extra_hash, other.extra_hash)),
        notes=f"Weights between {first} and {second}: a share of {share:g} of the second. Nothing is trained but these "
        "two, which have the same initial weights and patches if their seed and recipe are the same.",
    )


def _share(text: str) -> float | None:
    try:
        share = float(text)
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


def _architecture(model: str) -> str:
    """Return the name of the architecture of a model, without its checkpoint and its distiller."""
    name, _, _ = model.partition("@")
    return name if ":" in name else name.partition(".")[0]


def _check_alike(own: srbench.ArchitectureSpec, other: srbench.ArchitectureSpec, mixture: str) -> None:
    """Refuse two networks whose weights cannot be mixed, before either is trained."""
    if own.name == other.name:
        return
    differing = [field for field in CALLING if getattr(own, field) != getattr(other, field)]
    if differing:
        reason = f"they differ in {differing[0]}"
    elif not own.scales & other.scales:
        reason = "they have no scale in common"
    elif _have_different_weights(own, other):
        reason = "their weights have other names or shapes"
    else:
        return
    raise srbench.SrbenchError(
        f"{mixture} cannot mix {own.name} and {other.name}, since {reason}; name two trainings of one network."
    )


def _have_different_weights(own: srbench.ArchitectureSpec, other: srbench.ArchitectureSpec) -> bool:
    scale, found = min(own.scales & other.scales), []
    for spec in (own, other):
        with torch.device("meta" if spec.trainable else "cpu"):  # what is not trained may read a file
            module = spec.network(scale)
        found.append((type(module), {key: weight.shape for key, weight in module.state_dict().items()}))
    return found[0] != found[1]


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """Provide the family ``mix``."""
    return [
        srbench.Family(
            name="mix", make=make, example=EXAMPLE, label="a network whose weights are between those of two trainings"
        )
    ]
