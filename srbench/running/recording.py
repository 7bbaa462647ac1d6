"""Write the records of a run into its results folder."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from srbench.files import atomic_path, atomic_write, weights_folder
from srbench.planning.cells import Cell, Model
from srbench.records.record import Record
from srbench.records.row import RowId
from srbench.records.scores import ImageScores
from srbench.records.stored import Stored
from srbench.running.cell_records import failed_record, finished_record
from srbench.running.schedule import Schedule, ScheduledJob
from srbench.running.stages import MEASURE, JobName, MeasuredCell

KEPT_FILES = ("sr_file", "hr_file", "lr_file", "map_file")
"""Fields of `ImageScores` that name one file."""


class Recorder:
    """Writes the records of one run."""

    def __init__(self, schedule: Schedule, results: Path) -> None:
        self._schedule, self._folder = schedule, results / "records"
        self._recorded: set[Cell] = set()
        self._cells: dict[ScheduledJob[Stored], list[Cell]] = {}
        for cell, jobs in schedule.cells.items():
            for scheduled in jobs:
                self._cells.setdefault(scheduled, []).append(cell)
        self.notes: dict[str, None] = {}
        """A sentence for everything that a person is to know about the weights of the cells written, each once."""

    def write_finished(self, after: ScheduledJob[Stored] | None = None) -> None:
        """Write the records of measured cells: of all, or of those that a scheduled is part of."""
        for cell in self._schedule.cells if after is None else self._cells.get(after, ()):
            measured = self._schedule.result(self._schedule.cells[cell].measure)
            if measured is not None:
                self._store(self._with_files(finished_record(self._schedule, cell, measured)))
                self._note(cell.model, measured)
                self._recorded.add(cell)

    def write_failed(self) -> list[tuple[str, str]]:
        """Write a record of each cell that was not measured, and return its title with the reason."""
        failed = []
        for cell, jobs in self._schedule.cells.items():
            if cell not in self._recorded:
                reason = jobs.measure.reason or "it was not measured"
                self._store(failed_record(self._schedule, cell, reason))
                failed.append((cell.title, reason))
        return failed

    def _note(self, model: Model, measured: MeasuredCell) -> None:
        if model.source == "file" and measured.weights_read:
            self.notes[f"From {model.file_title}, srbench read {measured.weights_read}."] = None
        self.notes.update(dict.fromkeys(measured.doubts))

    def _store(self, record: Record) -> None:
        path = self._folder / f"{record.key}.json"
        full = record.model_dump_json(indent=1)
        text = without_folders(full, self._folders)
        if text != full:
            record = Record.model_validate_json(text)  # the row too may be named by a file
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            atomic_write(path, text)
        # An earlier record of the row, of other code or of a failure, may be newer than what the cache gives now.
        rows = self._rows.setdefault(record.row_id, {})
        for other, status in list(rows.items()):
            if other != path and (record.status == "ok" or status == "failed"):
                other.unlink(missing_ok=True)
                shutil.rmtree(self._folder / "images" / other.stem[:16], ignore_errors=True)
                del rows[other]
        rows[path] = record.status

    @cached_property
    def _folders(self) -> dict[Path, str]:
        """What this machine's folders are called in records."""
        session = self._schedule.session
        given = dict.fromkeys((weights_folder(), *session.weights_folders), "$SRBENCH_WEIGHTS")
        given[session.data_root] = "$SRBENCH_DATA"
        named = {session.cache: "$SRBENCH_CACHE", Path.home(): "~", Path.cwd(): "."}
        return {folder.absolute(): name for folder, name in (given | named).items() if folder}

    @cached_property
    def _rows(self) -> dict[RowId, dict[Path, str]]:
        """The status of the records that are in the folder, by row and path."""
        rows: dict[RowId, dict[Path, str]] = {}
        for path in filter(Path.is_file, self._folder.glob("[!.]*.json")):
            with suppress(OSError, ValidationError):  # the report names damaged ones
                record = Record.model_validate_json(path.read_bytes())
                rows.setdefault(record.row_id, {})[path] = record.status
        return rows

    def _with_files(self, record: Record) -> Record:
        """Copy the kept files of a record into the results folder, so that the report needs nothing but the records."""
        source = self._schedule.session.store.folder(JobName(MEASURE, record.key)) / "images"
        target = Path("images", record.key[:16])

        def copied(name: str | None) -> str | None:
            if name is None or not (source / name).is_file():
                return None
            path = self._folder / target / name
            if not path.is_file():
                with atomic_path(path) as temporary:
                    shutil.copyfile(source / name, temporary)
            return (target / name).as_posix()

        def with_files(image: ImageScores) -> ImageScores:
            samples = tuple(filter(None, map(copied, image.sample_files)))
            single = {field: copied(getattr(image, field)) for field in KEPT_FILES}
            return image.model_copy(update=single | {"sample_files": samples})

        images = tuple(map(with_files, record.images))
        others = {f: copied(getattr(record, f)) for f in ("representation_file", "attention_file")}
        return record.model_copy(update={"images": images, **others})


def without_folders(text: str, folders: Mapping[Path, str]) -> str:
    """Replace this machine's folders in the JSON of a record, whose reasons may mention them: records are published."""
    for folder in sorted(folders, key=lambda f: len(f.parts), reverse=True):  # a folder before the one it is in
        if folder != folder.parent:
            name = json.dumps(str(folder), ensure_ascii=False)
            separator = json.dumps(os.sep)[1:-1]
            text = text.replace(f"{name[1:-1]}{separator}", f"{folders[folder]}/").replace(name, f'"{folders[folder]}"')
    return text
