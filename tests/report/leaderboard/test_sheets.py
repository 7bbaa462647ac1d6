"""What tables show: columns that fit, teachers beside their students, costs with their sizes."""

import pytest

from helpers.records import fail, make_record, quick_records
from srbench.report.leaderboard.protocol_ids import common_ids, difference, footnote, sentence
from srbench.report.leaderboard.sections import make_sections, make_table
from srbench.report.leaderboard.sheets import MOST_COLUMNS, beside_students, joined, ranking


def heads(sheet):
    return [column.name for column in sheet.columns]


def test_a_teacher_follows_the_best_of_its_students():
    (table,) = (
        t for s in make_sections(quick_records()) for t in s.tables if (s.scale, s.degradation) == (2, "bicubic")
    )
    assert [(line.title, teacher) for line, teacher in beside_students(table.lines)][:4] == [
        ("EDSR (small), logits from EDSR (wide)", False),
        ("EDSR (wide)", True),
        ("EDSR (small), weight_inherit from EDSR (wide)", False),
        ("EDSR (small)", False),
    ]


def test_who_teaches_nobody_here_keeps_its_place():
    lines = make_table([make_record("edsr_quick_wide"), make_record("espcn")]).lines
    assert [teacher for _, teacher in beside_students(lines)] == [False, False]


def test_no_table_has_more_columns_than_fit_and_says_which_it_leaves_out():
    many = {f"m{number}": make_record().scores["ssim_y"] for number in range(9)}
    scores = {
        name: score.model_copy(update={"metric": name, "column": name, "label": name}) for name, score in many.items()
    }
    record = make_record()
    record = record.model_copy(update={"scores": record.scores | scores})
    sheet = ranking(make_table([record]))
    assert len(sheet.columns) == MOST_COLUMNS
    assert heads(sheet)[:4] == ["Rank", "Method", "PSNR-Y [dB] ↑", "95 % interval"]
    assert sheet.left_out[-1] == "m8 ↑"
    assert len(sheet.left_out) == 8


def test_costs_stand_beside_the_scores_of_every_dataset_with_the_size_they_were_taken_at():
    records = [make_record(a, dataset=d) for a in ("bicubic", "espcn") for d in ("set5", "set14")]
    (section,) = make_sections(records)
    assert heads(joined(section.tables)) == [
        "Method", "Set14, PSNR-Y [dB] / SSIM-Y", "Set5, PSNR-Y [dB] / SSIM-Y", "Params [K]",
        "MACs [G], 1280×720 output", "Latency p50 [ms], 256×256 input", "Memory [MiB]",
    ]  # fmt: skip


def test_costs_that_no_method_has_take_no_column():
    record = make_record()
    assert heads(joined([make_table([record.model_copy(update={"profile": None})])])) == ["Method", "PSNR-Y [dB]"]


def test_a_failed_method_is_named_with_its_reason_and_has_no_figures():
    sheet = ranking(make_table([make_record("espcn"), fail(make_record("fsrcnn"), "no memory")]))
    _, cells = list(sheet.rows())[1]
    assert cells[1].marks[0].text == "FSRCNN: failed"
    assert cells[1].notes == ("FSRCNN: no memory",)
    assert all(cell.marks[0].text == "—" and not cell.notes for cell in cells[2:])


def test_the_source_of_a_reported_score_is_a_note():
    sheet = ranking(make_table([make_record("espcn", reported=33.0)]))
    (cell,) = next(column for column in sheet.columns if column.head[0] == "PSNR-Y reported").cells
    assert cell.marks[0].text == "33.00 (−0.12)"
    assert cell.notes == ("Reported for ESPCN: paper, table 2",)


@pytest.fixture
def sections():
    return make_sections(quick_records())


def test_the_id_that_most_scores_share_is_given_once(sections):
    common = common_ids(sections)
    assert common == {"classic-y": "classic-y:sr=u8,y=bt601,shave=2,lr=bicubic-u8,whole"}
    assert "`METRIC@classic-y:sr=u8,y=bt601,shave=2,lr=bicubic-u8,whole`" in footnote("classic-y", common)


def test_a_table_says_only_how_its_ids_differ(sections):
    common = common_ids(sections)
    by_scale = {section.scale: section.tables[0] for section in sections}
    assert sentence(by_scale[2], "classic-y", common, "[^1]") == "Protocol classic-y[^1]."
    assert sentence(by_scale[4], "classic-y", common, "[^1]") == "Protocol classic-y[^1] with `shave=4`."


@pytest.mark.parametrize(
    ("protocol", "says"),
    [
        ("psnr_y@classic-y:sr=u8,shave=2,whole", ""),
        ("psnr_y@classic-y:sr=u8,shave=2,chop", "chop"),
        ("psnr_y.v2@classic-y:sr=u8,shave=4,tile=64+16", "v2,shave=4,tile=64+16"),
        ("psnr_y@classic-y:sr=u8,whole", "no shave"),
        ("psnr_y@rgb:sr=u8,shave=2,whole", "psnr_y@rgb:sr=u8,shave=2,whole"),
        ("mine", "mine"),
    ],
)
def test_a_difference_has_every_part_that_the_common_id_lacks(protocol, says):
    heading = make_table([make_record()]).headline
    other = type(heading)(heading.metric, protocol, heading.column, True, 2)
    assert difference(other, "classic-y:sr=u8,shave=2,whole") == says
