"""Compare a dataset on disk with its manifest, image by image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from srbench.datasets.image_facts import ImageFacts, content_hash, image_facts
from srbench.datasets.labelled.images import LabelledImages, joint_hash, label_faults
from srbench.datasets.layouts import find_images
from srbench.datasets.lr_checks import check_lr
from srbench.datasets.membership import missing_and_extra, names_in_manifest
from srbench.datasets.spec import DatasetSpec, ImageEntry
from srbench.errors import DataError
from srbench.imaging.folders import name_some
from srbench.scales import Scale


@dataclass(frozen=True, slots=True)
class Verification:
    """The images that were found of a dataset, and their faults."""

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
    """Facts that are not faults but worth knowing: hashes unknown, files found under other names, what is left out."""
    by_order: Mapping[Scale, str] = field(default_factory=dict)
    """A sentence for each scale whose LR is paired by order, because no name agrees."""
    labelled: LabelledImages | None = None
    """Its images with their labels, for sets that have labels."""
    absent: str = ""
    """A sentence on why it is not there, if more is known than its names."""

    @property
    def present(self) -> bool:
        """True if any image or folder of it was found."""
        return bool(self.images or self.problems)

    @property
    def content_hash(self) -> str:
        """Hash of the names, sizes and pixels that were found, and of the labels of sets that have them.

        See `srbench.datasets.image_facts.content_hash` and `srbench.datasets.labelled.images.joint_hash`.
        """
        pixels = content_hash(self.facts)
        return pixels if self.labelled is None else joint_hash(pixels, self.labelled)

    @property
    def all_problems(self) -> tuple[str, ...]:
        """The problems of HR, then those of LR."""
        return self.problems + tuple(text for texts in self.lr_problems.values() for text in texts)

    def lr_summary(self) -> list[str]:
        """Say which LR comes with the dataset and how it is paired, a sentence for each scale."""
        return [
            self.by_order.get(scale, f"{len(files)} LR image{'s' * (len(files) != 1)} at x{scale}, paired by name.")
            for scale, files in self.lr.items()
            if files
        ]

    @property
    def state(self) -> str:
        """One word: absent, faulty, complete, or unchecked where the manifest knows too little."""
        if not self.present:
            return "absent"
        if self.all_problems:
            return "faulty"
        if self.spec.content:
            return "complete"
        return "complete" if self.spec.entries and all(e.sha256 for e in self.spec.entries) else "unchecked"


def verify(spec: DatasetSpec, root: Path | None, others: Iterable[DatasetSpec] = ()) -> Verification:
    """Check every image of a dataset; files that were checked before are not decoded again.

    Args:
        spec: The dataset.
        root: The data root; None for datasets that locate themselves.
        others: Other datasets, one of which an extra image may belong to.
    """
    try:
        found = find_images(spec, root)
    except DataError as error:
        if spec.labels is None:
            raise
        return Verification(spec, (), {}, {}, problems=(str(error),))
    facts, broken = image_facts(found.hr.values())
    entries = {entry.name: entry for entry in spec.entries}
    names, notes = names_in_manifest(found.hr, facts, entries, spec.image_names)
    images = {name: found.hr[own] for name, own in names.items()}
    seen = {name: facts[path] for name, path in images.items() if path in facts}
    problems = [sentence for name, path in images.items() if (sentence := broken.get(path))]
    if found.hr:
        problems += missing_and_extra(spec, images, seen, others)
        problems += [text for name, entry in entries.items() if name in seen for text in _altered(entry, seen[name])]
    elif found.folders:
        problems.append(f"The folder {found.folders[0]} holds no images of {spec.label}.")
    notes += _unknown(spec) if found.hr else []
    notes += _colours(seen)
    lr, lr_problems = check_lr(found, names, images, seen)
    notes += [f"Left out: {text}" for text in found.left_out]
    expected = entries.keys() or images.keys()
    if found.labelled is not None:
        problems += label_faults(found.labelled)
        notes = [found.labelled.summary(), *notes] if found.hr else notes
    verification = Verification(
        spec=spec,
        folders=found.folders,
        images={name: path for name, path in sorted(images.items()) if name in expected},
        facts={name: facts for name, facts in seen.items() if name in expected},
        problems=tuple(problems),
        lr=lr,
        lr_problems=lr_problems,
        notes=tuple(notes),
        by_order={scale: _order(spec, scale, lr[scale]) for scale in found.by_order},
        labelled=found.labelled,
        absent=found.absent,
    )
    return _compared(verification)


def _compared(found: Verification) -> Verification:
    """Add the fault of a set whose content is not the one that its manifest states."""
    expected = found.spec.content
    if expected is None or not found.present or found.problems or found.content_hash == expected:
        return found
    text = (
        f"Its content is {found.content_hash[:12]} instead of {expected[:12]}: names, pixels or labels were altered "
        f"below {found.folders[0].parent}."
    )
    return replace(found, problems=(text,))


def _altered(entry: ImageEntry, found: ImageFacts) -> list[str]:
    wanted = f"{entry.height}×{entry.width}"
    if (found.height, found.width) != (entry.height, entry.width):
        crop = next(
            (m for m in (2, 3, 4, 6, 8, 12)
             if (found.height, found.width) == (entry.height - entry.height % m, entry.width - entry.width % m)), None,
        )  # fmt: skip
        why = f"; it is a copy cropped to multiples of {crop}, use the uncropped one" if crop else ""
        return [f"{entry.name} is {found.size} pixels (height × width) instead of {wanted}{why}."]
    if entry.sha256 and found.sha256 != entry.sha256:
        return [f"{entry.name} has the right size but other pixels: it was altered or compressed with loss."]
    return []


def _order(spec: DatasetSpec, scale: Scale, lr: Mapping[str, Path]) -> str:
    pairs = name_some([f"{path.name} for {name}" for name, path in lr.items()])
    return f"{len(lr)} LR images of {spec.name} at x{scale}, paired by order, since no name agrees: {pairs}."


def _colours(seen: Mapping[str, ImageFacts]) -> list[str]:
    """Name the images that a viewer shows in other colours than their pixels have."""
    images: dict[str, list[str]] = {}
    for name, facts in seen.items():
        if facts.colours:
            images.setdefault(facts.colours, []).append(name)
    return [f"Measured as stored, without {colours}: {name_some(names)}." for colours, names in images.items()]


def _unknown(spec: DatasetSpec) -> list[str]:
    if spec.content:
        return []
    if not spec.entries and not spec.names and spec.images is None:
        return [f"The manifest has no facts about the images of {spec.label} to check them against."]
    if not spec.entries:
        checked = "names" if spec.names else "number"
        return [
            f"The manifest has no sizes and hashes of {spec.label}: only the {checked} of its images could be checked."
        ]
    without = [entry.name for entry in spec.entries if not entry.sha256]
    return [f"Hashes unknown for {len(without)} of {len(spec.entries)} images."] if without else []
