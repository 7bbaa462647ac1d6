"""Grouping, aggregation and ranking of records."""

import numpy as np
import pytest

from helpers.records import fail, make_record, make_score, quick_records
from srbench.report.leaderboard.sections import make_sections, make_table
from srbench.report.leaderboard.tables import Labels, method_title


def line(table, title):
    return next(x for x in table.lines if x.title == title)


def test_the_quick_suite_gives_a_section_for_every_scale_and_degradation():
    sections = make_sections(quick_records())
    assert [(s.protocol, s.degradation, s.scale, len(s.tables)) for s in sections] == [
        ("classic-y", "bicubic", 2, 1), ("classic-y", "bicubic", 4, 1), ("classic-y", "blur_down", 2, 1),
    ]  # fmt: skip


def test_methods_are_listed_best_first_and_failed_ones_last():
    x2, x4, _ = make_sections(quick_records())
    assert [x.title for x in x2.tables[0].lines] == [
        "EDSR (wide)", "EDSR (small), logits from EDSR (wide)", "EDSR (small), weight_inherit from EDSR (wide)",
        "EDSR (small)", "FSRCNN", "ESPCN", "Bicubic",
    ]  # fmt: skip
    last = x4.tables[0].lines[-1]
    assert (last.title, last.rank) == ("FSRCNN", None)
    assert last.failed == "The loss became NaN at step 312; lower learning_rate."


def test_seeds_become_one_line_with_mean_and_standard_deviation():
    table = make_table([make_record("edsr_quick", seed=s, psnr=p) for s, p in enumerate((33.0, 33.2, 33.4))])
    (only,) = table.lines
    value = only.scores[table.headline]
    assert (value.mean, value.spread) == (pytest.approx(33.2), pytest.approx(0.2))
    assert only.interval[0] < 33.2 < only.interval[1]


def test_a_seed_that_failed_is_reported_and_left_out_of_the_mean():
    broken = fail(make_record("edsr_quick", seed=1), "out of memory")
    (only,) = make_table([make_record("edsr_quick", psnr=33.0), broken]).lines
    assert only.failed is None
    assert [r.model.seed for r in only.failed_seeds] == [1]
    assert next(iter(only.scores.values())).mean == pytest.approx(33.0)


def test_gains_are_counted_from_bicubic():
    table = make_sections(quick_records())[0].tables[0]
    assert line(table, "EDSR (wide)").gain == pytest.approx(33.98 - 32.4)
    assert line(table, "Bicubic").gain is None


def by_seeds(distiller, gains, first=0):
    """Trainings of one student, an image of which is at the same difficulty for all, and ``gains`` by seed apart."""
    plain = make_record("edsr_quick", psnr=33.0)
    own = np.random.default_rng(len(distiller))
    made = []
    for seed, gain in enumerate(gains, start=first):
        record = make_record("edsr_quick", distiller=distiller, seed=seed)
        images = tuple(
            image.model_copy(update={"scores": {"psnr_y": image.scores["psnr_y"] + gain + own.normal(0, 0.01)}})
            for image in plain.images
        )
        score = record.scores["psnr_y"].model_copy(update={"value": 33.0 + gain})
        made.append(record.model_copy(update={"images": images, "scores": {"psnr_y": score}}))
    return made


def test_methods_that_only_their_seeds_set_apart_share_a_rank():
    noisy = make_table([*by_seeds("none", (-0.2, 0.0, 0.2)), *by_seeds("logits", (0.3, -0.1, 0.2))])
    assert [(x.first.model.distiller, x.rank) for x in noisy.lines] == [("logits", 1), ("none", 1)]
    steady = make_table([*by_seeds("none", (-0.2, 0.0, 0.2)), *by_seeds("logits", (-0.08, 0.13, 0.33))])
    assert [(x.first.model.distiller, x.rank) for x in steady.lines] == [("logits", 1), ("none", 2)]


def test_methods_without_two_common_seeds_are_compared_by_their_images():
    for others in (by_seeds("logits", (0.3, -0.1, 0.2), first=2), by_seeds("logits", (0.3,))):
        table = make_table([*by_seeds("none", (-0.2, 0.0, 0.2)), *others])
        assert [(x.first.model.distiller, x.rank) for x in table.lines] == [("logits", 1), ("none", 2)]


def test_scores_with_another_headline_protocol_id_never_share_a_table():
    plain = make_record("espcn")
    tiled = make_record("edsr_quick", inference="tile=64+16")
    other_lr = make_record("fsrcnn")
    changed = other_lr.scores["psnr_y"].model_copy(update={"protocol": "psnr_y@classic-y:…,lr=own:1f3a,whole"})
    other_lr = other_lr.model_copy(update={"scores": other_lr.scores | {"psnr_y": changed}})
    (section,) = make_sections([plain, tiled, other_lr])
    assert sorted(x.title for t in section.tables for x in t.lines) == ["EDSR (small)", "ESPCN", "FSRCNN"]
    assert {x.rank for t in section.tables for x in t.lines} == {1}
    assert len(section.tables) == 3


def test_another_protocol_id_of_a_second_metric_gets_a_column_of_its_own():
    old, new = make_record("espcn"), make_record("edsr_quick")
    changed = new.scores["lpips"].model_copy(update={"protocol": "lpips.v2@classic-y:…"})
    new = new.model_copy(update={"scores": new.scores | {"lpips": changed}})
    table = make_table([old, new])
    lpips = [h for h in table.headings if h.metric == "lpips"]
    assert len(lpips) == 2
    for x in table.lines:
        assert sorted(x.scores[h].mean is None for h in lpips) == [False, True]


def test_a_failed_cell_is_in_the_table_of_its_neighbours():
    (section,) = make_sections([make_record("espcn"), fail(make_record("fsrcnn"), "broken")])
    assert len(section.tables) == 1
    assert [x.title for x in section.tables[0].lines] == ["ESPCN", "FSRCNN"]


def test_methods_of_one_label_are_distinguished_by_their_recipe():
    short = make_record("espcn", psnr=33.0)
    long = make_record("espcn", psnr=33.5)
    long = long.model_copy(update={"model": long.model.model_copy(update={"recipe": "paper"})})
    assert [x.title for x in make_table([short, long]).lines] == ["ESPCN, paper", "ESPCN, quick"]


def test_two_files_of_one_name_are_two_methods_distinguished_by_their_folders():
    facts = make_record("espcn").model.model_copy(update={"source": "file", "recipe": None})
    one, other, alone = (
        make_record("espcn", psnr=psnr).model_copy(update={"model": facts.model_copy(update={"checkpoint": path})})
        for psnr, path in ((33.0, "a/x.pth"), (33.5, "b/x.pth"), (32.5, "a/y.pth"))
    )
    assert one.row_id != other.row_id
    titles = [x.title for x in make_table([one, other, alone]).lines]
    assert titles == ["ESPCN (x.pth), b/x.pth", "ESPCN (x.pth), a/x.pth", "ESPCN (y.pth)"]


def test_two_files_that_name_their_own_architecture_are_distinguished_by_it():
    one, other = make_record("espcn", psnr=33.0), make_record("espcn", psnr=33.5)
    named = [
        r.model_copy(update={"model": r.model.model_copy(update={"architecture": f"spandrel:{folder}/x.pth"})})
        for r, folder in ((one, "a"), (other, "b"))
    ]
    assert named[0].row_id != named[1].row_id
    titles = [x.title for x in make_table(named).lines]
    assert titles == ["ESPCN, quick, spandrel:b/x.pth", "ESPCN, quick, spandrel:a/x.pth"]


@pytest.mark.parametrize(
    ("facts", "title"),
    [
        ({"network_reconstruction": True}, "ESPCN*, logits from EDSR (small)"),
        ({"reconstruction": True}, "ESPCN, logits* from EDSR (small)"),
    ],
)
def test_our_readings_of_papers_are_marked(facts, title):
    record = make_record("espcn", distiller="logits", teacher="edsr_quick")
    marked = record.model_copy(update={"model": record.model.model_copy(update=facts)})
    assert method_title(marked, Labels({"edsr_quick": "EDSR (small)"})) == title


def test_a_lower_is_better_headline_ranks_the_other_way():
    a, b = make_record("espcn", psnr=33.0), make_record("edsr_quick", psnr=34.0)
    table = make_table([r.model_copy(update={"headline": "lpips"}) for r in (a, b)])
    assert [x.title for x in table.lines] == ["EDSR (small)", "ESPCN"]
    assert make_score("lpips", [0.1]).higher_is_better is False


def test_a_gain_is_positive_if_better_for_metrics_of_both_directions():
    records = [make_record("bicubic", psnr=32.0), make_record("espcn", psnr=33.0)]
    table = make_table([r.model_copy(update={"headline": "lpips"}) for r in records])
    worse, better = (line(table, title) for title in ("Bicubic", "ESPCN"))
    (heading,) = [h for h in table.headings if h.metric == "lpips"]
    fall = worse.scores[heading].mean - better.scores[heading].mean
    assert fall > 0
    assert better.gain == pytest.approx(fall)


def test_datasets_are_in_the_order_of_papers():
    sizes = {"urban100": 100, "set14": 14, "b100": 100, "set5": 5}
    records = [make_record(dataset=d, images=tuple(f"img_{i}" for i in range(n))) for d, n in sizes.items()]
    (section,) = make_sections(records)
    assert [t.dataset for t in section.tables] == ["set5", "set14", "b100", "urban100"]


def test_a_teacher_is_named_by_its_label_and_checkpoint():
    student = make_record("espcn", distiller="logits", teacher="edsr_quick_wide.div2k")
    (section,) = make_sections([student, make_record("edsr_quick_wide")])
    assert section.tables[0].lines[-1].title == "ESPCN, logits from EDSR (wide) (div2k)"


def test_several_teachers_are_all_named():
    student = make_record("espcn", distiller="mtkd", teacher="edsr_quick_wide & espcn.div2k")
    (section,) = make_sections([student, make_record("edsr_quick_wide")])
    assert section.tables[0].lines[-1].title == "ESPCN, mtkd from EDSR (wide) & ESPCN (div2k)"


def test_a_metric_is_called_what_its_records_say():
    record = make_record("espcn")
    score = record.scores["psnr_y"].model_copy(update={"metric": "top1", "column": "top1_percent", "label": "Top-1"})
    own = record.model_copy(update={"scores": {"top1": score}, "headline": "top1"})
    headings = make_table([own]).headings
    assert [(heading.label, heading.unit) for heading in headings] == [("Top-1", "%")]


def test_labels_of_a_record_stand_before_those_of_others_and_names():
    record = make_record("espcn", distiller="logits", teacher="edsr_quick.div2k & other")
    model = record.model.model_copy(update={"train_degradation": "blur_down"})
    trained = record.model_copy(update={"model": model})
    known = Labels({"edsr_quick": "EDSR (small)"}, {"blur_down": "blur, then ↓"})
    assert method_title(trained, known) == "ESPCN, logits from EDSR (small) (div2k) & other, trained on blur, then ↓"
    own = {"distiller_label": "Logits", "teacher_label": "EDSR & RCAN", "train_degradation_label": "a blur"}
    labelled = trained.model_copy(update={"model": model.model_copy(update=own)})
    assert method_title(labelled, known) == "ESPCN, Logits from EDSR & RCAN, trained on a blur"


def test_labels_that_a_record_lacks_are_not_stored():
    assert "distiller_label" not in make_record("espcn", distiller="logits").model_dump_json()
