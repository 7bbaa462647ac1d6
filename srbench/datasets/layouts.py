"""Find the images of a dataset on disk, in the folder layouts that are about.

Below the data root, or one folder further down (``benchmark/Set5``), a dataset is looked for by its name, its label
and the folders its manifest lists, in upper or lower case. Inside, these layouts are known (``s`` is the scale)::

    HR/baby.png                      LR_bicubic/X2/babyx2.png      also GT, original, GTmod12, LRbicx2, LR/x2 …
    DIV2K_train_HR/0001.png          DIV2K_train_LR_bicubic/X2/0001x2.png
    image_SRF_2/img_001_SRF_2_HR.png image_SRF_2/img_001_SRF_2_LR.png
    Canon_001_HR.png                 Canon_001_LR2.png             in one folder (RealSR)
    Test_x4/test_HR/a.png            Test_x4/test_LR/b.png         paired by their order (DRealSR)
    baby.png                                                       flat, HR alone
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from srbench.datasets.spec import DatasetSpec
from srbench.errors import DataError
from srbench.naming import Scale

SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".jpg", ".jpeg")
"""Image files, lossless formats first: where a name exists twice, the first counts."""
HR_FOLDERS = ("hr", "gt", "original", "gtmod2", "gtmod4", "gtmod12")
"""Names of HR folders inside a dataset, best first: the last ones hold cropped copies."""
_LR_FOLDER = re.compile(r"(?:lr_?bicubic|lr_?bic|lr)?[/_]?x?(\d)", re.IGNORECASE)
_SRF_FOLDER = re.compile(r"image_srf_(\d)", re.IGNORECASE)
_LR_FILE = re.compile(r"(.+?)(?:_SRF_(?P<srf>\d))?_LR(?P<scale>\d)?", re.IGNORECASE)
_HR_FILE = re.compile(r"(.+?)(?:_SRF_\d)?_(?:HR|GT)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a dataset."""

    folders: tuple[Path, ...] = ()
    """The folders they were found in; empty if there is none of the dataset's names."""
    hr: Mapping[str, Path] = field(default_factory=dict)
    """File by image name, in order of names."""
    lr: Mapping[Scale, Mapping[str, Path]] = field(default_factory=dict)
    """The LR that comes with the dataset, by scale and by the name of the HR image."""


def find_images(spec: DatasetSpec, root: Path | None) -> Found:
    """Find a dataset's images.

    Args:
        spec: The dataset.
        root: The data root; not needed for datasets that locate themselves.

    Returns:
        What is there; nothing is opened.
    """
    if spec.locate is not None:
        hr = dict(sorted(spec.locate().items()))
        return Found(tuple(dict.fromkeys(path.parent for path in hr.values())), hr)
    try:
        groups = list(_groups(spec, root))
        for group in groups:
            if parts := [found for folder in group if (found := search(folder))]:
                return _union(parts)
    except OSError as error:
        raise DataError(
            f"The folders of {spec.label} cannot be read ({error}); check their permissions, or give another data root."
        ) from error
    return Found(tuple(folder for group in groups for folder in group))


def _groups(spec: DatasetSpec, root: Path | None) -> Iterator[tuple[Path, ...]]:
    """Folders that may hold the dataset, best first; the folders of a group are taken together."""
    yield from ((Path(name),) for name in spec.folders if Path(name).is_absolute() and Path(name).is_dir())
    if root is None or not root.is_dir():
        return
    below = [root, *sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))]
    for name in dict.fromkeys((*spec.folders, spec.label, spec.name)):
        if Path(name).is_absolute():
            continue
        for parent in below:
            matches = tuple(path for path in sorted(parent.glob(_any_case(name))) if path.is_dir())
            yield from [matches] if "*" in name and matches else ((path,) for path in matches)


def _any_case(pattern: str) -> str:
    """A glob pattern that matches in upper and lower case; only ``*`` keeps its meaning."""
    return "".join(
        f"[{c.lower()}{c.upper()}]" if c.isalpha() and c.isascii() else f"[{c}]" if c in "[?" else c for c in pattern
    )


def search(base: Path) -> Found | None:
    """The images of one folder; None if it holds none."""
    inside = {path.name.lower(): path for path in sorted(base.iterdir()) if path.is_dir()}
    srf = {int(m[1]): path for name, path in inside.items() if (m := _SRF_FOLDER.fullmatch(name))}
    if srf:
        # Each holds HR cropped for its own scale; the smallest scale crops least.
        pairs = {scale: _split(_files(path), scale) for scale, path in sorted(srf.items())}
        lr = {scale: lows[scale] for scale, (_, lows) in pairs.items() if lows.get(scale)}
        return Found((base,), pairs[min(pairs)][0], lr)
    for name in (*HR_FOLDERS, *(n for n in inside if n.endswith("_hr"))):
        if name in inside and (hr := _split(_files(inside[name]))[0]):
            return Found((inside[name],), hr, _lr_folders(base, inside[name]))
    hr, lr = _split(_files(base))
    if hr:
        beside = base.name.lower() in HR_FOLDERS or base.name.lower().endswith("_hr")
        return Found((base,), hr, lr or (_lr_folders(base.parent, base) if beside else {}))
    return None


def _files(folder: Path) -> dict[str, Path]:
    """Images by file name without suffix."""
    found: dict[str, Path] = {}
    images = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    for path in sorted(images, key=lambda path: (path.stem, SUFFIXES.index(path.suffix.lower()))):
        found.setdefault(path.stem, path)
    return found


def _split(
    files: Mapping[str, Path], scale: Scale | None = None
) -> tuple[dict[str, Path], dict[Scale, dict[str, Path]]]:
    """Separate HR from LR where both are in one folder."""
    hr: dict[str, Path] = {}
    lr: dict[Scale, dict[str, Path]] = {}
    for stem, path in files.items():
        if (match := _LR_FILE.fullmatch(stem)) and (factor := match["scale"] or match["srf"] or scale):
            lr.setdefault(int(factor), {})[match[1]] = path
        elif match := _HR_FILE.fullmatch(stem):
            hr[match[1]] = path
        elif scale is None:  # in an SRF folder the plain names are other methods' results
            hr[stem] = path
    return hr, lr


def _lr_folders(base: Path, hr: Path) -> dict[Scale, dict[str, Path]]:
    """LR folders inside ``base`` that belong to the HR folder ``hr``."""
    prefix = hr.name[:-2] if hr.name.lower().endswith("_hr") else ""
    tops = [path for path in sorted(base.iterdir()) if path.is_dir() and path != hr and path.name.startswith(prefix)]
    candidates = [(path.name[len(prefix) :], path) for path in tops]
    for name, path in list(candidates):
        if re.fullmatch(r"lr(_?bic(ubic)?)?", name, re.IGNORECASE):
            candidates += [(f"{name}/{sub.name}", sub) for sub in sorted(path.iterdir()) if sub.is_dir()]
    found: dict[Scale, dict[str, Path]] = {}
    for name, path in candidates:
        match = _LR_FOLDER.fullmatch(name)
        if match and name.lower() != match[1] and (images := _files(path)):
            scale = int(match[1])
            ending = re.compile(rf"(?:_?x{scale}|_LR{scale}?)$", re.IGNORECASE)
            found.setdefault(scale, {ending.sub("", stem): file for stem, file in images.items()})
    return found or _by_order(base, hr, candidates)


def _by_order(base: Path, hr: Path, candidates: Iterable[tuple[str, Path]]) -> dict[Scale, dict[str, Path]]:
    """LR whose names are not those of HR: the n-th belongs to the n-th, and the folder around says the scale."""
    scale = re.search(r"x(\d)$", base.name, re.IGNORECASE)
    names = sorted(_split(_files(hr))[0])
    for name, path in candidates if scale else ():
        files = sorted(_files(path).items())
        if scale and name.lower() == "lr" and files and len(files) == len(names):
            return {int(scale[1]): {own: file for own, (_, file) in zip(names, files, strict=True)}}
    return {}


def _union(parts: Iterable[Found]) -> Found:
    folders: list[Path] = []
    hr: dict[str, Path] = {}
    lr: dict[Scale, dict[str, Path]] = {}
    for part in parts:
        folders += part.folders
        hr |= part.hr
        for scale, files in part.lr.items():
            lr.setdefault(scale, {}).update(files)
    return Found(tuple(folders), dict(sorted(hr.items())), {s: dict(sorted(f.items())) for s, f in sorted(lr.items())})
