"""Look at a file of weights: what it holds, which network it is for, and whether that network works with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from srbench.catalog.catalog import Catalog
from srbench.errors import SrbenchError
from srbench.files import sha256_of
from srbench.imaging.folders import name_some
from srbench.measuring.plausibility import doubt_about_weights
from srbench.networks.advice import Candidate, fitting
from srbench.networks.spec import ArchitectureSpec
from srbench.networks.weights import load_state_dict
from srbench.scales import Scale
from srbench.upscaling.loading import choose_model, load_chosen


@dataclass(frozen=True, slots=True)
class FittingNetwork:
    """A network that weights fit, key by key."""

    architecture: str
    """Its name."""
    scale: Scale | None
    """The scale; null for one network with several."""
    doubts: tuple[str, ...]
    """Why the weights may be meant for something else, by their file and by what they make of a photograph."""


@dataclass(frozen=True, slots=True)
class WeightsDiagnosis:
    """A file of weights."""

    file: Path
    """The file."""
    sha256: str
    """Its hash."""
    published: tuple[str, ...]
    """The published checkpoints that this file is, byte by byte."""
    tensors: int
    """The number of tensors."""
    parameters: int
    """The number of values in them."""
    types: tuple[str, ...]
    """Their types, such as "float32"."""
    read: str
    """Which part of the file they are, and what is beside them; empty if it holds nothing else."""
    scale: Scale | None
    """The scale that the file or its name states; null if neither does."""
    networks: tuple[FittingNetwork, ...]
    """The networks that they fit."""
    problems: tuple[str, ...]
    """What is wrong with the values."""

    @property
    def right(self) -> bool:
        """Whether a network fits, without problems or doubts."""
        return not self.problems and any(not network.doubts for network in self.networks)

    def sentences(self) -> Iterator[str]:
        """Say what the file is, and which networks it is for."""
        yield f"sha256 {self.sha256[:12]}, {', '.join(self.types)}" + (f", scale {self.scale}" if self.scale else "")
        if self.read:
            yield f"Read: {self.read}."
        if self.published:
            yield f"It is the published file of {name_some(self.published)}."
        for network in self.networks:
            at = "at several scales" if network.scale is None else f"at x{network.scale}"
            yield f"It fits {network.architecture} {at}. {' '.join(network.doubts)}".rstrip()
        if not self.networks:
            yield "No architecture was found that it fits; add its network as a plugin, or try spandrel:FILE."


def diagnose_weights(file: Path, catalog: Catalog) -> WeightsDiagnosis:
    """Look at a file of weights.

    Raises:
        CheckpointError: It cannot be read, with the reason, or would run code.
    """
    loaded, digest = load_state_dict(file), sha256_of(file)
    known = catalog.networks
    return WeightsDiagnosis(
        file=file,
        sha256=digest,
        published=tuple(_published(digest, (known[name] for name in known))),
        tensors=len(loaded.state),
        parameters=sum(tensor.numel() for tensor in loaded.state.values()),
        types=tuple(sorted({str(tensor.dtype).removeprefix("torch.") for tensor in loaded.state.values()})),
        read=loaded.read,
        scale=loaded.scale,
        networks=tuple(_network(file, one, catalog) for one in fitting(loaded.state, known)),
        problems=tuple(_problems(loaded.state)),
    )


def _published(digest: str, specs: Iterator[ArchitectureSpec]) -> Iterator[str]:
    for spec in specs:
        for checkpoint in getattr(spec, "checkpoints", ()):
            if checkpoint.sha256 == digest:
                yield f"{spec.name}.{checkpoint.tag}"


def _problems(state: Mapping[str, Tensor]) -> Iterator[str]:
    floating = {key: tensor for key, tensor in state.items() if tensor.is_floating_point()}
    if broken := [key for key, tensor in floating.items() if not tensor.isfinite().all()]:
        yield f"NaN or infinity in {name_some(broken)}: the training diverged."
    if floating and not any(tensor.any() for tensor in floating.values()):
        yield "Every value is zero."
    if other := [key for key, tensor in state.items() if tensor.dtype == torch.int8]:
        yield f"8-bit integers in {name_some(other)}: give the weights from before they were quantised."


def _network(file: Path, fits: Candidate, catalog: Catalog) -> FittingNetwork:
    """Try a network on a photograph, if it enlarges images."""
    spec = catalog.networks[fits.name]
    doubts: list[str] = []
    if spec.task == "sr" and not spec.conditions:
        scale = fits.scale if fits.scale is not None else min(spec.scales)
        try:
            loaded = load_chosen(choose_model(str(file), catalog, scale, architecture=fits.name), catalog)
            doubts += [*loaded.doubts, doubt_about_weights(loaded.network, scale, torch.device("cpu"))]
        except SrbenchError as error:
            doubts.append(str(error))
    return FittingNetwork(fits.name, fits.scale, tuple(filter(None, doubts)))
