"""What a distiller gained is a paired difference with an interval over images and seeds, and costs stand beside it."""

import csv
import re

import numpy as np
import pytest
from PIL import Image

from helpers.records import fail, make_record, write_records
from srbench.records.model import TrainingCosts
from srbench.report.build import build_report
from srbench.report.distillation.gains import make_gain_tables
from srbench.report.distillation.page import csv_columns, figure_name, render_page
from srbench.report.leaderboard.sections import make_sections

TEACHER = "edsr_quick_wide"
OTHER = "espcn"
IMAGES = tuple(f"image{n}" for n in range(20))
COSTS = {"none": (1.0, 0.0, 0.02, 10.0), "logits": (1.0, 1.0, 0.05, 25.0)}


def trained(distiller, seed, gain=0.0, *, teacher=None, noise=0.02, costs=True, official=False, **changes):
    """A training whose every image is ``gain`` dB above the control's, give or take ``noise``."""
    base = make_record("edsr_quick", psnr=33.0, seed=seed, images=IMAGES)
    record = make_record(
        "edsr_quick", psnr=33.0, distiller=distiller, teacher=teacher, seed=seed, images=IMAGES, **changes
    )
    own = np.random.default_rng([seed, len(distiller), len(teacher or "")])
    images = tuple(
        image.model_copy(update={"scores": {m: v + gain + own.normal(0, noise) for m, v in image.scores.items()}})
        for image in base.images
    )
    if distiller == "none":
        images = base.images
    forwards = COSTS.get(distiller)
    counted = forwards and TrainingCosts(**dict(zip(TrainingCosts.model_fields, forwards, strict=False)), machine="m")
    facts = {"costs": counted if costs else None, "form": "official" if official else "plain"}
    mean = float(np.mean([i.scores["psnr_y"] for i in images]))
    scores = record.scores | {"psnr_y": record.scores["psnr_y"].model_copy(update={"value": mean})}
    model = record.model.model_copy(update=facts)
    return record.model_copy(update={"images": images, "scores": scores, "model": model})


def study(**options):
    methods = {
        "none": (0.0, None), "logits": (0.3, TEACHER), "weight_inherit": (0.2, TEACHER), "spn": (-0.2, None),
        "at": (0.0, TEACHER),
    }  # fmt: skip
    return [trained(n, seed, g, teacher=t, **options) for n, (g, t) in methods.items() for seed in range(3)]


def tables_of(records):
    return make_gain_tables(make_sections([make_record("bicubic", images=IMAGES), *records]))


@pytest.fixture(scope="module")
def table():
    (made,) = tables_of(study())
    return made


def line_of(table, title):
    return next(line for line in table.lines if line.title == title)


def test_gains_are_paired_and_differences_that_are_not_significant_are_ties(table):
    gains = {line.title: line.over["none", table.headline] for line in table.lines if line is not table.control}
    assert {title: gain.verdict for title, gain in gains.items()} == {
        "logits": "better", "weight_inherit": "better", "at": "tie", "spn": "worse",
    }  # fmt: skip
    assert gains["logits"].mean == pytest.approx(0.3, abs=0.02)
    assert (gains["logits"].seeds, gains["logits"].images) == (3, 20)
    assert gains["logits"].low < gains["logits"].mean < gains["logits"].high
    assert gains["logits"].high - gains["logits"].low < 0.05, "images differ by decibels, paired differences do not"


def test_the_leaderboard_ranks_trainings_as_the_gains_do(table):
    ranks = {line.title: (line.rank, line.line.rank) for line in table.lines}
    assert all(own == other for own, other in ranks.values()), ranks


def test_the_best_come_first_and_ties_share_a_rank(table):
    assert [line.title for line in table.lines][:2] == ["logits", "weight_inherit"]
    assert {line.title: line.rank for line in table.lines} == {
        "logits": 1, "weight_inherit": 2, "at": 3, "none": 3, "spn": 5,
    }  # fmt: skip


def test_a_gain_over_inherited_weights_is_over_those_of_the_same_teacher():
    records = study() + [trained("fitnet", seed, 0.25, teacher=OTHER) for seed in range(3)]
    (table,) = tables_of(records)
    assert line_of(table, "logits").over["weight_inherit", table.headline].mean == pytest.approx(0.1, abs=0.03)
    assert line_of(table, "spn").over["weight_inherit", table.headline].mean == pytest.approx(-0.4, abs=0.03)
    assert ("weight_inherit", table.headline) not in line_of(table, "fitnet").over
    assert ("weight_inherit", table.headline) not in line_of(table, "weight_inherit").over


def test_a_suites_own_controls_have_columns_beside_the_usual_ones(tmp_path):
    named = [r.model_copy(update={"controls": ("at", "spn")}) for r in study()]
    (table,) = tables_of(named)
    assert line_of(table, "logits").over["at", table.headline].mean == pytest.approx(0.3, abs=0.03)
    assert line_of(table, "logits").over["spn", table.headline].mean == pytest.approx(0.5, abs=0.03)
    assert line_of(table, "none").over["at", table.headline].verdict == "tie"
    assert ("at", table.headline) not in line_of(table, "at").over
    markdown, values, _ = build_report(write_records(tmp_path / "results", named)).distillation
    assert "Gain over weight_inherit [dB] | Gain over at [dB] " in re.sub(" +", " ", markdown.read_text("utf-8"))
    with values.open(newline="") as file:
        rows = {(r["distiller"], r["metric"]): r for r in csv.DictReader(file)}
    assert rows["logits", "psnr_y_db"]["gain_over_at_verdict"] == "better"
    assert rows["spn", "psnr_y_db"]["gain_over_at_verdict"] == "worse"
    assert rows["at", "psnr_y_db"]["gain_over_at_verdict"] == ""


def test_a_base_that_nothing_is_compared_with_has_no_column(tmp_path):
    records = [r for r in study() if r.model.distiller != "weight_inherit"]
    markdown, _, _ = build_report(write_records(tmp_path / "results", records)).distillation
    assert "Gain over plain training" in markdown.read_text("utf-8")
    assert "Gain over weight_inherit" not in markdown.read_text("utf-8")


def test_only_seeds_and_images_that_both_have_are_compared():
    records = [r for r in study() if (r.model.distiller, r.model.seed) != ("logits", 2)]
    short = records[0].model_copy(update={"images": records[0].images[:-4]})
    (table,) = tables_of([short, *records[1:]])
    gain = line_of(table, "logits").over["none", table.headline]
    assert (gain.seeds, gain.images) == (2, 16)


def test_a_smaller_score_counts_as_better_where_it_is():
    records = [r.model_copy(update={"headline": "lpips"}) for r in study()]
    (table,) = tables_of(records)
    assert line_of(table, "logits").over["none", table.headline].verdict == "worse"
    assert table.lines[0].title != "logits"


def test_a_failed_seed_or_method_takes_nothing_from_the_others():
    records = study()
    failed = [fail(r, "out of memory") if r.model.distiller == "at" else r for r in records]
    (table,) = tables_of(failed)
    assert line_of(table, "at").rank is None
    assert line_of(table, "logits").rank == 1
    assert "failed" in render_page([table])


def test_costs_are_listed_beside_the_controls(table):
    logits = line_of(table, "logits")
    assert logits.time_ratio == pytest.approx(2.5)
    assert logits.extra_memory_mib == pytest.approx(15.0)
    assert line_of(table, "at").costs is None


def test_times_of_two_machines_have_no_ratio():
    records = [
        r.model_copy(update={"model": r.model.model_copy(update={"costs": c.model_copy(update={"machine": "other"})})})
        if (c := r.model.costs) and r.model.distiller == "logits"
        else r
        for r in study()
    ]
    (table,) = tables_of(records)
    assert line_of(table, "logits").time_ratio is None
    assert line_of(table, "logits").extra_memory_mib == pytest.approx(15.0)


def test_equal_time_is_shown_beside_equal_steps_and_compared_with_the_same_control():
    timed = [trained("logits", seed, 0.1, teacher=TEACHER) for seed in range(3)]
    timed = [
        r.model_copy(update={"key": "t" + r.key[1:], "model": r.model.model_copy(update={"budget": "time"})})
        for r in timed
    ]
    (table,) = tables_of(study() + timed)
    assert line_of(table, "logits, equal time").over["none", table.headline].mean == pytest.approx(0.1, abs=0.03)
    assert line_of(table, "logits").over["none", table.headline].mean == pytest.approx(0.3, abs=0.03)


def test_without_plain_training_or_with_nothing_else_there_is_no_table():
    assert not tables_of([r for r in study() if r.model.distiller != "none"])
    assert not tables_of([r for r in study() if r.model.distiller == "none"])


def test_a_report_holds_them_and_is_made_from_records_alone(tmp_path):
    records = [*study(), *(trained("facd", s, 0.05, teacher=TEACHER, official=True) for s in range(3))]
    results = write_records(tmp_path / "results", [make_record("bicubic", images=IMAGES), *records])
    files = build_report(results)
    markdown, table, figure = files.distillation
    text = markdown.read_text(encoding="utf-8")
    assert re.search(r"\| 1 +\| logits +\| .*\*\*\+0\.3\d\d\*\* \[", text)
    assert re.search(r"\| at +\| .*≈ [+−]?0\.0\d\d \[", text)
    assert "official" in text
    assert "The teacher is edsr_quick_wide where no other is named." in text
    assert "(distillation.md)" in files.markdown.read_text(encoding="utf-8")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == csv_columns(())
    (row,) = [r for r in rows if (r["distiller"], r["metric"]) == ("logits", "psnr_y_db")]
    assert (row["gain_over_none_verdict"], row["gain_over_none_seeds"], row["rank"]) == ("better", "3", "1")
    assert float(row["gain_over_none_low"]) < 0.3 < float(row["gain_over_none_high"])
    with Image.open(figure) as drawn:
        assert min(drawn.size) > 300
    assert figure.name in text
    before = [path.read_bytes() for path in files.paths]
    again = build_report(results, force=True)
    assert [path.read_bytes() for path in again.paths] == before


def test_what_is_no_longer_true_is_taken_away(tmp_path):
    results = write_records(tmp_path / "results", study())
    files = build_report(results)
    gains = files.distillation
    files.packed.unlink()
    for path in (results / "records").glob("*.json"):
        if '"distiller": "none"' not in path.read_text():
            path.unlink()
    assert build_report(results).distillation == ()
    assert not any(path.exists() for path in gains)


def test_every_column_of_the_file_of_gains_is_explained():
    from helpers import ROOT

    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").split("## `distillation.csv`")[1]
    named = re.findall(r"^\| `([^`]+)` \|", text.split("\n## ")[0], re.MULTILINE)
    wanted = [re.sub(r"^gain_over_(none|weight_inherit)", "gain_over_*", name) for name in csv_columns(())]
    assert named == list(dict.fromkeys(wanted))


def test_one_seed_on_one_image_is_never_significant():
    records = [r.model_copy(update={"images": r.images[:1]}) for r in study() if r.model.seed == 0]
    (table,) = tables_of(records)
    assert {line.over["none", table.headline].verdict for line in table.lines if line is not table.control} == {"tie"}
    assert {line.rank for line in table.lines} == {None}


def test_a_figures_name_has_no_letter_that_a_file_cannot_have():
    (table,) = tables_of([r.model_copy(update={"degradation": "chain:a/b.toml"}) for r in study()])
    assert re.fullmatch(r"gains_[\w-]+\.png", figure_name(table))
