"""``srbench judge``."""

import pytest

from helpers import ORACLES, ROOT
from srbench.judging.tracks import TRACKS

PUBLISHED = ORACLES / "competitions" / "ntire_esr_2026_results.txt"


def test_the_published_table_is_ranked_with_every_term(srbench):
    answer = srbench("judge", PUBLISHED, "--track", "ntire-esr-2026", "--baseline", "span")
    assert answer.status == 0
    assert "S runtime" in answer.out
    best = next(line for line in answer.out.splitlines() if line.startswith("22_"))
    assert " ".join(best.split()) == "22_SPANV2_ESR_C2 1 26.92 27.00 5.24 1.59 0.139 3.8729 1.3820 6.3032 3.8668"
    assert "21_SAFMN has no rank: psnr_valid 26.8 is below 26.9" in answer.out
    assert "22_SPANV2_ESR_C2: its FLOPs may leave out an operator" in answer.out


def test_a_track_of_which_no_row_has_the_terms_is_refused(srbench):
    answer = srbench("judge", PUBLISHED, "--track", "ntire-perceptual-2026")
    assert (answer.status, answer.out) == (2, "")
    assert "the first, 00_SPAN: lacks lpips, dists, clipiqa, maniqa, musiq, niqe." in answer.err


@pytest.mark.parametrize("track", [pytest.param(track, id=name) for name, track in TRACKS.items()])
def test_the_page_has_every_track_with_its_formula_and_terms(track):
    page = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("|") and f"`{track.name}`" in line)
    assert track.formula in row
    assert ("higher" if track.higher_is_better else "lower") in row
    assert all(f"`{term.name}`" in page for term in track.terms)
