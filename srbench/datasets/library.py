"""The datasets of a run: verified before a single pixel is measured or trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from srbench.datasets.image_facts import content_hash, image_facts
from srbench.datasets.labelled.images import LabelledImages
from srbench.datasets.spec import DatasetSpec
from srbench.datasets.verification import Verification, verify
from srbench.errors import DataError
from srbench.files import cache_root
from srbench.scales import Scale


class Library:
    """Verified images by dataset. Each dataset is verified once."""

    def __init__(self, root: Path | None, datasets: Mapping[str, DatasetSpec]) -> None:
        """Take the datasets; they are verified when they are asked for.

        Args:
            root: The data root, or None if only datasets that locate themselves are needed.
            datasets: All datasets, one of which a stray image may belong to; usually ``catalog.datasets``.
        """
        self._root, self._datasets = root, datasets
        self._seen: dict[str, Verification] = {}
        self._hashes: dict[str, str] = {}
        self._lr_hashes: dict[tuple[str, Scale], str | None] = {}
        self.warnings: dict[tuple[str, Scale], str] = {}
        """What a person should know about the LR that was asked for, by dataset and scale."""

    def verification(self, spec: DatasetSpec) -> Verification:
        """Verify a dataset, or return the result from before; faults of the data are part of it."""
        if spec.name not in self._seen:
            others = [other for other in self._datasets.values() if other.name != spec.name]
            self._seen[spec.name] = verify(spec, self._root, others)
        return self._seen[spec.name]

    def images(self, spec: DatasetSpec) -> Mapping[str, Path]:
        """Return the HR images of a dataset, by name.

        Raises:
            DataError: It is absent, incomplete, altered or has images that are not its own.
        """
        found = self.verification(spec)
        if not found.present:
            raise DataError(self._absent(spec))
        if found.problems:
            raise DataError(self._faults(spec, found.problems))
        return found.images

    def labelled(self, spec: DatasetSpec) -> LabelledImages:
        """Return the images of a dataset with their labels.

        Raises:
            DataError: As `images`, for labels that do not fit, and for a dataset without labels.
        """
        self.images(spec)
        labelled = self.verification(spec).labelled
        if labelled is None:
            raise DataError(f"The dataset {spec.name} has no labels; recognition needs a dataset with labels.")
        return labelled

    def content_hash(self, spec: DatasetSpec) -> str:
        """Return the hash of a dataset's pixels and labels, for store keys and records. Raises as `images` does."""
        if spec.name not in self._hashes:
            self.images(spec)
            self._hashes[spec.name] = self.verification(spec).content_hash
        return self._hashes[spec.name]

    def lr_images(self, spec: DatasetSpec, scale: Scale) -> Mapping[str, Path] | None:
        """Return the LR images that come with a dataset, by the name of their HR; None if there are none at this scale.

        Raises:
            DataError: As `images`, and for LR that does not match its HR.
        """
        self.images(spec)
        found = self.verification(spec)
        if problems := found.lr_problems.get(scale):
            raise DataError(
                self._faults(spec, problems, f"Fix its x{scale} LR; if you remove it, srbench makes bicubic LR.")
            )
        if scale in found.by_order:
            self.warnings[spec.name, scale] = found.by_order[scale]
        return found.lr.get(scale)

    def lr_hash(self, spec: DatasetSpec, scale: Scale) -> str | None:
        """Return the hash of the LR that `lr_images` gives, or None if it gives none. Raises as it does."""
        if (spec.name, scale) not in self._lr_hashes:
            files = self.lr_images(spec, scale)
            facts = image_facts(files.values())[0] if files else {}
            hashed = None if files is None else content_hash({name: facts[path] for name, path in files.items()})
            self._lr_hashes[spec.name, scale] = hashed
        return self._lr_hashes[spec.name, scale]

    def _absent(self, spec: DatasetSpec) -> str:
        if reason := self.verification(spec).absent:
            return f"The dataset {spec.name} is not here. {reason}"
        place = f"as {self._root / spec.folder}" if self._root else "below a data root"
        how = (
            f"get it with `srbench data fetch {spec.name}`"
            if spec.downloads
            else f"get it from {spec.home or 'its authors'}"
        )
        root = "" if self._root else " and say where that is with --data DIR or SRBENCH_DATA"
        where = f"below {self._root}" if self._root else "here: no data root is given"
        return f"The dataset {spec.name} is not {where}; {how}, or put it {place}{root}."

    def _faults(self, spec: DatasetSpec, problems: tuple[str, ...], advice: str = "") -> str:
        folders = self.verification(spec).folders
        if not advice and folders and folders[0].is_relative_to(cache_root()):
            made = cache_root().joinpath(*folders[0].relative_to(cache_root()).parts[:2])
            advice = f"Delete {made}; srbench makes it again."
        shown = " ".join(problems[:5])
        if len(problems) > 5:
            shown += f" And {len(problems) - 5} more: `srbench data verify {spec.name}` lists them."
        return f"The dataset {spec.name} cannot be used. {shown} {advice or 'Fix it or fetch it again.'}"
