"""Compare a dataset on disk with its manifest, image by image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from srbench.datasets.image_facts import THUMBNAIL, ImageFacts, content_hash, image_facts
from srbench.datasets.layouts import Found, find_images
from srbench.datasets.spec import DatasetSpec, ImageEntry
from srbench.naming import Scale

_LR_TOLERANCE = 10.0
"""Mean difference, in grey levels, of the thumbnails of an LR image and its HR image beyond which they show different
pictures; of Set5, Set14 and B100 true pairs differ by 3.3 at most, others by 13.6 at least."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found of a dataset."""

    spec: DatasetSpec
    folders: tuple[Path, ...]
    images: Mapping[str, Path]
    """Its images by the manifest's names."""
    facts: Mapping[str, ImageFacts]
    problems: tuple[str, ...] = ()
    """A sentence for each fault of the HR images."""
    lr: Mapping[Scale, Mapping[str, Path]] = field(default_factory=dict)
    lr_problems: Mapping[Scale, tuple[str, ...]] = field(default_factory=dict)
    """A sentence for each fault of the LR that comes with it."""
    notes: tuple[str, ...] = ()
    """What is not a fault but worth knowing: hashes unknown, files found under other names."""

    @property
    def present(self) -> bool:
        """Whether there is anything of it at all."""
        return bool(self.images or self.problems)

    @property
    def content_hash(self) -> str:
        """Of the names, sizes and pixels that were found; see `srbench.datasets.image_facts.content_hash`."""
        return content_hash(self.facts)

    @property
    def all_problems(self) -> tuple[str, ...]:
        """Those of HR, then those of LR."""
        return self.problems + tuple(text for texts in self.lr_problems.values() for text in texts)

    @property
    def state(self) -> str:
        """One word: absent, faulty, complete, or unchecked where the manifest knows too little to tell."""
        if not self.present:
            return "absent"
        if self.all_problems:
            return "faulty"
        return "complete" if self.spec.entries and all(e.sha256 for e in self.spec.entries) else "unchecked"


def verify(spec: DatasetSpec, root: Path | None, others: Iterable[DatasetSpec] = ()) -> Verification:
    """Look at every image of a dataset; files that were seen before are not decoded again.

    Args:
        spec: The dataset.
        root: The data root; None for datasets that locate themselves.
        others: Other known datasets, so that images which belong to one of them are called by its name.
    """
    found = find_images(spec, root)
    facts, broken = image_facts(found.hr.values())
    entries = {entry.name: entry for entry in spec.entries}
    names, notes = _named(found.hr, facts, entries)
    images = {name: found.hr[own] for name, own in names.items()}
    seen = {name: facts[path] for name, path in images.items() if path in facts}
    problems = [sentence for name, path in images.items() if (sentence := broken.get(path))]
    if found.hr:
        problems += _missing_and_extra(spec, images, seen, others)
        problems += [text for name, entry in entries.items() if name in seen for text in _altered(entry, seen[name])]
    elif found.folders:
        problems.append(f"The folder {found.folders[0]} holds no images of {spec.label}.")
    notes += _unknown(spec) if found.hr else []
    lr, lr_problems = _check_lr(found, names, images, seen)
    expected = entries.keys() or images.keys()
    return Verification(
        spec=spec,
        folders=found.folders,
        images={name: path for name, path in sorted(images.items()) if name in expected},
        facts={name: mark for name, mark in seen.items() if name in expected},
        problems=tuple(problems),
        lr=lr,
        lr_problems=lr_problems,
        notes=tuple(notes),
    )


def _named(
    files: Mapping[str, Path], facts: Mapping[Path, ImageFacts], entries: Mapping[str, ImageEntry]
) -> tuple[dict[str, str], list[str]]:
    """Map the manifest's names to the names found: as they are, in another case, or by their pixels."""
    lower = {name.lower(): name for name in entries}
    names = {lower.get(own.lower(), own): own for own in files}
    by_hash = {e.sha256: e.name for e in entries.values() if e.sha256 and e.name not in names}
    renamed = []
    for own in [own for name, own in names.items() if name not in entries]:
        mark = facts.get(files[own])
        if mark and mark.sha256 in by_hash:
            name = by_hash.pop(mark.sha256)
            names[name] = names.pop(own)
            renamed.append(f"{own} is {name}")
    notes = []
    if renamed:
        shown = ", ".join(renamed[:5]) + (f" and {len(renamed) - 5} more" if len(renamed) > 5 else "")
        notes.append(f"Recognised by their pixels, not by their names: {shown}.")
    return names, notes


def _missing_and_extra(
    spec: DatasetSpec, images: Mapping[str, Path], seen: Mapping[str, ImageFacts], others: Iterable[DatasetSpec]
) -> list[str]:
    expected = [entry.name for entry in spec.entries] or list(spec.names)
    if not expected:
        if spec.images is not None and len(images) != spec.images:
            return [f"There are {len(images)} images; {spec.label} has {spec.images}."]
        return []
    missing = [name for name in expected if name not in images]
    extra = [name for name in images if name not in set(expected)]
    texts = [f"{name} is missing." for name in missing]
    if len(missing) > 20:
        texts = [f"{len(missing)} of {len(expected)} images are missing: {', '.join(missing[:8])} …"]
    for other in others:
        theirs = {e.name for e in other.entries} or set(other.names)
        known = {e.sha256 for e in other.entries if e.sha256}
        if other.name == spec.name:
            continue
        # Without hashes only a whole other set among the extras says whose they are.
        shared = [n for n in extra if (n in seen and seen[n].sha256 in known)]
        if not known and len(theirs) > 1 and theirs <= set(extra):
            shared = [n for n in extra if n in theirs]
        if shared:
            extra = [name for name in extra if name not in shared]
            warning = "; training on them would leak the test images" if other.split != spec.split else ""
            span = shared[0] if len(shared) == 1 else f"{shared[0]} … {shared[-1]}"
            texts.append(
                f"{len(images)} images instead of {len(expected)}: {len(shared)} of them ({span}) are those of "
                f"{other.name}{warning}; move them to a folder of their own."
            )
    if len(extra) > 20:
        return [*texts, f"{len(extra)} images do not belong to {spec.label}: {', '.join(extra[:8])} …"]
    return texts + [f"{images[name].name} does not belong to {spec.label}." for name in extra]


def _altered(entry: ImageEntry, mark: ImageFacts) -> list[str]:
    wanted = f"{entry.height}×{entry.width}"
    if (mark.height, mark.width) != (entry.height, entry.width):
        crop = next(
            (m for m in (2, 3, 4, 6, 8, 12)
             if (mark.height, mark.width) == (entry.height - entry.height % m, entry.width - entry.width % m)), None,
        )  # fmt: skip
        why = f"; it is a copy cropped to multiples of {crop}, use the uncropped one" if crop else ""
        return [f"{entry.name} is {mark.size} pixels (height × width) instead of {wanted}{why}."]
    if entry.sha256 and mark.sha256 != entry.sha256:
        return [f"{entry.name} has the right size but other pixels: it was altered or compressed with loss."]
    return []


def _unknown(spec: DatasetSpec) -> list[str]:
    if not spec.entries and not spec.names and spec.images is None:
        return [f"Nothing is known here of {spec.label} to check its images against."]
    if not spec.entries:
        checked = "names" if spec.names else "number"
        return [
            f"Sizes and hashes of {spec.label} are unknown here: only the {checked} of its images could be checked."
        ]
    without = [entry.name for entry in spec.entries if not entry.sha256]
    return [f"Hashes unknown for {len(without)} of {len(spec.entries)} images."] if without else []


def _check_lr(
    found: Found, names: Mapping[str, str], images: Mapping[str, Path], seen: Mapping[str, ImageFacts]
) -> tuple[dict[Scale, dict[str, Path]], dict[Scale, tuple[str, ...]]]:
    ours = {own: name for name, own in names.items()}
    lower = {own.lower(): name for own, name in ours.items()}
    lr: dict[Scale, dict[str, Path]] = {}
    problems: dict[Scale, tuple[str, ...]] = {}
    for scale, files in found.lr.items():
        facts, broken = image_facts(files.values())
        lr[scale] = {lower[own.lower()]: path for own, path in files.items() if own.lower() in lower}
        texts = [broken[path] for path in files.values() if path in broken]
        strangers = [path.name for own, path in files.items() if own.lower() not in lower]
        texts += [f"The x{scale} LR image {name} has no HR image." for name in strangers]
        texts += [f"The x{scale} LR image of {name} is missing." for name in images if name not in lr[scale]]
        for name, path in lr[scale].items():
            if path in facts and name in seen:
                texts += _pair(name, path, scale, facts[path], seen[name])
        if texts:
            problems[scale] = tuple(texts)
    return lr, problems


def _pair(name: str, path: Path, scale: Scale, lr: ImageFacts, hr: ImageFacts) -> list[str]:
    # MATLAB gives ceil(side / scale) where HR was not cropped first, floor where it was.
    fits = all(
        side in {whole // scale, -(-whole // scale)}
        for side, whole in ((lr.height, hr.height), (lr.width, hr.width))
    )  # fmt: skip
    if not fits:
        wanted = f"{hr.height // scale}×{hr.width // scale}"
        return [f"{path.name} is {lr.size} pixels; {name} is {hr.size}, so that its x{scale} LR has {wanted}."]
    if min(lr.height, lr.width) < THUMBNAIL:
        return []  # too small for thumbnails to be alike
    one, two = (np.frombuffer(mark.thumbnail, np.uint8).astype(np.float64) for mark in (lr, hr))
    if np.abs(one - two).mean() > _LR_TOLERANCE:
        return [f"{path.name} shows another picture than {name}; the x{scale} LR and HR do not match."]
    return []
