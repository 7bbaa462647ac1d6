"""Put the results of a cell's jobs together into its record."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from srbench.files import atomic_path, atomic_write, weights_folder
from srbench.networks.spec import Reported
from srbench.planning.cells import Cell
from srbench.planning.suite import Suite
from srbench.records import Certification, Environment, ImageScores, ModelFacts, Profile, Record, RowId, Score
from srbench.running.keys import Keys, files_hash
from srbench.running.session import Session
from srbench.running.store import content_key

if TYPE_CHECKING:
    from srbench.running.schedule import Schedule


class Assembler:
    """Writes the records of one run into its results folder."""

    def __init__(self, suite: Suite, session: Session, keys: Keys, results: Path) -> None:
        self._suite, self._session, self._keys = suite, session, keys
        self._folder = results / "records"
        self._catalog = session.catalog

    def write(
        self, schedule: Schedule, *, after: str | None = None, only_finished: bool = False
    ) -> list[tuple[str, str]]:
        """Write records, and tell which cells failed.

        Args:
            schedule: The run.
            after: Write only the cells that this job is part of, where they are measured.
            only_finished: Leave out cells that are still to be measured.
        """
        failed = []
        for cell, stages in schedule.cells.items():
            if after is not None and after not in stages.values():
                continue
            if schedule.done(stages["measure"]):
                record = self._finished(cell, stages)
            elif only_finished or after is not None:
                continue
            else:
                reason = schedule.failure(stages["measure"]) or "it was not measured"
                record = self._failed(cell, reason)
                failed.append((cell.title, reason))
            self._store(record)
        return failed

    def _store(self, record: Record) -> None:
        record = without_folders(record, self._folders)
        path = self._folder / f"{record.key}.json"
        text = record.model_dump_json(indent=1)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            atomic_write(path, text)
        # A row's record from before, of other code or of a failure, may be newer than what the cache gives now.
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
        session = self._session
        given = {weights_folder(): "$SRBENCH_WEIGHTS", session.data_root: "$SRBENCH_DATA"}
        named = {session.cache: "$SRBENCH_CACHE", Path.home(): "~", Path.cwd(): "."}
        return {folder.absolute(): name for folder, name in (given | named).items() if folder}

    @cached_property
    def _rows(self) -> dict[RowId, dict[Path, str]]:
        """The records that lie here, by their row, with their status."""
        rows: dict[RowId, dict[Path, str]] = {}
        for path in self._folder.glob("[!.]*.json"):
            with suppress(OSError, ValidationError):  # damaged ones are named by the report
                record = Record.model_validate_json(path.read_bytes())
                rows.setdefault(record.row_id, {})[path] = record.status
        return rows

    def _finished(self, cell: Cell, stages: dict[str, str]) -> Record:
        key = self._keys.cell(cell)
        store = self._session.store
        result = store.read("measure", key) or {}
        certificate = store.read("certify", stages["certify"].partition(":")[2]) or {}
        profile = store.read("profile", stages.get("profile", "").partition(":")[2] or "-") or {}
        spec = self._catalog.datasets[cell.dataset]
        scores = {name: Score.model_validate(data) for name, data in result["scores"].items()}
        return Record(
            key=key,
            status="ok",
            model=self._facts(cell),
            dataset_hash=self._session.library.content_hash(spec),
            lr_source=result["lr_source"],
            scores={name: self._beside_reported(cell, score) for name, score in scores.items()},
            images=tuple(self._image(key, ImageScores.model_validate(data)) for data in result["images"]),
            representation_file=self._brought(key, result.get("representation_file")),
            certification=Certification(**_part(certificate, Certification)) if certificate else None,
            profile=Profile(**_part(profile, Profile)) if profile else None,
            environment=Environment.model_validate(result["environment"]),
            seconds=result["seconds"],
            created=result["created"],
            **self._common(cell),
        )

    def _failed(self, cell: Cell, reason: str) -> Record:
        identity = {"cell": repr(cell), "suite": self._suite.name}
        return Record(
            key=content_key("measure", identity),
            status="failed",
            reason=reason,
            model=self._facts(cell, failed=True),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            **self._common(cell),
        )

    def _common(self, cell: Cell) -> dict[str, Any]:
        return {
            "suite": self._suite.name,
            "dataset": cell.dataset,
            "dataset_label": self._catalog.datasets[cell.dataset].label,
            "scale": cell.scale,
            "degradation": cell.degradation,
            "degradation_label": self._catalog.degradations[cell.degradation].title,
            "degradation_setting": self._setting(cell.degradation),
            "realisation": cell.realisation,
            "protocol": cell.protocol.name,
            "headline": self._headline(cell),
            "controls": self._suite.controls,
            "inference": cell.inference.id(self._session.limit),
        }

    def _headline(self, cell: Cell) -> str:
        """What ranks it: the protocol's metric, or the suite's first that needs no hr where nobody has it."""
        blind = () if self._catalog.datasets[cell.dataset].truth else cell.metrics
        return next((name for name in blind if not self._catalog.metrics[name].needs_hr), cell.protocol.headline)

    def _facts(self, cell: Cell, *, failed: bool = False) -> ModelFacts:
        model = cell.model
        spec = self._catalog.architectures[model.architecture]
        facts: dict[str, Any] = {"key": "", "architecture": spec.name, "label": spec.title, "source": model.source}
        facts["network_reconstruction"] = spec.reconstruction
        if not failed:
            facts["key"] = self._keys.model(model)
        if model.source == "checkpoint":
            found = [c for c in spec.checkpoints if c.tag == model.checkpoint and c.scale in (*model.scales, None)]
            facts |= {
                "checkpoint": model.checkpoint,
                "weights_sha256": found[0].sha256,
                "trained_on": tuple(sorted(found[0].trained_on)),
            }
        elif model.files:
            facts["checkpoint"] = model.file_title
            if not failed:
                facts["weights_sha256"] = files_hash(model.files)
        elif model.recipe is not None:
            facts |= {
                "distiller": model.distiller,
                "teacher": model.teacher_title,
                "recipe": model.recipe.name,
                "initial": model.initial and model.initial.title,
                "budget": model.budget,
                "train_degradation": model.degradation,
                "train_setting": self._setting(str(model.degradation)),
                "trained_on": model.recipe.datasets,
                "seed": model.seed,
                "reconstruction": self._catalog.distillers[model.distiller].reconstruction,
                "form": self._catalog.distillers[model.distiller].form,
            }
            trained = {} if failed else self._session.store.read("train", facts["key"]) or {}
            facts |= {
                name: trained[name]
                for name in ("weights_sha256", "train_seconds", "train_steps", "time_ratio", "costs", "warm_start")
                if name in trained
            }
        return ModelFacts(**facts)

    def _setting(self, degradation: str) -> str:
        return self._catalog.degradations[degradation].setting or degradation

    def _beside_reported(self, cell: Cell, score: Score) -> Score:
        spec = self._catalog.architectures[cell.model.architecture]
        # A figure for these very weights goes before one for the architecture.
        for reported in sorted(spec.reported, key=lambda r: r.checkpoint is None):
            if self._same(cell, reported) and reported.metric == score.metric:
                return score.model_copy(update={"reported": reported.value, "reported_source": reported.source})
        return score

    @staticmethod
    def _same(cell: Cell, reported: Reported) -> bool:
        here = (cell.dataset, cell.scale, cell.degradation, cell.protocol.name)
        if here != (reported.dataset, reported.scale, reported.degradation, reported.protocol):
            return False
        # What authors report is their own weights' score; a model trained here by another recipe is not that.
        mine = cell.model.checkpoint if cell.model.source == "checkpoint" else None
        paper = cell.model.recipe is not None and cell.model.recipe.name.endswith("paper")
        fixed = cell.model.source == "fixed"
        return reported.checkpoint in (mine, None) if mine else (paper or fixed) and reported.checkpoint is None

    def _image(self, key: str, image: ImageScores) -> ImageScores:
        """Bring kept images into the results folder, so that the records alone make the report."""
        fields = ("sr_file", "hr_file", "lr_file")
        update = {field: self._brought(key, name) for field in fields if (name := getattr(image, field))}
        return image.model_copy(update=update)

    def _brought(self, key: str, name: str | None) -> str | None:
        """A kept file, in the results folder, by its path below the records; None if it is gone."""
        source = self._session.store.folder("measure", key) / "images" / (name or "")
        if not source.is_file():
            return None
        relative = Path("images") / key[:16] / source.name
        target = self._folder / relative
        if not target.is_file():
            with atomic_path(target) as temporary:
                shutil.copyfile(source, temporary)
        return relative.as_posix()


def without_folders(record: Record, folders: Mapping[Path, str]) -> Record:
    """The record with other names for this machine's folders, which reasons may mention: records are published."""
    text = record.model_dump_json()
    for folder in sorted(folders, key=lambda f: len(f.parts), reverse=True):  # a folder before the one it is in
        if folder != folder.parent:
            text = text.replace(json.dumps(f"{folder}{os.sep}", ensure_ascii=False)[1:-1], f"{folders[folder]}/")
    return Record.model_validate_json(text)


def _part(stored: dict[str, Any], kind: type[Certification | Profile]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if name in kind.model_fields}
