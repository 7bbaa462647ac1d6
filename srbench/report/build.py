"""Write every file of a report from the records of a results folder, unless they are up to date."""

from __future__ import annotations

import dataclasses
import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from srbench.files import atomic_write, sha256_of
from srbench.records.stored import Stored
from srbench.report.leaderboard.columns import has_samples
from srbench.report.leaderboard.sections import make_sections
from srbench.report.leaderboard.tables import Section
from srbench.report.pictures import can_draw
from srbench.report.reading import PACKED, Records, lines_of, read_records, write_packed
from srbench.report.writing import FILES, PER_IMAGE, PER_SAMPLE, write_files

REPORT_VERSION = 16
"""Raise it whenever the same records give other files."""
STATE = ".report"
"""A file in the folder of the records that lists what was made from them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiles:
    """The files of a report."""

    csv: Path
    markdown: Path
    html: Path
    """The page: everything in one file that needs no network."""
    per_image: Path
    per_sample: tuple[Path, ...]
    """Likewise; empty unless several sr were drawn of an image."""
    packed: Path
    """Every record that these were made from, in one file."""
    distillation: tuple[Path, ...]
    """Gains of distillers: page, CSV file and pictures; empty unless a student was trained in two ways."""
    degradations: tuple[Path, ...]
    """Scores by training and test degradation, likewise; empty unless a model was tested out of domain."""
    deployment: tuple[Path, ...]
    """Networks in their backends: page and CSV file; empty unless a backend ran one."""
    figures: tuple[Path, ...]
    """The pictures of the leaderboard."""
    warnings: tuple[str, ...] = ()
    """A sentence for each record that was skipped and each picture that could not be drawn."""
    sections: tuple[Section, ...] = dataclasses.field(default=(), compare=False, repr=False)
    """The content of the leaderboard."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, the most important first."""
        pages = (*self.distillation, *self.degradations, *self.deployment)
        return (
            self.markdown,
            self.html,
            self.csv,
            *pages,
            self.per_image,
            *self.per_sample,
            self.packed,
            *self.figures,
        )


FileName = Annotated[str, StringConstraints(pattern=r"^[^./\\:][^/\\:]*\.(csv|html|md|png)$")]
"""A file of a report, without a folder: what is stale is deleted, so a name may lead nowhere else."""


class _State(Stored):
    digest: str = ""
    """Hash of everything that the files were made from."""
    hashes: dict[FileName, str] = Field(default_factory=dict)
    """sha256 of each file, to notice that a person changed it."""
    figures: tuple[FileName, ...] = ()
    warnings: tuple[str, ...] = ()
    distillation: tuple[FileName, ...] = ()
    degradations: tuple[FileName, ...] = ()
    deployment: tuple[FileName, ...] = ()


def build_report(results: Path, *, force: bool = False, images: bool = False) -> ReportFiles:
    """Write all files of a results folder from its records; with ``force``, even if they were made from them before.

    With ``images``, leaderboard.html shows the whole images of the folder too, and is then not complete without it.

    All its records go into one packed file, from which a copy of the folder without ``records`` gets the same tables.
    If a student was trained in more than one way, ``distillation.md`` and ``distillation.csv`` have the gains. If a
    model was tested out of domain, ``degradations.md`` and ``degradations.csv`` have the matrix.

    Raises:
        DataError: There are no records, or the packed file is damaged.
        StoreError: The folder cannot be written.
    """
    records = read_records(results)
    state = records.folder / STATE
    lines = lines_of(records.records)
    facts = f"{REPORT_VERSION} {can_draw()} {images} {records.damaged}\n{lines}"
    digest = hashlib.sha256(facts.encode()).hexdigest()
    sections = tuple(make_sections(records.records))
    before = _read_state(state)
    files = _files(results, records, sections, before)
    if not force and before.digest == digest and files.packed.is_file() and before.hashes == _hashes(files):
        return files
    with ThreadPoolExecutor(1) as beside:  # xz leaves Python to other threads
        packing = beside.submit(write_packed, results, lines)
        written = write_files(results, records, sections, images=images)
        packing.result()
    after = _State(
        figures=tuple(path.name for path in written.figures),
        warnings=written.warnings,
        distillation=tuple(path.name for path in written.distillation),
        degradations=tuple(path.name for path in written.degradations),
        deployment=tuple(path.name for path in written.deployment),
    )
    made = _files(results, records, sections, after)
    for stale in {*files.paths, results / PER_SAMPLE} - {*made.paths}:
        with suppress(OSError):
            stale.unlink(missing_ok=True)
    atomic_write(state, after.model_copy(update={"digest": digest, "hashes": _hashes(made)}).model_dump_json())
    return made


def _hashes(files: ReportFiles) -> dict[str, str]:
    return {path.name: sha256_of(path) for path in files.paths if path.is_file() and path != files.packed}


def _files(results: Path, records: Records, sections: tuple[Section, ...], state: _State) -> ReportFiles:
    return ReportFiles(
        csv=results / FILES["csv"],
        markdown=results / FILES["md"],
        html=results / FILES["html"],
        per_image=results / PER_IMAGE,
        per_sample=(results / PER_SAMPLE,) if has_samples(records.records) else (),
        packed=results / PACKED,
        distillation=tuple(results / name for name in state.distillation),
        degradations=tuple(results / name for name in state.degradations),
        deployment=tuple(results / name for name in state.deployment),
        figures=tuple(results / name for name in state.figures),
        warnings=(*records.damaged, *state.warnings),
        sections=sections,
    )


def _read_state(path: Path) -> _State:
    try:
        return _State.model_validate_json(path.read_bytes() if path.is_file() else b"")
    except (OSError, ValidationError):
        return _State()
