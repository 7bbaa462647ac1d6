"""Rows of networks that draw their sr: one table with all others, means and spreads over samples, a CSV of each."""

import csv
import statistics

import pytest

from helpers.records import draw, make_record, write_records
from srbench.benchmarking.results import read_results
from srbench.report.build import build_report
from srbench.report.leaderboard.columns import leaderboard_columns, metric_columns
from srbench.report.leaderboard.sections import make_sections
from srbench.report.leaderboard.sheets import joined, ranking
from srbench.report.leaderboard.tables import drawing_title
from srbench.report.page.contents import page_contents
from srbench.report.page.provenance import command
from srbench.report.reading import Records
from srbench.report.selection import chosen_metrics

NO_SCORE = {"value": None, "low": None, "high": None, "reason": "no weights", "samples": ()}


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def records():
    return [
        make_record("bicubic"),
        make_record("espcn"),
        draw(make_record("edsr_quick"), 4),
        draw(make_record("edsr_quick"), 2, sampler="ddim-4"),
        draw(make_record("fsrcnn"), 1, sampler="walk-3"),
    ]


def lines_of(records):
    ((table,),) = ([table for section in make_sections(records) for table in section.tables],)
    return {line.title: line for line in table.lines}, table


def test_samplers_share_the_table_of_networks_that_one_evaluation_applies(records):
    lines, table = lines_of(records)
    assert table.inference == "whole"
    assert {heading.protocol.rpartition(",")[2] for heading in table.headings} == {"whole"}
    assert lines.keys() == {
        "Bicubic", "ESPCN", "EDSR (small), ddim-20", "EDSR (small), ddim-4", "FSRCNN, walk-3",
    }  # fmt: skip
    assert [lines[name].repeats for name in lines if "ddim" in name or "walk" in name].count("") == 1
    assert lines["EDSR (small), ddim-20"].repeats == "4 samples"


def test_a_mean_is_over_samples_and_its_spread_is_theirs(records):
    lines, table = lines_of(records)
    for record, name in ((records[2], "EDSR (small), ddim-20"), (records[3], "EDSR (small), ddim-4")):
        value, score = lines[name].scores[table.headline], record.scores["psnr_y"]
        assert value.mean == pytest.approx(statistics.fmean(score.samples))
        assert value.spread == pytest.approx(statistics.stdev(score.samples))
    assert lines["FSRCNN, walk-3"].scores[table.headline].spread is None


def test_with_several_seeds_the_spread_is_over_all_samples_of_all(records):
    seeds = [draw(make_record("espcn", seed=seed, psnr=30 + seed), 3, seed=seed) for seed in range(2)]
    lines, table = lines_of([make_record("bicubic"), *seeds])
    line = lines["ESPCN, ddim-20"]
    every = [value for record in seeds for value in record.scores["psnr_y"].samples]
    assert line.repeats == "2 seeds × 3 samples"
    assert line.scores[table.headline].mean == pytest.approx(statistics.fmean(every))
    assert line.scores[table.headline].spread == pytest.approx(statistics.stdev(every))


def test_gains_are_those_of_the_mean_of_each_image(records):
    lines, table = lines_of(records)
    line, base = lines["EDSR (small), ddim-20"], lines["Bicubic"]
    own, other = ([image.scores["psnr_y"] for image in each.first.images] for each in (line, base))
    assert line.gain == pytest.approx(statistics.fmean(own) - statistics.fmean(other))
    assert line.interval[0] < line.scores[table.headline].mean < line.interval[1]


def test_costs_of_an_image_stand_in_a_table_that_has_such_a_row_and_in_no_other(records):
    lines, table = lines_of(records)
    assert [cost.head for cost in table.costs][-3:] == ["Evaluations", "Time/image [s]", "Memory/image [MiB]"]
    assert {name: line.costs["evaluations"].mean for name, line in lines.items()} == {
        "Bicubic": 1, "ESPCN": 1, "EDSR (small), ddim-20": 20, "EDSR (small), ddim-4": 4, "FSRCNN, walk-3": 3,
    }  # fmt: skip
    assert lines["ESPCN"].costs["image_seconds"].reason == "only where an image takes several evaluations"
    assert lines["EDSR (small), ddim-4"].costs["image_memory_mib"].mean == 321
    _, plain = lines_of(records[:2])
    assert not {"evaluations", "image_seconds"} & {cost.name for cost in plain.costs}


def test_the_time_of_an_image_says_what_else_ran(records):
    busy = records[2].image_costs.model_copy(update={"other_work": "other processes kept 2 of 2 cores busy"})
    records[2] = records[2].model_copy(update={"image_costs": busy})
    _, table = lines_of(records)
    sheet = joined([table])
    (column,) = [column for column in sheet.columns if column.head[0] == "Time/image [s]"]
    assert [note for cell in column.cells for note in cell.notes if "Timed" in note] == [
        "Timed while other processes kept 2 of 2 cores busy: longer than it would be."
    ]


def test_where_a_table_is_too_wide_a_score_that_no_row_has_is_left_out_first(records):
    wide = []
    for record in records:
        more = {
            f"pyiqa:m{number}": record.scores["lpips"].model_copy(
                update={"metric": f"pyiqa:m{number}", "column": f"pyiqa:m{number}"} | ({} if number else NO_SCORE)
            )
            for number in range(8)
        }
        wide.append(record.model_copy(update={"scores": record.scores | more}))
    _, table = lines_of(wide)
    left_out = ranking(table).left_out
    assert left_out
    assert any("m0" in name for name in left_out)


def test_the_csv_has_columns_of_samples_only_where_some_are_drawn(records):
    metrics = metric_columns(records)
    own, plain = (set(leaderboard_columns(metrics, some)) for some in (records, records[:2]))
    assert own - plain == {
        "samples", "evaluations", "image_seconds", "image_memory_mib", "fits_shortened",
        *(f"{column}_sample_sd" for column in metrics.values()),
    }  # fmt: skip
    assert plain < own
    assert "samples" in leaderboard_columns(metrics, records[4:])
    assert "psnr_y_db_sample_sd" not in leaderboard_columns(metrics, records[4:])


def test_files_have_every_sample_and_the_text_says_what_scores_are(records, tmp_path, no_figures):
    files = build_report(write_records(tmp_path, records))
    rows = {(row["label"], row["inference"]): row for row in read_csv(files.csv)}
    row = rows["EDSR (small)", "whole,ddim-20,samples=4"]
    assert (row["samples"], row["evaluations"], row["image_seconds"]) == ("4", "20", "1.25")
    assert float(row["psnr_y_db_sample_sd"]) == pytest.approx(statistics.stdev(records[2].scores["psnr_y"].samples))
    assert row["psnr_y_protocol"].endswith("whole,ddim-20,samples=4")
    assert (rows["ESPCN", "whole"]["samples"], rows["ESPCN", "whole"]["psnr_y_db_sample_sd"]) == ("", "")

    (file,) = files.per_sample
    samples = read_csv(file)
    assert len(samples) == (4 + 2) * len(records[2].images)
    own = [row for row in samples if row["inference"] == "whole,ddim-20,samples=4" and row["image"] == "coffee"]
    assert [row["sample"] for row in own] == ["0", "1", "2", "3"]
    image = next(image for image in records[2].images if image.name == "coffee")
    assert [float(row["lpips"]) for row in own] == pytest.approx([scores["lpips"] for scores in image.samples])
    assert statistics.fmean(float(row["lpips"]) for row in own) == pytest.approx(image.scores["lpips"])

    text = files.markdown.read_text(encoding="utf-8")
    assert "how many samples each image has" in text
    assert "EDSR (small), ddim-20 (4 samples)" in text
    assert "Evaluations are those of the network" in text
    assert "over the samples of each image" in " ".join(files.html.read_text(encoding="utf-8").split())
    assert file in files.paths
    frame = read_results(tmp_path).samples
    assert len(frame) == len(samples)
    assert str(frame["sample"].dtype) == "Int64"


def test_without_samples_nothing_of_them_is_written_and_what_was_is_deleted(records, tmp_path, no_figures):
    files = build_report(write_records(tmp_path, records[:2]))
    assert files.per_sample == ()
    assert "samples" not in files.markdown.read_text(encoding="utf-8")
    (tmp_path / "per_sample.csv").write_text("stale")
    build_report(tmp_path, force=True)
    assert not (tmp_path / "per_sample.csv").exists()


def test_a_choice_of_metrics_leaves_them_out_of_each_sample_too(records):
    (chosen,) = chosen_metrics(records[2:3], ["lpips"])
    assert all(scores.keys() == {"lpips"} for image in chosen.images for scores in image.samples)


@pytest.mark.parametrize(
    ("drawn", "title", "options"),
    [
        ("ddim-20", "ddim-20", "--sampler ddim-20"),
        ("ddim-20,samples=4,seed=3", "ddim-20, sample seed 3", "--sampler ddim-20 --samples 4 --sample-seed 3"),
        ("fit=3000", "3000 steps", "--fit-steps 3000"),
        ("fit=50,within=2.5s,seed=1", "50 steps, within 2.5s, sample seed 1",
         "--fit-steps 50 --fit-seconds 2.5 --sample-seed 1"),
    ],
)  # fmt: skip
def test_a_row_says_how_it_was_drawn_and_its_command_draws_it_again(drawn, title, options):
    record = make_record("espcn").model_copy(update={"drawn": drawn, "inference": f"whole,{drawn}"})
    assert drawing_title(record) == title
    assert command([record]).endswith(options)
    assert record.samples == {"ddim-20": 1, "ddim-20,samples=4,seed=3": 4}.get(drawn, 0)
    assert record.applied == "whole"


def test_the_page_has_the_spread_the_number_of_samples_and_the_costs(records, tmp_path):
    page = page_contents(Records(records=tuple(records), folder=tmp_path, damaged=()), make_sections(records))
    row = next(row for row in page["rows"] if row["title"] == "EDSR (small), ddim-20")
    assert row["repeats"] == "4 samples"
    assert len(row["scores"]["psnr_y"]) == 2
    assert row["costs"]["evaluations"] == [20.0, "20"]
    assert row["facts"]["sr_drawn"] == "ddim-20,samples=4"
    assert len({row["id"] for row in page["rows"]}) == len(records)
