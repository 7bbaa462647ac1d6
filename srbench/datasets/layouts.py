"""Find the images of a dataset on disk, in the folder layouts in common use.

Below the data root, or one folder further down (``benchmark/Set5``), a dataset is looked for by its name, its label
and the folders its manifest lists, in upper or lower case. Inside, these layouts are known (``s`` is the scale)::

    HR/baby.png                      LR_bicubic/X2/babyx2.png      also GT, original, GTmod12, LRbicx2, LR/x2, LR …
    DIV2K_train_HR/0001.png          DIV2K_train_LR_bicubic/X2/0001x2.png
    image_SRF_2/img_001_SRF_2_HR.png image_SRF_2/img_001_SRF_2_LR.png
    HR/Set5/x2/baby_HR_x2.png        LR/LRBI/Set5/x2/baby_LRBI_x2.png
    Canon_001_HR.png                 Canon_001_LR2.png             in one folder, also _gt and _lq, a and ax2
    baby.png                                                       flat, HR alone

`srbench.datasets.pairing` pairs LR with HR, the same way in each of them. Where neither a folder nor a file says the
scale, the sizes do. What is there and not taken is named.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from srbench.datasets.labelled.images import LabelledImages
from srbench.datasets.packed import archives_at, unpacked
from srbench.datasets.pairing import common_factor, describe_unpaired, factor_in, pair, read_name, size_factor
from srbench.datasets.spec import DatasetSpec
from srbench.errors import DataError, UnavailableError
from srbench.imaging.folders import SUFFIXES, list_folder, name_some
from srbench.scales import REAL_SCALE, Scale

HR_FOLDERS = ("hr", "gt", "original", "gtmod2", "gtmod4", "gtmod12")
"""Names of HR folders inside a dataset, best first: the last ones hold cropped copies."""
_LR_FOLDER = re.compile(r"(?:lr[-_]?(?:bicubic|bic|bi)?|lq)", re.IGNORECASE)
_SCALED_LR_FOLDER = re.compile(
    rf"(?:lr[-_]?(?:bicubic|bic|bi)?|lq)?[-_]?(?P<x>x?)(?P<scale>{REAL_SCALE}|\d)", re.IGNORECASE
)
_SCALE_FOLDER = re.compile(rf"x?(\d)|x({REAL_SCALE})", re.IGNORECASE)
_SRF_FOLDER = re.compile(r"image_srf_(\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a dataset."""

    folders: tuple[Path, ...] = ()
    """The folders they were found in; empty if there is none of the dataset's names."""
    hr: Mapping[str, Path] = field(default_factory=dict)
    """File by image name, in order of names."""
    lr: Mapping[Scale, Mapping[str, Path]] = field(default_factory=dict)
    """The LR that comes with the dataset, by scale and by the name of the HR image."""
    lr_faults: Mapping[Scale, tuple[str, ...]] = field(default_factory=dict)
    """A sentence for each LR file that belongs to no HR image."""
    by_order: frozenset[Scale] = frozenset()
    """Scales whose LR is paired by order, because no name agrees."""
    left_out: tuple[str, ...] = ()
    """What is there and not taken: files and folders, each with the reason."""
    labelled: LabelledImages | None = None
    """Its images with their labels; None for sets without labels."""
    absent: str = ""
    """A sentence on why it is not there, if more is known than its names."""


@dataclass(frozen=True, slots=True)
class _Lows:
    """LR files of one folder."""

    scale: Scale | None
    """None if the names of folder and files do not say it."""
    files: Sequence[Path]


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the folders of a dataset that are taken together."""

    folder: Path
    hr: Mapping[str, Path]
    lows: Sequence[_Lows] = ()


def find_images(spec: DatasetSpec, root: Path | None) -> Found:
    """Find a dataset's images.

    Args:
        spec: The dataset.
        root: The data root; not needed for datasets that locate themselves.

    Returns:
        The files; at most their headers are read.
    """
    if spec.labels is not None:
        return _labelled(spec.labels, root)
    if spec.locate is not None:
        hr = dict(sorted(spec.locate().items()))
        return Found(tuple(dict.fromkeys(path.parent for path in hr.values())), hr)
    try:
        groups = list(_groups(spec, root))
        for group in groups:
            if found := search(group, truth=spec.truth, stated=spec.lr_suffix):
                return _without(found, spec.left_out) if spec.left_out else found
    except UnavailableError as error:
        return Found(absent=str(error))
    except OSError as error:
        raise DataError(
            f"The folders of {spec.label} cannot be read ({error}); check their permissions, or give another data root."
        ) from error
    absent = f"Its archives {name_some(spec.archives)} are not there." if spec.archives and not groups else ""
    return Found(tuple(folder for group in groups for folder in group), absent=absent)


def _without(found: Found, left_out: Sequence[str]) -> Found:
    """Remove the images that the dataset says are not part of it."""
    return replace(
        found,
        hr={name: path for name, path in found.hr.items() if name not in left_out},
        lr={scale: {n: path for n, path in files.items() if n not in left_out} for scale, files in found.lr.items()},
        left_out=(*found.left_out, f"{name_some(left_out)}: not part of it, as its manifest says."),
    )


def _labelled(read: Callable[[Path | None], LabelledImages], root: Path | None) -> Found:
    try:
        labelled = read(root)
    except UnavailableError as error:
        return Found(absent=str(error))
    folders = dict.fromkeys(path.parent for path in labelled.images.values())
    return Found(tuple(folders), labelled.images, labelled=labelled)


def dataset_folders(spec: DatasetSpec, root: Path | None) -> list[Path]:
    """Return the folders that have a name of a dataset, best first."""
    return [folder for group in _groups(spec, root) for folder in group]


def _groups(spec: DatasetSpec, root: Path | None) -> Iterator[tuple[Path, ...]]:
    """Folders that may hold the dataset, best first; the folders of a group are taken together."""
    if archives := archives_at(spec.archives, root):
        yield (unpacked(archives),)
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


def search(folders: Sequence[Path], *, truth: bool = True, stated: str = "") -> Found | None:
    """Find the images of folders that are taken together; None if there are none.

    Args:
        folders: The folders.
        truth: Whether the images are hr; otherwise every image counts and nothing is LR of another.
        stated: An ending of LR names, which the dataset states.
    """
    unused = _Unused(folders[0] if len(folders) == 1 else None)
    parts = [part for folder in folders if (part := _look(folder, unused, truth=truth))]
    return _assemble(parts, stated, unused) if parts else None


def _look(base: Path, unused: _Unused, *, truth: bool = True) -> _Part | None:
    content = list_folder(base)
    if not truth:
        unused.add_files(content.others)
        files = _files(content.images, unused)
        return _Part(base, files) if files else None
    inside = {path.name.lower(): path for path in content.folders}
    for layout in (_srf_folders, _scale_folders, _hr_folder, _flat_folder):
        if part := layout(base, inside, unused):
            return part
    return None


class _Unused:
    """Collects what is there and not taken."""

    def __init__(self, base: Path | None) -> None:
        """Take the folder that names are relative to, if there is one."""
        self._base = base
        self._sentences: list[str] = []

    def add_files(self, paths: Iterable[Path], reason: str = "not a kind of image that srbench reads") -> None:
        if names := [self._name(path) for path in paths]:
            self._sentences.append(f"{name_some(names)}: {reason}.")

    def add_folders(self, paths: Iterable[Path], used: Iterable[Path]) -> None:
        """Add the folders that hold images, except those that are used or hold a folder that is."""
        taken = {folder for path in used for folder in (path, *path.parents)}
        for path in paths:
            if path in taken:
                self.add_folders(list_folder(path).folders, used)
            elif count := _count_images(path):
                images = "1 image" if count == 1 else f"{count} images"
                known = path.name.lower() in HR_FOLDERS or path.name.lower().endswith("_hr")
                why = "another HR folder is used" if known else "srbench does not know this name of a folder"
                self._sentences.append(f"{self._name(path)}: {images}; {why}.")

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(self._sentences)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._base) if self._base and path.is_relative_to(self._base) else path)


def _count_images(folder: Path, depth: int = 3) -> int:
    content = list_folder(folder)
    return len(content.images) + (sum(_count_images(path, depth - 1) for path in content.folders) if depth else 0)


def _srf_folders(base: Path, inside: Mapping[str, Path], unused: _Unused) -> _Part | None:
    """``image_SRF_2``: each holds HR cropped for its own scale; the smallest scale crops least."""
    srf = {int(m[1]): path for name, path in inside.items() if (m := _SRF_FOLDER.fullmatch(name))}
    if not srf:
        return None
    hr: dict[str, Path] = {}
    lows: list[_Lows] = []
    for scale, path in sorted(srf.items()):
        content = list_folder(path)
        own, low = _split(_files(content.images, unused), unused, scale)
        hr = hr or own
        lows += low
        unused.add_files(content.others)
    unused.add_folders(inside.values(), srf.values())
    return _Part(base, hr, lows)


def _scale_folders(base: Path, inside: Mapping[str, Path], unused: _Unused) -> _Part | None:
    """``HR/Set5/x2``: the smallest scale crops least; its LR is in ``LR/LRBI/Set5/x2`` and the like."""
    scaled = {int(m[1]): path for name, path in inside.items() if (m := re.fullmatch(r"x(\d)", name))}
    if not scaled or base.parent.name.lower() not in HR_FOLDERS or list_folder(base).images:
        return None
    hr = _hr_files(scaled[min(scaled)], unused)
    lows = [
        _lows(path, scale, unused)
        for root in list_folder(base.parent.parent).folders
        for low in (root, *list_folder(root).folders)
        if _LR_FOLDER.fullmatch(root.name) and _LR_FOLDER.fullmatch(low.name)
        for scale in scaled
        if (path := low / base.name / scaled[scale].name).is_dir()
    ]
    return _Part(scaled[min(scaled)], hr, lows)


def _hr_folder(base: Path, inside: Mapping[str, Path], unused: _Unused) -> _Part | None:
    """``HR`` beside LR folders."""
    for name in (*HR_FOLDERS, *(n for n in inside if n.endswith("_hr"))):
        if name not in inside:
            continue
        if hr := _hr_files(inside[name], unused):
            lows = _lr_folders(base, inside[name], unused)
            content = list_folder(base)
            unused.add_files((*content.images, *content.others), "beside the HR folder, not in it")
            unused.add_folders(content.folders, [inside[name], *(file.parent for low in lows for file in low.files)])
            return _Part(inside[name], hr, lows)
        sets = [part for path in list_folder(inside[name]).folders if (part := _look(path, unused))]
        if len(sets) == 1:
            return sets[0]
    return None


def _flat_folder(base: Path, inside: Mapping[str, Path], unused: _Unused) -> _Part | None:
    """HR, and perhaps LR, in the folder itself."""
    content = list_folder(base)
    if base.name.lower() in HR_FOLDERS or base.name.lower().endswith("_hr"):
        hr, lows = _hr_files(base, unused), _lr_folders(base.parent, base, unused)
        around = re.compile(rf"{re.escape(_prefix(base))}(?:lr|lq)", re.IGNORECASE)
        beside = [path for path in list_folder(base.parent).folders if around.match(path.name)]
        unused.add_folders(beside, [file.parent for low in lows for file in low.files])
    else:
        hr, lows = _split(_files(content.images, unused), unused)
        unused.add_files(content.others)
    lows += _lr_folders(base, None, unused)
    unused.add_folders(inside.values(), [file.parent for low in lows for file in low.files if file.parent != base])
    return _Part(base, hr, lows) if hr else None


def _files(images: Iterable[Path], unused: _Unused) -> dict[str, Path]:
    """Images by file name without suffix; where a name exists twice, the first of `SUFFIXES` counts."""
    found: dict[str, Path] = {}
    for path in sorted(images, key=lambda path: (path.stem, SUFFIXES.index(path.suffix.lower()))):
        name = unicodedata.normalize("NFC", path.stem)
        if name in found:
            unused.add_files([path], f"{found[name].name} is the same image by its name")
        found.setdefault(name, path)
    return found


def _hr_files(folder: Path, unused: _Unused) -> dict[str, Path]:
    """The images of an HR folder. An ending such as ``_HR`` is removed if all names have it."""
    content = list_folder(folder)
    unused.add_files(content.others)
    files = _files(content.images, unused)
    names = {stem: read_name(stem) for stem in files}
    marked = {name.image for name in names.values() if name.role == "hr"}
    return {names[stem].image if len(marked) == len(files) else stem: path for stem, path in files.items()}


def _split(
    files: Mapping[str, Path], unused: _Unused, scale: Scale | None = None
) -> tuple[dict[str, Path], list[_Lows]]:
    """Separate HR from LR where both are in one folder.

    Args:
        files: The images by stem.
        unused: Takes those that are neither.
        scale: The scale of the folder, if its name says one.
    """
    names = {stem: read_name(stem) for stem in files}
    marked = {name.image: files[stem] for stem, name in names.items() if name.role == "hr"}
    lows: dict[Scale | None, list[Path]] = {}
    plain: dict[str, Path] = {}
    for stem, path in files.items():
        name = names[stem]
        own = files.get(name.image)
        # A bare "x2" says LR only beside the image itself, and where the sizes say so too.
        beside = not name.role and name.factor and own and own != path and size_factor(own, path) == name.factor
        if name.role == "lr" or beside:
            lows.setdefault(name.factor or scale, []).append(path)
        elif name.role != "hr":
            plain[stem] = path
    if marked and (lows or scale or not plain):
        unused.add_files(plain.values(), "neither HR nor LR by its name")
        hr = marked
    else:
        hr = plain | {stem: files[stem] for stem, name in names.items() if name.role == "hr"}
    return hr, [_Lows(factor, paths) for factor, paths in sorted(lows.items(), key=lambda low: low[0] or 0)]


def _prefix(hr: Path) -> str:
    """``DIV2K_train_`` of ``DIV2K_train_HR``: its LR folders begin with it, too."""
    return hr.name[:-2] if hr.name.lower().endswith("_hr") else ""


def _lr_folders(base: Path, hr: Path | None, unused: _Unused) -> list[_Lows]:
    """LR folders inside ``base`` that belong to the HR folder ``hr``."""
    prefix = "" if hr is None else _prefix(hr)
    around = re.search(r"x(\d)$", base.name, re.IGNORECASE)
    found: list[_Lows] = []
    for top in list_folder(base).folders:
        if top == hr or not top.name.startswith(prefix):
            continue
        name = top.name[len(prefix) :]
        if (match := _SCALED_LR_FOLDER.fullmatch(name)) and (match["x"] or not name[0].isdecimal()):
            found.append(_lows(top, factor_in(match["scale"]), unused))
        elif _LR_FOLDER.fullmatch(name):
            found.append(_lows(top, int(around[1]) if around else None, unused))
            found += [
                _lows(sub, factor_in(match[1] or match[2]), unused)
                for sub in list_folder(top).folders
                if (match := _SCALE_FOLDER.fullmatch(sub.name))
            ]
    return [low for low in found if low.files]


def _lows(folder: Path, scale: Scale | None, unused: _Unused) -> _Lows:
    content = list_folder(folder)
    unused.add_files(content.others)
    return _Lows(scale, list(_files(content.images, unused).values()))


def _assemble(parts: Sequence[_Part], stated: str, unused: _Unused) -> Found:
    """Merge the parts of a dataset, and pair the LR of every scale with the HR."""
    hr: dict[str, Path] = {}
    lows: dict[Scale, list[Path]] = {}
    for part in parts:
        for name in sorted(part.hr.keys() & hr.keys()):
            unused.add_files([part.hr[name]], f"{hr[name]} is the same image by its name")
        hr = {**part.hr, **hr}
        scales: set[Scale] = set()
        for low in part.lows:
            scale = low.scale or common_factor(part.hr, pair(part.hr, low.files, stated).pairs)
            if scale is None:
                unused.add_files(low.files, "LR of unknown scale: no HR image has its name and a multiple of its size")
            elif scale in scales:
                unused.add_files(low.files, f"another x{scale} LR was taken")
            else:
                scales.add(scale)
                lows.setdefault(scale, []).extend(low.files)
    pairings = {scale: pair(hr, files, stated) for scale, files in sorted(lows.items())}
    return Found(
        folders=tuple(part.folder for part in parts),
        hr=dict(sorted(hr.items())),
        lr={scale: dict(sorted(pairing.pairs.items())) for scale, pairing in pairings.items()},
        lr_faults={scale: found for scale, p in pairings.items() if (found := describe_unpaired(p, hr, scale))},
        by_order=frozenset(scale for scale, pairing in pairings.items() if pairing.by_order),
        left_out=unused.sentences,
    )
