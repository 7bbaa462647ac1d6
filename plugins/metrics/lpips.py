"""LPIPS v0.1, a learned distance (Zhang et al., CVPR 2018): on RGB and, as is usual, with the whole border.

The authors' package carries the calibrated linear heads but not the trunk, a network of ImageNet that it would
download; srbench finds that by itself (`srbench.find_lpips_trunk`).
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

import srbench
from srbench.measuring.metrics.checks import check_pair

Trunk = Literal["alex", "vgg"]

LEAST_SIDE: Mapping[Trunk, int] = {"alex": 31, "vgg": 16}
"""Shortest side of an image of which the trunk's strides and poolings leave anything."""


def load(trunk: Trunk, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """Load the metric with weights that this machine has.

    Raises:
        UnavailableError: The package or the trunk's weights are not here.
    """
    return lpips_with(trunk, srbench.find_lpips_trunk(trunk), device)


def lpips_with(trunk: Trunk, weights: Path, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """Build LPIPS on a trunk.

    Args:
        trunk: "alex", which the authors recommend for measuring, or "vgg".
        weights: torchvision's AlexNet or VGG-16, whole or only its convolutions (keys ``features.N.weight``).
        device: Where the network computes.

    Returns:
        A function of ``sr`` and ``hr``, both ``(N, 3, H, W)`` (or one channel, which is repeated) in [0, 1], that gives
        ``(N,)`` float64, lower is better. Images go to ``device``; the result stays there.

    Raises:
        UnavailableError: The package ``lpips`` is not installed.
        CheckpointError: The file cannot be read, or does not hold that trunk.
    """
    given = srbench.load_state_dict(weights).state
    network = _network(trunk)
    _fill(network.get_submodule("net"), given, f"{weights} is not the {trunk} trunk of LPIPS")
    network = network.to(device).eval().requires_grad_(False)

    def lpips_distance(sr: Tensor, hr: Tensor) -> Tensor:
        check_pair(sr, hr, "LPIPS")
        channels, height, width = sr.shape[1:]
        if channels not in (1, 3) or min(height, width) < LEAST_SIDE[trunk]:
            raise srbench.ShapeError(
                f"LPIPS ({trunk}) needs RGB or grey images of at least {LEAST_SIDE[trunk]} pixels a side, "
                f"not {channels} channels of {height}×{width}."
            )
        first, second = (image.to(device, torch.float32).expand(-1, 3, -1, -1) for image in (sr, hr))
        with torch.no_grad():
            distance: Tensor = network(first, second, normalize=True)
        return distance.flatten().to(torch.float64 if distance.device.type != "mps" else torch.float32)

    return lpips_distance


def _network(trunk: Trunk) -> nn.Module:
    """The official network with its linear heads, and a random trunk."""
    try:
        import lpips
    except ImportError as error:
        raise srbench.UnavailableError("LPIPS needs the package lpips; install srbench[perceptual].") from error
    # Building it draws random weights, warns of deprecated arguments and may print: none of that is the caller's.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        network: nn.Module = lpips.LPIPS(net=trunk, version="0.1", pnet_rand=True, verbose=False)
    return network


def _fill(network: nn.Module, given: Mapping[str, Tensor], mismatch: str) -> None:
    """Fill ``slice1.0`` … of the official trunk from torchvision's ``features.0`` … in the file."""
    state = network.state_dict()
    for name, wanted in state.items():
        key = "features." + name.split(".", 1)[1]
        if key not in given or given[key].shape != wanted.shape:
            found = f"has it of shape {tuple(given[key].shape)}" if key in given else "has none"
            raise srbench.CheckpointError(
                f"{mismatch}: {key} should be {tuple(wanted.shape)}, and the file {found}. Run `srbench fetch lpips`."
            )
        state[name] = given[key]
    network.load_state_dict(state)


def _unavailable(trunk: Trunk) -> str | None:
    try:
        srbench.find_lpips_trunk(trunk)
    except srbench.UnavailableError as error:
        return str(error)
    return None


def _spec(name: str, label: str, trunk: Trunk) -> srbench.MetricSpec:
    return srbench.MetricSpec(
        name=name,
        label=label,
        higher_is_better=False,
        shaved=False,
        load=partial(load, trunk),
        unavailable=partial(_unavailable, trunk),
    )


@srbench.hookimpl
def register_metrics() -> list[srbench.MetricSpec]:
    """Provide LPIPS with the trunk that its authors recommend for measuring, and with VGG-16."""
    return [_spec("lpips", "LPIPS", "alex"), _spec("lpips_vgg", "LPIPS (VGG)", "vgg")]
