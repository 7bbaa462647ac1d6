"""Whether better images help a recogniser, on the page and in a picture."""

import numpy as np
import pytest

from helpers.records import answered, write_records
from srbench.report.build import build_report
from srbench.report.leaderboard.fronts import make_studies, study_lines
from srbench.report.leaderboard.sections import make_sections

FRONTS = ("nearest", "bicubic", "espcn", "fsrcnn", "edsr_small", "imdn")
RECOGNISER = "cbam_medium"
IMAGES = 20


def behind(front, place, *, recogniser=RECOGNISER, psnr=True, of_input=True):
    """Make the record of a recogniser that is right on more images the better its front is."""
    hits = [100.0 * (number % 10 < 3 + place) for number in range(IMAGES)]
    record = answered(hits, seed=0)
    values = [20.0 + place + 0.1 * (number % 7) for number in range(IMAGES)]
    score = record.scores["top1"].model_copy(
        update={
            "metric": "front_psnr_y", "column": "front_psnr_y_db", "label": "Front PSNR-Y", "protocol": "q",
            "binary": False, "of_input": of_input, "value": float(np.mean(values)) if psnr else None,
            "reason": None if psnr else "the images are too small",
        }
    )  # fmt: skip
    images = tuple(
        image.model_copy(update={"scores": image.scores | {"front_psnr_y": value if psnr else None}})
        for image, value in zip(record.images, values, strict=True)
    )
    name = f"after:{front}:{recogniser}"
    facts = {"architecture": name, "label": name, "source": "composed", "parts": (front, recogniser)}
    return record.model_copy(
        update={
            "key": f"{place:02d}{'ab'[psnr]}{recogniser}", "model": record.model.model_copy(update=facts),
            "scores": record.scores | {"front_psnr_y": score}, "images": images,
        }
    )  # fmt: skip


@pytest.fixture
def records():
    return [behind(front, place) for place, front in enumerate(FRONTS)]


def test_fronts_are_compared_by_the_scores_of_what_they_feed(records):
    (study,) = make_studies(make_sections(records))
    (made,) = study.comparisons
    assert (study.recogniser, made.images, set(made.fronts)) == (RECOGNISER, IMAGES, set(FRONTS))
    assert made.correlation.pearson.value == pytest.approx(1)
    assert made.correlation.spearman.value == pytest.approx(1)
    best = made.fronts.index("imdn")
    assert made.fed[best].mean == pytest.approx(25 + 0.1 * np.mean([number % 7 for number in range(IMAGES)]))
    assert made.answered[best].mean == 80
    assert made.answered[best].interval[0] < 80 < made.answered[best].interval[1]


def test_the_page_says_how_little_few_fronts_show(records):
    (study,) = make_studies(make_sections(records))
    text = "\n".join(study_lines(study))
    assert "### Better images, better recognition? Photographs x2" in text
    assert "| Front PSNR-Y [dB] ↑ |" in text
    assert "of 6 unrelated ones, |r| exceeds 0.81 in 5 % of cases" in text


@pytest.mark.parametrize("change", [{"psnr": False}, {"of_input": False}])
def test_without_five_fronts_that_have_the_score_there_is_no_study(records, change):
    few = [*records[:4], *(behind(front, place + 4, **change) for place, front in enumerate(FRONTS[4:]))]
    made = make_studies(make_sections([r for r in few if "of_input" not in change] or few[4:]))
    assert made == []


def test_another_recogniser_behind_the_same_fronts_has_its_own_study(records):
    others = [behind(front, place, recogniser="resnet_small") for place, front in enumerate(FRONTS)]
    made = make_studies(make_sections([*records, *others]))
    assert {study.recogniser for study in made} == {RECOGNISER, "resnet_small"}
    assert len({study.picture for study in made}) == 2


def test_a_report_has_the_section_and_its_picture(records, tmp_path, monkeypatch):
    monkeypatch.setattr("srbench.report.writing.plot_pictures", lambda *_: [])
    write_records(tmp_path, records)
    files = build_report(tmp_path)
    assert [path.name for path in files.figures] == ["fronts_photographs_x2_cbam_medium.png"]
    text = files.markdown.read_text()
    assert "](fronts_photographs_x2_cbam_medium.png)" in text
    assert text.index("## x2") < text.index("### Better images") < text.index("](fronts_")
