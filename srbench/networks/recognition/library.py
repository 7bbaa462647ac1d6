"""Recognisers from libraries of networks: what their names ask for, and specs of what a trial run shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from torch import nn

from srbench.errors import SrbenchError, UnavailableError, UnknownNameError
from srbench.networks.recognition.probing import (
    Call,
    keep_size_in_stem,
    observe,
    observed_sides,
    sizes_taken,
    stages_of,
    stem_of,
    stem_that_shrinks,
    without_memory,
)
from srbench.networks.recognition.spec import RecogniserSpec

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Wish:
    """What follows the prefix in the name of a library's network: "resnet18", "resnet18:stem1", "vit_s:size64"."""

    model: str
    """The library's name of it."""
    unit_stem: bool = False
    """Whether its first convolution shall keep the size of an image."""
    size: int | None = None
    """Side in pixels of the images for which it shall be built; the library's own if None."""

    @staticmethod
    def parse(family: str, argument: str, known: Iterable[str], *, sized: bool) -> Wish:
        """Read a name.

        Args:
            family: The prefix, for messages.
            argument: What follows it.
            known: The names of the library's networks.
            sized: Whether it can build networks for a size of image.

        Raises:
            UnknownNameError: The library has no network of that name.
            SrbenchError: There is no such option.
        """
        model, *options = argument.split(":")
        names = set(known)
        if model not in names:
            raise UnknownNameError.among(f"network of {family}", model, names)
        size = None
        for option in options:
            if sized and (found := re.fullmatch(r"size([1-9][0-9]{0,3})", option)):
                size = int(found[1])
            elif option != "stem1":
                allowed = ":stem1 and sizes such as :size64" if sized else ":stem1"
                raise SrbenchError(
                    f"{family}:{argument} has the option {option!r}, which {family} does not have; it has {allowed}."
                )
        return Wish(model, "stem1" in options, size)


def _maps_among(paths: Sequence[str], calls: Sequence[Call], multiple: int, least: int) -> tuple[str, ...]:
    """Return those of a library's paths at which a network gives maps, or tokens that fill a map."""
    height, width = observed_sides(multiple, least)
    places = (height // multiple) * (width // multiple)
    found = {call.path: call for call in calls}
    maps = (path for path in paths if path in found)
    return tuple(path for path in maps if found[path].gives_map or found[path].outward[1:-1] == (places,))


def library_spec(
    name: str,
    build: Callable[[], nn.Module],
    *,
    unit_stem: bool = False,
    multiples: Sequence[int] = (1,),
    taps: Sequence[str] | None = None,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    license: str = "unknown",  # noqa: A002 - the word of specs
    extra_hash: str = "",
) -> RecogniserSpec:
    """Describe a network of a library, after trial runs that need no memory.

    Args:
        name: Whole name of the spec, "timm:resnet18:stem1".
        build: Builds the network, untrained, which gives embeddings.
        unit_stem: See `Wish`.
        multiples: What the sides of images may have to be a multiple of, the most probable first.
        taps: Paths of its features; found by the trial if None. Those that give something else are left out.
        mean: See `RecogniserSpec.input_mean`.
        std: See `RecogniserSpec.input_std`.
        license: The library's.
        extra_hash: The library's version.

    Raises:
        UnavailableError: The network takes images of one size only, gives no embedding, or has no stem that could keep
            the size of an image.
    """
    trial = without_memory(build)
    try:
        multiple, least = sizes_taken(trial, multiples)
        calls = observe(trial, multiple, least)
        if unit_stem:
            build = partial(_with_unit_stem, build, *stem_that_shrinks(calls))
            calls = observe(without_memory(build), multiple, least)
    except UnavailableError as reason:
        raise UnavailableError(f"{name} cannot be used: {reason}; choose another network.") from None
    return RecogniserSpec(
        name=name,
        build=build,
        input_mean=mean,
        input_std=std,
        size_multiple=multiple,
        min_size=least,
        taps=stages_of(calls) if taps is None else _maps_among(taps, calls, multiple, least),
        stem=stem_of(calls),
        license=license,
        extra_hash=extra_hash,
        notes="Untrained: the weights that the library offers are not fetched.",
    )


def _with_unit_stem(build: Callable[[], nn.Module], stem: str, pool: str) -> nn.Module:
    module = build()
    keep_size_in_stem(module, stem, pool)
    return module
