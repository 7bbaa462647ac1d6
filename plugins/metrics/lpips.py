"""LPIPS v0.1, a learned distance (Zhang et al., CVPR 2018), on RGB and, as is usual, on the whole image.

The authors' package has the calibrated linear heads, but would download the trunk, a network trained on ImageNet;
srbench finds the trunk itself (`srbench.find_lpips_trunk`).
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
from srbench.measuring.metrics.psnr_ssim import check_pair

Trunk = Literal["alex", "vgg"]

SHORTEST_SIDE: Mapping[Trunk, int] = {"alex": 31, "vgg": 16}
"""Shortest side in pixels of an image that survives the trunk's strides and poolings."""


def load(trunk: Trunk, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """Load the metric with weights from this machine.

    Raises:
        UnavailableError: The package or the trunk's weights are missing.
    """
    return lpips_with(trunk, srbench.find_lpips_trunk(trunk), device)


def lpips_with(trunk: Trunk, weights: Path, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """Build LPIPS on a trunk.

    Args:
        trunk: "alex", which the authors recommend for measuring, or "vgg".
        weights: torchvision's AlexNet or VGG-16, whole or only its convolutions (keys ``features.N.weight``).
        device: Where the network computes.

    Returns:
        A function of ``sr`` and ``hr``, both ``(N, 3, H, W)`` (or one channel, which is repeated) in [0, 1], that
        returns ``(N,)`` float64, lower is better. Images are moved to ``device``; the result stays there.

    Raises:
        UnavailableError: The package ``lpips`` is not installed.
        CheckpointError: The file cannot be read, or does not hold that trunk.
    """
    weights_of_file = srbench.load_state_dict(weights).state
    network = _network(trunk)
    _fill(network.get_submodule("net"), weights_of_file, f"{weights} is not the {trunk} trunk of LPIPS")
    network = network.to(device).eval().requires_grad_(False)

    def lpips_distance(sr: Tensor, hr: Tensor) -> Tensor:
        check_pair(sr, hr, "LPIPS")
        channels, height, width = sr.shape[1:]
        if channels not in (1, 3) or min(height, width) < SHORTEST_SIDE[trunk]:
            raise srbench.ShapeError(
                f"LPIPS ({trunk}) needs RGB or grey images of at least {SHORTEST_SIDE[trunk]} pixels a side, "
                f"not {channels} channels of {height}×{width}."
            )
        first, second = (image.to(device, torch.float32).expand(-1, 3, -1, -1) for image in (sr, hr))
        with torch.no_grad():
            distance: Tensor = network(first, second, normalize=True)
        return distance.flatten().to(torch.float64 if distance.device.type != "mps" else torch.float32)

    return lpips_distance


def _network(trunk: Trunk) -> nn.Module:
    """Build the official network with its linear heads and a random trunk."""
    try:
        import lpips
    except ImportError as error:
        raise srbench.UnavailableError("LPIPS needs the package lpips; install srbench[perceptual].") from error
    # Building it draws random weights, warns of deprecated arguments and may print: hide all of that from the caller.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        network: nn.Module = lpips.LPIPS(net=trunk, version="0.1", pnet_rand=True, verbose=False)
    return network


def _fill(network: nn.Module, weights_of_file: Mapping[str, Tensor], mismatch: str) -> None:
    """Fill ``slice1.0`` … of the official trunk from torchvision's ``features.0`` … in the file."""
    state = network.state_dict()
    for name, expected in state.items():
        key = "features." + name.split(".", 1)[1]
        if key not in weights_of_file or weights_of_file[key].shape != expected.shape:
            found = f"has {tuple(weights_of_file[key].shape)}" if key in weights_of_file else "does not have it"
            raise srbench.CheckpointError(
                f"{mismatch}: {key} should be {tuple(expected.shape)}, and the file {found}; run `srbench fetch lpips`."
            )
        state[name] = weights_of_file[key]
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
