"""Names that changed from base to head."""

import pytest

from helpers.leaderboards import PSNR, QUICK, one
from srbench.errors import UnknownNameError, UsageError
from srbench.report.comparing.comparison import compare_rows
from srbench.report.comparing.renaming import renamed
from srbench.report.comparing.rows import identity_of


def replaced(rows, old, new):
    """Return rows with another architecture and teacher."""
    return [{**r, **{f: new if r[f] == old else r[f] for f in ("architecture", "teacher")}} for r in rows]


def test_a_renamed_method_is_neither_gone_nor_new():
    head = replaced(QUICK, "edsr_quick_wide", "edsr_wide")
    assert not compare_rows(QUICK, head, [PSNR]).passed
    rows = renamed(QUICK, head, ["edsr_quick_wide=edsr_wide"])
    assert set(map(identity_of, rows)) == set(map(identity_of, head))
    assert compare_rows(rows, head, [PSNR]).having("new") == []
    assert renamed(QUICK, QUICK, []) == QUICK


def test_several_names_are_replaced_in_their_order():
    head = replaced(replaced(QUICK, "fsrcnn", "one"), "espcn", "two")
    rows = renamed(QUICK, head, ["fsrcnn=one", " espcn = two "])
    assert {r["architecture"] for r in rows} == {r["architecture"] for r in head}


@pytest.mark.parametrize(
    ("field", "old", "new", "before", "after"),
    [
        ("architecture", "cbam", "cbam_small", "after:bicubic:cbam", "after:bicubic:cbam_small"),
        ("architecture", "stack:n_blocks=4", "tiny", "stack:n_blocks=4", "tiny"),
        ("architecture", "tiny", "stack:n_blocks=4", "tiny", "stack:n_blocks=4"),
        ("teacher", "rcan", "rcan_medium", "edsr & rcan.div2k", "edsr & rcan_medium.div2k"),
        ("dataset", "mine", "ours", "mine", "ours"),
    ],
)
def test_a_name_is_replaced_as_a_whole_word_wherever_it_is(field, old, new, before, after):
    (row,) = renamed([one(**{field: before})], [one(**{field: after})], [f"{old}={new}"])
    assert row[field] == after


def test_a_part_of_a_name_is_not_a_name():
    with pytest.raises(UnknownNameError, match=r"^No name in BASE named 'edsr'\. Did you mean edsr_quick\?"):
        renamed(QUICK, QUICK, ["edsr=other"])


@pytest.mark.parametrize("text", ["", "espcn", "=espcn", "espcn="])
def test_a_renaming_that_cannot_be_understood_is_answered_with_an_example(text):
    with pytest.raises(UsageError, match="write OLD=NEW, such as my_net=my_net_v2"):
        renamed(QUICK, QUICK, [text])


def test_a_new_name_that_head_lacks_and_one_that_base_has_already_are_refused():
    with pytest.raises(UnknownNameError, match="No name in HEAD named 'espcn_v2'"):
        renamed(QUICK, QUICK, ["espcn=espcn_v2"])
    with pytest.raises(UsageError, match="would make two rows of BASE the same"):
        renamed(QUICK, QUICK, ["espcn=bicubic", "fsrcnn=espcn", "edsr_quick=edsr_quick_wide"])
