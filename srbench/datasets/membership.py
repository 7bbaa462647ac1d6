"""Which image of a dataset each file is, and which images are missing or belong elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from srbench.datasets.image_facts import ImageFacts
from srbench.datasets.pairing import match_names
from srbench.datasets.spec import DatasetSpec, ImageEntry


def names_in_manifest(
    files: Mapping[str, Path],
    facts: Mapping[Path, ImageFacts],
    entries: Mapping[str, ImageEntry],
    expected: Sequence[str],
) -> tuple[dict[str, str], list[str]]:
    """Map the manifest's names to the names of files: by name, or by their pixels.

    Args:
        files: The images found, by their own names.
        facts: What is in each file that could be read.
        entries: The images of the manifest whose sizes are known.
        expected: The names of the manifest.

    Returns:
        The manifest's name to the file's own for every image found, and a note on the images recognised by pixels.
    """
    listed = match_names(expected, list(files), endings=False)
    listed_name = {own: name for name, own in listed.items()}
    names = {listed_name.get(own, own): own for own in files}
    by_hash = {e.sha256: e.name for e in entries.values() if e.sha256 and e.name not in names}
    renamed = []
    for own in [own for name, own in names.items() if name not in entries]:
        found = facts.get(files[own])
        if found and found.sha256 in by_hash:
            name = by_hash.pop(found.sha256)
            names[name] = names.pop(own)
            renamed.append(f"{own} is {name}")
    notes = []
    if renamed:
        shown = ", ".join(renamed[:5]) + (f" and {len(renamed) - 5} more" if len(renamed) > 5 else "")
        notes.append(f"Recognised by their pixels, not by their names: {shown}.")
    return names, notes


def missing_and_extra(
    spec: DatasetSpec, images: Mapping[str, Path], seen: Mapping[str, ImageFacts], others: Iterable[DatasetSpec]
) -> list[str]:
    """List the images that a dataset lacks and the images that are not its own.

    Args:
        spec: The dataset.
        images: The images found, by the manifest's names.
        seen: What is in each file that could be read.
        others: Other datasets, one of which an extra image may belong to.

    Returns:
        A sentence for each fault.
    """
    expected = spec.image_names
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
        if other.name == spec.name:
            continue
        other_names = set(other.image_names)
        other_hashes = {entry.sha256 for entry in other.entries if entry.sha256}
        shared = [name for name in extra if name in seen and seen[name].sha256 in other_hashes]
        # Without hashes, extra images belong to another set only if all of that set is among them.
        if not other_hashes and len(other_names) > 1 and other_names <= set(extra):
            shared = [name for name in extra if name in other_names]
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
