"""LPIPS v0.1 (Zhang et al., CVPR 2018) from the authors' own package, without any download."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch

from srbench.errors import CheckpointError, ShapeError, UnavailableError, UsageError
from srbench.measuring.metrics.checks import check_pair

Trunk = Literal["alex", "vgg"]

# The shortest side that the trunk's strides and poolings leave anything of.
_LEAST_SIDE = {"alex": 31, "vgg": 16}


def load_lpips(
    trunk: Trunk, weights: Path | str, device: torch.device | str = "cpu"
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """LPIPS with the given trunk.

    The ``lpips`` package carries the calibrated linear heads but not the trunk, which it would download; here that is
    read from a file.

    Args:
        trunk: "alex", which the authors recommend for measuring, or "vgg".
        weights: torchvision's AlexNet or VGG-16, whole or only its convolutions (keys ``features.N.weight``), as a
            ``weights_only`` checkpoint or safetensors.
        device: Where the network lives.

    Returns:
        A function of ``sr`` and ``hr``, both ``(N, 3, H, W)`` (or one channel, which is repeated) in [0, 1], that gives
        ``(N,)`` float64, lower is better. Images go to ``device``; the result stays there.

    Raises:
        UsageError: If there is no such trunk.
        UnavailableError: If the ``lpips`` package is not installed, or the file is not there.
        CheckpointError: If the file does not hold that trunk.
    """
    if trunk not in _LEAST_SIDE:
        raise UsageError(f"LPIPS has no trunk {trunk!r}; choose alex or vgg.")
    given = _read(Path(weights))
    network = _network(trunk)
    _load_trunk(network.get_submodule("net"), given, f"{weights} is not the {trunk} trunk of LPIPS")
    network = network.to(device).eval().requires_grad_(False)

    def lpips_distance(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        check_pair(sr, hr, "LPIPS")
        channels, height, width = sr.shape[1:]
        if channels not in (1, 3) or min(height, width) < _LEAST_SIDE[trunk]:
            raise ShapeError(
                f"LPIPS ({trunk}) needs RGB or grey images of at least {_LEAST_SIDE[trunk]} pixels a side, "
                f"not {channels} channels of {height}×{width}."
            )
        first, second = (image.to(device, torch.float32).expand(-1, 3, -1, -1) for image in (sr, hr))
        with torch.no_grad():
            distance: torch.Tensor = network(first, second, normalize=True)
        return distance.flatten().to(torch.float64 if distance.device.type != "mps" else torch.float32)

    return lpips_distance


def _network(trunk: Trunk) -> torch.nn.Module:
    """The official network with its linear heads, and a random trunk."""
    try:
        import lpips
    except ImportError as error:
        raise UnavailableError("LPIPS needs the package lpips; install srbench[perceptual].") from error
    # Building it draws random weights, warns of deprecated arguments and may print: none of that is the caller's.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        network: torch.nn.Module = lpips.LPIPS(net=trunk, version="0.1", pnet_rand=True, verbose=False)
    return network


def _load_trunk(network: torch.nn.Module, given: dict[str, torch.Tensor], mismatch: str) -> None:
    """Fill ``slice1.0`` … of the official trunk from torchvision's ``features.0`` … in the file."""
    state = network.state_dict()
    for name, wanted in state.items():
        key = "features." + name.split(".", 1)[1]
        if key not in given or given[key].shape != wanted.shape:
            found = f"has it of shape {tuple(given[key].shape)}" if key in given else "has none"
            raise CheckpointError(
                f"{mismatch}: {key} should be {tuple(wanted.shape)}, and the file {found}. Run `srbench fetch lpips`."
            )
        state[name] = given[key]
    network.load_state_dict(state)


def _read(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise UnavailableError(f"LPIPS has no trunk weights at {path}. Run `srbench fetch lpips`.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        given = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # readers of foreign files raise anything
        raise CheckpointError(f"{path} cannot be read as weights ({type(error).__name__}). Fetch it again.") from error
    if not isinstance(given, dict):
        raise CheckpointError(f"{path} holds a {type(given).__name__}, not a state dict. Run `srbench fetch lpips`.")
    return {key: value for key, value in given.items() if isinstance(value, torch.Tensor)}
