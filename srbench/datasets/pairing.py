"""Pair LR images with HR images: one rule for every folder layout.

Names decide. They are compared in Unicode's composed form and without case, then without the endings that scripts add
(``babyx2``, ``baby_LRBI_x2``, ``baby_bicLRx2``, ``baby_lq``, ``baby_HR``), then with their numbers by value (``02`` is
2). Only where no name agrees and there are as many LR as HR images, the n-th belongs to the n-th.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from srbench.errors import DataError
from srbench.imaging.folders import name_some
from srbench.scales import REAL_SCALE, Scale, parse_scale

_ENDING = re.compile(
    rf"(?:[-_. ]?x(?P<times>{REAL_SCALE}|\d+)[mdw]?|[-_. ](?P<fold>\d+)x|[-_. ]srf[-_]?(?P<srf>\d+)"
    r"|[-_. ](?:(?P<lr>lr(?:bi|bic|bicubic)?|biclr|lq)|(?P<hr>hr|gt)|bi|bic|bicubic)[-_]?x?(?P<factor>\d+)?)$",
    re.IGNORECASE,
)
"""An ending that scripts add to an image's name."""
Role = Literal["hr", "lr", ""]
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class ReadName:
    """What the name of a file says about it."""

    image: str
    """The name without the endings."""
    role: Role
    """"" if the name does not say it."""
    factor: Scale | None
    """Above 1; None if the name does not say it."""


def read_name(stem: str) -> ReadName:
    """Read the endings of a file's name."""
    image = stem
    role: Role = ""
    factor: Scale | None = None
    while (match := _ENDING.search(image)) and match.start():
        role = role or ("lr" if match["lr"] else "hr" if match["hr"] else "")
        factor = factor or factor_in(match["times"] or match["fold"] or match["srf"] or match["factor"] or "1")
        image = image[: match.start()]
    return ReadName(image, role, factor)


def factor_in(text: str) -> Scale | None:
    """Return the factor in a file's name, if it is one above 1."""
    with contextlib.suppress(ValueError):
        if (scale := parse_scale(text)) > 1:
            return scale
    return None


def spelt(name: str) -> str:
    """Return a name in Unicode's composed form and without case, as names are compared."""
    return unicodedata.normalize("NFC", name).casefold()


def by_value(name: str) -> str:
    """Return a spelt name with the zeros before its numbers removed."""
    return _NUMBER.sub(lambda match: str(int(match[0])), spelt(name))


def match_names(
    wanted: Sequence[str], given: Sequence[str], *, endings: bool = True, stated: str = ""
) -> dict[str, str]:
    """Find the given name of each wanted one, the nearest first; nothing is given twice.

    Args:
        wanted: Names of HR images.
        given: Names of the files that belong to them.
        endings: Whether endings that scripts add are looked through.
        stated: A further ending of the given names, which the dataset states.

    Returns:
        Wanted to given name, for those that agree, in the order of ``wanted``.
    """
    found: dict[str, str] = {}
    free = list(given)
    forms = {name: _forms(name, stated) if endings else [name] for name in {*wanted, *given}}
    depths = range(max(map(len, forms.values()), default=0))
    for spelling, depth, given_depth in itertools.product((spelt, by_value), depths, depths):
        keys = {name: spelling(forms[name][depth]) for name in wanted if name not in found and len(forms[name]) > depth}
        times = Counter(keys.values())
        owners = {key: name for name, key in keys.items() if times[key] == 1}
        for name in list(free):
            if len(forms[name]) > given_depth and (owner := owners.pop(spelling(forms[name][given_depth]), None)):
                found[owner] = name
                free.remove(name)
        if not free:
            break
    return {name: found[name] for name in wanted if name in found}


def _forms(name: str, stated: str) -> list[str]:
    """The name, then without one ending after the other."""
    forms = [name]
    if stated and spelt(name).endswith(spelt(stated)) and len(spelt(name)) > len(spelt(stated)):
        forms.append(spelt(name)[: -len(spelt(stated))])
    while (match := _ENDING.search(forms[-1])) and match.start():
        forms.append(forms[-1][: match.start()])
    return forms


@dataclass(frozen=True, slots=True)
class Pairing:
    """The LR images of a set at one scale."""

    pairs: Mapping[str, Path] = field(default_factory=dict)
    """LR file by the name of its HR image."""
    by_order: bool = False
    """Whether no name agreed, and the n-th LR image was taken for the n-th HR image."""
    left_over: tuple[str, ...] = ()
    """LR files that belong to no HR image."""


def pair(hr: Mapping[str, Path], lr: Sequence[Path], stated: str = "") -> Pairing:
    """Pair the LR images of one scale with the HR images.

    Args:
        hr: HR file by image name.
        lr: LR files.
        stated: See `match_names`.
    """
    files: dict[str, Path] = {}
    for path in lr:
        files.setdefault(path.stem, path)
    named = match_names(list(hr), list(files), stated=stated)
    if not named and len(hr) == len(files):
        order = zip(sorted(hr, key=natural), sorted(files, key=natural), strict=True)
        return Pairing({own: files[other] for own, other in order}, by_order=True)
    taken = set(named.values())
    return Pairing(
        {own: files[other] for own, other in named.items()},
        left_over=tuple(path.name for stem, path in files.items() if stem not in taken),
    )


def natural(name: str) -> list[tuple[int, int | str]]:
    """Return a key that sorts names with their numbers by value: 2 before 10."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in _NUMBER.split(spelt(name)) if part]


def common_factor(hr: Mapping[str, Path], lr: Mapping[str, Path]) -> Scale | None:
    """Return the factor by which most pairs differ in size, from the files' headers; None where they do not differ."""
    factors = Counter(found for name, path in lr.items() if (found := size_factor(hr[name], path)))
    return factors.most_common(1)[0][0] if factors else None


def size_factor(hr: Path, lr: Path) -> Scale | None:
    """Return the factor from 2 by which an HR image is larger than an LR image; None if there is none."""
    from srbench.imaging.files import image_size

    try:
        (height, width), (low_height, low_width) = image_size(hr), image_size(lr)
    except DataError:
        return None  # named when its pixels are read
    factor = round(height / low_height)
    fits = factor >= 2 and all(
        low in {whole // factor, -(-whole // factor)} for whole, low in ((height, low_height), (width, low_width))
    )
    return factor if fits else None


def describe_unpaired(pairing: Pairing, hr: Mapping[str, Path], scale: Scale) -> tuple[str, ...]:
    """Say what could not be paired, a sentence each."""
    if pairing.pairs or not pairing.left_over:
        return tuple(f"The x{scale} LR image {name} has no HR image." for name in pairing.left_over)
    text = (
        f"The x{scale} LR cannot be paired: no name agrees, and there are {len(pairing.left_over)} LR images "
        f"({name_some(pairing.left_over)}) for {len(hr)} HR images; name them after the HR images, as in "
        f"{next(iter(hr), 'baby')}x{scale}.png, or state their ending as lr_suffix."
    )
    return (text,)
