"""Rules as people write them."""

import pytest

from helpers.leaderboards import KNOWN
from srbench.errors import UnknownNameError, UsageError
from srbench.report.comparing.rules import Rule, parse_rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("psnr_y_db < -0.02", Rule("psnr_y_db", "<", -0.02)),
        (" psnr_y_db<=-2e-2 ", Rule("psnr_y_db", "<=", -0.02)),
        ("latency_ms_p50 > +10%", Rule("latency_ms_p50", ">", 10, percent=True)),
        ("latency_ms_p50>10 %", Rule("latency_ms_p50", ">", 10, percent=True)),
        ("parameters != 0", Rule("parameters", "!=", 0)),
        ("psnr_y_db < −0.02", Rule("psnr_y_db", "<", -0.02)),
    ],
)
def test_rules_are_read_as_people_write_them(text, rule):
    assert parse_rule(text, KNOWN) == rule


@pytest.mark.parametrize(
    "text",
    [
        "", "psnr_y_db", "psnr_y_db < ", "psnr_y_db = 1", "psnr_y_db < two", "psnr_y_db < nan", "psnr_y_db < -inf",
        "< 3", "psnr_y_db < -0.02 dB", "psnr_y_db < 1 2",
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_understood_is_answered_with_examples(text):
    with pytest.raises(UsageError, match="cannot be understood; write a column"):
        parse_rule(text, KNOWN)


def test_an_unknown_column_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"Did you mean psnr_y_db\?"):
        parse_rule("psnr_db < -0.02", KNOWN)


@pytest.mark.parametrize("column", ["dataset", "label", "machine", "psnr_y_protocol", "seed", "reasons"])
def test_a_rule_on_text_is_refused(column):
    with pytest.raises(UsageError, match="holds text"):
        parse_rule(f"{column} < 1", KNOWN)


@pytest.mark.parametrize("text", ["psnr_y_db > -0.02", "psnr_y_db < 0.5", "ssim_y <= 0", "macs_256_g >= 0%"])
def test_a_rule_that_no_change_at_all_would_break_is_refused(text):
    with pytest.raises(UsageError, match="would fail where nothing changed"):
        parse_rule(text, KNOWN)
