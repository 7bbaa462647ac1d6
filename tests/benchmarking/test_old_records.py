"""What is implied for records of earlier versions can be planned: for the rows of committed results."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.records import fail, make_record
from srbench.benchmarking.reproduce import instructions
from srbench.errors import DataError, UnavailableError
from srbench.planning.plan import make_plan
from srbench.planning.suite import load_suite
from srbench.records.record import MadeBy
from srbench.report.reading import read_records

RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize("folder", [".", "published", "gate", "distillation-quick", "recognition-quick"])
def test_the_suite_of_an_old_row_gives_that_row(folder, catalog, tmp_path):
    records = read_records(RESULTS / folder).records
    for number in range(0, len(records), max(1, len(records) // 4)):
        record = records[number]
        how = instructions(record.model_copy(update={"made_by": None}))
        (tmp_path / "row.toml").write_text(how.files["row.toml"])
        cells = make_plan(load_suite(str(tmp_path / "row.toml")), catalog).cells
        row = record.row_id._replace(inference=record.inference.partition(",first=")[0])
        assert row in [cell.row_id for cell in cells]


def test_the_recipe_of_a_teacher_is_that_of_its_own_row():
    records = read_records(RESULTS / "distillation-quick").records
    record = next(r for r in records if r.model.distiller == "fitnet")
    how = instructions(record, None, records)
    assert 'teacher_recipe = "distillation_quick_teacher"' in how.files["row.toml"]
    assert not any("by which recipe its teacher" in sentence for sentence in how.unknown)
    (sentence,) = [s for s in instructions(record).unknown if "teacher" in s]
    assert "the student's is taken" in sentence


def test_tiles_and_ensembles_are_read_back():
    how = instructions(make_record("bicubic", inference="tile=64+8,x8,bf16,first=3"))
    text = how.files["row.toml"]
    assert all(line in text for line in ("tile = 64", "overlap = 8", "self_ensemble = true", 'precision = "bf16"'))
    assert how.limit == 3


def test_what_cannot_be_made_again_is_refused():
    with pytest.raises(UnavailableError, match="not measured"):
        instructions(fail(make_record(), "NaN."))
    stranger = MadeBy(suite={}, recipes={"../../etc/cron": {}})
    with pytest.raises(DataError, match="not the name of a file"):
        instructions(make_record().model_copy(update={"made_by": stranger}))
