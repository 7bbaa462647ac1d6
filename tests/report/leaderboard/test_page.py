"""leaderboard.md: a golden one, and its special cases."""

import csv
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from helpers.records import answered, fail, make_record, quick_records, write_records
from srbench.report.formats import signed, write_csv
from srbench.report.leaderboard.columns import METRICS, leaderboard_row
from srbench.report.leaderboard.page import render_page
from srbench.report.leaderboard.sections import make_sections
from srbench.report.reading import read_records


def test_the_markdown_is_the_golden_one(tmp_path):
    """After a wanted change, write ``text`` to the golden file and read the difference."""
    records = read_records(write_records(tmp_path, quick_records()))
    figures = [Path(n) for n in ("psnr_vs_macs_x2.png", "psnr_vs_latency_x4.png", "crops_x2_bicubic.png")]
    text = render_page(records, make_sections(records.records), figures)
    assert text == Path(__file__).with_name("golden_leaderboard.md").read_text(encoding="utf-8")


ODD = "<script>|\n# [red]*x* `y` $z$ ![a](b) &lt;\x1b[31m"


@pytest.fixture
def odd_records():
    """Two records, one of them failed, with odd text wherever a plugin, a file or a library puts some."""
    made = make_record("espcn", psnr=33.0)
    facts = {"label": ODD, "checkpoint": ODD}
    environment = made.environment.model_copy(update={"machine_name": ODD, "torch": ODD})
    changes = {"dataset_label": ODD, "degradation_label": ODD, "environment": environment, "protocol": ODD}
    return [
        record.model_copy(update=changes | {"model": record.model.model_copy(update=facts | {"architecture": name})})
        for name, record in (("espcn", made), ("fsrcnn", fail(make_record("fsrcnn"), ODD)))
    ]


def test_text_from_anywhere_acts_neither_in_markdown_nor_in_csv(tmp_path, odd_records):
    page = MarkdownIt("gfm-like", {"linkify": False}).render(markdown_of(tmp_path, odd_records))
    tags = set(re.findall(r"<(\w+)", page)) - {"h1", "h2", "h3", "p", "strong", "em", "code", "sub", "u", "br"}
    assert tags == {"table", "thead", "tbody", "tr", "th", "td"}
    assert "[red]*x* `y` $z$ ![a](b) &amp;lt;\\x1b[31m" in page
    assert len(re.findall("<h[123]>", page)) == 3
    rows = [leaderboard_row(record, METRICS) | {"label": f"={ODD}"} for record in odd_records]
    write_csv(tmp_path / "odd.csv", list(rows[0]), rows)
    with (tmp_path / "odd.csv").open(newline="", encoding="utf-8") as file:
        read = list(csv.reader(file))
    assert len(read) == 3
    assert all(len(row) == len(read[0]) and "\n" not in "".join(row) for row in read)
    assert all(not cell.startswith("=") for row in read for cell in row)


def markdown_of(tmp_path, records):
    found = read_records(write_records(tmp_path, records))
    return render_page(found, make_sections(found.records))


def test_best_is_bold_second_underlined_and_bicubic_always_shown(tmp_path):
    text = markdown_of(tmp_path, quick_records())
    assert "**33.98**" in text
    assert "<u>33.61</u>" in text
    assert text.count("reference |") == 3


def test_equal_scores_as_printed_are_both_bold(tmp_path):
    text = markdown_of(tmp_path, [make_record("espcn", psnr=33.001), make_record("fsrcnn", psnr=33.002)])
    assert text.count("33.00") >= 2
    assert "**33.00**" not in text  # nothing to win against
    text = markdown_of(
        tmp_path, [make_record("espcn", psnr=33.001), make_record("fsrcnn", psnr=33.002), make_record("bicubic")]
    )
    assert text.count("**33.00**") == 4  # in the ranking and beside the costs


def test_two_datasets_get_an_overview_like_those_of_papers(tmp_path):
    records = [make_record(a, dataset=d) for a in ("bicubic", "espcn") for d in ("set5", "set14")]
    text = markdown_of(tmp_path, records)
    assert "Set14<br>PSNR-Y [dB] / SSIM-Y" in text
    assert text.count("### Set") == 2


def test_footnotes_are_numbered_once_and_all_defined(tmp_path):
    text = markdown_of(tmp_path, quick_records())
    used = set(re.findall(r"\[\^(\d+)\](?!:)", text))
    defined = re.findall(r"^\[\^(\d+)\]: .+", text, re.MULTILINE)
    assert used == set(defined)
    assert len(defined) == len(set(defined)) == 5


def test_an_uncertified_dataset_says_so_beside_its_name(tmp_path):
    record = make_record()
    status = record.certification.model_copy(update={"status": "uncertified", "detail": "0.4 dB below Set5's row."})
    text = markdown_of(tmp_path, [record.model_copy(update={"certification": status})])
    assert "### Photographs x2 — **uncertified ✗**" in text
    assert "0.4 dB below Set5's row." in text


def test_a_table_without_bicubic_says_why_gains_are_empty(tmp_path):
    assert "Bicubic interpolation was not measured under this protocol id." in markdown_of(tmp_path, [make_record()])


def test_a_section_where_all_failed_still_says_why(tmp_path):
    assert "FSRCNN: no memory" in markdown_of(tmp_path, [fail(make_record("fsrcnn"), "no memory")])


def test_a_latency_that_other_work_disturbed_has_a_footnote_and_an_undisturbed_record_is_as_before(tmp_path):
    quiet, busy = make_record("espcn", psnr=33.0), make_record("fsrcnn", psnr=32.0)
    assert "other_work" not in quiet.model_dump_json()
    work = "other processes kept 1.4 of 2 cores busy"
    busy = busy.model_copy(update={"profile": busy.profile.model_copy(update={"other_work": work})})
    records = read_records(write_records(tmp_path, [quiet, busy]))
    text = render_page(records, make_sections(records.records), [])
    assert text.count(f"Timed while {work}: longer than it would be.") == 1


def test_timings_of_two_machines_are_marked_as_incomparable(tmp_path):
    text = markdown_of(tmp_path, [make_record("espcn"), make_record("fsrcnn", machine="ffff0000")])
    assert "machine ffff0000. Other timings in this table do not compare with it." in text


def test_two_footnotes_of_a_cell_are_not_a_link(tmp_path):
    records = [make_record("espcn", machine="a"), make_record("fsrcnn", machine="b")]
    disturbed = records[0].profile.model_copy(update={"other_work": "others worked"})
    records[0] = records[0].model_copy(update={"profile": disturbed})
    text = render_page(read_records(write_records(tmp_path, records)), make_sections(records))
    assert re.search(r"\[\^\d+\],\[\^\d+\]", text)
    assert "][" not in text


def test_a_rounded_zero_has_no_sign():
    assert [signed(v, 2) for v in (0.001, -0.001, -0.12, 0.5)] == ["0.00", "0.00", "−0.12", "+0.50"]


def test_the_test_of_right_and_wrong_answers_is_named_where_there_are_any(tmp_path):
    values = [0.0] * 3 + [100.0] * 9
    text = markdown_of(tmp_path, [answered(values, 0)])
    assert "McNemar's exact test" in text
    assert "75.00" in text
    assert "[%]" in text
    assert "McNemar" not in markdown_of(tmp_path / "other", [answered(values, 0, binary=False)])
