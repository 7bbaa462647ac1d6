"""The contract of a dataset."""

from __future__ import annotations

from srbench.datasets.labelled.images import label_faults
from srbench.datasets.spec import DatasetSpec
from srbench.testing.contract import Violations

CHECKED = "a licence and a citation, consistent counts, and files where it says"


def violations(spec: DatasetSpec) -> list[str]:
    """List the rules that a dataset breaks, one sentence each.

    Nothing is downloaded, and no data root is needed.
    """
    found = Violations()
    names = [entry.name for entry in spec.entries]
    found.expect(spec.license and spec.citation, f"{spec.name} must state its licence and whom to cite.")
    found.expect(len(set(names)) == len(names), f"{spec.name} lists an image twice.")
    if names and spec.images is not None:
        found.expect(len(names) == spec.images, f"{spec.name} says {spec.images} images and lists {len(names)}.")
    for entry in spec.entries:
        found.expect(
            entry.height > 0 and entry.width > 0, f"{spec.name} lists {entry.name} as {entry.height}×{entry.width}."
        )
    unknown = set(spec.grey) - set(names)
    found.expect(
        not names or not unknown, f"{spec.name} calls {sorted(unknown)[:1]} greyscale, which it does not list."
    )
    if spec.locate is not None:
        with found.during(f"locating the images of {spec.name}"):
            files = spec.locate()
            missing = [str(path) for path in files.values() if not path.is_file()]
            found.expect(not missing, f"{spec.name} points at files that are not there (first: {missing[:1]}).")
            absent = set(names) - set(files)
            found.expect(not absent, f"{spec.name} lists {sorted(absent)[:1]} and does not locate it.")
    if spec.labels is not None:
        with found.during(f"reading the labels of {spec.name}"):
            found += [f"{spec.name}: {text}" for text in label_faults(spec.labels(None))]
    return found
